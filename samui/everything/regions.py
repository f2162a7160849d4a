"""Small islands and holes of a mask removed (`min_mask_region_area`).

Source: `remove_small_regions` of segment-anything's ``utils/amg.py``: 8-connected regions, holes first; if every island
is small, the largest stays.
"""

from __future__ import annotations

import cv2
import numpy as np

from samui.pixels.rle import Rle


def remove_small_regions(rle: Rle, min_area: int) -> Rle:
    """The mask without holes and islands of fewer than min_area pixels; the same object if there are none."""
    box = rle.box
    if box is None:
        return rle
    x0, y0, x1, y1 = window = _window(box, rle.size, min_area)
    mask = rle.decode()
    part = mask[y0:y1, x0:x1]
    labels, small = _small(~part, min_area)
    for side, is_edge in zip(_sides(labels), _edges(window, rle.size), strict=True):
        if not is_edge:
            small[side] = False
    filled = part | small[labels]
    labels, small = _small(filled, min_area)
    if small[1:].all():
        small[1 + int(np.argmax(np.bincount(labels.ravel())[1:]))] = False
    cleaned = filled & ~small[labels]
    if np.array_equal(cleaned, part):
        return rle
    part[:] = cleaned
    return Rle.encode(mask)


Window = tuple[int, int, int, int]


def _window(box: Window, size: tuple[int, int], min_area: int) -> Window:
    """The part of the image in which sizes of regions can be told: the mask's box and a pixel around it.

    A background region that reaches a side of the window goes on beyond it. Its size is not known then, but more than
    min_area: a side beyond which fewer pixels lie is moved to the image's edge.
    """
    height, width = size
    x0, y0, x1, y1 = max(0, box[0] - 1), max(0, box[1] - 1), min(width, box[2] + 1), min(height, box[3] + 1)
    return (
        x0 if x0 * height >= min_area else 0,
        y0 if y0 * width >= min_area else 0,
        x1 if (width - x1) * height >= min_area else width,
        y1 if (height - y1) * width >= min_area else height,
    )


def _edges(window: Window, size: tuple[int, int]) -> tuple[bool, ...]:
    """Whether the left, top, right and bottom side of a window is the image's edge."""
    x0, y0, x1, y1 = window
    return x0 == 0, y0 == 0, x1 == size[1], y1 == size[0]


def _sides(labels: np.ndarray) -> tuple[np.ndarray, ...]:
    return labels[:, 0], labels[0], labels[:, -1], labels[-1]


def _small(regions: np.ndarray, min_area: int) -> tuple[np.ndarray, np.ndarray]:
    """int32 (h, w), 0 for no region and a number for each, and bool (numbers,), whether each is small; 0 is not."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(regions.astype(np.uint8), connectivity=8)
    small = stats[:, cv2.CC_STAT_AREA] < min_area
    small[0] = False
    return labels, small
