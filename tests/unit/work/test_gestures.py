"""A prompt as gestures in order: what a changed prompt makes of them, and that a mask is a function of them."""

import random

import numpy as np
import pytest

from samui.errors import SessionError
from samui.everything import FoundMask
from samui.pixels.rle import Rle
from samui.types import Prompt
from samui.work import actions
from samui.work.gestures import (
    BoxGesture,
    ChoiceGesture,
    MaskGesture,
    PointGesture,
    StrokeGesture,
    gestures_of,
    prompt_of,
    revise,
)
from samui.work.session import Session
from samui.work.shown import shown
from samui.work.steps import replay
from samui.work.tools import Tools
from tests.fakes import FakePredictor

SIZE = (60, 80)
A, B, C = PointGesture((10.0, 10.0), 1), PointGesture((20.0, 20.0), 0), PointGesture((30.0, 30.0), 1)
BOX, OTHER = BoxGesture((1.0, 1.0, 50.0, 40.0)), BoxGesture((2.0, 2.0, 50.0, 40.0))
CHOICE = ChoiceGesture(2)
STROKE = StrokeGesture(((5.0, 5.0), (9.0, 9.0)), 4.0, True)
GIVEN = MaskGesture(Rle.encode(np.eye(60, 80, dtype=bool)), False)


@pytest.mark.parametrize(
    ("before", "changed", "after"),
    [
        ((), (BOX, A), (BOX, A)),
        ((A, CHOICE), (A, B), (A, CHOICE, B)),
        ((A, CHOICE, B), (A, C), (A, CHOICE, C)),
        ((A, CHOICE, B), (C, B), (C, B)),
        ((A, B, CHOICE), (A,), (A,)),
        ((A, CHOICE, B), (A,), (A, CHOICE)),
        ((A, CHOICE), (A, BOX), (A, BOX)),
        ((A, BOX, CHOICE), (A, OTHER), (A, OTHER)),
        ((BOX, A, CHOICE), (A,), (A,)),
        ((A, STROKE, CHOICE, B), (C,), (C, STROKE)),
        ((A, GIVEN), (A, B), (A, GIVEN, B)),
        ((A, GIVEN), (B,), (B,)),
        ((GIVEN, A), (B,), (GIVEN, B)),
    ],
    ids=[
        "fresh",
        "new point",
        "moved last point keeps the choice before it",
        "moved first point drops it",
        "removed point drops the choice after it",
        "removed last point",
        "new box is decoded first and drops it",
        "moved box keeps its place and drops it",
        "removed box drops it",
        "strokes stay",
        "given mask stays before a new point",
        "given mask goes with the point before it that moved",
        "given mask before all points stays",
    ],
)
def test_changed_prompt_keeps_what_its_change_leaves_true(before, changed, after):
    assert revise(before, prompt_of(changed)) == after


def test_prompt_and_gestures_say_the_same():
    prompt = Prompt([(10, 10), (20, 20)], [1, 0], (1, 1, 50, 40))
    back = prompt_of(gestures_of(prompt))
    assert (back.points, back.labels, back.box) == (prompt.points, prompt.labels, prompt.box)


@pytest.fixture
def tools():
    predictor = FakePredictor()
    embedding = predictor.embed(np.zeros((*SIZE, 3), np.uint8))
    disc = np.hypot(*(np.mgrid[:60, :80] - np.array([[[25]], [[25]]]))) < 9
    found = FoundMask(7, Rle.encode(disc), 0.8, 0.9, (16, 16, 34, 34), int(disc.sum()), (25.0, 25.0), 0, (0, 0, 80, 60))
    return Tools(
        lambda prompt: predictor.predict(embedding, prompt),
        lambda mask, prompt: mask & (np.arange(mask.shape[1]) < 40),
        "fake",
        lambda ids: [found for _ in ids],
    )


def stroke(x, y, add=True):
    return actions.Draw(StrokeGesture(((x, y), (x + 6.0, y)), 5.0, add))


@pytest.mark.parametrize("after", [actions.Choose(1), actions.Choose(2), actions.Snap(True)], ids=str)
def test_stroke_stays_when_something_else_of_the_mask_changes(tools, after):
    session = Session.begin(SIZE).apply(actions.SetPrompt(Prompt([(30, 30)], [1])), tools)
    before = session.state.mask.decode()
    session = session.apply(stroke(60.0, 50.0), tools).apply(stroke(29.0, 30.0, add=False), tools)
    drawn = session.state.mask.decode()
    assert (before[50, 62], drawn[50, 62]) == (False, True)
    assert (before[30, 31], drawn[30, 31]) == (True, False)
    mask = session.apply(after, tools).state.mask.decode()
    assert (mask[50, 62], mask[30, 31]) == (True, False)
    assert not np.array_equal(mask, drawn)
    assert np.array_equal(session.apply(actions.Undo(), tools).apply(actions.Undo(), tools).state.mask.decode(), before)


def test_stroke_stays_when_a_point_is_added_or_moved(tools):
    session = Session.begin(SIZE).apply(actions.SetPrompt(Prompt([(30, 30)], [1])), tools)
    session = session.apply(stroke(60.0, 50.0), tools)
    for points in ([(30, 30), (10, 10)], [(30, 31), (10, 10)]):
        session = session.apply(actions.SetPrompt(Prompt(points, [1, 1])), tools)
        assert session.state.mask.decode()[50, 62]


def test_stroke_stays_when_its_object_is_worked_on_again(tools):
    session = Session.begin(SIZE).apply(actions.SetPrompt(Prompt([(30, 30)], [1])), tools)
    session = session.apply(stroke(60.0, 50.0), tools).apply(actions.Accept(), tools)
    accepted = session.state.objects[0].mask
    session = session.apply(actions.Reopen(1), tools)
    assert session.state.mask == accepted
    session = session.apply(stroke(20.0, 50.0), tools)
    session = session.apply(actions.SetPrompt(Prompt([(30, 30), (10, 10)], [1, 1])), tools)
    mask = session.state.mask.decode()
    assert (mask[50, 62], mask[50, 22], mask[10, 10]) == (True, True, True)


def test_stroke_needs_a_mask(tools):
    with pytest.raises(SessionError, match="stroke: there must be a mask to correct"):
        Session.begin(SIZE).apply(stroke(5.0, 5.0), tools)


def test_found_mask_that_is_refined_is_snapped_once_that_is_switched_on(tools):
    session = Session.begin(SIZE).apply(actions.Refine(7), tools)
    assert session.state.mask.box == (17, 17, 34, 34)
    tools = Tools(tools.predict, lambda mask, prompt: mask & (np.arange(80) < 30), tools.model, tools.found)
    on = session.apply(actions.Snap(True), tools)
    assert on.state.mask.box == (17, 17, 30, 34)
    assert on.apply(actions.Snap(False), tools).state.mask.box == (17, 17, 34, 34)


def random_action(draw, state):
    points = [(draw.randrange(80), draw.randrange(60)) for _ in range(draw.randrange(1, 4))]
    labels = [draw.random() < 0.8 for _ in points]
    prompt, now = state.prompt, list(zip(state.prompt.points, state.prompt.labels, strict=True))
    kind = draw.randrange(11)
    if kind < 3:  # more points
        both = [*now, *zip(points, map(int, labels), strict=True)]
        return actions.SetPrompt(Prompt([p for p, _ in both], [v for _, v in both], prompt.box))
    if kind == 3 and now:  # a moved one
        now[draw.randrange(len(now))] = (points[0], 1)
        return actions.SetPrompt(Prompt([p for p, _ in now], [v for _, v in now], prompt.box))
    if kind == 4:
        x, y = draw.randrange(40), draw.randrange(30)
        return actions.SetPrompt(Prompt(prompt.points, prompt.labels, (x, y, x + 30, y + 25)))
    if kind == 5 and now:
        del now[draw.randrange(len(now))]
        return actions.SetPrompt(Prompt([p for p, _ in now], [v for _, v in now], prompt.box))
    if kind < 8 and state.steps:
        return actions.Choose(draw.randrange(3))
    if kind == 8:
        return actions.Snap(draw.random() < 0.5)
    if kind == 9 and state.gestures:
        return stroke(float(draw.randrange(80)), float(draw.randrange(60)), draw.random() < 0.5)
    if kind == 10 and state.objects:
        return actions.Reopen(draw.choice(state.objects).id)
    return actions.Accept() if state.mask is not None and state.mask.area and draw.random() < 0.3 else actions.Undo()


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 30))])
def test_mask_is_a_function_of_the_gestures(tools, seed):
    draw, session = random.Random(seed), Session.begin(SIZE)
    for _ in range(25):
        session = session.apply(random_action(draw, session.state), tools)
        state = session.state
        steps = replay(state.gestures, tools.predict)
        assert shown(state.gestures, steps, state.snap, tools) == state.mask
        assert [step.candidate for step in steps[-1:]] == [step.candidate for step in state.steps[-1:]]
