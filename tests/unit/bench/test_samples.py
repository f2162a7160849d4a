"""`bench samples`: clicks on the sample photos, with a predictor whose every answer is known."""

from __future__ import annotations

import argparse
import json

import cv2
import numpy as np
import pytest

from samui import shipped
from samui.bench import samples
from samui.errors import SamuiError
from samui.pixels.images import read_image
from tests.fakes import FakePredictor


def arguments(*given):
    parser = argparse.ArgumentParser()
    samples.add_arguments(parser)
    return parser.parse_args([str(value) for value in given])


@pytest.fixture
def clicks(tmp_path):
    file = tmp_path / "clicks.json"
    things = [{"thing": "cup", "click": [300, 200, 1], "then": [130, 240, 0]}]
    file.write_text(json.dumps({"clicks": {"coffee": things, "cat": [{**things[0], "thing": "head"}]}}))
    return file


def test_the_clicks_that_ship_lie_on_the_sample_photos():
    photos = samples.read_clicks(samples.CLICKS)
    assert sum(map(len, photos.values())) == 30
    for name, things in photos.items():
        height, width = read_image(shipped.folder("samples") / f"{name}.jpg").pixels.shape[:2]
        for each in things:
            for x, y, label in (each["click"], each["then"]):
                assert 0 <= x < width
                assert 0 <= y < height
                assert label in (0, 1)


def test_candidates_stand_in_the_order_of_the_strip_and_the_second_click_comes_last(clicks):
    predictor = FakePredictor()
    cup, _ = samples.ask(samples.read_clicks(clicks), predictor)
    assert cup.scores == pytest.approx((0.9, 0.7, 0.6))
    sizes = [np.count_nonzero(mask) for mask in cup.masks]
    assert sizes[2] < sizes[0] < sizes[1]
    assert cup.both.labels == (1, 0)
    assert predictor.embed_calls == 2
    # The second click builds on the mask of the first.
    first, second = predictor.prompts[:2]
    assert (len(first.points), len(second.points)) == (1, 2)
    assert second.mask_logits is not None


def test_the_sheet_has_five_pictures_a_thing_and_the_table_their_scores(clicks, tmp_path):
    result = samples.run(arguments("--clicks", clicks, "--out", tmp_path / "sheet.png"), FakePredictor())
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert picture.shape == (184 + 6, 2 * (5 * 156 + 12), 3)
    assert [row["thing"] for row in result["things"]] == ["cup", "head"]
    assert result["things"][0]["score 1"] == pytest.approx(0.9)
    for k in range(10):  # each of the places holds a picture
        left = (k // 5) * 792 + 6 + (k % 5) * 156
        assert picture[10:90, left : left + 150].std() > 20


@pytest.mark.parametrize(
    "text", ["nonsense", "{}", '{"clicks": {"cat": [{"thing": "eye", "click": [1, 2], "then": [1, 2, 1]}]}}']
)
def test_clicks_that_are_none_are_named(tmp_path, text):
    file = tmp_path / "clicks.json"
    file.write_text(text)
    with pytest.raises(SamuiError, match=r"--clicks: .*clicks\.json must hold clicks on the sample photos, got"):
        samples.read_clicks(file)
    with pytest.raises(SamuiError, match="must hold clicks"):
        samples.read_clicks(tmp_path / "none.json")


def test_a_sheet_of_another_format_is_refused_before_any_work(clicks, tmp_path):
    predictor = FakePredictor()
    with pytest.raises(SamuiError, match=r"--out: must end in \.png, \.jpg or \.webp, got 'sheet\.gif'"):
        samples.run(arguments("--clicks", clicks, "--out", tmp_path / "sheet.gif"), predictor)
    assert predictor.embed_calls == 0
