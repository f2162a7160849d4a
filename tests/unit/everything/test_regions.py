"""Small holes and islands are removed, as segment-anything does it."""

import cv2
import numpy as np
import pytest

import samui
from samui.everything.regions import remove_small_regions
from samui.pixels.rle import Rle
from tests.unit.everything.things import IMAGE, LEFT, Things, spot


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (spot((40, 60), (5, 5, 30, 30), (10, 10, 12, 12)), spot((40, 60), (5, 5, 30, 30))),
        (spot((40, 60), (5, 5, 30, 30), (50, 20, 53, 22)), spot((40, 60), (5, 5, 30, 30))),
        (spot((40, 60), (2, 2, 4, 4), (20, 20, 23, 23)), spot((40, 60), (20, 20, 23, 23))),
        (spot((40, 60), (0, 0, 60, 40), (0, 20, 4, 23)), spot((40, 60), (0, 0, 60, 40))),
        (spot((40, 60), (1, 0, 60, 40)), spot((40, 60), (1, 0, 60, 40))),
    ],
    ids=["hole", "island", "only islands: the largest stays", "notch at the edge", "background of 40 pixels"],
)
def test_small_holes_and_islands_go(mask, expected):
    assert np.array_equal(remove_small_regions(Rle.encode(mask), 35).decode(), expected)


def naive_clean(mask, area):
    """segment-anything's own order of steps on the whole image."""
    for holes in (True, False):
        count, labels, stats, _ = cv2.connectedComponentsWithStats((holes ^ mask).astype(np.uint8), connectivity=8)
        sizes = stats[1:, -1]
        small = [i + 1 for i, size in enumerate(sizes) if size < area]
        if not small:
            continue
        fill = [0, *small] if holes else [i for i in range(count) if i not in (0, *small)]
        mask = np.isin(labels, fill or [int(np.argmax(sizes)) + 1])
    return mask


def test_cleaned_masks_are_those_of_segment_anything():
    for seed in range(40):
        random = np.random.default_rng(seed)
        noise = cv2.GaussianBlur(random.standard_normal((50, 70)).astype(np.float32), (0, 0), 2)
        box = np.zeros((50, 70), np.bool_)
        x, y = random.integers(0, 60), random.integers(0, 40)
        box[y : y + random.integers(5, 60), x : x + random.integers(5, 70)] = True
        mask = (noise > random.uniform(-0.1, 0.1)) & box
        if mask.any():
            for area in (3, 20, 100, 5000):
                assert np.array_equal(remove_small_regions(Rle.encode(mask), area).decode(), naive_clean(mask, area))


def test_a_mask_without_small_regions_is_the_same_object():
    rle = Rle.encode(spot((40, 60), (5, 5, 30, 30)))
    assert remove_small_regions(rle, 100) is rle


def test_small_regions_are_removed_from_the_masks_that_remain():
    class Spotted(Things):
        def predict_points(self, embedding, points):
            logits, scores = super().predict_points(embedding, points)
            logits[..., 2:6, 200:204] = logits.max(axis=(2, 3), keepdims=True)
            return logits, scores

    predictor = Spotted((LEFT, 0.9, 20.0))
    with_spot = samui.everything(predictor, IMAGE, points_per_side=8)
    without = samui.everything(predictor, IMAGE, points_per_side=8, min_mask_region_area=30)
    assert with_spot[0].box[2] > 120 > 70 > without[0].box[2]
    assert without[0].area == np.count_nonzero(without[0].mask) < with_spot[0].area


def test_of_masks_that_are_alike_without_small_regions_the_one_that_did_not_change_stays():
    class Spotted(Things):
        def predict_points(self, embedding, points):
            logits, scores = super().predict_points(embedding, points)
            spotted = embedding.frame.to_model(points)[:, 0] > 54
            logits[spotted, :, 2:6, 200:204] = logits[spotted].max(axis=(2, 3))[..., None, None]
            return logits, scores + 0.02 * spotted[:, None]

    predictor = Spotted((LEFT, 0.9, 20.0))
    plain, spotted = sorted(samui.everything(predictor, IMAGE, points_per_side=8), key=lambda mask: mask.area)
    assert plain.score < spotted.score
    masks = samui.everything(predictor, IMAGE, points_per_side=8, min_mask_region_area=30)
    assert [mask.rle for mask in masks] == [plain.rle]
    assert [mask.id for mask in masks] == [plain.id]
    report = masks.report
    assert (report.min_mask_region_area, report.kept) == (1, 1)


def test_masks_that_overlap_a_little_stay_when_small_regions_go():
    things = (LEFT, 0.9, 20.0), ((80, 16, 240, 180), 0.95, 20.0)
    masks = samui.everything(Things(*things), IMAGE, points_per_side=8, min_mask_region_area=30)
    assert len(masks) == 3  # either thing, and both at once where a click is on both
