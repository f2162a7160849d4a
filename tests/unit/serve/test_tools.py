"""Which actions need the decoder or the pixels of the image, and what answers a prompt that was prepared."""

import numpy as np
import pytest

from samui.serve.seat import Prepared
from samui.serve.tools import decodes, snaps
from samui.timings import Timings
from samui.types import Prompt
from samui.work import actions
from samui.work.session import Session
from samui.work.tools import Tools
from tests.fakes import FakePredictor

SIZE = (60, 80)


@pytest.fixture
def tools():
    predictor = FakePredictor()
    embedding = predictor.embed(np.zeros((*SIZE, 3), np.uint8))
    return Tools(lambda prompt: predictor.predict(embedding, prompt), lambda mask, prompt: mask)


def click(*points):
    return actions.SetPrompt(Prompt(points, [1] * len(points)))


def test_empty_prompt_and_what_decodes_nothing_need_no_embedding():
    assert decodes(click((5, 5)))
    assert decodes(actions.Reopen(1))
    assert not decodes(click())
    assert not decodes(actions.Undo())


def test_step_back_needs_the_pixels_only_where_nobody_has_looked_yet(tools):
    session = Session.begin(SIZE, snap=True).apply(click((9, 9), (20, 20)), tools)
    assert snaps(actions.Undo(), session)
    back = session.apply(actions.Undo(), tools)
    assert not snaps(actions.Undo(), back)
    assert not snaps(actions.Redo(), back)


@pytest.mark.parametrize("snap", [True, False])
def test_choice_needs_the_pixels_where_masks_are_snapped(snap):
    assert snaps(actions.Choose(1), Session.begin(SIZE, snap=snap)) is snap


def test_what_is_prepared_answers_its_own_prompt_in_its_own_session(tools):
    before, prompt = Session.begin(SIZE), Prompt([(9, 9)], [1])
    prepared = Prepared(prompt, before, before.apply(actions.SetPrompt(prompt), tools), Timings())
    assert prepared.answers(Prompt([(9, 9)], [1]), before)
    assert not prepared.answers(Prompt([(9, 9)], [0]), before)
    assert not prepared.answers(prompt, Session.begin(SIZE))
