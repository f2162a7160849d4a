"""Run boundaries and stability scores, from low-resolution logits."""

import itertools

import numpy as np
import pytest

from samui.everything import outline
from samui.everything.grid import Crop
from samui.pixels.geometry import Frame, run_lengths
from samui.pixels.rle import Rle


@pytest.mark.parametrize("size", [(7, 5), (300, 401), (256, 256), (1, 40), (40, 1), (1, 1)])
def test_runs_of_a_mask_are_its_run_lengths_and_its_place_in_the_image(size):
    frame = Frame.fit(*size, longest=64)
    for seed, shift in itertools.product(range(3), (-8, 0, 8, 40)):
        logits = np.random.default_rng(seed).normal(shift, 8, (16, 16)).astype(np.float32)
        mask = frame.mask(logits)
        runs = frame.spans(logits)
        assert Rle(size, run_lengths(runs, size)) == Rle.encode(mask)
        larger = (size[0] + 5, size[1] + 7)
        crop = Crop((3, 4, 3 + size[1], 4 + size[0]), 1)
        expected = np.zeros(larger, np.bool_)
        expected[4 : 4 + size[0], 3 : 3 + size[1]] = mask
        assert Rle(larger, run_lengths(crop.place(runs, larger), larger)) == Rle.encode(expected)


def test_stability_is_the_iou_of_the_masks_at_the_two_offsets():
    frame = Frame.fit(90, 120, longest=64)
    logits = np.random.default_rng(0).normal(0, 3, (16, 16)).astype(np.float32)
    above, below = frame.mask(logits - np.float32(1)), frame.mask(logits + np.float32(1))
    assert outline.stability(logits, frame, 1.0) == pytest.approx(above.sum() / below.sum())
    assert np.isnan(outline.stability(logits - 100, frame, 1.0))
