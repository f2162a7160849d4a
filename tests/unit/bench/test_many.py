"""`bench clicks` on photos with many masks each: which things are taken, and how they are told apart."""

from __future__ import annotations

import argparse
import io
import json
import zipfile
from dataclasses import replace

import cv2
import numpy as np
import PIL.Image
import pytest

from samui.bench import clicks, many, scoring
from samui.bench.clicker import clicks_inside
from samui.bench.truth import Photos
from samui.errors import ImageError, SamuiError
from samui.pixels.rle import Rle
from tests.fakes import FakePredictor

H, W = 100, 160


def disc(x, y, radius):
    ys, xs = np.mgrid[0:H, 0:W] + 0.5
    return (xs - x) ** 2 + (ys - y) ** 2 < radius**2


BIRD, CAT, COW = disc(12, 12, 5), disc(150, 80, 9), disc(80, 50, 25)  # 0.5 %, 1.6 % and 12 % of the photo


def picture(extension, values):
    return cv2.imencode(extension, values)[1].tobytes()


def indexed(values):
    """An indexed PNG, whose colours say nothing."""
    map_ = PIL.Image.fromarray(values)
    map_.putpalette(np.random.default_rng(0).integers(0, 256, 768).astype(np.uint8).tobytes())
    file = io.BytesIO()
    map_.save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def archive(tmp_path):
    """A zip of two sets: three photos with a map of three things and a void, one with run lengths of two."""
    drawn = np.zeros((H, W), np.uint8)
    drawn[COW], drawn[CAT], drawn[BIRD] = 1, 2, 3
    drawn[:, 115:125] = 255
    photo = picture(".jpg", np.full((H, W, 3), 90, np.uint8))
    hat = disc(80, 40, 10)
    found = [
        {"label": name, "segmentation": {"size": [H, W], "counts": Rle.encode(mask).to_string()}}
        for name, mask in (("person", COW), ("hat", hat))
    ]
    path = tmp_path / "things.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name in ("a1", "a2", "a3"):
            file.writestr(f"voc/{name}.jpg", photo)
            file.writestr(f"voc/{name}.png", indexed(drawn))
        file.writestr("voc/index.json", "{}")
        file.writestr("coco/b1.jpg", photo)
        file.writestr("coco/b1.json", json.dumps({"objects": found}))
        file.writestr("coco/index.json", "{}")
    return path


def test_every_size_of_thing_is_taken_from_a_map_and_the_void_is_ignored(archive):
    photos = Photos(archive)
    photo = next(photo for photo in photos if photo.name == "voc/a1")
    _, targets = photos.load(photo)
    by_name = {target.name: target for target in targets}
    assert set(by_name) == {"voc/a1:1", "voc/a1:2", "voc/a1:3"}
    assert np.array_equal(by_name["voc/a1:2"].mask, CAT)
    assert [many.size_of(by_name[f"voc/a1:{k}"].share) for k in (1, 2, 3)] == [2, 1, 0]
    assert by_name["voc/a1:1"].ignored[:, 115:125].all()
    assert photo.source == "voc"


def test_objects_that_overlap_are_read_from_run_lengths(archive):
    photos = Photos(archive)
    _, targets = photos.load(next(photo for photo in photos if photo.source == "coco"))
    masks = {target.name: target.mask for target in targets}
    assert np.array_equal(masks["coco/b1:1"], COW)
    assert (masks["coco/b1:2"] & masks["coco/b1:1"]).any()


def test_things_too_small_or_large_are_left_out_and_sizes_take_turns():
    shares = [0.001, 0.003, 0.004, 0.005, 0.02, 0.5, 0.9]
    for name in "abcdef":
        chosen = many.choose(name, shares, many.SHARES)
        assert len(chosen) == len(set(chosen)) == 4
        assert {4, 5} <= set(chosen) <= {1, 2, 3, 4, 5}
        assert many.choose(name, shares, many.SHARES) == chosen
    assert many.choose("a", shares, (0.1, 1.0)) in ([5, 6], [6, 5])


def test_sizes_end_where_they_are_said_to():
    assert [many.size_of(share) for share in (0.0099, 0.01, 0.0799, 0.08)] == [0, 1, 1, 2]


def test_only_the_held_out_tenth_is_taken_and_training_has_the_same(archive, monkeypatch):
    from training.photos import is_one_in_ten

    names = [f"voc/{n:06d}" for n in range(400)] + [f"davis/swan-{n:05d}" for n in range(3)]
    assert [many.is_held_out(name) for name in names] == [is_one_in_ten(name) for name in names]
    monkeypatch.setattr(many, "is_held_out", lambda name: name.endswith("2"))
    assert [photo.name for photo in Photos(archive, held_out=True)] == ["voc/a2"]


def test_several_sources_are_one_list_and_the_limit_is_of_each(archive, tmp_path):
    other = tmp_path / "plain"
    other.mkdir()
    for name in ("x", "y"):
        cv2.imwrite(str(other / f"{name}.bmp"), np.zeros((H, W, 3), np.uint8))
        cv2.imwrite(str(other / f"{name}.png"), CAT.astype(np.uint8) * 255)
    photos = Photos(archive, other, limit=1)
    assert [(photo.source, photo.name) for photo in photos] == [("coco", "coco/b1"), ("plain", "x")]


def test_clicks_lie_anywhere_inside_and_more_often_deep_inside():
    thing = disc(80, 50, 30)
    prompts = clicks_inside(thing, np.random.default_rng(0), 400)
    places = np.array([prompt.points[0] for prompt in prompts])
    assert thing[places[:, 1].astype(int), places[:, 0].astype(int)].all()
    away = np.hypot(*(places - (80, 50)).T)
    # By area alone three quarters of a disc lie in its outer half; by depth one half does.
    assert 0.4 < (away > 15).mean() < 0.6
    assert (away > 25).any()


def test_clicks_elsewhere_than_in_the_middle_are_scored_by_mean_and_worst(archive):
    """The fake draws its disc round the click, so the further off the click, the worse."""
    photos = Photos(archive)
    photos.photos = [photo for photo in photos if photo.source == "coco"]
    row = clicks.measure(photos, FakePredictor(), methods=[scoring.OFF], draws=5)["methods"]["snap off"]
    assert row["worst click"] < row["clicks inside"] < row["1 click"]


def test_what_is_ignored_counts_neither_for_nor_against(archive, monkeypatch):
    predictor = FakePredictor()
    everything = np.ones((H, W), bool)
    monkeypatch.setattr("samui.bench.asking.Asked.segmenter", lambda *_, **__: lambda _prompt: everything)
    photos = Photos(archive, limit=2)
    photos.photos = [photo for photo in photos if photo.source == "voc"]
    result = clicks.measure(photos, predictor, methods=[scoring.OFF], first=True)
    large = result["sizes"]["over 8 %"]["snap off"]["tight box"]
    assert large == pytest.approx(COW.sum() / (everything.sum() - 10 * H))


def test_sizes_and_sources_stand_apart_and_make_up_the_whole(archive):
    result = clicks.measure(Photos(archive), FakePredictor(), methods=[scoring.OFF], first=True)
    assert set(result["sizes"]) == {"under 1 %", "1 to 8 %", "over 8 %"}
    assert set(result["sources"]) == {"voc", "coco"}
    for part in (result["sizes"], result["sources"]):
        rows = [row["snap off"] for row in part.values()]
        assert sum(row["things"] for row in rows) == result["targets"] == 11
        mean = sum(row["things"] * row["1 click"] for row in rows) / 11
        assert mean == pytest.approx(result["methods"]["snap off"]["1 click"])


def test_kept_is_the_share_of_things_that_are_found_well_at_once(archive, monkeypatch):
    monkeypatch.setattr("samui.bench.asking.Asked.segmenter", lambda *_, **__: lambda _prompt: COW)
    photos = Photos(archive)
    photos.photos = [photo for photo in photos if photo.source == "coco"]
    kept = clicks.measure(photos, FakePredictor(), methods=[scoring.OFF], first=True)["methods"]["snap off"]["kept"]
    assert kept == 0.5  # the cow, not the hat on it


def test_with_the_first_click_alone_nothing_is_corrected(archive):
    predictor = FakePredictor()
    result = clicks.measure(Photos(archive, limit=1), predictor, methods=[scoring.OFF], first=True)
    assert all(len(prompt.points) <= 1 for prompt in predictor.prompts)
    assert "5 clicks" not in result["methods"]["snap off"]
    assert result["click_ms"]["p50"] > 0


@pytest.mark.parametrize(
    ("given", "cheap", "views"),
    [("auto", True, True), ("auto", False, False), ("on", False, True), ("off", True, False)],
)
def test_prompts_are_answered_from_closer_views_where_that_is_asked_for(archive, given, cheap, views):
    """By the page's own rule: unasked with a cheap encoder. A photo is encoded once whatever the number of sessions."""
    predictor = FakePredictor()
    predictor.traits = replace(predictor.traits, cheap_encoder=cheap)
    parser = argparse.ArgumentParser()
    clicks.add_arguments(parser)
    arguments = (str(archive), "--limit", "1", "--first", "--no-grabcut", "--draws", "0", "--close-ups", given)
    result = clicks.run(parser.parse_args(arguments), predictor)
    assert result["close_ups"] is views
    assert (predictor.embed_calls > 1) is views
    assert ("close-ups" in clicks.table(result)) is views


@pytest.mark.parametrize(
    ("given", "methods"), [("on", ["snap on"]), ("off", ["snap off"]), ("both", ["snap off", "snap on"])]
)
def test_masks_are_measured_snapped_or_not_or_both(archive, given, methods):
    parser = argparse.ArgumentParser()
    clicks.add_arguments(parser)
    arguments = (str(archive), "--limit", "1", "--first", "--no-grabcut", "--draws", "0", "--snap", given)
    assert list(clicks.run(parser.parse_args(arguments), FakePredictor())["methods"]) == [*methods, "filled box"]


def test_the_table_shows_every_part(archive):
    parser = argparse.ArgumentParser()
    clicks.add_arguments(parser)
    args = parser.parse_args([str(archive), "--first", "--no-grabcut", "--draws", "1"])
    text = clicks.table(clicks.run(args, FakePredictor()))
    for words in ("things.zip: 11 things in 4 photos, fake", "under 1 %", "coco", "worst click", "first click, from"):
        assert words in text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (("--draws", "-1"), "--draws: must be at least 0, got -1"),
        (("--shares", "0.5", "0.1"), r"--shares: must rise from 0 to 1, got 0.5 0.1"),
    ],
)
def test_what_cannot_be_asked_for_is_named(archive, given, text):
    parser = argparse.ArgumentParser()
    clicks.add_arguments(parser)
    with pytest.raises(SamuiError, match=text):
        clicks.run(parser.parse_args([str(archive), *given]), FakePredictor())


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"none", "must be a PNG with a number for each pixel"),
        (indexed(np.zeros((5, 5), np.uint8)), r"for each pixel of its photo, \(100, 160\), got \(5, 5\) of uint8"),
        (picture(".png", np.zeros((H, W, 3), np.uint8)), r"got \(100, 160, 3\) of uint8"),
    ],
    ids=["no picture", "size", "colours"],
)
def test_a_map_that_is_none_is_named(data, text):
    with pytest.raises(ImageError, match=rf"voc/a1\.png: .*{text}"):
        many.objects(data, "voc/a1.png", (H, W))


def test_a_file_without_run_lengths_is_named(tmp_path):
    cv2.imwrite(str(tmp_path / "x.jpg"), np.zeros((H, W, 3), np.uint8))
    (tmp_path / "x.json").write_text('{"objects": [{}]}')
    (tmp_path / "index.json").write_text("{}")
    photos = Photos(tmp_path)
    with pytest.raises(ImageError, match=r"x\.json: must hold objects with their run lengths"):
        photos.load(photos.photos[0])
