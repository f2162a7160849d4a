"""BMP files: by Pillow, except those with run lengths (RLE8, RLE4), which are decoded here.

Pillow's decoder allocates what a file claims, not what its picture holds (gigabytes for a kilobyte), and shows most of
RLE4 as noise; OpenCV's is wrong where a jump ends at the end of a row.

Source: Microsoft, "Bitmap Compression" (Windows GDI).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import BmpImagePlugin

from samui.pixels.decoder import Opened, PillowPicture, UnsupportedError

MAX_RUNS = 4_000_000  # about a second; drawings have some 10,000, and a photo of 12 megapixels a million

_HIGH = bytes(byte >> 4 for byte in range(256))
_LOW = bytes(byte & 15 for byte in range(256))


class _Runs(Opened):
    """A BMP with run lengths."""

    def __init__(self, file: BinaryIO, header: _Header) -> None:
        super().__init__("BMP", header.size)
        self.file, self.header = file, header

    def decode(self) -> np.ndarray:
        return _read(self.file, self.header)


def open_bmp(file: BinaryIO) -> Opened:
    """A BMP file. Raises UnsupportedError, and OSError or ValueError for damage."""
    header = _run_header(file)
    if header is not None:
        return _Runs(file, header)
    file.seek(0)
    try:
        return PillowPicture(BmpImagePlugin.BmpImageFile(file))
    except OSError as error:
        if str(error).startswith("Unsupported BMP "):
            raise UnsupportedError(str(error).removeprefix("Unsupported BMP ")) from error
        raise


@dataclass(frozen=True)
class _Header:
    """size: (W, H) in pixels. bits: 8 or 4 a pixel. palette: RGB uint8 (256, 3). start: of the runs in the file."""

    size: tuple[int, int]
    bits: int
    palette: np.ndarray
    start: int


def _run_header(file: BinaryIO) -> _Header | None:
    """The header of a BMP with run lengths; None for all other BMPs, including damaged ones. Raises ValueError."""
    file.seek(0)
    head = file.read(54)
    if len(head) < 54:
        return None
    start, length, width, height = struct.unpack_from("<IIii", head, 10)
    bits, compression, colours = *struct.unpack_from("<HI", head, 28), struct.unpack_from("<I", head, 46)[0]
    if length < 40 or compression not in (1, 2):
        return None
    if width < 1 or height < 1 or bits != {1: 8, 2: 4}[compression]:
        raise ValueError(f"run lengths of {bits} bits a pixel, {width}x{height}")
    file.seek(14 + length)
    entries = np.frombuffer(file.read(4 * min(colours or 1 << bits, 1 << bits)), np.uint8)
    entries = entries[: len(entries) // 4 * 4].reshape(-1, 4)
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(entries)] = entries[:, 2::-1]
    return _Header((width, height), bits, palette, start)


def _read(file: BinaryIO, header: _Header) -> np.ndarray:
    """RGB uint8 (H, W, 3). Pixels left out by the runs get the first colour. Raises ValueError for damage."""
    width, height = header.size
    file.seek(header.start)
    # Each pixel costs four bytes at most (a jump), and each row two.
    indices = _indices(file.read(4 * width * height + 2 * height + 2), width, height, header.bits)
    pixels = np.empty((height, width, 3), np.uint8)
    for y, row in enumerate(np.frombuffer(indices, np.uint8).reshape(height, width)):
        np.take(header.palette, row, axis=0, out=pixels[height - 1 - y])
    return pixels


def _indices(data: bytes, width: int, height: int, bits: int) -> bytearray:
    """Palette indices, a byte a pixel, from the bottom row up."""
    pixels = bytearray(width * height)
    if bits == 8:
        runs = [bytes((value,)) * 255 for value in range(256)]
    else:
        runs = [(bytes((value >> 4, value & 15)) * 128)[:255] for value in range(256)]
    x = y = at = 0
    for _ in range(MAX_RUNS):
        if y >= height or (y == height - 1 and x >= width):
            return pixels
        if at + 2 > len(data):
            raise ValueError("image file is truncated")
        count, value = data[at], data[at + 1]
        at += 2
        if count:  # a run; what passes the end of the row is cut off
            taken = min(count, width - x)
            here = y * width + x
            pixels[here : here + taken] = runs[value][:taken]
            x += taken
        elif value == 0:  # end of row
            x, y = 0, y + 1
        elif value == 1:  # end of picture
            return pixels
        elif value == 2:  # jump
            if at + 2 > len(data):
                raise ValueError("image file is truncated")
            x, y = min(x + data[at], width), y + data[at + 1]
            at += 2
        else:  # pixels one by one, padded to an even number of bytes
            length = value if bits == 8 else (value + 1) // 2
            values = data[at : at + length]
            if len(values) < length:
                raise ValueError("image file is truncated")
            at += length + length % 2
            taken = min(value, width - x)
            here = y * width + x
            if bits == 8:
                pixels[here : here + taken] = values[:taken]
            else:
                pixels[here : here + taken : 2] = values.translate(_HIGH)[: (taken + 1) // 2]
                pixels[here + 1 : here + taken : 2] = values.translate(_LOW)[: taken // 2]
            x += taken
    raise UnsupportedError(f"more than {MAX_RUNS} runs")
