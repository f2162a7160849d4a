"""Close-ups: a small thing is found, everywhere by the same mask, and what follows stays where it was found."""

import numpy as np
import pytest

from samui.models.choice import Choice
from samui.pixels.rle import Rle
from samui.pixels.views import View, views_of
from samui.types import Prompt
from samui.work import actions
from samui.work.close_ups import ALIKE
from samui.work.gestures import CloseUpGesture, Pick, PointGesture, StrokeGesture, close_up_of
from samui.work.segment import ImageViews, segment, segment_each
from samui.work.session import Session
from samui.work.shown import shown
from samui.work.steps import replay
from tests.fakes import NearSighted

SIZE = (200, 300)
EYE, HEAD = (140, 90, 154, 102), (70, 50, 220, 150)
AT, BESIDE = (147.0, 96.0), (160.0, 108.0)


def picture():
    image = np.full((*SIZE, 3), 30, np.uint8)
    for (x0, y0, x1, y1), colour in ((HEAD, 120), (EYE, 220)):
        image[y0:y1, x0:x1] = colour
    return image


def filled(box):
    mask = np.zeros(SIZE, bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


def iou(one, other):
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)


def click(*points, labels=None, close_ups=True):
    return actions.SetPrompt(Prompt(points, labels or [1] * len(points)), close_ups)


@pytest.fixture
def predictor():
    return NearSighted()


@pytest.fixture
def tools(predictor):
    return ImageViews(predictor, picture()).tools()


@pytest.fixture
def begun():
    return Session.begin(SIZE)


def test_a_click_on_a_small_thing_gives_that_thing(predictor):
    prompt = Prompt([AT], [1])
    plain = segment(predictor, picture(), prompt, snap=False, close_ups=False)
    assert plain.area == SIZE[0] * SIZE[1]
    found = segment(predictor, picture(), prompt, snap=False, close_ups=True)
    assert iou(found.mask, filled(EYE)) > 0.85
    assert found.prediction.placing(found.candidate).view is not None


def test_a_model_with_a_dear_encoder_looks_closer_only_if_it_is_asked(predictor):
    prompt = Prompt([AT], [1])
    assert not predictor.traits.cheap_encoder
    segment(predictor, picture(), prompt, snap=False)
    assert predictor.embed_calls == 1
    segment(predictor, picture(), prompt, snap=False, close_ups=True)
    assert predictor.embed_calls == 2 + len(views_of(prompt, SIZE)) - 1


def test_each_view_is_encoded_once_and_clicks_nearby_encode_nothing(predictor, tools, begun):
    session = begun.apply(click(AT), tools)
    encoded = predictor.embed_calls
    assert encoded == len(views_of(Prompt([AT], [1]), SIZE))
    session.apply(click((AT[0] + 1, AT[1] + 1)), tools)
    session.apply(click(AT, BESIDE), tools)
    assert predictor.embed_calls == encoded


def test_candidates_are_best_first_really_different_and_of_scores_up_to_one(tools, begun):
    answer = begun.apply(click(AT), tools).state.prediction
    assert 2 <= len(answer) <= 3
    assert answer.ranking == [*range(len(answer))]
    assert all(0 <= score <= 1 for score in answer.scores)
    for i in range(len(answer)):
        for j in range(i):
            assert iou(answer.mask(i), answer.mask(j)) < ALIKE


def test_the_whole_images_mask_stays_unless_another_is_clearly_better(predictor, begun):
    prompt = Prompt([BESIDE], [1])  # the head: every view of it says the same
    whole = begun.apply(actions.SetPrompt(prompt), ImageViews(predictor, picture()).tools()).state.mask
    closer = begun.apply(actions.SetPrompt(prompt, True), ImageViews(predictor, picture()).tools()).state
    assert closer.mask == whole
    assert closer.steps[-1].view is None
    predictor.choice = Choice({"score": 1.0, "touching": -1.0, "first": -1.0})
    assert begun.apply(actions.SetPrompt(prompt, True), ImageViews(predictor, picture()).tools()).state.steps[-1].view


def test_one_prompt_gives_one_mask_whoever_asks(predictor, tools, begun):
    prompt = Prompt([AT, BESIDE], [1, 1])
    alone = segment(predictor, picture(), prompt, snap=False, close_ups=True)
    (item,) = segment_each(predictor, picture(), [prompt], snap=False, close_ups=True).state.objects
    at_once = begun.apply(click(AT, BESIDE), tools).state.mask
    slowly = begun.apply(click(AT, close_ups=False), tools).apply(click(AT), tools).apply(click(AT, BESIDE), tools)
    fast = begun.apply(click(AT, close_ups=False), tools).apply(click(AT, BESIDE, close_ups=False), tools)
    assert fast.state.mask != alone.rle
    fast = fast.apply(click(AT, BESIDE), tools)
    assert alone.rle == item.mask == at_once == slowly.state.mask == fast.state.mask


def test_looking_closer_is_no_step_of_undo(tools, begun):
    plain = begun.apply(click(AT, close_ups=False), tools)
    closer = plain.apply(click(AT), tools)
    assert closer.state.mask != plain.state.mask
    back = closer.apply(actions.Undo(), tools)
    assert back.state.mask is None
    assert not back.can_undo
    assert back.apply(actions.Redo(), tools).state.mask is closer.state.mask
    assert closer.apply(click(AT), tools) is closer


@pytest.mark.parametrize("fast", [True, False])
def test_undo_after_fast_clicks_gives_what_slow_ones_gave(tools, begun, fast):
    session = begun
    for n in (1, 2, 3):
        session = session.apply(click(*(AT, BESIDE, (120.0, 70.0))[:n], close_ups=not fast), tools)
    session = session.apply(click(AT, BESIDE, (120.0, 70.0)), tools)
    masks = [session.state.mask]
    for _ in range(2):
        session = session.apply(actions.Undo(), tools)
        masks.append(session.state.mask)
    expected = [begun.apply(click(*(AT, BESIDE, (120.0, 70.0))[:n]), tools).state.mask for n in (3, 2, 1)]
    assert masks == expected
    assert session.apply(actions.Undo(), tools).state.mask is None


def test_points_that_come_at_once_are_undone_one_by_one(tools, begun):
    session = begun.apply(click(AT, BESIDE), tools).apply(actions.Undo(), tools)
    assert session.state.mask == begun.apply(click(AT), tools).state.mask
    assert isinstance(session.state.gestures[-1], CloseUpGesture)


def test_gestures_say_what_the_mask_is(predictor, tools, begun):
    session = begun.apply(click(AT), tools).apply(actions.Choose(1), tools).apply(click(AT, BESIDE), tools)
    state = session.state
    calls = predictor.predict_calls
    steps = replay(state.gestures, tools.predict, tools.views)
    assert predictor.predict_calls - calls <= 4  # one for each view of the answer, one for the second click
    assert shown(state.gestures, steps, False, tools) == state.mask
    assert [step.candidate for step in steps] == [step.candidate for step in state.steps]


def test_later_clicks_stay_with_the_view_whose_mask_was_taken(predictor, tools, begun):
    session = begun.apply(click(AT), tools)
    view = session.state.steps[-1].view
    again = session.apply(click(AT, (142.0, 92.0)), tools)
    assert again.state.steps[-1].view == view
    assert predictor.prompts[-1].points[0] == (AT[0] - view[0], AT[1] - view[1])
    assert iou(again.state.mask.decode(), filled(EYE)) > 0.85
    whole = session.state.prediction.ranking[-1]
    assert session.state.prediction.placing(whole).view != view
    chosen = session.apply(actions.Choose(len(session.state.prediction) - 1), tools)
    followed = chosen.apply(click(AT, BESIDE), tools).state.steps[-1]
    assert followed.view != view


def test_a_click_beyond_the_view_moves_out(tools, begun):
    session = begun.apply(click(AT), tools)
    view = View(session.state.steps[-1].view)
    far = (215.0, 60.0)
    assert not view.holds(*far)
    step = session.apply(click(AT, far), tools).state.steps[-1]
    assert step.view is None or View(step.view).holds(*far)
    assert iou(step.prediction.mask(step.candidate), filled(HEAD)) > 0.9  # head and eye, both still there


def test_a_mask_that_reaches_the_border_moves_out(tools, begun):
    session = begun.apply(click(AT), tools)
    view = View(session.state.steps[-1].view)
    near = (view.box[0] + 20.0, AT[1])  # on the head, which goes on beyond the view
    step = session.apply(click(AT, near), tools).state.steps[-1]
    assert step.view != view.box
    mask = step.prediction.mask(step.candidate)
    assert iou(mask, filled(HEAD)) > 0.9


def test_an_exclude_point_outside_the_view_is_left_out_of_it(predictor, tools, begun):
    session = begun.apply(click(AT), tools)
    view = session.state.steps[-1].view
    after = session.apply(click(AT, (10.0, 10.0), labels=[1, 0]), tools)
    assert after.state.steps[-1].view == view
    assert len(predictor.prompts[-1].points) == 1
    assert after.state.mask == session.state.mask


@pytest.mark.parametrize(
    "act",
    [
        lambda session, tools: session.apply(actions.Choose(1), tools),
        lambda session, tools: session.apply(actions.Draw(StrokeGesture(((5.0, 5.0),), 4.0, True)), tools),
    ],
    ids=["choice", "stroke"],
)
def test_what_somebody_has_worked_on_is_left_as_it_is(tools, begun, act):
    session = act(begun.apply(click(AT, close_ups=False), tools), tools)
    assert session.apply(click(AT), tools) is session


def test_an_exclude_point_alone_is_not_looked_at_closer(predictor, tools, begun):
    begun.apply(click(AT, labels=[0]), tools)
    assert predictor.embed_calls == 1


def test_a_moved_point_is_looked_at_anew(tools, begun):
    session = begun.apply(click(AT), tools).apply(click(BESIDE, close_ups=False), tools)
    assert close_up_of(session.state.gestures) is None
    assert session.state.steps[0].view is None
    assert session.apply(click(BESIDE), tools).state.mask == begun.apply(click(BESIDE), tools).state.mask


def test_a_box_is_answered_from_a_view_round_it(predictor, tools, begun):
    box = tuple(float(v) for v in EYE)
    state = begun.apply(actions.SetPrompt(Prompt(box=box), True), tools).state
    assert predictor.embed_calls == 2
    assert state.steps[0].view == views_of(Prompt(box=box), SIZE)[1].box
    assert iou(state.mask.decode(), filled(EYE)) > 0.85
    corrected = begun.apply(actions.SetPrompt(Prompt([(142.0, 92.0)], [1], box), True), tools).state
    assert [step.view for step in corrected.steps] == [state.steps[0].view] * 2


def test_an_accepted_mask_is_reopened_and_corrected_in_its_view(tools, begun):
    second, third = (142.0, 92.0), (152.0, 100.0)
    session = begun.apply(click(AT, second), tools)
    mask, view = session.state.mask, session.state.steps[-1].view
    session = session.apply(actions.Accept(), tools)
    (item,) = session.state.objects
    assert item.logits is None  # they are of a part of the image; its gestures give them again
    session = session.apply(actions.Reopen(item.id), tools)
    assert session.state.mask is mask
    corrected = session.apply(click(AT, second, third), tools)
    assert corrected.state.steps[-1].view == view
    assert corrected.state.mask == begun.apply(click(AT, second, third), tools).state.mask


def test_another_model_begins_with_the_whole_image(tools, begun):
    session = begun.apply(click(AT), tools).for_other_model(tools)
    assert close_up_of(session.state.gestures) is None
    assert session.state.steps[-1].view is None


def test_an_answer_from_views_keeps_the_logits_of_its_candidates_alone(tools, begun):
    answer = begun.apply(click(AT), tools).state.prediction
    assert answer.logits.base is None
    assert answer.logits.nbytes == len(answer) * answer.logits[0].nbytes


def test_masks_of_a_view_are_the_same_by_pixels_and_by_run_lengths(tools):
    prompt = Prompt([AT], [1])
    for view in views_of(prompt, SIZE):
        found = tools.views.predict(prompt, view) if tools.views.need([view]) is None else None
        for k in range(3):
            runs = Rle(SIZE, found.placing(k).runs(found.logits[k]))
            assert runs == Rle.encode(found.mask(k))


def test_masks_are_snapped_from_the_view_as_from_the_image(predictor):
    prompt = Prompt([AT], [1])
    snapped = segment(predictor, picture(), prompt, snap=True, close_ups=True).mask
    assert iou(snapped, filled(EYE)) > 0.97


def test_a_close_up_of_another_image_is_looked_up_where_it_can_be(predictor, tools):
    gestures = (PointGesture(AT, 1), CloseUpGesture((Pick((0, 0, 900, 900), 0, 0.9), Pick((0, 0, 300, 200), 7, 0.9))))
    (step,) = replay(gestures, tools.predict, tools.views)
    assert step.view is None
    assert shown(gestures, (step,), False, tools).area == SIZE[0] * SIZE[1]
