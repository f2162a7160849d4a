"""TIFF files: by Pillow, or by OpenCV for floats that Pillow does not know."""

from __future__ import annotations

from typing import BinaryIO

import cv2
import numpy as np
from PIL import TiffImagePlugin

from samui.pixels.decoder import OPENCV_SIDE, Opened, PillowPicture, UnsupportedError, by_opencv, swap
from samui.pixels.rgb import stretch

_WEBP_IN_TIFF = 50001
_LIGHTS = {0: "grey", 1: "grey", 2: "RGB", 3: "a palette", 5: "CMYK", 6: "YCbCr", 8: "Lab"}


class _TiffFile(TiffImagePlugin.TiffImageFile):
    def _setup(self) -> None:
        if self.tag_v2.get(TiffImagePlugin.COMPRESSION) == _WEBP_IN_TIFF:  # not in the libtiff of Pillow's packages
            raise UnsupportedError("WebP compression")
        try:
            super()._setup()
        except (SyntaxError, KeyError) as error:
            raise _OtherTiffError(self.tag_v2) from error


class _OtherTiffError(Exception):
    """A TIFF that Pillow does not decode."""

    def __init__(self, tags: TiffImagePlugin.ImageFileDirectory_v2) -> None:
        super().__init__()
        self.width, self.height = (int(tags[tag]) for tag in (TiffImagePlugin.IMAGEWIDTH, TiffImagePlugin.IMAGELENGTH))
        bits = tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))
        self.samples = int(tags.get(TiffImagePlugin.SAMPLESPERPIXEL, len(bits)))
        self.bits = int(max(bits))
        self.kind = int(max(tags.get(TiffImagePlugin.SAMPLEFORMAT, (1,))))
        self.light = int(tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION, 0))
        self.compression = tags.get(TiffImagePlugin.COMPRESSION, 1)
        self.tile = int(tags.get(TiffImagePlugin.TILEWIDTH, 0)) * int(tags.get(TiffImagePlugin.TILELENGTH, 0))
        self.is_apart = tags.get(TiffImagePlugin.PLANAR_CONFIGURATION, 1) != 1

    @property
    def is_of_floats(self) -> bool:
        """Whether OpenCV reads it and the rule for floats applies: grey or RGB, without transparency."""
        known = self.compression in TiffImagePlugin.COMPRESSION_INFO and not self.is_apart
        known = known and self.tile <= max(1 << 22, 4 * self.width * self.height)  # OpenCV allocates a whole tile
        return known and self.kind == 3 and self.bits in (32, 64) and (self.samples, self.light) in ((1, 1), (3, 2))

    def __str__(self) -> str:
        if self.compression not in TiffImagePlugin.COMPRESSION_INFO:
            return f"compression {self.compression}"
        kind = {1: "", 2: "signed ", 3: "float ", 5: "complex ", 6: "complex "}.get(self.kind, "unknown ")
        several = "" if self.samples == 1 else "s"
        apart = ", in planes" if self.is_apart else ""
        light = _LIGHTS.get(self.light, f"colours of kind {self.light}")
        return f"{self.samples} {kind}sample{several} of {self.bits} bits a pixel{apart}, as {light}"


class _Floats(Opened):
    """A TIFF of 64-bit floats, or of floats in colours."""

    max_side = OPENCV_SIDE

    def __init__(self, file: BinaryIO, tiff: _OtherTiffError) -> None:
        super().__init__("TIFF", (tiff.width, tiff.height))
        self.file, self.tiff = file, tiff
        self.cost = max(1.0, tiff.samples * tiff.bits / 64)

    def decode(self) -> np.ndarray:
        self.file.seek(0)
        values = by_opencv(self.file.read(), cv2.IMREAD_UNCHANGED)  # turned
        colour = "grey" if values.ndim == 2 else "colour"
        shown = stretch(
            lambda top, bottom: values[top:bottom], values.shape, f"{self.tiff.bits}-bit {colour}", self.notes
        )
        return shown if values.ndim == 2 else swap(shown)


def open_tiff(file: BinaryIO) -> Opened:
    """A TIFF file; the first page if there are several. Raises UnsupportedError, and almost anything for damage."""
    file.seek(0)
    try:
        return PillowPicture(_TiffFile(file))
    except _OtherTiffError as other:
        if other.is_of_floats:
            return _Floats(file, other)
        raise UnsupportedError(str(other)) from other
