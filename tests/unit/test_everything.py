"""Everything mode on a network that is scripted: which masks stay, what is told, and what it costs."""

import itertools

import cv2
import numpy as np
import pytest

import samui
from samui.errors import ImageError, ParameterError
from samui.everything import Finished, Found, Parameters, Progress, outline, stream
from samui.everything.grid import Crop, crops, order, points
from samui.everything.nms import keep_best
from samui.everything.regions import remove_small_regions
from samui.geometry import Frame
from samui.masks import Rle
from tests.fakes import LOW, FakePredictor

HEIGHT, WIDTH = 120, 160


class Things(FakePredictor):
    """Sees things: (box in the model's square, predicted IoU, logit inside). A click on a thing proposes it thrice,
    with falling scores; a click beside all of them proposes nothing with a score of 0."""

    def __init__(self, *things):
        super().__init__()
        self.things = things
        self.passes = []

    def predict_points(self, embedding, points):
        self.passes.append(len(points))
        logits = np.full((len(points), 3, LOW, LOW), -20, np.float32)
        scores = np.zeros((len(points), 3), np.float32)
        for i, (x, y) in enumerate(embedding.frame.to_model(points)):
            for (x0, y0, x1, y1), score, inside in self.things:
                if x0 <= x < x1 and y0 <= y < y1:
                    logits[i, :, y0:y1, x0:x1] = inside
                    scores[i] = score, score - 0.05, score - 0.1
        return logits, scores


LEFT, RIGHT = (8, 16, 100, 180), (140, 16, 240, 180)
IMAGE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def run(predictor, **parameters):
    return list(stream(predictor, IMAGE, Parameters(**({"points_per_side": 8} | parameters))))


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
    seen = itertools.count()

    def better_later(embedding, points):
        things.things = ((LEFT, 0.9, 20.0) if next(seen) < 2 else (small, 0.99, 20.0),)
        return Things.predict_points(things, embedding, points)

    things.predict_points = better_later
    found = [event for event in run(things) if isinstance(event, Found)]
    first = found[0].added[0]
    (replaced,) = (event for event in found if first.id in event.removed)
    assert [mask.colour for mask in replaced.added] == [first.colour]


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


def test_a_given_embedding_is_not_made_again():
    predictor = Things((LEFT, 0.9, 20.0))
    embedding = predictor.embed(IMAGE)
    *_, end = stream(predictor, None, Parameters(points_per_side=8), embedding=embedding)
    assert len(end.masks) == 1
    assert predictor.embed_calls == 1


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


WHOLE, SHARE = "must be a whole number from", "must be from 0 to 1, got"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"points_per_side": 0}, f"points_per_side: {WHOLE} 1 to 256, got 0"),
        ({"points_per_side": 257}, f"points_per_side: {WHOLE} 1 to 256, got 257"),
        ({"points_per_side": 8.0}, f"points_per_side: {WHOLE} 1 to 256, got 8.0"),
        ({"points_per_side": True}, f"points_per_side: {WHOLE} 1 to 256, got True"),
        ({"points_per_batch": 0}, f"points_per_batch: {WHOLE} 1 to 4096, got 0"),
        ({"pred_iou_thresh": 1.1}, f"pred_iou_thresh: {SHARE} 1.1"),
        ({"pred_iou_thresh": float("nan")}, f"pred_iou_thresh: {SHARE} nan"),
        ({"pred_iou_thresh": "high"}, f"pred_iou_thresh: {SHARE} 'high'"),
        ({"stability_score_thresh": -0.1}, f"stability_score_thresh: {SHARE} -0.1"),
        ({"stability_score_offset": 101}, "stability_score_offset: must be from 0 to 100, got 101"),
        ({"box_nms_thresh": 2}, f"box_nms_thresh: {SHARE} 2"),
        ({"crops_n_layers": 5}, f"crops_n_layers: {WHOLE} 0 to 4, got 5"),
        ({"crop_overlap_ratio": 1}, "crop_overlap_ratio: must be from 0 to 0.9, got 1"),
        ({"crops_nms_thresh": None}, f"crops_nms_thresh: {SHARE} None"),
        ({"min_mask_region_area": -1}, f"min_mask_region_area: {WHOLE} 0 to 1000000000, got -1"),
        ({"crop_n_points_downscale_factor": 17}, f"crop_n_points_downscale_factor: {WHOLE} 1 to 16, got 17"),
        (
            {"points_per_side": 8, "crops_n_layers": 2, "crop_n_points_downscale_factor": 3},
            "crop_n_points_downscale_factor: must be from 1 to 2 for points_per_side 8 and crops_n_layers 2, got 3",
        ),
    ],
)
def test_a_parameter_out_of_range_is_told_with_its_range(given, message):
    with pytest.raises(ParameterError) as caught:
        Parameters(**given)
    assert str(caught.value) == message


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


def test_suppression_of_nothing_is_nothing():
    assert keep_best(np.empty((0, 4)), [], 0.7).tolist() == []


def test_crops_are_those_of_segment_anything():
    # Worked out by hand from `generate_crop_boxes`: overlap int(512/1500 * 600) = 204, then 102.
    found = crops(600, 1000, Parameters(crops_n_layers=2, crop_n_points_downscale_factor=2))
    assert [crop.layer for crop in found] == [0] + [1] * 4 + [2] * 16
    assert found[0].box == (0, 0, 1000, 600)
    assert [crop.box for crop in found[1:5]] == [
        (0, 0, 602, 402),
        (0, 198, 602, 600),
        (398, 0, 1000, 402),
        (398, 198, 1000, 600),
    ]
    assert found[5].box == (0, 0, 327, 227)
    assert found[-1].box == (675, 375, 1000, 600)
    assert found[5].size == (227, 327)
    clicks = points(found[1], Parameters(points_per_side=4, crops_n_layers=2, crop_n_points_downscale_factor=2))
    assert clicks.tolist() == [[150.5, 100.5], [451.5, 100.5], [150.5, 301.5], [451.5, 301.5]]


def test_crops_of_a_tiny_image_are_not_empty():
    for crop in crops(1, 3, Parameters(crops_n_layers=2)):
        assert min(crop.size) >= 1


def test_the_order_of_points_is_a_permutation_and_spreads_over_the_image():
    sequence = order(1024)
    assert sorted(sequence.tolist()) == list(range(1024))
    rows, columns = np.divmod(sequence[:32], 32)
    quarters = set(zip((rows >= 16).tolist(), (columns >= 16).tolist(), strict=True))
    assert len(quarters) == 4


def test_masks_of_crops_lie_where_the_crop_lies():
    predictor = Things(((60, 60, 150, 130), 0.9, 20.0))
    events = run(predictor, crops_n_layers=1, points_per_side=6)
    assert predictor.embed_calls == 5
    in_crops = [mask for mask in events[-1].masks if mask.crop != (0, 0, WIDTH, HEIGHT)]
    assert len(in_crops) == 4
    for mask in in_crops:
        x0, y0, x1, y1 = mask.crop
        logits = np.full((LOW, LOW), -20, np.float32)
        logits[60:130, 60:150] = 20
        expected = np.zeros((HEIGHT, WIDTH), np.bool_)
        expected[y0:y1, x0:x1] = Frame.fit(y1 - y0, x1 - x0, longest=LOW).mask(logits)
        assert np.array_equal(mask.mask, expected)
        assert mask.mask[int(mask.point[1]), int(mask.point[0])]


def test_a_mask_cut_by_its_crop_goes_unless_the_image_ends_there():
    everywhere = Things(((0, 0, LOW, LOW), 0.9, 20.0))
    *_, end = run(everywhere, crops_n_layers=1, points_per_side=4)
    assert [mask.crop for mask in end.masks] == [(0, 0, WIDTH, HEIGHT)]
    assert end.report.crop_edge == 4 * 16 * 1


def test_of_two_crops_that_find_a_thing_the_smaller_one_s_mask_stays(monkeypatch):
    # The same mask of the image, whichever part of it the model sees.
    thing = spot((HEIGHT, WIDTH), (22, 15, 45, 35))
    monkeypatch.setattr(outline, "place", lambda runs, crop, size: runs_of(thing))
    *_, end = run(Things(((0, 0, LOW, LOW), 0.9, 20.0)), crops_n_layers=1, points_per_side=4)
    assert [mask.crop for mask in end.masks] == [(0, 0, 100, 80)]
    assert end.report.crops_nms_thresh == 4


def runs_of(mask):
    changes = np.flatnonzero(np.diff(mask.T.ravel().astype(np.int8), prepend=0, append=0))
    return changes.reshape(-1, 2)


@pytest.mark.parametrize("size", [(7, 5), (300, 401), (256, 256), (1, 40), (40, 1), (1, 1)])
def test_runs_of_a_mask_are_its_run_lengths_and_its_place_in_the_image(size):
    frame = Frame.fit(*size, longest=64)
    for seed, shift in itertools.product(range(3), (-8, 0, 8, 40)):
        logits = np.random.default_rng(seed).normal(shift, 8, (16, 16)).astype(np.float32)
        mask = frame.mask(logits)
        runs = outline.runs(logits, frame)
        assert outline.to_rle(runs, size) == Rle.encode(mask)
        larger = (size[0] + 5, size[1] + 7)
        crop = Crop((3, 4, 3 + size[1], 4 + size[0]), 1)
        expected = np.zeros(larger, np.bool_)
        expected[4 : 4 + size[0], 3 : 3 + size[1]] = mask
        assert outline.to_rle(outline.place(runs, crop, larger), larger) == Rle.encode(expected)


def test_stability_is_the_iou_of_the_masks_at_the_two_offsets():
    frame = Frame.fit(90, 120, longest=64)
    logits = np.random.default_rng(0).normal(0, 3, (16, 16)).astype(np.float32)
    above, below = frame.mask(logits - np.float32(1)), frame.mask(logits + np.float32(1))
    assert outline.stability(logits, frame, 1.0) == pytest.approx(above.sum() / below.sum())
    assert np.isnan(outline.stability(logits - 100, frame, 1.0))


def spot(size, *boxes):
    mask = np.zeros(size, np.bool_)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] ^= True
    return mask


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (spot((40, 60), (5, 5, 30, 30), (10, 10, 12, 12)), spot((40, 60), (5, 5, 30, 30))),
        (spot((40, 60), (5, 5, 30, 30), (50, 20, 53, 22)), spot((40, 60), (5, 5, 30, 30))),
        (spot((40, 60), (2, 2, 4, 4), (20, 20, 23, 23)), spot((40, 60), (20, 20, 23, 23))),
        (spot((40, 60), (0, 0, 60, 40), (0, 20, 4, 23)), spot((40, 60), (0, 0, 60, 40))),
        (spot((40, 60), (1, 0, 60, 40)), spot((40, 60), (1, 0, 60, 40))),
    ],
    ids=["hole", "island", "only islands: the largest stays", "notch at the edge", "background of 40 pixels"],
)
def test_small_holes_and_islands_go(mask, expected):
    assert np.array_equal(remove_small_regions(Rle.encode(mask), 35).decode(), expected)


def naive_clean(mask, area):
    """segment-anything's own order of steps on the whole image."""
    for holes in (True, False):
        count, labels, stats, _ = cv2.connectedComponentsWithStats((holes ^ mask).astype(np.uint8), connectivity=8)
        sizes = stats[1:, -1]
        small = [i + 1 for i, size in enumerate(sizes) if size < area]
        if not small:
            continue
        fill = [0, *small] if holes else [i for i in range(count) if i not in (0, *small)]
        mask = np.isin(labels, fill or [int(np.argmax(sizes)) + 1])
    return mask


def test_cleaned_masks_are_those_of_segment_anything():
    for seed in range(40):
        random = np.random.default_rng(seed)
        noise = cv2.GaussianBlur(random.standard_normal((50, 70)).astype(np.float32), (0, 0), 2)
        box = np.zeros((50, 70), np.bool_)
        x, y = random.integers(0, 60), random.integers(0, 40)
        box[y : y + random.integers(5, 60), x : x + random.integers(5, 70)] = True
        mask = (noise > random.uniform(-0.1, 0.1)) & box
        if mask.any():
            for area in (3, 20, 100, 5000):
                assert np.array_equal(remove_small_regions(Rle.encode(mask), area).decode(), naive_clean(mask, area))


def test_a_mask_without_small_regions_is_the_same_object():
    rle = Rle.encode(spot((40, 60), (5, 5, 30, 30)))
    assert remove_small_regions(rle, 100) is rle


def test_small_regions_are_removed_from_the_masks_that_remain():
    class Spotted(Things):
        def predict_points(self, embedding, points):
            logits, scores = super().predict_points(embedding, points)
            logits[..., 2:6, 200:204] = logits.max(axis=(2, 3), keepdims=True)
            return logits, scores

    predictor = Spotted((LEFT, 0.9, 20.0))
    with_spot = samui.everything(predictor, IMAGE, points_per_side=8)
    without = samui.everything(predictor, IMAGE, points_per_side=8, min_mask_region_area=30)
    assert with_spot[0].box[2] > 120 > 70 > without[0].box[2]
    assert without[0].area == np.count_nonzero(without[0].mask) < with_spot[0].area


def test_masks_that_overlap_a_little_stay_when_small_regions_go():
    things = (LEFT, 0.9, 20.0), ((80, 16, 240, 180), 0.95, 20.0)
    masks = samui.everything(Things(*things), IMAGE, points_per_side=8, min_mask_region_area=30)
    assert len(masks) == 3  # either thing, and both at once where a click is on both


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
