"""Stability of a candidate from its small logits, without a full-size array.

`Frame.spans` gives a mask as runs along pixel columns, in the order in which COCO counts pixels; areas are sums of
their lengths.
"""

from __future__ import annotations

import numpy as np

from samui.pixels.geometry import Frame


def stability(logits: np.ndarray, frame: Frame, offset: float) -> float:
    """Area above +offset by area above -offset, of (h, w) logits at image size; NaN if nothing is above -offset.

    The IoU of the two masks, since one lies in the other (segment-anything, `calculate_stability_score`).
    """
    below = _area(frame.spans(logits + np.float32(offset)))
    return _area(frame.spans(logits - np.float32(offset))) / below if below else float("nan")


def _area(pairs: np.ndarray) -> int:
    return int((pairs[:, 1] - pairs[:, 0]).sum())
