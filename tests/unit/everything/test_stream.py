"""A run of everything mode on a scripted network: which masks stay, what is told, and what it costs."""

import itertools
import sys
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import PIL.Image
import pytest

import samui
from samui.errors import ImageError
from samui.everything import Finished, Found, Parameters, Progress, outline, stream
from samui.everything.grid import Crop, points
from samui.everything.nms import keep_best
from samui.everything.run import _corners
from samui.pixels.geometry import Frame
from samui.pixels.rle import Rle
from tests.fakes import LOW, FakePredictor
from tests.unit.everything.things import HEIGHT, IMAGE, LEFT, RIGHT, WIDTH, Things, run


def test_each_thing_is_found_once_the_best_first():
    predictor = Things((LEFT, 0.9, 20.0), (RIGHT, 0.95, 20.0))
    masks = samui.everything(predictor, IMAGE, points_per_side=8)
    assert [round(mask.score, 4) for mask in masks] == [0.95, 0.9]
    frame = Frame.fit(HEIGHT, WIDTH, longest=LOW)
    for mask, thing in zip(masks, (RIGHT, LEFT), strict=True):
        logits = np.full((LOW, LOW), -20, np.float32)
        logits[thing[1] : thing[3], thing[0] : thing[2]] = 20
        assert np.array_equal(mask.mask, frame.mask(logits))
        assert (mask.box, mask.area) == (mask.rle.box, np.count_nonzero(mask.mask))
        assert mask.mask[int(mask.point[1]), int(mask.point[0])]
        assert (mask.candidate, mask.crop) == (0, (0, 0, WIDTH, HEIGHT))
        assert mask.stability > 0.95
    assert predictor.embed_calls == 1


def test_candidates_below_the_predicted_iou_are_never_upscaled(monkeypatch):
    looked_at = []
    monkeypatch.setattr(outline, "stability", lambda *arguments: looked_at.append(1) or 1.0)
    masks = samui.everything(Things((LEFT, 0.9, 20.0)), IMAGE, points_per_side=8, pred_iou_thresh=0.875)
    assert len(masks) == 1
    clicks = points(Crop((0, 0, WIDTH, HEIGHT), 0), Parameters(points_per_side=8)) * LOW / WIDTH
    x, y = clicks.T
    assert len(looked_at) == np.count_nonzero((x >= LEFT[0]) & (x < LEFT[2]) & (y >= LEFT[1]) & (y < LEFT[3]))


@pytest.mark.slow
def test_no_mask_is_decoded_to_full_size_unless_asked_for(monkeypatch):
    decoded = []
    whole = Rle.decode
    monkeypatch.setattr(Rle, "decode", lambda self: decoded.append(1) or whole(self))
    monkeypatch.setattr(Frame, "mask", lambda *arguments: pytest.fail("a full-size array"))
    masks = samui.everything(Things((LEFT, 0.9, 20.0), (RIGHT, 0.95, 20.0)), IMAGE, points_per_side=16)
    assert decoded == []
    assert masks[0].mask.shape == (HEIGHT, WIDTH)
    assert decoded == [1]


def test_unstable_masks_go_and_the_report_tells_the_highest():
    # Logits of 0.5 are above 0, but nowhere above the offset of 1.
    report = samui.everything(Things((LEFT, 0.9, 0.5), (RIGHT, 0.95, 20.0)), IMAGE, points_per_side=8).report
    assert report.kept == 1
    assert report.stability_score_thresh > 0
    assert report.highest_stability > 0.95


def test_the_report_adds_up_and_says_which_threshold_removed_how_many():
    *_, end = run(Things((LEFT, 0.5, 20.0)), pred_iou_thresh=0.6)
    assert end.masks == ()
    assert str(end.report) == "no masks found: of 192 candidates pred_iou_thresh 0.6 removed 192 (highest 0.5)"
    *_, end = run(Things((LEFT, 0.95, 20.0), (RIGHT, 0.95, 1.0)))
    report = end.report
    removed = report.pred_iou_thresh, report.stability_score_thresh, report.box_nms_thresh, report.empty
    assert all(n > 0 for n in removed[:3])
    assert report.kept == report.candidates - sum(removed) == len(end.masks) == 1
    assert "stability_score_thresh 0.95 removed" in str(report)


def test_empty_masks_are_dropped_even_with_all_thresholds_off():
    *_, end = run(Things(), pred_iou_thresh=0, stability_score_thresh=0)
    assert (end.report.empty, end.masks) == (192, ())


def test_masks_are_told_as_they_are_found_and_the_end_agrees_with_what_was_told():
    events = run(Things((LEFT, 0.9, 20.0), (RIGHT, 0.95, 20.0)), points_per_side=16)
    shown = {}
    for event in events:
        if isinstance(event, Found):
            shown.update((mask.id, mask) for mask in event.added)
            for id in event.removed:
                del shown[id]
    end = events[-1]
    assert isinstance(end, Finished)
    assert not end.cancelled
    assert set(shown.values()) == set(end.masks)
    progress = [event for event in events if isinstance(event, Progress)]
    assert (progress[0].stage, progress[0].remaining) == ("encode", None)
    assert [event.done for event in progress[1:]] == [*range(2, 257, 8), 256]
    assert progress[-1].remaining == 0
    first = next(i for i, event in enumerate(events) if isinstance(event, Found))
    assert first <= 3


def test_a_better_mask_replaces_a_provisional_one():
    small = (8, 16, 100, 170)
    things = Things((LEFT, 0.9, 20.0))

    def better_later(embedding, points):
        logits, scores = Things.predict_points(things, embedding, points)
        if scores.any():
            things.things = ((small, 0.99, 20.0),)
        return logits, scores

    things.predict_points = better_later
    found = [event for event in run(things) if isinstance(event, Found)]
    first = found[0].added[0]
    (replaced,) = (event for event in found if first.id in event.removed)
    assert [(mask.colour, mask.box == first.box) for mask in replaced.added] == [(first.colour, False)]
    (alone,) = samui.everything(Things((small, 0.99, 20.0)), IMAGE, points_per_side=8)
    assert (alone.rle, alone.colour != first.colour) == (replaced.added[0].rle, True)


def test_a_mask_comes_back_when_the_better_one_is_replaced_by_one_that_leaves_it_alone():
    # Each overlaps the next by more than the threshold, the first and the third by less.
    boxes = [(8, 16, 100, 180), (22, 16, 114, 180), (36, 16, 128, 180)]
    things = Things()
    seen = itertools.count()

    def one_after_the_other(embedding, points):
        turn = next(seen)
        things.things = [((0, 0, LOW, LOW), 0.9 + 0.03 * turn, 20.0)] if turn < 3 else []
        logits, scores = Things.predict_points(things, embedding, points)
        if turn < 3:
            x0, y0, x1, y1 = boxes[turn]
            logits[:] = -20
            logits[:, :, y0:y1, x0:x1] = 20
        return logits, scores

    things.predict_points = one_after_the_other
    *told, end = (event for event in run(things) if isinstance(event, (Found, Finished)))
    first = told[0].added[0].id
    assert [(first in {mask.id for mask in event.added}, first in event.removed) for event in told] == [
        (True, False),
        (False, True),
        (True, False),
    ]
    assert [round(mask.score, 2) for mask in end.masks] == [0.96, 0.9]


def test_of_equal_scores_the_first_point_of_the_grid_counts():
    (mask,) = samui.everything(Things((LEFT, 0.9, 20.0)), IMAGE, points_per_side=8)
    clicks = points(Crop((0, 0, WIDTH, HEIGHT), 0), Parameters(points_per_side=8))
    x, y = (clicks * LOW / WIDTH).T
    first = int(np.flatnonzero((x >= LEFT[0]) & (x < LEFT[2]) & (y >= LEFT[1]) & (y < LEFT[3]))[0])
    assert (mask.id, mask.point) == (3 * first, tuple(clicks[first]))


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_masks_do_not_depend_on_the_batch(batch):
    predictor = Things((LEFT, 0.9, 20.0), (RIGHT, 0.9, 20.0))
    masks = samui.everything(predictor, IMAGE, points_per_side=8, points_per_batch=batch)
    usual = samui.everything(Things(*predictor.things), IMAGE, points_per_side=8)
    assert [(m.id, m.rle, m.score) for m in masks] == [(m.id, m.rle, m.score) for m in usual]
    assert max(predictor.passes) == min(batch, predictor.points_per_pass)


def test_a_cancelled_run_ends_before_the_next_pass_and_keeps_what_it_found():
    predictor = Things((LEFT, 0.9, 20.0), (RIGHT, 0.95, 20.0))
    events = list(
        stream(predictor, IMAGE, Parameters(points_per_side=16), cancelled=lambda: len(predictor.passes) == 4)
    )
    assert len(predictor.passes) == 4
    assert events[-1].cancelled
    assert len(events[-1].masks) == 2
    assert events[-1].report.candidates == (2 + 3 * 8) * 3


def test_a_run_cancelled_at_once_decodes_nothing():
    predictor = Things((LEFT, 0.9, 20.0))
    *_, end = stream(predictor, IMAGE, cancelled=lambda: True)
    assert predictor.passes == []
    assert (end.masks, end.cancelled) == ((), True)
    assert str(end.report) == "no masks found: of 0 candidates none was removed"


def test_a_run_cancelled_between_crops_does_not_encode_the_next_one():
    predictor = Things((LEFT, 0.9, 20.0))
    whole = 3  # passes for 16 points
    parameters = Parameters(points_per_side=4, crops_n_layers=1)
    *_, end = stream(predictor, IMAGE, parameters, cancelled=lambda: len(predictor.passes) >= whole)
    assert predictor.embed_calls == 1
    assert (len(end.masks), end.cancelled) == (1, True)


def test_a_run_cancelled_while_a_crop_is_encoded_decodes_nothing_of_it():
    predictor = Things((LEFT, 0.9, 20.0))
    parameters = Parameters(points_per_side=4, crops_n_layers=1)
    *_, end = stream(predictor, IMAGE, parameters, cancelled=lambda: predictor.embed_calls == 2)
    assert predictor.passes == [2, 8, 6]  # those of the whole image
    assert (len(end.masks), end.cancelled) == (1, True)


def test_a_run_cancelled_before_its_first_pass_decodes_nothing():
    predictor, asked = Things((LEFT, 0.9, 20.0)), itertools.count()
    *_, end = stream(predictor, IMAGE, cancelled=lambda: next(asked) > 0)
    assert predictor.passes == []
    assert (end.masks, end.cancelled) == ((), True)


@pytest.mark.parametrize(("box", "crops", "kept"), [(0.7, 0.5, 2), (0.5, 0.7, 1), (0.5, 0.5, 1)])
def test_cleaned_masks_may_cover_each_other_as_much_as_the_laxer_threshold_allows(box, crops, kept):
    # Boxes whose IoU is .6. In the second case the rule for boxes of one crop has removed one before.
    things = Things(((0, 0, 160, 180), 0.9, 20.0), ((0, 0, 96, 180), 0.95, 20.0))
    things.things = ()

    def both(embedding, clicks):
        things.passes.append(len(clicks))
        logits = np.full((len(clicks), 3, LOW, LOW), -20, np.float32)
        scores = np.zeros((len(clicks), 3), np.float32)
        if len(things.passes) == 1:
            for k, x1 in enumerate((160, 96)):
                logits[0, k, 0:180, 0:x1] = 20
                scores[0, k] = 0.95 - 0.05 * k
        return logits, scores

    things.predict_points = both
    rules = {"box_nms_thresh": box, "crops_nms_thresh": crops, "min_mask_region_area": 2}
    assert len(samui.everything(things, IMAGE, points_per_side=8, **rules)) == kept


def test_a_given_embedding_is_not_made_again():
    predictor = Things((LEFT, 0.9, 20.0))
    embedding = predictor.embed(IMAGE)
    for image in (None, IMAGE):
        *_, end = stream(predictor, image, Parameters(points_per_side=8), embedding=embedding)
        assert len(end.masks) == 1
    assert predictor.embed_calls == 1


def test_a_pil_image_is_searched_as_its_pixels():
    def found(image):
        masks = samui.everything(Things((LEFT, 0.9, 20.0)), image, points_per_side=4, crops_n_layers=1)
        return [(mask.id, mask.rle, mask.crop) for mask in masks]

    for mode in ("RGB", "L"):
        assert found(PIL.Image.fromarray(IMAGE).convert(mode)) == found(IMAGE) != []


def test_seconds_count_from_the_start(monkeypatch):
    clock = itertools.count(1000)
    monkeypatch.setattr(sys.modules["samui.everything.run"], "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    told = [event for event in run(Things(), points_per_side=4, crops_n_layers=1) if not isinstance(event, Found)]
    assert [event.elapsed for event in told] == list(range(len(told)))


def test_a_score_or_a_stability_at_its_threshold_goes():
    rules = {"points_per_side": 8, "box_nms_thresh": 1.0}
    things = Things((LEFT, 0.9, 20.0))
    masks = samui.everything(things, IMAGE, **rules, pred_iou_thresh=0.8)
    scores = sorted({mask.score for mask in masks})
    assert len(scores) == 2  # of the third candidate it is 0.8
    higher = samui.everything(things, IMAGE, **rules, pred_iou_thresh=scores[0])
    assert {mask.score for mask in higher} == {scores[1]}
    stability = masks[0].stability
    assert samui.everything(things, IMAGE, **rules, stability_score_thresh=stability - 0.001)
    assert not samui.everything(things, IMAGE, **rules, stability_score_thresh=stability)


def test_boxes_are_compared_as_the_reference_has_them():
    # With right and bottom on the last pixel 7 of 10 are shared, not above the threshold; beyond it 8 of 11 are.
    (mask,) = samui.everything(Things((LEFT, 0.9, 20.0)), IMAGE, points_per_side=8)
    boxes = [(5, 3, 16, 14), (5, 3, 13, 14), (5, 3, 16, 11)]
    corners = _corners([replace(mask, box=box) for box in boxes])
    assert corners.tolist() == [[5, 3, 15, 13], [5, 3, 12, 13], [5, 3, 15, 10]]
    assert keep_best(corners[:2], [1, 0.5], 0.7).tolist() == keep_best(corners[::2], [1, 0.5], 0.7).tolist() == [0, 1]
    assert _corners([]).shape == (0, 4)


def test_an_id_says_which_point_and_which_candidate():
    masks = samui.everything(FakePredictor(), IMAGE, points_per_side=4, pred_iou_thresh=0, stability_score_thresh=0)
    clicks = points(Crop((0, 0, WIDTH, HEIGHT), 0), Parameters(points_per_side=4))
    assert {mask.candidate for mask in masks} == {0, 1, 2}
    for mask in masks:
        assert (tuple(clicks[mask.id // 3]), mask.id % 3) == (mask.point, mask.candidate)


@pytest.mark.parametrize(
    ("image", "layers", "message"),
    [
        (None, 1, "image: must be given without an embedding and with crops_n_layers above 0, got None"),
        (IMAGE[:50], 0, "image: must have the embedding's size (120, 160), got (50, 160)"),
    ],
    ids=["crops without an image", "another image's embedding"],
)
def test_image_and_embedding_must_fit(image, layers, message):
    predictor = Things()
    with pytest.raises(ImageError) as caught:
        list(stream(predictor, image, Parameters(crops_n_layers=layers), embedding=predictor.embed(IMAGE)))
    assert str(caught.value) == message


def colour_distance(one, other):
    pair = np.array([[[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (one, other)]], np.float32) / 255
    lab = cv2.cvtColor(pair, cv2.COLOR_RGB2LAB)[0]
    return float(np.linalg.norm(lab[0] - lab[1]))


def test_no_two_neighbours_look_alike_and_colours_are_stable():
    tiles = [((x, y, x + 40, y + 40), 0.9, 20.0) for y in range(0, 180, 42) for x in range(0, 250, 42)]
    masks = samui.everything(Things(*tiles), IMAGE, points_per_side=16, stability_score_thresh=0)
    assert len(masks) == len(tiles) == 30
    for one, other in itertools.combinations(masks, 2):
        apart = max(
            one.box[0] - other.box[2], other.box[0] - one.box[2], one.box[1] - other.box[3], other.box[1] - one.box[3]
        )
        if apart <= 2:
            assert colour_distance(one.colour, other.colour) >= 40
    again = samui.everything(Things(*tiles), IMAGE, points_per_side=16, stability_score_thresh=0)
    assert [mask.colour for mask in again] == [mask.colour for mask in masks]
    assert len({mask.colour for mask in masks}) > 5
