"""Pixels to the bytes of a PNG or JPEG, within what these can hold."""

from __future__ import annotations

import cv2
import numpy as np

from samui.errors import ExportError

# Pixels a side: those of libjpeg, and libpng's own limit on what it writes and reads.
_LONGEST = {".png": 1_000_000, ".jpg": 65_500}
# Full colour resolution, so that outlines stay crisp.
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]


def encode(suffix: str, pixels: np.ndarray) -> bytes:
    """A file of uint8 (H, W), BGR (H, W, 3) or BGRA (H, W, 4); suffix: ".png", or ".jpg" at quality 92.

    Raises ExportError for a side that is longer than the format allows.
    """
    height, width = pixels.shape[:2]
    longest = _LONGEST[suffix]
    if max(height, width) > longest:
        raise ExportError(f"image: must be at most {longest} pixels a side for {suffix}, got {width}x{height}")
    return cv2.imencode(suffix, pixels, _JPEG if suffix == ".jpg" else [])[1].tobytes()
