"""Pixels to the bytes of a PNG or JPEG, within what these can hold, and PNGs of values back to pixels."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from samui.errors import ExportError, FormatError
from samui.formats import checks

# Pixels a side: those of libjpeg, and libpng's own limit on what it writes and reads.
_LONGEST = {".png": 1_000_000, ".jpg": 65_500}
# Full colour resolution, so that outlines stay crisp.
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
_VALUES = ("1", "L", "P", "I", "I;16", "I;16B")


def check_size(suffix: str, size: tuple[int, int]) -> None:
    """Raise ExportError for a side that is longer than the format allows. size: (H, W); suffix: ".png" or ".jpg"."""
    longest = _LONGEST[suffix]
    if max(size) > longest:
        raise ExportError(f"image: must be at most {longest} pixels a side for {suffix}, got {size[1]}x{size[0]}")


def encode(suffix: str, pixels: np.ndarray) -> bytes:
    """A file of uint8 (H, W), BGR (H, W, 3) or BGRA (H, W, 4); suffix: ".png", or ".jpg" at quality 92.

    Raises ExportError for a side that is longer than the format allows.
    """
    check_size(suffix, pixels.shape[:2])
    return cv2.imencode(suffix, pixels, _JPEG if suffix == ".jpg" else [])[1].tobytes()


def decode_values(data: bytes) -> tuple[np.ndarray, Image.Image]:
    """(values, the picture for its palette and texts) of a PNG of one channel: uint8 or uint16 (H, W).

    An indexed PNG gives its indices. The header is looked at before anything is decoded. Raises FormatError for
    anything else, more pixels than samui opens, and damage.
    """
    try:
        picture = PngImageFile(io.BytesIO(data))
    except Exception as error:  # decoders raise almost anything on a file that is broken
        raise FormatError(f"must be a PNG, got: {error}") from None
    checks.size(picture.height, picture.width, "image")
    if picture.mode not in _VALUES:
        raise FormatError(f"must be a PNG of one channel (grey or indexed), got {picture.mode}")
    try:
        picture.load()
        values = np.asarray(picture)
    except Exception as error:
        raise FormatError(f"must be a whole, undamaged PNG, got: {error}") from None
    return values.astype(np.uint8 if values.dtype.itemsize == 1 else np.uint16), picture
