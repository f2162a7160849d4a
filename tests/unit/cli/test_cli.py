"""The command line: exit codes, one line for a mistake, results on stdout; with the fake predictor."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from samui import cli
from samui.pixels.rle import Rle
from samui.types import Prompt

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def photo(tmp_path):
    file = tmp_path / "photo.png"
    cv2.imwrite(str(file), np.full((60, 80, 3), 127, np.uint8))
    return file


def run(*arguments):
    return cli.main([str(a) for a in arguments])


def test_segment_writes_the_mask_of_the_prompt(photo, predictor, tmp_path, capsys):
    out = tmp_path / "mask.png"
    assert run("segment", photo, "--point", "40,30", "--out", out) == 0
    written = cv2.imread(str(out), cv2.IMREAD_UNCHANGED)
    expected = predictor.predict(predictor.embed(np.zeros((60, 80, 3))), Prompt([(40, 30)], [1]))
    assert np.array_equal(written > 0, expected.mask(1))
    assert set(np.unique(written)) == {0, 255}
    assert capsys.readouterr().out.startswith(f"{out}: object 1, score 0.900, ")


def test_segment_json_tells_scores_boxes_and_areas(photo, predictor, tmp_path, capsys):
    out = tmp_path / "mask.png"
    assert run("segment", photo, "--point", "40,30,1", "--point", "40,35,0", "--out", out, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["image"] == {"name": "photo.png", "width": 80, "height": 60}
    assert told["objects"][0]["candidate"] == 1
    assert told["objects"][0]["area"] == int((cv2.imread(str(out), cv2.IMREAD_UNCHANGED) > 0).sum())
    assert predictor.predict_calls == 2


@pytest.mark.parametrize(
    ("out", "got"),
    [
        ("photo.png", "must be another file than the image, got the same"),
        ("none/mask.png", "must be a file that can be written, got: No such file or directory"),
    ],
    ids=["the image itself", "missing folder"],
)
def test_an_output_that_cannot_be_is_told_before_the_model_loads(photo, tmp_path, capsys, monkeypatch, out, got):
    monkeypatch.setattr("samui.models.load_predictor", lambda name, **options: pytest.fail("loaded"))
    before = photo.read_bytes()
    assert run("segment", photo, "--point", "40,30", "--out", tmp_path / out) == 1
    assert capsys.readouterr().err == f"{tmp_path / out}: {got}\n"
    assert photo.read_bytes() == before


def test_several_boxes_are_several_objects(photo, predictor, tmp_path):
    out = tmp_path / "boxes.json"
    arguments = ["--box", "5,5,30,30", "--box", "40,10,70,50"]
    assert run("segment", photo, *arguments, "--out", out, "--label", "thing") == 0
    found = json.loads(out.read_text())["annotations"]
    assert [a["samui"]["prompt"]["box"] for a in found] == [[5, 5, 30, 30], [40, 10, 70, 50]]
    first = Rle.from_string(found[0]["segmentation"]["size"], found[0]["segmentation"]["counts"])
    assert first.area == pytest.approx(25 * 25, rel=0.1)


def test_candidate_is_counted_in_the_models_order(photo, predictor, tmp_path, capsys):
    areas = []
    for index in "012":
        out = tmp_path / "m.png"
        assert run("segment", photo, "--point", "40,30", "--candidate", index, "--out", out, "--json") == 0
        areas.append(json.loads(capsys.readouterr().out)["objects"][0]["area"])
    assert areas == sorted(areas)
    assert len(set(areas)) == 3


SEGMENT = "segment PHOTO --out OUT "
MISTAKES = {
    "no command": ("", "samui: the following arguments are required: COMMAND"),
    "unknown command": ("paint", "samui: argument COMMAND: invalid choice: 'paint'"),
    "no out": ("segment PHOTO --point 1,1", "samui segment: the following arguments are required: --out"),
    "no prompt": (SEGMENT, "segment: must have a --point or a --box, got neither"),
    "point of one": (SEGMENT + "--point 5", "--point: must be X,Y or X,Y,1 or X,Y,0, got '5'"),
    "point of words": (SEGMENT + "--point a,b", "--point: must be numbers, got 'a,b'"),
    "point label 2": (SEGMENT + "--point 1,1,2", "--point: must be X,Y or X,Y,1 or X,Y,0, got '1,1,2'"),
    "point nan": (SEGMENT + "--point nan,1", "prompt.points[0]: must be 2 finite numbers"),
    "point outside": (SEGMENT + "--point 90,1", "prompt.points[0]: must lie inside 80x60, got (90, 1)"),
    "box of three": (SEGMENT + "--box 1,2,3", "--box: must be X0,Y0,X1,Y1, got '1,2,3'"),
    "box inverted": (SEGMENT + "--box 9,9,1,1", "prompt.box: must have x0 < x1 and y0 < y1, got (9, 9, 1, 1)"),
    "box outside": (SEGMENT + "--box 0,0,81,9", "prompt.box: must lie inside 80x60"),
    "boxes and point": (
        SEGMENT + "--box 1,1,9,9 --box 2,2,9,9 --point 3,3",
        "--point: must go with at most one --box, got 2 boxes",
    ),
    "candidate 3": (SEGMENT + "--point 1,1 --candidate 3", "--candidate: must be best, 0, 1 or 2, got '3'"),
    "no image": ("segment nowhere.png --point 1,1 --out OUT", "nowhere.png: must be an existing file"),
    "image a folder": ("segment FOLDER --point 1,1 --out OUT", "must be a file, got a folder"),
    "ending unknown": ("segment PHOTO --point 1,1 --out m.xyz", "m.xyz: must end with one of .png"),
    "format unknown": (SEGMENT + "--point 1,1 --format gif", "format: must be one of mask"),
    "no such folder": ("segment PHOTO --point 40,30 --out FOLDER/none/m.png", "must be a file that can be written"),
    "empty mask": (SEGMENT + "--point 40,30,0", "accept: the mask must cover at least one pixel"),
    "port too high": ("serve --port 70000", "--port: must be from 1 to 65535, got '70000'"),
}


@pytest.mark.parametrize(("line", "text"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_one_line_and_exit_code_1(line, text, photo, predictor, tmp_path, capsys):
    places = {"PHOTO": str(photo), "OUT": str(tmp_path / "out.png"), "FOLDER": str(tmp_path)}
    for word, place in places.items():
        line = line.replace(word, place)
    assert run(*line.split()) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert text in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "out.png").exists()


MODEL_MISTAKES = {
    "folder that is missing": ("./nowhere", "got './nowhere'"),
    "no hub id": (
        "a/b/c",
        "a hub id like owner/name or a folder that exists, got 'a/b/c'",
    ),
    "empty": ("", "model: must be 'auto', 'bundled', a folder or a hub id, got ''"),
    "folder without config": ("FOLDER", "config.json: must exist"),
}


@pytest.mark.parametrize(("name", "text"), MODEL_MISTAKES.values(), ids=MODEL_MISTAKES)
def test_model_mistake_is_one_line(name, text, photo, tmp_path, capsys):
    name = str(tmp_path) if name == "FOLDER" else name
    assert run("segment", photo, "--point", "1,1", "--out", tmp_path / "o.png", "--model", name) == 1
    assert text in capsys.readouterr().err


def test_models_lists_the_table_and_what_auto_takes(monkeypatch, capsys):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("samui.models.hub.cached", lambda name: None)
    assert run("models", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert "facebook/sam-vit-base" in [m["name"] for m in told["models"]]
    assert told["auto"] in ("bundled", "facebook/sam-vit-base")
    assert run("models") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("auto: ")


def test_help_lists_every_command_and_needs_no_torch():
    command = [sys.executable, "-X", "importtime", "-m", "samui", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for command in ("serve", "segment", "models"):
        assert command in done.stdout
    assert " torch\n" not in done.stderr
    assert " gradio\n" not in done.stderr


@pytest.mark.parametrize(
    ("command", "dtype"),
    [
        (["serve"], "auto"),
        (["segment", "a.jpg", "--out", "a.png"], "auto"),
        (["everything", "a.jpg", "--out", "a.json"], "auto"),
        (["bench", "latency"], "auto"),
        (["bench", "everything"], "float32"),
        (["bench", "clicks", "photos"], "float32"),
        (["serve", "--dtype", "float32"], "float32"),
    ],
    ids=lambda given: "-".join(given) if isinstance(given, list) else given,
)
def test_precision_is_automatic_where_people_wait_and_fixed_where_results_are_compared(command, dtype):
    assert cli._parser().parse_args(command).dtype == dtype
