"""What is no picture, damaged or too large gets one clear message."""

import contextlib
import os
import warnings
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFile, TiffImagePlugin

from samui.errors import ImageError
from samui.pixels.images import HOSTED_PIXELS, read_image
from tests.pictures import photo, png, png_chunk, saved, tiff, webp_canvas
from tests.unit.pixels.test_images import swapped_profile


def truncated(kind: str) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), kind, **({"compression": "tiff_lzw"} if kind == "TIFF" else {}))
    return data[: len(data) // 2]


WHOLE = "image: must be a whole, undamaged file of its format, got: "


KNOWN = "image: must be a JPEG, PNG, WebP, BMP, TIFF or MPO picture, got "


MALFORMED = {
    "empty": (lambda: b"", KNOWN + "an empty file"),
    "text": (lambda: b"just a letter to my aunt, no picture", KNOWN + "text: 'just a letter to my aunt, no p"),
    "html": (lambda: b"<script>alert(1)</script>", KNOWN + "text: '<script>alert(1)</script>'"),
    "gif": (lambda: saved(photo(), "GIF"), KNOWN + "a GIF"),
    "heic": (lambda: b"\0\0\0\x18ftypheic" + bytes(40), KNOWN + "a file of the HEIC family"),
    "pdf": (lambda: saved(photo(), "PDF"), KNOWN + "a PDF"),
    "eps": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9", KNOWN + "text: '%!PS-Adobe-3.0 EPSF-3.0"),
    "tga": (lambda: saved(photo(), "TGA"), KNOWN + "a file that starts with 00 00 02"),
    "wave sound": (lambda: b"RIFF\x24\0\0\0WAVEfmt " + bytes(30), KNOWN + "a file that starts with 52 49 46 46"),
    "noise": (lambda: bytes(range(128, 256)), KNOWN + "a file that starts with 80 81 82"),
    "JPEG cut in half": (lambda: truncated("JPEG"), WHOLE + "image file is truncated"),
    "PNG cut in half": (lambda: truncated("PNG"), WHOLE + "image file is truncated"),
    "BMP cut in half": (lambda: truncated("BMP"), WHOLE + "image file is truncated"),
    "WebP cut in half": (lambda: truncated("WEBP"), WHOLE),
    "TIFF cut in half": (lambda: truncated("TIFF"), WHOLE),
    "three bytes of JPEG": (lambda: b"\xff\xd8\xff", WHOLE),
    "head of PNG alone": (lambda: b"\x89PNG\r\n\x1a\n", WHOLE),
    "head of TIFF alone": (lambda: b"II*\0", WHOLE),
    "head of BMP alone": (lambda: b"BM", WHOLE),
    "letter that starts with BM": (lambda: b"BMW, the letter begins, and goes on for long", WHOLE),
    "PNG with a wrong checksum": (lambda: saved(photo(), "PNG")[:50] + b"\xff" * 40, WHOLE),
    "PNG of no width": (lambda: png(0, 5), WHOLE),
    "PNG bomb": (lambda: png(30000, 30000, data=bytes(900)), "must have at most 100 megapixels, got 900 (30000x30000)"),
    "WebP bomb": (lambda: webp_canvas(16384, 16384), "must have at most 100 megapixels, got 268.4 (16384x16384)"),
}


@pytest.mark.parametrize(("make", "message"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_file_is_refused_with_its_rule(make, message):
    data = make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow remarks on the way does not count
        with pytest.raises(ImageError) as caught:
            read_image(data)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_message_of_a_decoder_is_put_on_one_line(monkeypatch):
    def fail(self):
        raise OSError("two\n  lines")

    data = saved(photo(), "BMP")
    monkeypatch.setattr(Image.Image, "load", fail)
    with pytest.raises(ImageError, match=r"^image: must be a whole, undamaged file of its format, got: two lines$"):
        read_image(data)


@pytest.mark.filterwarnings("ignore")  # what Pillow remarks on the way does not count
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "MPO"])
def test_file_with_random_damage_is_a_picture_or_an_image_error(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = saved(photo(), kind, **({} if kind == "BMP" else {"exif": exif}))
    rng = np.random.default_rng(len(whole))
    for _ in range(150):
        data = bytearray(whole)
        for at in rng.integers(0, len(data) if rng.random() < 0.5 else 120, rng.integers(1, 5)):
            data[at % len(data)] = rng.integers(256)
        with contextlib.suppress(ImageError):
            picture = read_image(data, max_pixels=1_000_000)
            assert picture.pixels.dtype == np.uint8
            assert picture.pixels.shape[2:] == (3,)


def test_pixel_limit_is_checked_before_anything_is_decoded(monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    data = png(8000, 5001, data=bytes(8001 * 20))
    with pytest.raises(ImageError, match=r"^a\.png: must have at most 40 megapixels, got 40\.01 \(8000x5001\)$"):
        read_image(data, max_pixels=HOSTED_PIXELS, name="a.png")


def test_picture_of_exactly_the_limit_is_read():
    assert read_image(saved(photo(20, 10), "PNG"), max_pixels=200).size == (10, 20)
    with pytest.raises(ImageError, match=r"got 0\.0002"):
        read_image(saved(photo(20, 10), "PNG"), max_pixels=199)


def test_limit_of_pillow_does_not_count(monkeypatch):
    """Pillow's own warns from 89 megapixels on, fails from 179 on, and holds for the whole process."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for size in ((15, 10), (30, 20)):
        assert read_image(saved(photo(*size), "PNG")).size == size[::-1]


def test_file_over_the_size_limit_is_not_read():
    with pytest.raises(ImageError, match=r"^image: must be at most 0\.0005 MB, got 0\.000501 MB$"):
        read_image(b"\xff\xd8\xff" + bytes(498), max_bytes=500)


def test_paths_that_are_no_files(tmp_path):
    locked = tmp_path / "a-name-that-is-far-too-long-for-any-file-system" / ("x" * 300)
    cases = [
        (tmp_path / "none.png", "none.png: must be an existing file, got nothing at "),
        (tmp_path, f"{tmp_path.name}: must be a file, got a folder"),
        (locked, "x: must be a"),
        ("a\0b.png", "must be a path or a file's bytes, got 'a\\x00b.png'"),
        (None, "image: must be a path or a file's bytes, got 'None'"),
        (7.5, "image: must be a path or a file's bytes, got '7.5'"),
    ]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")  # opening one to read would wait for ever
        cases.append((tmp_path / "pipe.png", "pipe.png: must be a file, got a device"))
    for source, message in cases:
        with pytest.raises(ImageError) as caught:
            read_image(source)
        assert message in str(caught.value)


def test_text_named_jpg_is_told_by_its_content(tmp_path):
    path = tmp_path / "holiday.jpg"
    path.write_text("dear diary")
    with pytest.raises(ImageError, match=r"^holiday\.jpg: .* got text: 'dear diary'$"):
        read_image(path)


def progressive() -> bytes:
    return saved(photo(), "JPEG", progressive=True)


def scan_bomb() -> bytes:
    data = progressive()
    start = data.rindex(b"\xff\xda")
    return data[:start] + data[start:-2] * 200 + data[-2:]


def app(data: bytes) -> bytes:
    """A JPEG's segment for applications."""
    return b"\xff\xeb" + (len(data) + 2).to_bytes(2, "big") + data


def test_jpeg_whose_scans_were_multiplied_is_refused_before_decoding(monkeypatch):
    bomb = scan_bomb()
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    for data in (
        bomb,
        bomb[:2] + app(b"\xff\xd9" * 30000) + bomb[2:],  # what looks like an end inside of a segment
        bomb[:2] + app(b"x" * 60000) * 40 + bomb[2:],  # larger than what is read at once
        bomb.replace(b"\xff\xda", b"\xff\xff\xff\xda"),  # filled up
        bomb.replace(b"\xff\xda", b"\xff\x02\xff\xff\xda"),  # behind a marker that means nothing
    ):
        with pytest.raises(ImageError, match=r"^image: must have at most 100 scans, got 2\d\d$"):
            read_image(data)


SCANS_THAT_ARE_NONE = {
    "a video behind the picture": lambda data: data + b"\0\0\0\x18ftypmp42" + b"\xff\xda\0\x0c" * 1000,
    "another picture of many scans behind it": lambda data: data + scan_bomb(),
    "in a segment": lambda data: data[:2] + app(b"\xff\xda" * 30000) + data[2:],
    "in segments, several blocks long": lambda data: data[:2] + app(b"\xff\xda\0" * 20000) * 30 + data[2:],
    "as a thumbnail of its own": lambda data: data[:2] + app(scan_bomb()) + data[2:],
}


@pytest.mark.parametrize("change", SCANS_THAT_ARE_NONE.values(), ids=SCANS_THAT_ARE_NONE)
@pytest.mark.parametrize("make", [progressive, lambda: saved(photo(), "JPEG")], ids=["progressive", "baseline"])
def test_what_only_looks_like_scans_costs_no_picture(make, change):
    data = make()
    np.testing.assert_array_equal(read_image(change(data)).pixels, read_image(data).pixels)


def test_flood_of_segments_is_refused():
    data = progressive()
    flood = data[:2] + app(b"\xff\xda" * 30000) + app(b"") * 70_000 + data[2:]
    with pytest.raises(ImageError, match=r"^image: must have at most 65536 segments, got more$"):
        read_image(flood)


def test_longest_sides_have_their_own_sentence(monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    data = png(100_000_000, 1, depth=1, data=bytes(12_500_001))
    with pytest.raises(ImageError, match=r"^image: must be at most 30000000 pixels wide and high, got 100000000x1$"):
        read_image(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
def test_lack_of_memory_is_no_damage(kind, monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    data = saved(photo(), kind)
    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    monkeypatch.setattr(cv2, "imdecode", fail)
    monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "load", fail)
    with pytest.raises(ImageError) as caught:
        read_image(data)
    reason = "must fit into this machine's free memory, got a picture of 0.00096 megapixels"
    assert str(caught.value) == f"image: {reason}"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["zTXt", "iTXt", "tEXt"])
def test_text_of_any_size_costs_no_picture(name):
    packed = zlib.compress(b"x" * (5 << 20), 9)
    text = {"zTXt": b"key\0\0" + packed, "iTXt": b"key\0\1\0\0\0" + packed, "tEXt": b"key\0" + b"x" * (5 << 20)}[name]
    chunk = png_chunk(name.encode(), text)
    plain = saved(photo(), "PNG")
    for at, count in ((33, 1), (33, 20), (-12, 1)):
        picture = read_image(plain[:at] + chunk * count + plain[at:])
        np.testing.assert_array_equal(picture.pixels, np.asarray(photo()))
        assert picture.notes == ()


def test_large_profile_is_applied_and_a_far_too_large_one_left_out():
    plain, left_out = saved(photo(), "PNG"), ("colour profile left out: it does not fit the picture",)
    profile = swapped_profile()
    for size, notes in ((3 << 20, ()), (17 << 20, left_out)):
        long = size.to_bytes(4, "big") + profile[4:] + bytes(size - len(profile))
        picture = read_image(plain[:33] + png_chunk(b"iCCP", b"p\0\0" + zlib.compress(long, 9)) + plain[33:])
        assert picture.notes == notes
        assert (picture.pixels == np.asarray(photo())).all() == bool(notes)


def test_room_is_entered_with_the_pixels_before_decoding(monkeypatch):
    asked, decoded = [], []

    @contextlib.contextmanager
    def room(pixels):
        asked.append(pixels)
        yield
        assert decoded, "there must be room while the picture is decoded"

    load = ImageFile.ImageFile.load
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: decoded.append(list(asked)) or load(self))
    read_image(saved(photo(20, 10), "PNG"), room=room)
    assert decoded[0] == asked == [200]
    read_image(tiff(np.zeros((10, 20, 3))), room=room)
    assert asked[1] == 600, "doubles in colours take three times the memory"
    with pytest.raises(ImageError):
        read_image(saved(photo(20, 10), "PNG"), room=room, max_pixels=100)
    assert len(asked) == 2
