"""Masks for prompts without a page: one and several, equal boxes, and that they are the page's."""

import numpy as np
import pytest

from samui.errors import PromptError
from samui.types import Prompt
from samui.work.segment import segment, segment_each
from tests.fakes import FakePredictor

IMAGE = np.zeros((60, 80, 3), np.uint8)
BOX = (10.0, 10.0, 50.0, 40.0)


class Echo(FakePredictor):
    """A predictor whose scores show which logits it was given."""

    def predict(self, embedding, prompt, *, multimask=True):
        found = super().predict(embedding, prompt, multimask=multimask)
        if prompt.mask_logits is not None:
            found.scores[:] = found.scores * 0 + prompt.mask_logits.mean()
        return found


def test_equal_boxes_with_other_logits_have_answers_of_their_own():
    logits = [np.full((256, 256), value, np.float32) for value in (0.25, 0.5)]
    prompts = [Prompt(box=BOX, mask_logits=logits[0]), Prompt(box=BOX), Prompt(box=BOX, mask_logits=logits[1])]
    together = segment_each(Echo(), IMAGE, prompts).state.objects
    alone = [segment(Echo(), IMAGE, prompt).score for prompt in prompts]
    assert [item.score for item in together] == pytest.approx(alone) == [0.25, 0.9, 0.5]


def test_boxes_share_a_pass_and_a_box_with_points_uses_it():
    predictor = FakePredictor()
    segment_each(predictor, IMAGE, [Prompt(box=BOX), Prompt([(20, 20)], [1], BOX)])
    assert predictor.predict_calls == 2


def test_one_segment_tells_mask_score_box_and_area():
    found = segment(FakePredictor(), IMAGE, Prompt([(30, 30)], [1]), candidate=0)
    assert found.mask.shape == (60, 80)
    assert found.mask[30, 30]
    assert (found.candidate, found.score) == (0, pytest.approx(0.6))
    assert found.area == found.mask.sum()
    assert found.box == (24, 24, 36, 36)


@pytest.mark.parametrize(
    ("prompt", "candidate", "text"),
    [
        (Prompt(), None, r"prompts\[0\]: must have a point or a box"),
        (Prompt([(90, 10)], [1]), None, r"prompt\.points\[0\]: must lie inside 80x60"),
        (Prompt([(9, 10)], [1]), 3, "candidate: must be from 0 to 2, got 3"),
    ],
)
def test_prompt_that_cannot_be_is_refused(prompt, candidate, text):
    with pytest.raises(PromptError, match=text):
        segment(FakePredictor(), IMAGE, prompt, candidate=candidate)
