"""Every kind of picture file gets the right pixels."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from samui.errors import ImageError
from samui.pixels.images import Header, encode_for_display, read_header, read_image
from tests.pictures import BLUE, GREEN, RED, photo, png, saved


def test_lossless_formats_keep_every_pixel():
    expected = np.asarray(photo())
    for kind, options in (("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True})):
        picture = read_image(saved(photo(), kind, **options))
        np.testing.assert_array_equal(picture.pixels, expected)
        assert (picture.format, picture.size, picture.notes) == (kind, (24, 40), ())
        assert picture.pixels.flags.c_contiguous
        assert picture.pixels.flags.writeable, "torch warns about arrays that are not"


def test_jpeg_is_near_the_original():
    picture = read_image(saved(photo(), "JPEG", quality=95))
    assert picture.format == "JPEG"
    assert np.abs(picture.pixels.astype(int) - np.asarray(photo())).max() < 12


def test_file_on_disk_gives_its_name_and_the_same_pixels(tmp_path):
    path = tmp_path / "größe <b>😀.png"
    photo().save(path)
    picture = read_image(path)
    assert picture.name == "größe <b>😀.png"
    np.testing.assert_array_equal(picture.pixels, read_image(str(path)).pixels)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(photo(), kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    picture = read_image(data)
    assert picture.size == ((40, 24) if orientation >= 5 else (24, 40))
    np.testing.assert_array_equal(picture.pixels, np.asarray(expected))


def test_orientation_6_puts_the_left_column_on_top():
    image = Image.new("RGB", (3, 2), "black")
    image.putpixel((0, 1), RED)
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = read_image(saved(image, "PNG", exif=exif)).pixels
    assert pixels.shape == (3, 2, 3)
    assert pixels[0, 0].tolist() == list(RED)


def test_damaged_exif_costs_the_turn_and_not_the_picture():
    picture = read_image(saved(photo(), "PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"))
    assert picture.size == (24, 40)


def test_mpo_shows_its_first_frame():
    other = Image.new("RGB", (40, 24), "blue")
    data = saved(photo(), "MPO", save_all=True, append_images=[other], quality=95)
    picture = read_image(data)
    assert picture.format == "MPO"
    assert picture.notes == ("more than one frame: the first is shown",)
    assert np.abs(picture.pixels.astype(int) - np.asarray(photo())).max() < 12


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_first_frame_of_several_is_shown(kind):
    frames = [Image.new("RGB", (8, 6), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if kind == "WEBP" else {}
    picture = read_image(saved(frames[0], kind, save_all=True, append_images=frames[1:], **options))
    assert (picture.pixels == RED).all()
    assert picture.notes == ("more than one frame: the first is shown",)


def ramp(kind: type) -> np.ndarray:
    return np.array([[0, 1000], [3000, 4000]]).astype(kind)


MODES = {
    "1-bit": (Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1"), [[(0, 0, 0), (255, 255, 255)]], ()),
    "L": (Image.fromarray(np.array([[7, 90]], np.uint8)), [[(7, 7, 7), (90, 90, 90)]], ()),
    "LA": (
        Image.fromarray(np.array([[[10, 255], [10, 0]]], np.uint8), "LA"),
        [[(10, 10, 10), (255, 255, 255)]],
        ("transparent: shown on white",),
    ),
    "RGBA": (
        Image.fromarray(np.array([[[255, 0, 0, 255], [255, 0, 0, 51]]], np.uint8)),
        [[RED, (255, 204, 204)]],
        ("transparent: shown on white",),
    ),
    "RGBA without a hole": (Image.new("RGBA", (2, 1), RED), [[RED, RED]], ()),
    "16-bit grey": (
        Image.fromarray(ramp(np.uint16)),
        [[(0,) * 3, (64,) * 3], [(191,) * 3, (255,) * 3]],
        ("16-bit grey: 0 to 4000 shown as 0 to 255",),
    ),
    "16-bit grey, all equal": (
        Image.fromarray(np.full((1, 2), 700, np.uint16)),
        [[(0, 0, 0), (0, 0, 0)]],
        ("16-bit grey: 700 to 700 shown as 0 to 255",),
    ),
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize(("image", "pixels", "notes"), MODES.values(), ids=MODES)
def test_every_mode_becomes_rgb(kind, image, pixels, notes):
    picture = read_image(saved(image, kind))
    assert picture.pixels.tolist() == [[list(p) for p in row] for row in pixels]
    assert picture.notes == notes


def test_palette_and_its_transparent_entry():
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    image.putpalette([*RED, *GREEN, *BLUE])
    assert read_image(saved(image, "PNG")).pixels.tolist() == [[list(RED), list(GREEN), list(BLUE)]]
    for transparency in (1, b"\xff\x00\xff"):
        picture = read_image(saved(image, "PNG", transparency=transparency))
        assert picture.pixels.tolist() == [[list(RED), [255, 255, 255], list(BLUE)]]


@pytest.mark.parametrize(("mode", "key"), [("L", 10), ("RGB", (10, 10, 10))], ids=["L", "RGB"])
def test_transparent_colour_of_a_png_lies_on_white(mode, key):
    image = Image.new(mode, (2, 1), key)
    image.putpixel((1, 0), 99 if mode == "L" else (99, 99, 99))
    assert read_image(saved(image, "PNG", transparency=key)).pixels[0].tolist() == [[255] * 3, [99] * 3]


def test_premultiplied_tiff_lies_on_white():
    data = saved(Image.fromarray(np.array([[[100, 0, 0, 128]]], np.uint8)), "TIFF")
    unassociated, premultiplied = (struct.pack("<HHII", 338, 3, 1, kind) for kind in (2, 1))
    assert data.count(unassociated) == 1
    assert read_image(data).pixels.tolist() == [[[177, 127, 127]]]
    assert read_image(data.replace(unassociated, premultiplied)).pixels.tolist() == [[[227, 127, 127]]]


def test_16_bit_colour_keeps_its_high_bytes():
    samples = np.array([[[0x1234, 0xABCD, 0xFF00], [0x00FF, 0x8000, 0x0100]]], ">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    picture = read_image(png(2, 1, depth=16, colour=2, data=rows))
    assert picture.pixels.tolist() == [[[0x12, 0xAB, 0xFF], [0x00, 0x80, 0x01]]]


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_tiff_of_floats_or_32_bit_integers_is_stretched(kind):
    picture = read_image(saved(Image.fromarray(ramp(kind) - 1000), "TIFF"))
    assert picture.pixels[:, :, 0].tolist() == [[0, 64], [191, 255]]
    assert picture.notes == ("32-bit grey: -1000 to 3000 shown as 0 to 255",)


def test_what_is_not_finite_in_a_float_tiff_is_black():
    values = np.array([[np.nan, np.inf, -np.inf, 2, 4]], np.float32)
    assert read_image(saved(Image.fromarray(values), "TIFF")).pixels[0, :, 0].tolist() == [0, 0, 0, 0, 255]
    nothing = np.full((2, 2), np.nan, np.float32)
    assert (read_image(saved(Image.fromarray(nothing), "TIFF")).pixels == 0).all()


def test_widest_float_range_does_not_overflow():
    limit = np.finfo(np.float32).max
    values = np.array([[-limit, 0, limit]], np.float32)
    assert read_image(saved(Image.fromarray(values), "TIFF")).pixels[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(kind):
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    pixels = read_image(saved(image, kind)).pixels.reshape(-1, 3)
    assert np.abs(pixels.astype(int) - RED).max() <= 4


def test_profile_of_another_colour_space_becomes_srgb():
    profile = swapped_profile()
    picture = read_image(saved(Image.new("RGB", (4, 4), (200, 30, 30)), "PNG", icc_profile=profile))
    assert picture.notes == ()
    r, g, b = picture.pixels[0, 0].tolist()
    assert g > 180 > 60 > r, f"a profile with red and green swapped must be applied, got {(r, g, b)}"


def test_profile_is_applied_to_a_palette():
    image = Image.new("P", (4, 4))
    image.putpalette([200, 30, 30])
    r, g, _ = read_image(saved(image, "PNG", icc_profile=swapped_profile())).pixels[0, 0].tolist()
    assert g > 180 > 60 > r


def swapped_profile() -> bytes:
    """The sRGB profile with the tags of its red and green primaries exchanged."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = data.replace(b"rXYZ", b"....").replace(b"gXYZ", b"rXYZ").replace(b"....", b"gXYZ")
    return data.replace("sRGB".encode("utf-16-be"), "qRGB".encode("utf-16-be"))


@pytest.mark.parametrize("profile", [b"not a profile", b"\0" * 200], ids=["text", "zeros"])
def test_damaged_profile_is_left_out_with_a_note(profile):
    picture = read_image(saved(photo(), "PNG", icc_profile=profile))
    np.testing.assert_array_equal(picture.pixels, np.asarray(photo()))
    assert picture.notes == ("colour profile left out: it does not fit the picture",)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 30000), (30000, 1)])
def test_extreme_shapes_are_read_and_shown(width, height):
    picture = read_image(saved(Image.new("RGB", (width, height), RED), "PNG"))
    assert picture.pixels.shape == (height, width, 3)
    data, _ = encode_for_display(picture.pixels)
    assert max(Image.open(io.BytesIO(data)).size) == min(4096, max(width, height))


def test_small_picture_is_shown_without_loss():
    pixels = np.asarray(photo())
    data, media_type = encode_for_display(pixels)
    assert media_type == "image/png"
    np.testing.assert_array_equal(read_image(data).pixels, pixels)


def test_large_picture_is_shown_as_jpeg_in_its_own_colours():
    pixels = np.asarray(photo(800, 600))
    data, media_type = encode_for_display(pixels)
    assert media_type == "image/jpeg"
    assert np.abs(read_image(data).pixels.astype(int) - pixels).max() < 12
    data, _ = encode_for_display(pixels, max_side=400)
    assert Image.open(io.BytesIO(data)).size == (400, 300)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_header_gives_the_size_that_the_picture_has_once_turned(kind, orientation):
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (30, 20)).save(buffer, kind, exif=exif)
    header = read_header(buffer.getvalue())
    assert header == Header(read_image(buffer.getvalue()).size, orientation)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"II*\0\xff"])
def test_a_header_of_no_picture_is_told(data):
    with pytest.raises(ImageError, match="image: must be a"):
        read_header(data)
