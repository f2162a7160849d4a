"""`Prompt` refuses what no prompt can be; `Prediction` ranks its candidates and makes masks on demand."""

import numpy as np
import pytest

from samui.errors import PromptError
from samui.types import Prediction, Prompt

MALFORMED = {
    "point of three": ({"points": [(1, 2, 3)], "labels": [1]}, r"prompt.points\[0\]: must be 2 finite numbers"),
    "point nan": ({"points": [(1, float("nan"))], "labels": [1]}, r"prompt.points\[0\]: must be 2 finite numbers"),
    "point a text": ({"points": ["ab"], "labels": [1]}, r"prompt.points\[0\]: must be 2 finite .*, got 'ab'"),
    "points a text": ({"points": "12", "labels": [1]}, "prompt.points: must be a list, got '12'"),
    "points a number": ({"points": 5}, "prompt.points: must be a list, got 5"),
    "label missing": ({"points": [(1, 2)]}, "prompt.labels: must be one for each of 1 points, got 0"),
    "label 2": ({"points": [(1, 2)], "labels": [2]}, r"prompt.labels\[0\]: must be 1 \(include\) or .* got 2"),
    "label true": ({"points": [(1, 2)], "labels": [True]}, r"prompt.labels\[0\]: must be 1 .* got True"),
    "box of three": ({"box": (1, 2, 3)}, "prompt.box: must be 4 finite numbers"),
    "box inverted": ({"box": (5, 1, 2, 9)}, r"prompt.box: must have x0 < x1 and y0 < y1, got \(5, 1, 2, 9\)"),
    "box infinite": ({"box": (0, 0, float("inf"), 9)}, "prompt.box: must be 4 finite numbers"),
    "logits of three dimensions": (
        {"box": (0, 0, 1, 1), "mask_logits": np.zeros((1, 4, 4))},
        r"prompt.mask_logits: must have two dimensions \(h, w\), got shape \(1, 4, 4\)",
    ),
}


@pytest.mark.parametrize(("fields", "text"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_prompt_says_where_which_rule_and_which_value(fields, text):
    with pytest.raises(PromptError, match=text):
        Prompt(**fields)


def test_prompt_takes_arrays_and_stores_tuples_of_floats():
    prompt = Prompt(np.array([[1, 2], [3, 4]]), np.array([1, 0]), np.array([0, 1, 2, 3]))
    assert prompt.points == ((1.0, 2.0), (3.0, 4.0))
    assert prompt.labels == (1, 0)
    assert prompt.box == (0.0, 1.0, 2.0, 3.0)


@pytest.mark.parametrize("point", [(-0.1, 5), (80.1, 5), (5, 60.1)])
def test_point_outside_the_image_is_told_with_its_size(point):
    with pytest.raises(PromptError, match=r"objects\[2\].points\[0\]: must lie inside 80x60"):
        Prompt([point], [1]).check_inside(60, 80, where="objects[2]")


def test_edges_of_the_image_are_inside():
    Prompt([(0, 0), (80, 60)], [1, 1], (0, 0, 80, 60)).check_inside(60, 80)


def test_prediction_ranks_by_score_and_makes_only_the_mask_that_is_asked_for():
    made = []

    def upscale(logits):
        made.append(logits)
        return logits > 0

    scores = np.array([0.2, 0.9, 0.9], np.float32)
    prediction = Prediction(np.stack([np.full((2, 2), v, np.float32) for v in (-1, 0, 1)]), scores, (2, 2), upscale)
    assert prediction.best == 1
    assert prediction.ranking == [1, 2, 0]
    assert not prediction.mask(1).any()
    assert len(made) == 1
    assert prediction.masks.shape == (3, 2, 2)
