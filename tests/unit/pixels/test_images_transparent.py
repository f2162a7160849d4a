"""What is transparent lies on white, whatever says so; profiles come first; and nothing of it takes a second copy."""

import io
import pickle
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from samui.pixels import rgb
from samui.pixels.images import read_image
from tests.pictures import photo, png, png_chunk, saved
from tests.unit.pixels.test_images import MODES, swapped_profile

WHITE = [255] * 3
ON_WHITE = "transparent: shown on white"


def key(*values):
    """The chunk that makes one colour transparent."""
    return png_chunk(b"tRNS", struct.pack(f">{len(values)}H", *values))


# Depth, a row of two pixels, and what they show as: (transparent, other).
FEW_BITS = {1: (0b10 << 6, (1, 0)), 2: (0b0110 << 4, (1, 170)), 4: (0x3A, (3, 170)), 8: (None, (7, 9))}


@pytest.mark.parametrize("depth", FEW_BITS)
def test_transparent_grey_of_few_bits(depth):
    row, (grey, other) = FEW_BITS[depth]
    data = bytes([0, 7, 9] if row is None else [0, row])
    picture = read_image(png(2, 1, depth=depth, data=data, extra=key(grey)))
    assert picture.pixels.tolist() == [[WHITE, [other] * 3]]
    assert picture.notes == (ON_WHITE,)
    assert read_image(png(2, 1, depth=depth, data=data)).pixels[0, 0].tolist() != WHITE or depth == 1


def test_transparent_grey_of_16_bits_has_no_part_in_the_stretch():
    rows = b"\0" + struct.pack(">4H", 65535, 1000, 2000, 3000)
    picture = read_image(png(4, 1, depth=16, data=rows, extra=key(65535)))
    assert picture.pixels[0, :, 0].tolist() == [255, 0, 128, 255]
    assert set(picture.notes) == {ON_WHITE, "16-bit grey: 1000 to 3000 shown as 0 to 255"}


def test_transparent_colour_of_16_bits_is_told_by_both_bytes():
    """A neighbour whose high bytes are the same stays as it is."""
    rows = b"\0" + struct.pack(">9H", 0x1234, 0x0056, 0xFF00, 0x1234, 0x0057, 0xFF00, 0x1134, 0x0056, 0xFF00)
    picture = read_image(png(3, 1, depth=16, colour=2, data=rows, extra=key(0x1234, 0x0056, 0xFF00)))
    assert picture.pixels.tolist() == [[WHITE, [0x12, 0, 0xFF], [0x11, 0, 0xFF]]]
    assert picture.notes == (ON_WHITE,)


def grey_profile() -> bytes:
    """A grey profile whose curve is a straight line: 64 means the light of sRGB's 137."""
    white = struct.pack(">4s4x3i", b"XYZ ", 63190, 65536, 54061)
    curve = struct.pack(">4s4xI", b"curv", 0)
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"grey\0" + bytes(78)
    text += bytes(-len(text) % 4)
    tags, at, table = [(b"wtpt", white), (b"kTRC", curve), (b"desc", text)], 128 + 4 + 36, b""
    for name, data in tags:
        table += name + struct.pack(">II", at, len(data))
        at += len(data)
    head = struct.pack(">I4xI4s4s4s12x4s", at, 0x02400000, b"mntr", b"GRAY", b"XYZ ", b"acsp")
    head = head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + b"".join(data for _, data in tags)


def icc(profile: bytes) -> bytes:
    return png_chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile, 9))


GREYS = {
    "1 bit": (png(2, 1, depth=1, data=b"\0\x40", extra=icc(grey_profile())), [0, 255]),
    "L": (png(2, 1, data=b"\0\x40\xff", extra=icc(grey_profile())), [137, 255]),
    "L with a transparent grey": (png(2, 1, data=b"\0\x40\x20", extra=icc(grey_profile()) + key(32)), [137, 255]),
    "LA": (png(2, 1, colour=4, data=b"\0\x40\xff\x40\x80", extra=icc(grey_profile())), [137, 196]),
    "LA of 16 bits": (
        png(2, 1, depth=16, colour=4, data=b"\0\x40\0\xff\xff\x40\0\x80\0", extra=icc(grey_profile())),
        [137, 196],
    ),
}


@pytest.mark.parametrize(("data", "greys"), GREYS.values(), ids=GREYS)
def test_grey_profile_comes_before_white(data, greys):
    """64 at half transparency is 137 by the profile and then half way to white."""
    assert ImageCms.ImageCmsProfile(io.BytesIO(grey_profile())).profile.xcolor_space == "GRAY"
    picture = read_image(data)
    assert np.abs(picture.pixels[0].astype(int) - np.array(greys)[:, None]).max() <= 1
    assert not any("profile" in note for note in picture.notes)


def test_profile_of_colours_comes_before_white():
    image = Image.new("RGBA", (2, 1), (200, 30, 30, 255))
    image.putpixel((1, 0), (200, 30, 30, 0))
    picture = read_image(saved(image, "PNG", icc_profile=swapped_profile()))
    r, g, _ = picture.pixels[0, 0].tolist()
    assert g > 180 > 60 > r
    assert picture.pixels[0, 1].tolist() == WHITE


BANDS = {
    name: saved(image.resize((4, 6), Image.Resampling.NEAREST), "PNG") for name, (image, _, _) in MODES.items()
} | {
    "RGB": saved(photo(), "PNG"),
    "RGB with a profile": saved(photo(), "PNG", icc_profile=swapped_profile()),
    "palette": saved(photo().quantize(7), "PNG", transparency=bytes(range(0, 210, 30))),
    "transparent colour of 16 bits": png(
        2, 4, depth=16, colour=2, data=(b"\0" + bytes(range(12))) * 4, extra=key(0x0607, 0x0809, 0x0A0B)
    ),
    "WebP": saved(photo().convert("RGBA"), "WEBP", lossless=True),
    "WebP with a profile": saved(photo(), "WEBP", lossless=True, icc_profile=swapped_profile()),
    "one hole in the last row": png(1, 30, colour=4, data=b"\0\5\xff" * 29 + b"\0\5\0"),
}


@pytest.mark.parametrize("data", BANDS.values(), ids=BANDS)
def test_bands_of_rows_give_what_the_whole_gives(data, monkeypatch):
    whole = read_image(data)
    monkeypatch.setattr(rgb, "_BAND", 5)
    banded = read_image(data)
    np.testing.assert_array_equal(banded.pixels, whole.pixels)
    assert banded.notes == whole.notes


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much the process had at most")
def test_reading_takes_ten_bytes_a_pixel_at_most():
    """So 100 megapixels stay under 1 GB; with a copy for each step it was 16."""
    side = 2000
    colour = png_chunk(b"tRNS", struct.pack(">3H", 0x0101, 0x0202, 0x0303))
    files = [
        png(side, side, depth=depth, colour=kind, data=(b"\0" + pixel * side) * side, extra=extra, level=1)
        for depth, kind, pixel, extra in (
            (8, 6, bytes([1, 2, 3, 99]), b""),
            (8, 4, bytes([1, 99]), b""),
            (16, 6, bytes([1, 1, 2, 2, 3, 3, 9, 9]), b""),
            (16, 2, bytes([1, 1, 2, 2, 3, 3]), colour),
        )
    ]
    files.append(saved(Image.new("RGBA", (side, side), (1, 2, 3, 99)), "WEBP", lossless=True, method=0))
    code = r"""
import pickle, re, sys
import cv2
from samui.pixels.images import read_image
cv2.setNumThreads(1)
peak = lambda: 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())[1])
files = pickle.load(sys.stdin.buffer)
before = peak()
assert all(read_image(data).pixels[0, 0].tolist() not in ([1, 2, 3], [0, 0, 0]) for data in files)
print(peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(files), capture_output=True, check=True)
    assert 0 < int(done.stdout) < 10 * side * side
