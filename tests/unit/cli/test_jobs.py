"""Everything mode over files: what is written, what is skipped, and what a stopped run leaves behind."""

import contextlib
import io
import json
import os
import re

import cv2
import numpy as np
import orjson
import pytest
from pycocotools.coco import COCO

from samui import formats
from samui.cli.jobs import run_folder
from samui.errors import ExportError, ImageError
from samui.everything import Finished, Found, Parameters, everything
from samui.formats import coco
from samui.formats.format import Options
from samui.pixels.images import read_image
from samui.pixels.polygons import filled
from tests.unit.conftest import FLAGS, NAMES, command

pytestmark = pytest.mark.slow  # many, and together they take seconds

# The fake's best disc has a score of .9 and its sharp edge a stability below that of real masks.
RULES = Parameters(points_per_side=3, stability_score_thresh=0.5)


def run(predictor, folder, out, format="coco", parameters=RULES, watch=lambda name, event: None):
    return list(run_folder(predictor, folder, out, formats.get(format), parameters, watch))


def test_the_combined_file_holds_the_masks_of_all_images(folder, predictor, tmp_path):
    out = tmp_path / "all.json"
    outcomes = run(predictor, folder, out)
    assert [outcome.name for outcome in outcomes] == NAMES
    annotations = []
    for name in NAMES:
        picture = read_image(folder / name)
        masks = everything(predictor, picture.pixels, points_per_side=3, stability_score_thresh=0.5)
        assert masks
        annotations.append(formats.from_found(name, picture.size, masks, "fake"))
    assert out.read_bytes() == b"".join(coco.join(annotations, Options()))
    read = COCO(str(out))
    assert [image["file_name"] for image in read.dataset["images"]] == NAMES
    for found, one in zip(read.dataset["annotations"], [o for a in annotations for o in a.objects], strict=True):
        assert np.array_equal(read.annToMask(found), one.rle.decode())
        assert found["samui"]["prompt"]["stability"] > 0.5


class StoppedError(Exception):
    pass


def stop_at(name, kind):
    def watch(current, event):
        if current == name and isinstance(event, kind):
            raise StoppedError

    return watch


@pytest.mark.parametrize("kind", [Found, Finished], ids=["amid an image", "at the end of one"])
@pytest.mark.parametrize("name", NAMES)
def test_a_stopped_run_goes_on_to_the_same_bytes_and_loses_one_image_at_most(folder, predictor, tmp_path, name, kind):
    whole, resumed = tmp_path / "whole.json", tmp_path / "resumed.json"
    run(predictor, folder, whole)
    with pytest.raises(StoppedError):
        run(predictor, folder, resumed, watch=stop_at(name, kind))
    assert not resumed.exists()
    before = predictor.embed_calls
    outcomes = run(predictor, folder, resumed)
    assert predictor.embed_calls - before == len(NAMES) - NAMES.index(name)
    assert [outcome.skipped for outcome in outcomes] == [one < name for one in NAMES]
    assert resumed.read_bytes() == whole.read_bytes()


def test_a_finished_run_is_not_done_again(folder, predictor, tmp_path):
    out = tmp_path / "out"
    run(predictor, folder, out, "labelmap")
    before, stamp = predictor.embed_calls, (out / "a.png").stat().st_mtime_ns
    assert all(outcome.skipped for outcome in run(predictor, folder, out, "labelmap"))
    assert (predictor.embed_calls, (out / "a.png").stat().st_mtime_ns) == (before, stamp)


def test_a_picture_that_was_removed_is_made_again(folder, predictor, tmp_path):
    out = tmp_path / "out"
    run(predictor, folder, out, "labelmap")
    before = (out / "b.png").read_bytes()
    (out / "b.png").unlink()
    assert [outcome.skipped for outcome in run(predictor, folder, out, "labelmap")] == [True, False, True, True]
    assert (out / "b.png").read_bytes() == before


def test_a_new_image_joins_the_others(folder, predictor, tmp_path):
    out = tmp_path / "all.json"
    run(predictor, folder, out)
    cv2.imwrite(str(folder / "aa.png"), np.full((50, 50, 3), 9, np.uint8))
    outcomes = run(predictor, folder, out)
    assert [outcome.name for outcome in outcomes if not outcome.skipped] == ["aa.png"]
    names = [image["file_name"] for image in json.loads(out.read_bytes())["images"]]
    assert names == ["a.png", "aa.png", "b.png", "c.png", "d.png"]


def test_a_part_that_is_not_whole_is_made_again(folder, predictor, tmp_path):
    out = tmp_path / "all.json"
    run(predictor, folder, out)
    expected = out.read_bytes()
    part = tmp_path / "all.parts" / "b.png.json"
    part.write_bytes(part.read_bytes()[:50])
    assert [outcome.skipped for outcome in run(predictor, folder, out)] == [True, False, True, True]
    assert out.read_bytes() == expected


def test_other_settings_are_refused_and_the_batch_size_is_none(folder, predictor, tmp_path):
    out = tmp_path / "all.json"
    run(predictor, folder, out)
    with pytest.raises(ExportError) as caught:
        run(predictor, folder, out, parameters=Parameters(points_per_side=4, stability_score_thresh=0.5))
    assert str(caught.value) == (
        f"{tmp_path / 'all.parts'}: was begun with points_per_side 3, got 4; to go on, give --points-per-side 3; else "
        "choose another --out, or remove this folder to begin anew"
    )
    again = run(
        predictor,
        folder,
        out,
        parameters=Parameters(points_per_side=3, stability_score_thresh=0.5, points_per_batch=2),
    )
    assert all(outcome.skipped for outcome in again)


AUTO = "bfloat16 encoder, float32 decoder"


@pytest.mark.parametrize(
    ("name", "began", "now", "told"),
    [
        ("dtype", "float32", AUTO, f"dtype float32, got {AUTO}; to go on, give --dtype float32; else choose"),
        (
            "dtype",
            AUTO,
            "float32",
            f"dtype {AUTO}, got float32; --dtype auto may take {AUTO} another time or on another machine; else choose",
        ),
        ("name", "other/model", "fake", "model other/model, got fake; to go on, give --model other/model; else choose"),
        ("revision", "1", "2", "revision 1, got 2; choose another --out, or remove this folder to begin anew"),
    ],
    ids=["as before auto", "auto that takes another", "model", "revision"],
)
def test_a_run_begun_otherwise_says_how_to_go_on(
    folder, predictor, tmp_path, capsys, monkeypatch, name, began, now, told
):
    out = tmp_path / "all.json"
    monkeypatch.setattr(predictor, name, began)
    assert command(folder, "--out", out, *FLAGS) == 0
    calls = predictor.embed_calls
    monkeypatch.setattr(predictor, name, now)
    assert command(folder, "--out", out, *FLAGS) == 1
    assert f"{tmp_path / 'all.parts'}: was begun with {told}" in capsys.readouterr().err
    assert predictor.embed_calls == calls


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("[]", "settings.json: must be the settings of an earlier run, got list"),
        ("{", "settings.json: must be readable JSON, got: Expecting property name"),
        ("{}", "was begun with no model, got fake; choose another --out, or remove this folder"),
    ],
)
def test_settings_that_are_none_of_a_run_are_told(folder, predictor, tmp_path, capsys, settings, told):
    (tmp_path / "all.parts").mkdir()
    (tmp_path / "all.parts" / "settings.json").write_text(settings)
    assert command(folder, "--out", tmp_path / "all.json", *FLAGS) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(("format", "suffix"), [("labelmap", "png"), ("masks", "zip"), ("overlay", "jpg")])
def test_other_formats_write_a_file_an_image(folder, predictor, tmp_path, format, suffix):
    out = tmp_path / "out"
    run(predictor, folder, out, format)
    written = sorted(path.name for path in out.iterdir() if path.is_file())
    assert written == [f"{name[0]}.{suffix}" for name in NAMES]


def test_images_of_one_stem_get_a_file_each(folder, predictor, tmp_path):
    cv2.imwrite(str(folder / "a.jpg"), np.full((50, 50, 3), 9, np.uint8))
    out = tmp_path / "out"
    run(predictor, folder, out, "labelmap")
    assert sorted(p.name for p in out.glob("a*")) == ["a.jpg.png", "a.png.png"]


@pytest.mark.parametrize(
    ("images", "files"),
    [
        (["x.jpg", "x.png", "x.jpg.png"], ["x.jpg.png", "x.jpg.png.png", "x.png.png"]),
        (["X.png", "x.jpg"], ["X.png.png", "x.jpg.png"]),
        (["x.png", "x.y.png"], ["x.png", "x.y.png"]),
    ],
    ids=["a stem that is another's name", "capitals alone", "a stem that begins another's"],
)
def test_no_image_s_file_replaces_another_s(predictor, tmp_path, images, files):
    (tmp_path / "photos").mkdir()
    for name in images:
        (tmp_path / "photos" / name).write_bytes(cv2.imencode(".png", np.full((50, 50, 3), 9, np.uint8))[1].tobytes())
    out = tmp_path / "out"
    run(predictor, tmp_path / "photos", out, "labelmap")
    assert sorted(path.name for path in out.iterdir() if path.is_file()) == files


@pytest.mark.parametrize("format", ["labelmap", "overlay"])
def test_pictures_are_not_written_among_the_images(folder, predictor, tmp_path, capsys, format):
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    (tmp_path / "link").symlink_to(folder)
    for out in (folder, tmp_path / "link"):
        assert command(folder, "--out", out, "--format", format, *FLAGS) == 1
        told = f"{out}: must be another folder than the images' for the format {format}, got the same\n"
        assert capsys.readouterr().err == told
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert predictor.embed_calls == 0


@pytest.mark.parametrize("format", ["coco", "masks"])
def test_other_files_may_be_written_beside_the_images(folder, predictor, format):
    run(predictor, folder, folder, format)
    assert all(outcome.skipped for outcome in run(predictor, folder, folder, format))


def test_a_folder_without_images_is_told(tmp_path, predictor):
    with pytest.raises(ImageError, match=r"must hold images \(\.jpg, .*\), got none"):
        run(predictor, tmp_path, tmp_path / "all.json")
    with pytest.raises(ImageError, match="must be a folder that can be read, got: No such file"):
        run(predictor, tmp_path / "nowhere", tmp_path / "all.json")


def test_companions_of_macos_and_other_pictures_are_told_once_and_do_no_harm(folder, predictor, tmp_path, caplog):
    (folder / "._a.png").write_bytes(b"\x00\x05\x16\x07" + bytes(20))
    (folder / "x.gif").write_bytes(b"GIF89a")
    outcomes = run(predictor, folder, tmp_path / "all.json")
    assert [(one.name, one.masks is None) for one in outcomes] == [(name, False) for name in NAMES]
    assert caplog.messages == [f"{folder}: passed over .gif (1), companions of macOS (1)"]


def test_a_file_name_that_is_not_utf_8_is_strict_json_and_leads_back_to_the_file(folder, predictor, tmp_path):
    (folder / "c.png").rename(folder / os.fsdecode(b"gr\xff%.png"))
    out = tmp_path / "all.json"
    run(predictor, folder, out)
    names = [image["file_name"] for image in orjson.loads(out.read_bytes())["images"]]
    assert names == ["a.png", "b.png", "d.png", "gr%FF%25.png"]
    assert all((folder / one.image).is_file() for one in formats.read(out))
    assert all(outcome.skipped for outcome in run(predictor, folder, out))
    orjson.loads(command_json(folder, tmp_path / "again.json"))


def command_json(folder, out):
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        assert command(folder, "--out", out, "--json", *FLAGS) == 0
    return stdout.getvalue()


@pytest.mark.parametrize("format", ["coco-uncompressed", "coco-polygons"])
def test_every_kind_of_coco_is_one_file_of_all_images(folder, predictor, tmp_path, format):
    run(predictor, folder, tmp_path / "first.json")
    run(predictor, folder, tmp_path / "all.json", format)
    read = COCO(str(tmp_path / "all.json"))
    first = [one for image in formats.read(tmp_path / "first.json") for one in image.objects]
    assert [image["file_name"] for image in read.dataset["images"]] == NAMES
    for found, one in zip(read.dataset["annotations"], first, strict=True):
        mask = filled(one.rle) if format == "coco-polygons" else one.rle
        assert np.array_equal(read.annToMask(found), mask.decode())


def test_what_of_the_masks_a_label_map_cannot_hold_is_told(folder, predictor, tmp_path):
    first, *_ = run(predictor, folder, tmp_path / "out", "labelmap")
    beneath = rf"\d+ of {first.masks} objects lost what lies beneath others; lowest IoU 0\.\d+"
    assert re.fullmatch(rf"{first.masks} masks: .*; {beneath}", first.told)
    assert "lost" not in run(predictor, folder, tmp_path / "all.json")[0].told
