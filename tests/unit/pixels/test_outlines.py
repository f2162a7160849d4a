"""Outlines through the middles of pixels cover what they say, and one way round a whole mask costs what it must."""

import cv2
import numpy as np
import pytest

from samui.errors import MaskError
from samui.pixels.outlines import bridged, fill_pixels, outer_contours
from samui.pixels.polygons import fill, with_holes
from samui.pixels.rle import Rle
from tests.unit.pixels.test_rle import random_mask


def parts(mask):
    return cv2.connectedComponents(mask.view(np.uint8), connectivity=8)[0] - 1


@pytest.mark.parametrize("seed", range(40))
def test_one_way_round_a_mask_takes_no_pixel_and_adds_none_within_a_part(seed):
    mask = random_mask(seed, 37, 53)
    outline = bridged(Rle.encode(mask))
    back = fill_pixels(mask.shape, [outline]).decode()
    assert not (mask & ~back).any()
    if parts(mask) == 1:
        np.testing.assert_array_equal(back, mask)


def test_holes_in_a_row_hang_on_each_other_and_cost_nothing():
    mask = np.ones((30, 60), bool)
    for x in range(3, 55, 4):
        mask[10:20, x : x + 2] = False
    mask[3, 1:59:2] = False
    np.testing.assert_array_equal(fill_pixels(mask.shape, [bridged(Rle.encode(mask))]).decode(), mask)


def test_islands_are_joined_by_a_line_at_their_nearest_corners():
    mask = np.zeros((20, 40), bool)
    mask[2:6, 2:6] = mask[2:6, 20:25] = mask[2:6, 9:12] = True
    back = fill_pixels(mask.shape, [bridged(Rle.encode(mask))]).decode()
    assert (back & ~mask).sum() == 3 + 8
    assert parts(back) == 1


def test_what_has_no_pixel_has_no_outline():
    empty = Rle.encode(np.zeros((4, 5), bool))
    assert len(bridged(empty)) == 0
    assert outer_contours(empty) == []
    assert fill_pixels((4, 5), []) == empty


@pytest.mark.parametrize("seed", range(20))
def test_outer_contours_cover_their_parts_with_the_holes_closed(seed):
    mask = random_mask(seed, 37, 53)
    back = fill_pixels(mask.shape, outer_contours(Rle.encode(mask))).decode()
    assert not (mask & ~back).any()
    _, regions = cv2.connectedComponents(np.pad(~mask, 1, constant_values=True).view(np.uint8), connectivity=4)
    np.testing.assert_array_equal(back, (regions != regions[0, 0])[1:-1, 1:-1])


@pytest.mark.parametrize("seed", range(40))
def test_parts_with_their_holes_fill_to_the_mask_and_pass_no_corner_twice(seed):
    rle = Rle.encode(random_mask(seed, 37, 53))
    found = with_holes(rle)
    assert fill(rle.size, found) == rle
    for part in found:
        for ring in part:
            assert len(np.unique(ring, axis=0)) == len(ring)


def test_corners_far_away_are_refused():
    with pytest.raises(MaskError, match=r"polygons\[0\]: must lie at most 1048576 pixels outside 5x4"):
        fill_pixels((4, 5), [np.array([[0, 0], [3, 0], [1 << 22, 3]])])
