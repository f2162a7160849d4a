"""`mask`: one 8-bit greyscale PNG, 255 where any object is and 0 elsewhere. Overlapping objects melt into one."""

from __future__ import annotations

import numpy as np

from samui.formats import picture
from samui.formats.annotation import Annotation


def encode(annotation: Annotation, image: np.ndarray | None = None) -> bytes:
    """PNG of the union of all objects (`annotation.only(id)` for one), all black without any; image is not used."""
    return encode_png(annotation.union())


def encode_png(mask: np.ndarray) -> bytes:
    """PNG, greyscale, 0 and 255, of one bool (H, W) mask."""
    return picture.encode(".png", mask.view(np.uint8) * np.uint8(255))
