"""Suppression of overlapping boxes."""

import numpy as np
import pytest

from samui.everything import nms
from samui.everything.nms import keep_best


def naive_nms(boxes, scores, threshold):
    """As its definition reads, in torchvision's precision."""
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if all(box_iou(boxes[i], boxes[j]) <= threshold for j in kept):
            kept.append(i)
    return kept


def box_iou(one, other):
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, width) * max(0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(np.float32(shared) / np.float32(sum(areas) - shared)) if sum(areas) else 0


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
def test_suppression_is_that_of_its_definition(threshold):
    for seed in range(10):
        random = np.random.default_rng(seed)
        corner = random.integers(0, 40, (80, 2))
        boxes = np.concatenate([corner, corner + random.integers(0, 30, (80, 2))], axis=1)
        scores = random.integers(0, 20, 80) / 20  # many equal ones
        kept = keep_best(boxes, scores.astype(np.float32), threshold)
        assert kept.tolist() == naive_nms(boxes.tolist(), scores.tolist(), threshold)


def test_iou_of_two_boxes_is_that_of_its_definition():
    random = np.random.default_rng(0)
    for _ in range(300):
        one, other = (
            (x, y, x + width, y + height)
            for x, y, width, height in zip(*random.integers(0, 12, (4, 2)).tolist(), strict=True)
        )
        assert nms.box_iou(one, other) == pytest.approx(box_iou(one, other), abs=1e-6)


def test_suppression_of_nothing_is_nothing():
    assert keep_best(np.empty((0, 4)), [], 0.7).tolist() == []
