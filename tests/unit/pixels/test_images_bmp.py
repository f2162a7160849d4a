"""BMP files of run lengths get the right pixels, and cannot ask for more memory than their picture holds."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from samui.errors import ImageError
from samui.pixels import bmp
from samui.pixels.images import read_image
from tests.pictures import bmp_runs, photo, saved

ROW, END, JUMP = b"\0\0", b"\0\1", b"\0\2"


def colours(rows):
    """RGB of rows of palette indices, from the top down."""
    indices = np.array(rows)
    return np.stack([indices, 2 * indices, 3 * indices], -1).astype(np.uint8)


# From the bottom row up, as in the file.
RUNS = {
    "runs": (8, bytes([3, 7, 1, 9]) + ROW + bytes([4, 5]) + END, [[5, 5, 5, 5], [7, 7, 7, 9]]),
    "short rows": (8, bytes([1, 7]) + ROW + bytes([2, 5]) + END, [[5, 5, 0, 0], [7, 0, 0, 0]]),
    "pixels one by one, filled up": (8, bytes([0, 3, 1, 2, 3, 0, 1, 9]) + ROW + END, [[0, 0, 0, 0], [1, 2, 3, 9]]),
    "jump in a row": (8, bytes([1, 7]) + JUMP + bytes([2, 0, 1, 8]) + END, [[0, 0, 0, 0], [7, 0, 0, 8]]),
    "jump to another row": (8, bytes([1, 7]) + JUMP + bytes([1, 1, 1, 8]) + END, [[0, 0, 8, 0], [7, 0, 0, 0]]),
    "jump to the end of a row": (
        8,
        bytes([1, 7]) + JUMP + bytes([3, 0]) + ROW + bytes([4, 6]),
        [[6] * 4, [7, 0, 0, 0]],
    ),
    "jump past the end of a row": (
        8,
        bytes([1, 7]) + JUMP + b"\xc8\0" + bytes([2, 8]) + ROW + bytes([4, 6]),
        [[6] * 4, [7, 0, 0, 0]],
    ),
    "jump past the top": (8, bytes([4, 7]) + JUMP + bytes([0, 9, 4, 8]) + END, [[0] * 4, [7] * 4]),
    "run past the end of a row": (8, bytes([200, 7]) + ROW + bytes([1, 8]) + END, [[8, 0, 0, 0], [7] * 4]),
    "no end after the last pixel": (8, bytes([4, 7]) + ROW + bytes([4, 8]), [[8] * 4, [7] * 4]),
    "runs of two colours": (4, bytes([3, 0x79, 1, 0x20]) + ROW + bytes([4, 0x56]) + END, [[5, 6, 5, 6], [7, 9, 7, 2]]),
    "4 bits one by one": (
        4,
        bytes([0, 3, 0x12, 0x30, 1, 0x90]) + ROW + bytes([2, 0x45]) + END,
        [[4, 5, 0, 0], [1, 2, 3, 9]],
    ),
    "4 bits, jump": (4, bytes([1, 0x70]) + JUMP + bytes([1, 1, 2, 0x89]) + END, [[0, 0, 8, 9], [7, 0, 0, 0]]),
}


@pytest.mark.parametrize(("bits", "runs", "rows"), RUNS.values(), ids=RUNS)
def test_run_lengths_become_their_pixels(bits, runs, rows):
    picture = read_image(bmp_runs(4, 2, bits, runs))
    np.testing.assert_array_equal(picture.pixels, colours(rows))
    assert (picture.format, picture.notes) == ("BMP", ())


@pytest.mark.parametrize("bits", [4, 8])
def test_random_pictures_come_back_from_their_runs(bits):
    rng = np.random.default_rng(bits)
    for _ in range(60):
        height, width = rng.integers(1, 20), rng.integers(1, 300)
        indices = rng.integers(0, 1 << bits, (height, width)) * (rng.random((height, width)) < rng.random())
        runs = b""
        for row in indices[::-1].tolist():
            x = 0
            while x < width:
                n = int(min(width - x, rng.integers(1, 256)))
                if n > 2 and rng.random() < 0.5:
                    part = row[x : x + n] if bits == 8 else [a << 4 | b for a, b in pairs(row[x : x + n])]
                    runs += bytes([0, n, *part]) + b"\0" * (len(part) % 2)
                else:
                    n = 1
                    runs += bytes([1, row[x] if bits == 8 else row[x] << 4])
                x += n
            runs += ROW
        picture = read_image(bmp_runs(int(width), int(height), bits, runs + END))
        np.testing.assert_array_equal(picture.pixels, colours(indices))


def pairs(row):
    return zip(row[::2], [*row[1::2], 0][: (len(row) + 1) // 2], strict=True)


def test_runs_that_stop_in_the_middle_are_damaged():
    for runs in (bytes([4, 7]) + ROW, bytes([0, 9, 1]), JUMP + b"\1", b"\1"):
        with pytest.raises(ImageError, match="undamaged file of its format, got: image file is truncated"):
            read_image(bmp_runs(4, 2, 8, runs))


def test_runs_are_bounded(monkeypatch):
    monkeypatch.setattr(bmp, "MAX_RUNS", 5)
    with pytest.raises(ImageError, match=r"^image: must be a BMP of a kind that can be read, got more than 5 runs$"):
        read_image(bmp_runs(40, 2, 8, bytes([1, 7]) * 10 + END))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sets a limit of the process")
def test_jumps_make_no_room_for_what_they_jump_over():
    """The file has 1 kB, its picture 12 MB, and the jump would be 1 GB."""
    code = """
import resource, sys
import cv2
from samui.pixels.images import read_image
cv2.setNumThreads(1)
data = sys.stdin.buffer.read()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 100_000_000,) * 2)
print(read_image(data).pixels.shape)
"""
    data = bmp_runs(4_000_000, 1, 8, JUMP + bytes([0, 255]) + END)
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=False)
    assert (done.stdout.decode().strip(), done.stderr.decode()) == ("(1, 4000000, 3)", "")


def test_bmp_of_another_kind_is_told_so():
    data = bytearray(saved(photo(), "BMP"))
    data[30] = 6  # compression: bit fields with alpha
    with pytest.raises(ImageError, match=r"^image: must be a BMP of a kind that can be read, got compression \(6\)$"):
        read_image(data)
    fields = bytearray(saved(Image.new("RGBA", (2, 1)), "BMP"))
    assert fields[14] in (40, 108, 124)
    fields[30] = 3
    fields[54:70] = bytes(range(16))
    with pytest.raises(ImageError, match=r"^image: must be a BMP of a kind that can be read, got bitfields layout$"):
        read_image(fields)
