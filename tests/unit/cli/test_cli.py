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


COCO = ["--format", "coco"]
TOO_LATE = {  # what could only be told by a model that was loaded in vain: output, further options, message
    "over the image": ("photo.png", [], "OUT: must be another file than the image, got the same"),
    "missing folder": ("none/m.png", [], "OUT: must be a file that can be written, got: No such file or directory"),
    "JSON as a picture": ("m.png", COCO, "OUT: must end with .json for the format coco, got '.png'"),
    "JSON as an archive": ("m.ZIP", COCO, "OUT: must end with .json for the format coco, got '.ZIP'"),
    "PNG as a JPEG": ("m.jpeg", ["--format", "mask"], "OUT: must end with .png for the format mask, got '.jpeg'"),
    "JPEG as a PNG": (
        "m.png",
        ["--format", "overlay"],
        "OUT: must end with .jpg or .jpeg for the format overlay, got '.png'",
    ),
    "point outside": ("m.png", ["--point", "80.5,9"], "prompt.points[1]: must lie inside 80x60, got (80.5, 9)"),
    "point above": ("m.png", ["--point", "3,-4,0"], "prompt.points[1]: must lie inside 80x60, got (3, -4)"),
    "point to the left": ("m.png", ["--point", "-3,4"], "prompt.points[1]: must lie inside 80x60, got (-3, 4)"),
    "point of no number": ("m.png", ["--point", "-inf,4"], "prompt.points[1]: must be 2 finite numbers, got"),
    "box below": ("m.png", ["--box", "0,0,9,61"], "prompt.box: must lie inside 80x60, got (0, 0, 9, 61)"),
    "box to the left": ("m.png", ["--box", "-3,10,50,60"], "prompt.box: must lie inside 80x60, got (-3, 10, 50, 60)"),
    "box from .5": ("m.png", ["--box", "-.5,1,5,6"], "prompt.box: must lie inside 80x60, got (-0.5, 1, 5, 6)"),
    "a flag as a box": ("m.png", ["--box", "-x"], "--box: must be X0,Y0,X1,Y1, got '-x'"),
}


@pytest.mark.parametrize(("out", "options", "told"), TOO_LATE.values(), ids=TOO_LATE)
def test_what_cannot_be_is_told_before_the_model_loads(photo, tmp_path, capsys, monkeypatch, out, options, told):
    monkeypatch.setattr("samui.models.load_predictor", lambda name, **options: pytest.fail("loaded"))
    before, out = photo.read_bytes(), tmp_path / out
    assert run("segment", photo, "--point", "40,30", "--out", out, *options) == 1
    printed = capsys.readouterr()
    assert told.replace("OUT", str(out)) in printed.err
    assert (printed.err.count("\n"), printed.out) == (1, "")
    assert [*tmp_path.iterdir()] == [photo]
    assert photo.read_bytes() == before


def test_second_of_two_boxes_outside_is_told_before_the_model_loads(photo, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("samui.models.load_predictor", lambda name, **options: pytest.fail("loaded"))
    boxes = ["--box", "1,1,9,9", "--box", "1,1,99,9"]
    assert run("segment", photo, *boxes, "--out", tmp_path / "m.png") == 1
    assert capsys.readouterr().err == "prompts[1].box: must lie inside 80x60, got (1, 1, 99, 9)\n"


@pytest.mark.parametrize(
    ("out", "name", "begin"),
    [
        ("m.JPEG", "overlay", b"\xff\xd8"),
        ("m.json", "coco", b"{"),
        ("m.mine", "coco", b"{"),
        ("m", "cutout", b"\x89PNG"),
    ],
    ids=["another ending of the same", "its ending", "an ending that says nothing", "no ending"],
)
def test_format_is_written_under_any_name_that_says_nothing_else(photo, predictor, tmp_path, out, name, begin):
    assert run("segment", photo, "--point", "40,30", "--out", tmp_path / out, "--format", name) == 0
    assert (tmp_path / out).read_bytes().startswith(begin)


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
    "box of three": (SEGMENT + "--box 1,2,3", "--box: must be X0,Y0,X1,Y1, got '1,2,3'"),
    "box inverted": (SEGMENT + "--box 9,9,1,1", "prompt.box: must have x0 < x1 and y0 < y1, got (9, 9, 1, 1)"),
    "boxes and point": (
        SEGMENT + "--box 1,1,9,9 --box 2,2,9,9 --point 3,3",
        "--point: must go with at most one --box, got 2 boxes",
    ),
    "candidate 3": (SEGMENT + "--point 1,1 --candidate 3", "--candidate: must be best, 0, 1 or 2, got '3'"),
    "no image": ("segment nowhere.png --point 1,1 --out OUT", "nowhere.png: must be an existing file"),
    "image a folder": ("segment FOLDER --point 1,1 --out OUT", "must be a file, got a folder"),
    "ending unknown": ("segment PHOTO --point 1,1 --out m.xyz", "m.xyz: must end with one of .samui.json, .png"),
    "format unknown": (SEGMENT + "--point 1,1 --format gif", "format: must be one of mask"),
    "no such folder": ("segment PHOTO --point 40,30 --out FOLDER/none/m.png", "must be a file that can be written"),
    "empty mask": (SEGMENT + "--point 40,30,0", "accept: the mask must cover at least one pixel"),
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


def test_error_of_the_system_is_one_line_with_its_place(photo, predictor, tmp_path, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "/cache/file")

    monkeypatch.setattr(predictor, "embed", full)
    assert run("segment", photo, "--point", "40,30", "--out", tmp_path / "m.png") == 1
    told = capsys.readouterr().err
    assert told == "/cache/file: must allow what segment does there, got: No space left on device\n"


@pytest.mark.slow
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
    assert cli.parser().parse_args(command).dtype == dtype
