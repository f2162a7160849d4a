"""Single actions as a function from state to state: limits, ids, found masks, and that nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest

from samui.errors import SessionError
from samui.everything import FoundMask
from samui.pixels.rle import Rle
from samui.types import Prompt
from samui.work import actions, state
from samui.work.apply import apply
from samui.work.session import Session
from samui.work.state import State
from samui.work.tools import Tools
from tests.fakes import FakePredictor

SIZE = (60, 80)


def disc(id, x, y):
    mask = np.hypot(*(np.mgrid[:60, :80] - np.array([[[y]], [[x]]]))) < 8
    box = (x - 7, y - 7, x + 8, y + 8)
    return FoundMask(id, Rle.encode(mask), 0.8, 0.9, box, int(mask.sum()), (float(x), float(y)), 0, (0, 0, 80, 60))


FOUND = {1: disc(1, 20, 20), 2: disc(2, 50, 30), 3: disc(3, 24, 22)}


@pytest.fixture
def predictor():
    return FakePredictor()


@pytest.fixture
def tools(predictor):
    embedding = predictor.embed(np.zeros((*SIZE, 3), np.uint8))
    numbers = iter(range(1, 10_000))
    return Tools(
        lambda prompt: predictor.predict(embedding, prompt),
        model="fake",
        found=lambda ids: [FOUND[id] for id in ids],
        uid=lambda: f"uid {next(numbers)}",
    )


@pytest.fixture
def do(tools):
    def do(state, *all):
        for action in all:
            state = apply(state, action, tools)
        return state

    return do


def click(*points, box=None):
    return actions.SetPrompt(Prompt(list(points), [1] * len(points), box))


def test_an_action_leaves_the_state_before_it_as_it_was(do):
    before = do(State(SIZE), click((20, 20)), actions.Accept("cat"), click((50, 30)))
    kept = replace(before)
    for action in (actions.Accept("dog"), actions.Reset(), actions.Delete(1), actions.Relabel(1, "x"), click((9, 9))):
        assert do(before, action) is not before
    assert all(getattr(before, name) is getattr(kept, name) for name in vars(kept))


@pytest.mark.parametrize("action", [actions.Clear(), actions.Reset(), actions.Restore(), actions.Snap(False), click()])
def test_action_that_changes_nothing_gives_the_same_state(do, action):
    now = State(SIZE)
    assert do(now, action) is now


def test_box_that_comes_or_moves_is_decoded_whatever_the_points_say(do, predictor):
    point = do(State(SIZE), click((40, 30)))
    boxed = do(point, click((40, 30), box=(10, 10, 70, 50)))
    moved = do(boxed, click((40, 30), box=(30, 20, 70, 50)))
    assert [len(s.steps) for s in (point, boxed, moved)] == [1, 2, 2]
    assert predictor.predict_calls == 5
    assert len({s.mask.to_string() for s in (point, boxed, moved)}) == 3


def test_limit_of_objects_holds_for_new_ones_and_not_for_one_that_is_reopened(do, monkeypatch):
    monkeypatch.setattr("samui.work.apply.MAX_OBJECTS", 2)
    assert state.MAX_OBJECTS == 5000
    two = do(State(SIZE), click((20, 20)), actions.Accept(), click((50, 30)), actions.Accept())
    with pytest.raises(SessionError, match="accept: at most 2 objects an image, got one more"):
        do(two, click((9, 9)), actions.Accept())
    again = do(two, actions.Reopen(1), click((20, 20), (30, 30)), actions.Accept())
    assert [item.id for item in again.objects] == [1, 2]
    assert again.next_id == 3


def test_object_keeps_its_uid_through_all_that_changes_it(do):
    one = do(State(SIZE), click((20, 20)), actions.Accept("cat"))
    (uid,) = {item.uid for item in one.objects}
    more = do(one, actions.Relabel(1, "dog"), actions.Recolour(1, "#000000"), actions.Show(1, False))
    more = do(more, actions.Reopen(1), click((20, 20), (40, 40)), actions.Accept(), click((60, 20)), actions.Accept())
    assert more.objects[0].uid == uid
    assert len({item.uid for item in more.objects}) == 2


def test_reopened_and_accepted_object_is_what_it_was(do):
    for first in ((click((20, 20)), actions.Choose(2), actions.Accept("cat")), (actions.Keep((1,)),)):
        before = do(State(SIZE), *first)
        after = do(before, actions.Reopen(1), actions.Accept())
        old, new = before.objects[0], after.objects[0]
        assert new.gestures == old.gestures
        assert new.mask is old.mask
        assert new.candidate == old.candidate


def test_object_without_its_logits_is_decoded_from_its_gestures_with_their_choices(do, predictor):
    kept = do(State(SIZE), click((20, 20)), actions.Choose(2), click((20, 20), (40, 30)), actions.Accept())
    lean = replace(kept, objects=tuple(replace(item, logits=None) for item in kept.objects))
    calls = predictor.predict_calls
    whole, again = do(kept, actions.Reopen(1)), do(lean, actions.Reopen(1))
    assert predictor.predict_calls == calls + 1 + 2
    assert np.array_equal(whole.prediction.logits, again.prediction.logits)
    assert [step.candidate for step in again.steps] == [0, 1]


def test_reset_offers_found_masks_again_and_keeps_the_rejected_ones_away(do):
    now = do(State(SIZE), actions.Keep((1,)), actions.Reject((2,)), actions.Reset())
    assert (now.objects, now.taken, now.rejected) == ((), frozenset(), {2})


def test_refine_of_a_mask_that_was_kept_works_on_its_object(do):
    now = do(State(SIZE), actions.Keep((1,)), actions.Refine(1))
    assert now.reopened == 1
    assert do(now, actions.Accept()).objects[0].id == 1


def test_refine_while_an_object_is_reopened_leaves_that_object_alone(do):
    kept = do(State(SIZE), click((60, 40)), actions.Accept("cat"))
    now = do(kept, actions.Reopen(1), actions.Refine(2), actions.Accept())
    assert now.objects[0] is kept.objects[0]
    assert [item.id for item in now.objects] == [1, 2]


def test_changed_prompt_that_also_grows_is_one_step_of_undo(tools):
    session = Session.begin(SIZE).apply(click((20, 20)), tools)
    session = session.apply(click((21, 20), (40, 40), (50, 50)), tools)
    assert session.apply(actions.Undo(), tools).state.prompt.points == ((20.0, 20.0),)


def test_several_new_points_are_snapped_once_and_the_others_when_somebody_goes_back(tools):
    snapped = []
    tools = replace(tools, snap=lambda mask, prompt: snapped.append(len(prompt.points)) or mask)
    session = Session.begin(SIZE, snap=True).apply(click((20, 20), (40, 40), (50, 50)), tools)
    assert snapped == [3]
    session = session.apply(actions.Undo(), tools).apply(actions.Redo(), tools).apply(actions.Undo(), tools)
    assert snapped == [3, 2]
    assert session.state.mask is not None


def test_failure_at_the_last_of_several_new_points_leaves_the_session_as_it_was(tools):
    def fail(mask, prompt):
        if len(prompt.points) == 3:
            raise MemoryError("no room")
        return mask

    session = Session.begin(SIZE, snap=True)
    with pytest.raises(MemoryError):
        session.apply(click((20, 20), (40, 40), (50, 50)), replace(tools, snap=fail))
    assert session.state.steps == ()
    assert not session.can_undo
