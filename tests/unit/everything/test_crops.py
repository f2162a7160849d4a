"""Crops and their grids of points, and what becomes of the masks found in them."""

import numpy as np
import pytest

from samui.everything import Parameters
from samui.everything.grid import Crop, crops, order, points
from samui.everything.run import _is_cut
from samui.pixels.geometry import Frame
from tests.fakes import LOW
from tests.unit.everything.things import HEIGHT, WIDTH, Things, run, spot


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


@pytest.mark.parametrize("gap", [0, 20, 21])
@pytest.mark.parametrize("side", range(4), ids=["left", "top", "right", "bottom"])
def test_a_mask_is_cut_within_20_pixels_of_its_crop_s_edge(side, gap):
    # As segment-anything counts: right and bottom are the mask's last pixel, but one more for the crop.
    crop = (100, 200, 400, 600)
    box = [150, 250, 350, 550]
    box[side] = (crop[0] + gap, crop[1] + gap, crop[2] - gap + 1, crop[3] - gap + 1)[side]
    assert _is_cut(tuple(box), Crop(crop, 1), (1000, 1000)) == (gap <= 20)
    # Where the image ends as well, within 20 pixels of the mask, nothing is cut off.
    ends = (0, 0, 400, 600) if side > 1 else None
    if ends:
        assert not _is_cut(tuple(box), Crop(crop, 1), ends[:1:-1])
        beyond = [600, 400]
        beyond[3 - side] += 21 - gap
        assert _is_cut(tuple(box), Crop(crop, 1), tuple(beyond)) == (gap <= 20)


def test_of_two_crops_that_find_a_thing_the_smaller_one_s_mask_stays(monkeypatch):
    # The same mask of the image, whichever part of it the model sees.
    thing = spot((HEIGHT, WIDTH), (22, 15, 45, 35))
    monkeypatch.setattr(Crop, "place", lambda crop, runs, size: runs_of(thing))
    *_, end = run(Things(((0, 0, LOW, LOW), 0.9, 20.0)), crops_n_layers=1, points_per_side=4)
    assert [mask.crop for mask in end.masks] == [(0, 0, 100, 80)]
    assert end.report.crops_nms_thresh == 4


def test_of_the_image_and_a_crop_at_its_end_the_crop_s_mask_stays_and_the_best_comes_first(monkeypatch):
    thing, other = spot((HEIGHT, WIDTH), (115, 85, 138, 105)), spot((HEIGHT, WIDTH), (20, 15, 60, 40))
    seen = {(0, 0, WIDTH, HEIGHT): thing, (60, 40, WIDTH, HEIGHT): thing, (0, 0, 100, 80): other}
    nothing = np.zeros((HEIGHT, WIDTH), np.bool_)
    monkeypatch.setattr(Crop, "place", lambda crop, runs, size: runs_of(seen.get(crop.box, nothing)))
    things = Things()

    def predict(embedding, points):
        # Surer in the crop of the end, which comes last.
        things.things = (((0, 0, LOW, LOW), 0.9 + 0.01 * things.embed_calls, 20.0),)
        return Things.predict_points(things, embedding, points)

    things.predict_points = predict
    *_, end = run(things, crops_n_layers=1, points_per_side=4)
    assert [(mask.crop, round(mask.score, 2)) for mask in end.masks] == [
        ((60, 40, WIDTH, HEIGHT), 0.95),
        ((0, 0, 100, 80), 0.92),
    ]


@pytest.mark.slow
def test_the_size_of_a_crop_counts_and_not_where_it_ends(monkeypatch):
    thing, nothing = spot((HEIGHT, WIDTH), (130, 100, 160, 120)), np.zeros((HEIGHT, WIDTH), np.bool_)
    first, last = (0, 0, 100, 80), (105, 75, 160, 120)  # of the first layer and of the second
    monkeypatch.setattr(
        Crop, "place", lambda crop, runs, size: runs_of(thing if crop.box in (first, last) else nothing)
    )
    *_, end = run(Things(((0, 0, LOW, LOW), 0.9, 20.0)), crops_n_layers=2, points_per_side=4)
    assert [mask.crop for mask in end.masks] == [last]
    assert end.report.crops_nms_thresh == 1


def runs_of(mask):
    changes = np.flatnonzero(np.diff(mask.T.ravel().astype(np.int8), prepend=0, append=0))
    return changes.reshape(-1, 2)
