"""Strokes are exact in image pixels: a pixel is drawn if its centre is within half a width of the line."""

import numpy as np
import pytest

from samui.pixels.strokes import draw

SIZE = (40, 60)


def near(points, width):
    """The same by looking at every pixel."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    found = np.zeros(SIZE, bool)
    for (ax, ay), (bx, by) in zip(points, points[1:] or points, strict=False):
        d = np.array([bx - ax, by - ay])
        along = ((x - ax) * d[0] + (y - ay) * d[1]) / max(d @ d, 1e-12)
        along = np.clip(along, 0, 1)
        found |= (x - ax - along * d[0]) ** 2 + (y - ay - along * d[1]) ** 2 <= width**2 / 4
    return found


@pytest.mark.parametrize(
    ("points", "width"),
    [
        ([(30.5, 20.5)], 1),
        ([(30, 20)], 9),
        ([(5, 5), (50, 30)], 7.5),
        ([(5, 5), (5, 30), (50, 30), (50, 30)], 3),
        ([(-20, 20), (90, 20)], 6),
        ([(59, 39), (80, 80)], 12),
        ([(100, 100)], 5),
    ],
    ids=["one pixel", "disc", "slanted", "corner and a point twice", "beyond both sides", "out of it", "outside"],
)
def test_stroke_sets_and_clears_just_the_pixels_near_its_line(points, width):
    empty, full = np.zeros(SIZE, bool), np.ones(SIZE, bool)
    draw(empty, points, width, True)
    draw(full, points, width, False)
    assert np.array_equal(empty, near(points, width))
    assert np.array_equal(~full, empty)
