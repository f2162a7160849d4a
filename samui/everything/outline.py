"""From a candidate's small logits to its full-size run lengths, area and stability, without a full-size array.

`Frame.spans` gives a mask as runs along pixel columns, in the order in which COCO counts pixels; areas are sums of
their lengths, and a crop's runs become the image's by moving each one.
"""

from __future__ import annotations

import numpy as np

from samui.everything.grid import Crop
from samui.pixels.geometry import Frame


def stability(logits: np.ndarray, frame: Frame, offset: float) -> float:
    """Area above +offset by area above -offset, of (h, w) logits at image size; NaN if nothing is above -offset.

    The IoU of the two masks, since one lies in the other (segment-anything, `calculate_stability_score`).
    """
    below = _area(frame.spans(logits + np.float32(offset)))
    return _area(frame.spans(logits - np.float32(offset))) / below if below else float("nan")


def place(pairs: np.ndarray, crop: Crop, size: tuple[int, int]) -> np.ndarray:
    """Runs in a crop as runs in the image of size (H, W)."""
    x0, y0, _, _ = crop.box
    column = pairs[:, :1] // crop.size[0]  # of the first pixel; the end may be the head of the next column
    return pairs + (column + x0) * size[0] + y0 - column * crop.size[0]


def _area(pairs: np.ndarray) -> int:
    return int((pairs[:, 1] - pairs[:, 0]).sum())
