"""`overlay` (JPEG) and `overlay-png`: the image with each object tinted and outlined in its colour.

Where objects overlap, their tints mix and the later outline is on top. It is for looking at: masks cannot be read back.
"""

from __future__ import annotations

import cv2
import numpy as np

from samui.formats import picture
from samui.formats.annotation import Annotation
from samui.formats.format import Format
from samui.pixels.overlay import overlay


def encode_jpeg(annotation: Annotation, image: np.ndarray) -> bytes:
    """JPEG at quality 92 with full colour resolution; image is RGB uint8 (H, W, 3)."""
    return _encode(".jpg", annotation, image)


def encode_png(annotation: Annotation, image: np.ndarray) -> bytes:
    """PNG, without loss; image is RGB uint8 (H, W, 3)."""
    return _encode(".png", annotation, image)


def _encode(suffix: str, annotation: Annotation, image: np.ndarray) -> bytes:
    picture.check_size(suffix, annotation.size)  # before it is drawn, which takes long for a picture so long
    drawn = overlay(image, annotation.masks(), [one.rgb for one in annotation.objects])
    return picture.encode(suffix, cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))


FORMATS = (
    Format("overlay", "Overlay picture (JPEG)", (".jpg", ".jpeg"), "image/jpeg", drawer=encode_jpeg, version="JPEG"),
    Format("overlay-png", "Overlay picture (PNG)", (".png",), "image/png", drawer=encode_png, version="PNG"),
)
