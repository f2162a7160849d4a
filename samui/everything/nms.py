"""Non-maximum suppression of boxes: `torchvision.ops.nms` in numpy, with the same result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def keep_best(boxes: np.ndarray, scores: np.ndarray | Sequence[float], threshold: float) -> np.ndarray:
    """Indices of the boxes that no better one covers, best first; of equal scores the earlier is the better.

    boxes: (n, 4) corners. A box goes if its IoU with a kept one is above `threshold`. Computed in float32 as
    torchvision does (``nms_kernel.cpp``), so that ties at the threshold fall the same way. Boxes without
    area all stay: their IoU is 0, or between two of them not a number.
    """
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    rest = np.argsort(-np.asarray(scores, np.float32), kind="stable")
    x0, y0, x1, y1 = boxes.T
    areas = (x1 - x0) * (y1 - y0)
    kept = []
    while len(rest):
        best, rest = rest[0], rest[1:]
        kept.append(best)
        width = np.minimum(x1[best], x1[rest]) - np.maximum(x0[best], x0[rest])
        height = np.minimum(y1[best], y1[rest]) - np.maximum(y0[best], y0[rest])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        with np.errstate(invalid="ignore"):
            iou = shared / (areas[best] + areas[rest] - shared)
        rest = rest[~(iou > np.float64(threshold))]  # torchvision compares a float32 with a double, too
    return np.array(kept, np.int64)


def box_iou(one: Sequence[float], other: Sequence[float]) -> float:
    """IoU of two boxes (x0, y0, x1, y1)."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (areas - shared) if shared else 0.0
