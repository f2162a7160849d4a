"""A session's actions against the fake predictor: states, undo to the bit, corrections, budgets."""

import numpy as np
import pytest

from samui.errors import PromptError, SessionError
from samui.types import Prompt
from samui.work import actions
from samui.work.session import Session
from samui.work.tools import Tools
from tests.fakes import FakePredictor

SIZE = (60, 80)


class Desk:
    """A session, its fake predictor and short words for the actions."""

    def __init__(self, **options):
        self.predictor = FakePredictor()
        embedding = self.predictor.embed(np.zeros((*SIZE, 3), np.uint8))
        self.snapped = []
        self.tools = Tools(lambda prompt: self.predictor.predict(embedding, prompt), self._snap)
        self.session = Session.begin(SIZE, **options)

    def _snap(self, mask, prompt):
        self.snapped.append(prompt)
        return mask & (np.arange(mask.shape[1]) < 40)

    def do(self, action):
        self.session = self.session.apply(action, self.tools)
        return self.session.state

    def prompt(self, *points, box=None):
        return self.do(
            actions.SetPrompt(Prompt([p[:2] for p in points], [p[2] if len(p) > 2 else 1 for p in points], box))
        )


@pytest.fixture
def desk():
    return Desk()


def shown(state):
    return None if state.mask is None else state.mask.to_string()


def test_click_shows_the_candidate_with_the_highest_score(desk):
    state = desk.prompt((30, 30))
    assert state.candidate == 1
    assert state.mask.area == pytest.approx(np.pi * 12**2, rel=0.05)


def test_second_click_feeds_the_logits_of_the_first_back(desk):
    first = desk.prompt((30, 30))
    desk.prompt((30, 30), (50, 30))
    assert desk.predictor.prompts[0].mask_logits is None
    assert np.array_equal(desk.predictor.prompts[1].mask_logits, first.prediction.logits[1])
    assert desk.predictor.predict_calls == 2


def test_chosen_candidate_is_the_one_that_the_next_click_corrects(desk):
    desk.prompt((30, 30))
    state = desk.do(actions.Choose(rank=2))
    assert state.candidate == 0
    desk.prompt((30, 30), (50, 30))
    assert np.array_equal(desk.predictor.prompts[1].mask_logits, state.prediction.logits[0])


def test_three_clicks_in_one_request_equal_three_requests_and_undo_one_by_one(desk):
    points = [(20, 20), (40, 30), (60, 40, 0)]
    slow = Desk()
    masks = [shown(slow.prompt(*points[:n])) for n in (1, 2, 3)]
    assert shown(desk.prompt(*points)) == masks[2]
    assert desk.predictor.predict_calls == 3
    assert [shown(desk.do(actions.Undo())) for _ in range(3)] == [masks[1], masks[0], None]
    assert [shown(desk.do(actions.Redo())) for _ in range(3)] == masks
    assert desk.predictor.predict_calls == 3


def test_moved_point_decodes_again_from_there_on_and_is_one_step_of_undo(desk):
    before = desk.prompt((20, 20), (40, 30), (60, 40))
    desk.prompt((20, 20), (42, 30), (60, 40))
    assert desk.predictor.predict_calls == 5
    assert desk.do(actions.Undo()) is before


def test_same_prompt_again_runs_nothing_and_adds_no_step(desk):
    state = desk.prompt((20, 20))
    assert desk.prompt((20, 20)) is state
    assert desk.predictor.predict_calls == 1


def test_box_is_the_first_step_of_a_prompt_of_box_and_point(desk):
    desk.prompt((20, 20), box=(10, 10, 40, 40))
    assert [(len(p.points), p.box is not None) for p in desk.predictor.prompts] == [(0, True), (1, True)]


def test_undo_to_the_start_and_redo_to_the_end_restore_identical_states(desk):
    script = [
        lambda: desk.prompt((20, 20)),
        lambda: desk.prompt((20, 20), (30, 25, 0)),
        lambda: desk.do(actions.Choose(rank=1)),
        lambda: desk.do(actions.Accept(label="cat")),
        lambda: desk.prompt(box=(30, 10, 70, 50)),
        lambda: desk.do(actions.Accept(label="dog", colour="#ff0000")),
        lambda: desk.do(actions.Relabel(id=1, label="tiger")),
        lambda: desk.do(actions.Recolour(id=1, colour="#00ff00")),
        lambda: desk.do(actions.Show(id=2, visible=False)),
        lambda: desk.do(actions.Reopen(id=1)),
        lambda: desk.do(actions.Clear()),
        lambda: desk.do(actions.Snap(on=True)),
        lambda: desk.do(actions.Delete(id=2)),
        lambda: desk.do(actions.Reset()),
    ]
    states = [desk.session.state] + [run() for run in script]
    calls = desk.predictor.predict_calls
    back = [desk.do(actions.Undo()) for _ in script]
    assert all(a is b for a, b in zip(back, states[-2::-1], strict=True))
    assert not desk.session.can_undo
    forth = [desk.do(actions.Redo()) for _ in script]
    assert all(a is b for a, b in zip(forth, states[1:], strict=True))
    assert not desk.session.can_redo
    assert desk.predictor.predict_calls == calls


def test_undo_at_the_start_and_redo_at_the_end_change_nothing(desk):
    state = desk.prompt((20, 20))
    assert desk.do(actions.Redo()) is state
    desk.do(actions.Undo())
    assert desk.do(actions.Undo()).steps == ()


def test_new_action_after_undo_drops_what_was_undone(desk):
    desk.prompt((20, 20))
    desk.do(actions.Undo())
    desk.prompt((40, 40))
    assert not desk.session.can_redo


def test_accepted_mask_becomes_an_object_with_prompt_and_next_colour(desk):
    desk.prompt((20, 20))
    desk.do(actions.Accept(label="cat"))
    desk.prompt((60, 40))
    state = desk.do(actions.Accept())
    assert [(o.id, o.label) for o in state.objects] == [(1, "cat"), (2, "cat")]
    assert state.objects[0].colour != state.objects[1].colour
    assert state.objects[0].prompt.points == ((20.0, 20.0),)
    assert state.objects[0].score == pytest.approx(0.9)
    assert (state.mask, state.steps) == (None, ())


def test_reopened_object_goes_on_from_its_logits_and_replaces_itself(desk):
    desk.prompt((20, 20), (30, 20))
    logits = desk.session.state.prediction.logits[1]
    accepted = desk.do(actions.Accept(label="cat")).objects[0]
    state = desk.do(actions.Reopen(id=1))
    assert state.mask is accepted.mask
    assert state.label == "cat"
    desk.prompt((20, 20), (30, 20), (50, 40))
    assert np.array_equal(desk.predictor.prompts[-1].mask_logits, logits)
    state = desk.do(actions.Accept())
    assert [(o.id, o.label, o.colour) for o in state.objects] == [(1, "cat", accepted.colour)]
    assert state.objects[0].mask.area > accepted.mask.area


def test_deleting_the_reopened_object_drops_its_prompt(desk):
    desk.prompt((20, 20))
    desk.do(actions.Accept())
    desk.do(actions.Reopen(id=1))
    state = desk.do(actions.Delete(id=1))
    assert (state.steps, state.mask, state.reopened, state.objects) == ((), None, None, ())


def test_ids_are_not_given_twice_after_a_delete(desk):
    desk.prompt((20, 20))
    desk.do(actions.Accept())
    desk.do(actions.Delete(id=1))
    desk.prompt((20, 20))
    assert desk.do(actions.Accept()).objects[0].id == 2


def test_snap_refines_the_mask_that_is_shown_and_kept(desk):
    raw = desk.prompt((38, 30))
    state = desk.do(actions.Snap(on=True))
    assert state.mask.box[2] == 40 < raw.mask.box[2]
    kept = desk.do(actions.Accept()).objects[0]
    assert kept.mask is state.mask
    assert kept.snapped
    assert desk.predictor.predict_calls == 1


def test_emptied_prompt_drops_the_mask(desk):
    desk.prompt((20, 20))
    assert desk.prompt().mask is None


def test_preview_leaves_the_session_as_it_is(desk):
    mask, score = desk.session.preview(actions.Hover((20.0, 20.0)), desk.tools)
    assert mask.area > 0
    assert score == pytest.approx(0.9)
    assert desk.session.state.steps == ()
    assert not desk.session.can_undo


@pytest.mark.parametrize(
    ("action", "error", "text"),
    [
        (actions.Accept(), SessionError, "accept: there is no mask yet"),
        (actions.Choose(rank=0), SessionError, "candidate: there is none to choose from, got 0"),
        (actions.Reopen(id=7), SessionError, "object: must be one of the session's objects, got id 7"),
        (actions.Delete(id=7), SessionError, "got id 7"),
        (actions.Relabel(id=7, label="x"), SessionError, "got id 7"),
        (
            actions.SetPrompt(Prompt([(81, 5)], [1])),
            PromptError,
            r"points\[0\]: must lie inside 80x60, got \(81",
        ),
        (actions.SetPrompt(Prompt(box=(0, 0, 80, 61))), PromptError, "prompt.box: must lie inside 80x60"),
        (actions.Report(), SessionError, "action: must change the session, got Report"),
    ],
    ids=["accept", "choose", "reopen", "delete", "relabel", "point outside", "box outside", "no change"],
)
def test_action_that_the_state_does_not_allow_says_so_and_changes_nothing(desk, action, error, text):
    state = desk.session.state
    with pytest.raises(error, match=text):
        desk.do(action)
    assert desk.session.state is state


def test_choosing_beyond_the_candidates_is_refused(desk):
    desk.prompt((20, 20))
    with pytest.raises(SessionError, match="candidate: must be below 3, got 3"):
        desk.do(actions.Choose(rank=3))


def test_empty_mask_is_not_kept(desk):
    desk.prompt((20, 20, 0))
    with pytest.raises(SessionError, match="must cover at least one pixel, got 0"):
        desk.do(actions.Accept())


def test_failed_decode_leaves_the_state_as_it_was(desk):
    state = desk.prompt((20, 20))

    def fail(prompt):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        desk.session.apply(actions.SetPrompt(Prompt([(20, 20), (30, 30)], [1, 1])), Tools(fail))
    assert desk.session.state is state


def test_undo_list_stays_within_its_budget_and_counts_shared_parts_once():
    one = 3 * 256 * 256 * 4
    desk = Desk(history_bytes=5 * one + 4000)
    for n in range(20):
        desk.prompt((20, 20 + n))
    assert desk.session.nbytes <= 5 * one + 4000
    undone = 0
    while desk.session.can_undo:
        desk.do(actions.Undo())
        undone += 1
    assert undone == 4
    many = Desk()
    many.prompt((20, 20))
    for rank in (0, 1, 2, 0):
        many.do(actions.Choose(rank=rank))
    assert many.session.nbytes < one + 4000


def test_renaming_the_reopened_object_survives_accepting_it(desk):
    desk.prompt((20, 20))
    desk.do(actions.Accept(label="cup"))
    desk.do(actions.Reopen(id=1))
    assert desk.do(actions.Relabel(id=1, label="mug")).label == "mug"
    assert desk.do(actions.Accept()).objects[0].label == "mug"


def test_other_model_decodes_the_reopened_object_anew_and_keeps_it_one(desk):
    desk.prompt((20, 20), (30, 20))
    desk.do(actions.Accept(label="cup"))
    desk.do(actions.Reopen(id=1))
    calls = desk.predictor.predict_calls
    desk.session = desk.session.for_other_model(desk.tools)
    assert desk.predictor.predict_calls == calls + 2
    assert not desk.session.can_undo
    assert [o.id for o in desk.do(actions.Accept()).objects] == [1]
