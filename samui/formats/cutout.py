"""`cutout` and `cutout-full`: the objects as an RGBA PNG, the rest transparent; overlapping objects are one piece.

Transparent pixels are black, so that nothing of the background is handed on with a cut-out.
"""

from __future__ import annotations

import cv2
import numpy as np

from samui.errors import ExportError
from samui.formats import picture
from samui.formats.annotation import Annotation
from samui.formats.format import Format


def encode_full(annotation: Annotation, image: np.ndarray) -> bytes:
    """RGBA PNG as large as the image, RGB uint8 (H, W, 3); all transparent without objects."""
    return encode_part(annotation.union(), image)


def encode_cropped(annotation: Annotation, image: np.ndarray) -> bytes:
    """RGBA PNG of the smallest box round all objects. Raises ExportError if they have no pixel."""
    boxes = [one.rle.box for one in annotation.objects if one.rle.box is not None]
    if not boxes:
        raise ExportError("objects: must cover at least one pixel for the format cutout, got 0")
    x0, y0 = min(box[0] for box in boxes), min(box[1] for box in boxes)
    x1, y1 = max(box[2] for box in boxes), max(box[3] for box in boxes)
    return encode_part(annotation.union()[y0:y1, x0:x1], image[y0:y1, x0:x1])


def encode_part(mask: np.ndarray, image: np.ndarray) -> bytes:
    """RGBA PNG of RGB uint8 (h, w, 3), transparent where bool (h, w) is not set."""
    bgra = cv2.cvtColor(image, cv2.COLOR_RGB2BGRA)
    bgra[~mask] = 0
    return picture.encode(".png", bgra)


FORMATS = (
    Format(
        "cutout", "Cut-out, cropped to the objects (PNG)", (".png",), "image/png", drawer=encode_cropped, version="PNG"
    ),
    Format(
        "cutout-full", "Cut-out, as large as the image (PNG)", (".png",), "image/png", drawer=encode_full, version="PNG"
    ),
)
