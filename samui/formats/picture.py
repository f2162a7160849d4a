"""Pixels to the bytes of a PNG or JPEG, within what these can hold, and PNGs and TIFFs of values back to pixels."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from samui.errors import ExportError, FormatError
from samui.formats import checks

# Pixels a side: those of libjpeg, and libpng's own limit on what it writes and reads.
_LONGEST = {".png": 1_000_000, ".jpg": 65_500}
# Full colour resolution, so that outlines stay crisp.
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
_VALUES = ("1", "L", "P", "I", "I;16", "I;16B")
_COLOURS = ("RGB", "RGBA")
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


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
    """(values, the picture for its palette and texts) of a PNG or TIFF of one channel: uint8, uint16 or int32 (H, W).

    An indexed one gives its indices. The header is looked at before anything is decoded. Raises FormatError for
    anything else, more pixels than samui opens, several pages, and damage.
    """
    picture, kind = _open(data)
    if picture.mode not in _VALUES:
        raise FormatError(f"must be a {kind} of one channel (grey or indexed), got {picture.mode}")
    values = _pixels(picture, kind)
    small = np.uint8 if values.dtype.itemsize == 1 else np.uint16
    return values.astype(values.dtype if values.dtype.itemsize > 2 and kind == "TIFF" else small), picture


def decode_colours(data: bytes) -> tuple[np.ndarray, list[int] | None]:
    """(uint8 (H, W, 3) and None, or uint8 (H, W) and the palette if there is one) of a PNG of colours or one channel.

    Raises FormatError as `decode_values` does.
    """
    picture, kind = _open(data)
    if picture.mode in _COLOURS:
        return _pixels(picture, kind)[..., :3], None
    values, png = decode_values(data)
    return values, png.getpalette() if png.mode == "P" else None


def _open(data: bytes) -> tuple[Image.Image, str]:
    kind = "TIFF" if data.startswith(_TIFF) else "PNG"
    try:
        picture: Image.Image = (TiffImageFile if kind == "TIFF" else PngImageFile)(io.BytesIO(data))
        pages = getattr(picture, "n_frames", 1)
    except Exception as error:  # decoders raise almost anything on a file that is broken
        either = kind if data.startswith((*_TIFF, b"\x89PNG")) else "PNG or TIFF"
        raise FormatError(f"must be a {either}, got: {' '.join(str(error).split())[:100]}") from None
    checks.size(picture.height, picture.width, "image")
    if kind == "TIFF" and pages != 1:
        raise FormatError(f"must be a TIFF of one page, got {pages}")
    return picture, kind


def _pixels(picture: Image.Image, kind: str) -> np.ndarray:
    try:
        picture.load()
        return np.asarray(picture)
    except Exception as error:
        raise FormatError(f"must be a whole, undamaged {kind}, got: {error}") from None
