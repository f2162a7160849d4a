"""Outlines along pixel corners are exact, and polygons become the pixels that pycocotools makes of them."""

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco

from samui.errors import MaskError
from samui.pixels import polygons
from samui.pixels.polygons import fill, filled, rings
from samui.pixels.rle import Rle
from tests.unit.pixels.test_rle import MASKS, random_mask

# pycocotools 2.0.11 does not know the copy keyword of NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
every_mask = pytest.mark.parametrize(
    "mask", [m for m in MASKS.values() if m.size < 20_000], ids=[name for name, m in MASKS.items() if m.size < 20_000]
)


def by_pycocotools(size, outlines) -> np.ndarray:
    return coco.decode(coco.merge(coco.frPyObjects([one.ravel().tolist() for one in outlines], *size))).astype(bool)


def outer(rle):
    return [ring.corners.astype(float) for ring in rings(rle) if not ring.hole]


def shoelace(corners):
    (x, y), (u, v) = corners.T, np.roll(corners, -1, axis=0).T
    return abs(int((x * v - u * y).sum())) // 2


@every_mask
def test_outlines_enclose_exactly_the_mask(mask):
    found = rings(Rle.encode(mask))
    together = np.zeros(mask.shape, bool)
    for ring in found:
        together ^= by_pycocotools(mask.shape, [ring.corners.astype(float)])
        turns = np.abs(ring.corners - np.roll(ring.corners, 1, axis=0))
        assert ((turns == 0).sum(axis=1) == 1).all(), "sides are level or upright, none is of no length"
    np.testing.assert_array_equal(together, mask)
    parts, _ = cv2.connectedComponents(mask.view(np.uint8), connectivity=4)
    assert sum(not ring.hole for ring in found) == parts - 1, "one outer outline for each part"
    assert sum(shoelace(ring.corners) * (-1 if ring.hole else 1) for ring in found) == mask.sum()


@every_mask
def test_outer_outlines_give_the_mask_with_closed_holes_here_and_in_pycocotools(mask):
    rle = Rle.encode(mask)
    closed = filled(rle)
    assert fill(mask.shape, outer(rle)) == closed
    if mask.any():
        np.testing.assert_array_equal(by_pycocotools(mask.shape, outer(rle)), closed.decode())


def test_a_ring_has_an_outer_outline_and_one_of_its_hole():
    mask = np.zeros((6, 8), bool)
    mask[1:5, 2:7] = True
    mask[2:4, 3:5] = False
    first, second = rings(Rle.encode(mask))
    assert (first.hole, first.corners.tolist()) == (False, [[2, 1], [7, 1], [7, 5], [2, 5]])
    assert (second.hole, second.corners.tolist()) == (True, [[3, 2], [5, 2], [5, 4], [3, 4]])
    assert filled(Rle.encode(mask)).area == 20


@pytest.mark.parametrize("seed", range(60))
def test_any_polygons_become_the_pixels_of_pycocotools(seed):
    rng = np.random.default_rng(seed)
    size = tuple(int(side) for side in rng.integers(1, 60, 2))
    for digits in (0, 1, 8):
        outlines = [rng.uniform(-20, 80, (rng.integers(3, 12), 2)).round(digits) for _ in range(rng.integers(1, 4))]
        np.testing.assert_array_equal(fill(size, outlines).decode(), by_pycocotools(size, outlines))


def test_a_long_outline_is_walked_in_blocks(monkeypatch):
    mask = random_mask(5, 60, 70)
    whole = fill(mask.shape, outer(Rle.encode(mask)))
    monkeypatch.setattr(polygons, "_STEPS", 40)
    assert fill(mask.shape, outer(Rle.encode(mask))) == whole


@pytest.mark.parametrize(
    ("polygon", "message"),
    [
        ([[1, 2], [3, 4]], "polygons[0]: must have at least three corners (x, y), got shape (2, 2)"),
        ([[1, 2, 3]] * 3, "polygons[0]: must have at least three corners (x, y), got shape (3, 3)"),
        ([[1, 2], [float("nan"), 4], [5, 5]], "polygons[0]: must lie at most 1048576 pixels outside 9x8, got nan"),
        ([[1, 2], [1e300, 4], [5, 5]], "polygons[0]: must lie at most 1048576 pixels outside 9x8, got 1e+300"),
        ([[0, 0], [1e6, 1e6], [0, 5]] * 99, "polygons[0]: must be outlines of at most 26843545 pixels in all, got"),
    ],
    ids=["two corners", "three numbers", "nan", "far away", "too long"],
)
def test_polygons_that_are_none_are_refused(polygon, message):
    with pytest.raises(MaskError) as caught:
        fill((8, 9), [np.array(polygon, float)])
    assert message in str(caught.value)


def test_no_polygon_is_no_pixel():
    assert fill((3, 4), []) == Rle.encode(np.zeros((3, 4), bool)) == filled(Rle.encode(np.zeros((3, 4), bool)))
    assert rings(Rle.encode(np.zeros((3, 4), bool))) == []
