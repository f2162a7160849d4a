"""A photo of a chosen size: a sample, scaled up, so that no measurement needs a download."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from samui import shipped
from samui.errors import SamuiError
from samui.pixels.images import read_image

_SAMPLES = shipped.folder("samples")


def photo(name: str, megapixels: float) -> np.ndarray:
    """RGB uint8 (H, W, 3) of a sample, or of any image file, scaled to about `megapixels` million pixels.

    A scaled photo has the objects of the original, but not the fine detail of a camera's 12 megapixels. Its masks
    still have the full size of the image, and that is what costs time.
    """
    if not 0.01 <= megapixels <= 200:
        raise SamuiError(f"--megapixels: must be from 0.01 to 200, got {megapixels:g}")
    pixels = read_image(_find(name)).pixels
    scale = (megapixels * 1e6 / (pixels.shape[0] * pixels.shape[1])) ** 0.5
    return cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)


def _find(name: str) -> Path:
    sample = _SAMPLES / f"{Path(name).name}.jpg"
    if sample.is_file():
        return sample
    if Path(name).is_file():
        return Path(name)
    names = ", ".join(sorted(file.stem for file in _SAMPLES.glob("*.jpg")))
    raise SamuiError(f"--photo: must be one of {names}, or an image file, got {name!r}")
