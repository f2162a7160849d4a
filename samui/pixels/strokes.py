"""Strokes of a brush on a mask, exact in image pixels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from samui.types import Point


def draw(mask: np.ndarray, points: Sequence[Point], width: float, add: bool) -> None:
    """Set, or clear, the pixels of a bool (H, W) mask whose centres lie within width / 2 of a line, in place.

    points: (x, y) in image pixels, joined by straight lines; one point gives a disc. What lies outside of the mask is
    left out. Work and memory grow with the boxes round the line's parts, not with the mask.
    """
    radius = width / 2
    ends = list(pairwise(points)) or [(point, point) for point in points]
    height, columns = mask.shape
    for (ax, ay), (bx, by) in ends:
        x0, x1 = _span(ax, bx, radius, columns)
        y0, y1 = _span(ay, by, radius, height)
        if x0 >= x1 or y0 >= y1:
            continue
        x = np.arange(x0, x1) + 0.5 - ax
        y = (np.arange(y0, y1) + 0.5 - ay)[:, None]
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        along = np.clip((x * dx + y * dy) / length, 0, 1) if length else np.zeros((1, 1))
        near = (x - along * dx) ** 2 + (y - along * dy) ** 2 <= radius * radius
        mask[y0:y1, x0:x1][near] = add


def _span(a: float, b: float, radius: float, length: int) -> tuple[int, int]:
    """On an axis of `length` pixels, the first pixel whose centre may be near, and the one after the last."""
    return max(0, int(np.floor(min(a, b) - radius))), min(length, int(np.ceil(max(a, b) + radius)))
