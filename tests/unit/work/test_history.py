"""The undo list as a value: what a push drops, what a budget leaves, and that the bytes told are those alive."""

import gc
from dataclasses import replace

import numpy as np
import pytest

from samui.pixels.rle import Rle
from samui.types import Prompt
from samui.work import actions
from samui.work.history import History
from samui.work.session import Session
from samui.work.state import State
from samui.work.tools import Tools
from tests.fakes import FakePredictor

SIZE = (60, 80)


def masks(count):
    """States whose masks have 4, 8, 12, ... bytes of runs."""
    state = State(SIZE)
    for n in range(1, count + 1):
        runs = np.full(n, 1, np.uint32)
        runs[-1] = SIZE[0] * SIZE[1] - n + 1
        yield replace(state, mask=Rle(SIZE, runs))


def history(count=5):
    first, *rest = masks(count)
    return History.of(first).push(*rest)


def labels(history):
    return [len(state.mask.counts) for state in history.states]


def test_push_after_going_back_drops_what_was_undone():
    back = history().move(-3)
    (new, *_) = masks(1)
    after = back.push(new)
    assert labels(after) == [1, 2, 1]
    assert after.at == 2
    assert labels(back) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("at", "budget", "left", "now"),
    [
        (4, 60, [1, 2, 3, 4, 5], 5),
        (4, 59, [2, 3, 4, 5], 5),
        (4, 36, [4, 5], 5),
        (4, 0, [4, 5], 5),
        (2, 24, [2, 3], 3),
        (2, 44, [2, 3, 4], 3),
        (0, 0, [1, 2], 1),
        (1, 0, [1, 2], 2),
    ],
    ids=[
        "all fit",
        "oldest goes",
        "two left",
        "two stay",
        "undone goes last",
        "oldest first",
        "at the start",
        "second",
    ],
)
def test_budget_leaves_the_present_state_and_a_step_from_it(at, budget, left, now):
    after = history().move(at - 4).within(budget)
    assert labels(after) == left
    assert len(after.state.mask.counts) == now
    assert after.nbytes == 4 * sum(left)


def test_history_within_its_budget_is_the_same_object():
    whole = history()
    assert whole.within(whole.nbytes) is whole
    assert whole.move(0) is whole
    assert whole.move(9) is whole


def alive(*roots):
    """Bytes of all arrays that these values keep alive, found by asking the garbage collector."""
    seen, arrays, stack = set(), {}, list(roots)
    while stack:
        one = stack.pop()
        if id(one) in seen or isinstance(one, (type, str, bytes, int, float)) or callable(one):
            continue
        seen.add(id(one))
        if isinstance(one, np.ndarray):
            while isinstance(one.base, np.ndarray):
                one = one.base
            arrays[id(one)] = one.nbytes
            continue
        stack += gc.get_referents(one)
    return sum(arrays.values())


@pytest.fixture
def tools():
    predictor = FakePredictor()
    embedding = predictor.embed(np.zeros((*SIZE, 3), np.uint8))
    return Tools(lambda prompt: predictor.predict(embedding, prompt), lambda mask, prompt: mask, "fake")


def test_bytes_of_a_session_are_those_that_it_keeps_alive(tools):
    session = Session.begin(SIZE)
    for action in (
        actions.SetPrompt(Prompt([(20, 20), (30, 30)], [1, 1])),
        actions.Choose(2),
        actions.SetPrompt(Prompt([(20, 20), (30, 30), (40, 40)], [1, 1, 0])),
        actions.Accept("cat"),
        actions.SetPrompt(Prompt(box=(10, 10, 50, 50))),
        actions.Accept("dog"),
        actions.Reopen(1),
        actions.SetPrompt(Prompt([(20, 20), (30, 30), (40, 40), (50, 50)], [1, 1, 0, 1])),
        actions.Undo(),
    ):
        session = session.apply(action, tools)
        assert session.nbytes == alive(session)


def test_accepted_object_keeps_the_logits_of_one_candidate_and_no_others(tools):
    session = Session.begin(SIZE, history_bytes=0)
    session = session.apply(actions.SetPrompt(Prompt([(20, 20), (30, 30)], [1, 1])), tools)
    session = session.apply(actions.Accept(), tools)
    for _ in range(3):  # until no state of the prompt is left in the undo list
        session = session.apply(actions.Show(1, False), tools).apply(actions.Show(1, True), tools)
    one = 256 * 256 * 4
    assert one < alive(session) < 1.1 * one
