"""The command `everything`: what it prints, what it refuses, and how it ends."""

import contextlib
import io
import json
import os

import numpy as np
import PIL.Image
import pytest

from samui import files
from samui.cli.everything import Bar
from samui.errors import ExportError
from samui.everything import Progress
from tests.fakes import FakePredictor
from tests.unit.conftest import FLAGS, NAMES, command


def test_the_command_reports_bad_images_and_does_the_others(folder, predictor, tmp_path, capsys):
    (folder / "bb.jpg").write_bytes(b"not a picture")
    out = tmp_path / "all.json"
    assert command(folder, "--out", out, *FLAGS) == 1
    told = capsys.readouterr()
    assert [line.split(":")[0] for line in told.out.splitlines()] == [*NAMES, str(out)]
    first, last = told.err.splitlines()
    assert first.startswith("bb.jpg: must be a JPEG, PNG")
    assert last == f"{folder}: 1 of 5 images could not be done"
    assert len(json.loads(out.read_bytes())["images"]) == 4
    assert command(folder, "--out", out, *FLAGS) == 1
    assert "a.png: done before" in capsys.readouterr().out


def test_the_command_writes_one_image_by_the_ending_of_the_file(folder, predictor, tmp_path, capsys):
    for name, kind in (("x.json", b"{"), ("x.png", b"\x89PNG"), ("x.zip", b"PK"), ("x.jpg", b"\xff\xd8")):
        assert command(folder / "a.png", "--out", tmp_path / name, *FLAGS) == 0
        assert (tmp_path / name).read_bytes().startswith(kind)
    values = np.array(PIL.Image.open(tmp_path / "x.png"))
    assert 1 < values.max() < 255  # a label map, not one mask of all
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'x.json'}: ")


def test_the_command_says_which_threshold_left_nothing(folder, predictor, tmp_path, capsys):
    out = tmp_path / "x.json"
    assert command(folder / "a.png", "--out", out, "--points-per-side", 2, "--pred-iou-thresh", 0.95) == 0
    line = "no masks found: of 12 candidates pred_iou_thresh 0.95 removed 12 (highest 0.9)"
    assert capsys.readouterr().out == f"{out}: {line}\n"
    assert json.loads(out.read_bytes())["annotations"] == []


def test_the_command_tells_json_on_request(folder, predictor, tmp_path, capsys):
    out = tmp_path / "all.json"
    assert command(folder, "--out", out, "--json", *FLAGS) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(image["name"], image["skipped"]) for image in told["images"]] == [(name, False) for name in NAMES]
    assert all(image["masks"] > 0 for image in told["images"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--points-per-side", "0"], "points_per_side: must be a whole number from 1 to 256, got 0"),
        (["--points-per-side", "x"], "argument --points-per-side: must be a whole number, got 'x'"),
        (["--format", "gif"], "format: must be one of mask, masks, labelmap,"),
    ],
    ids=["range", "no number", "format"],
)
def test_a_mistake_is_one_line_and_exit_code_1(folder, predictor, tmp_path, capsys, arguments, message):
    assert command(folder, "--out", tmp_path / "all.json", *arguments) == 1
    told = capsys.readouterr()
    assert message in told.err
    assert (told.err.count("\n"), told.out) == (1, "")
    assert predictor.embed_calls == 0


@pytest.mark.parametrize("suffix", [".PNG", ".zip", ".jpg"])
def test_one_picture_for_a_folder_is_refused_unless_a_format_asks_for_a_folder(
    folder, predictor, tmp_path, capsys, suffix
):
    out = tmp_path / f"all{suffix}"
    assert command(folder, "--out", out, *FLAGS) == 1
    rule = "must be a folder or end with .json for a FOLDER without --format"
    assert capsys.readouterr().err == f"{out}: {rule}, got {suffix!r}\n"
    assert not out.exists()
    assert predictor.embed_calls == 0


@pytest.mark.parametrize(
    ("source", "out", "name", "rule"),
    [
        ("a.png", "x.png", "coco", "must end with .json for the format coco, got '.png'"),
        ("a.png", "x.json", "png", "must end with .png for the format labelmap, got '.json'"),
        ("", "x.png", "coco", "must be a folder or end with .json for a FOLDER and --format coco, got '.png'"),
        ("", "x.json", "masks", "must be a folder for a FOLDER and --format masks, got '.json'"),
    ],
    ids=["JSON as a picture", "picture as JSON", "folder: JSON as a picture", "folder: archives as JSON"],
)
def test_an_ending_that_says_another_kind_of_file_is_refused(
    folder, tmp_path, capsys, monkeypatch, source, out, name, rule
):
    monkeypatch.setattr("samui.models.load_predictor", lambda name, **options: pytest.fail("loaded"))
    assert command(folder / source, "--out", tmp_path / out, "--format", name) == 1
    assert capsys.readouterr().err == f"{tmp_path / out}: {rule}\n"
    assert not (tmp_path / out).exists()


def test_an_image_that_is_not_there_is_told_before_the_model_loads(predictor, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("samui.models.load_predictor", lambda name, **options: pytest.fail("loaded"))
    assert command(tmp_path / "none.jpg", "--out", tmp_path / "x.json") == 1
    assert capsys.readouterr().err == f"{tmp_path / 'none.jpg'}: must be an image file or a folder, got nothing there\n"


@pytest.mark.parametrize(
    ("out", "got"),
    [
        ("photos/a.png", "must be another file than the image, got the same"),
        ("none/x.json", "must be a file that can be written, got: No such file or directory"),
    ],
    ids=["the image itself", "missing folder"],
)
def test_an_output_that_cannot_be_is_told_before_the_model_loads(folder, tmp_path, capsys, monkeypatch, out, got):
    monkeypatch.setattr("samui.models.load_predictor", lambda name, **options: pytest.fail("loaded"))
    before = (folder / "a.png").read_bytes()
    assert command(folder / "a.png", "--out", tmp_path / out, *FLAGS) == 1
    assert capsys.readouterr().err == f"{tmp_path / out}: {got}\n"
    assert (folder / "a.png").read_bytes() == before


def test_a_combined_file_that_cannot_be_is_told_before_the_first_image(folder, predictor, tmp_path, capsys):
    out = tmp_path / "all.json"
    out.mkdir()
    assert command(folder, "--out", out, *FLAGS) == 1
    assert capsys.readouterr().err == f"{out}: must be a file that can be written, got a folder\n"
    assert predictor.embed_calls == 0


def test_a_path_that_no_system_takes_is_one_line(predictor, tmp_path, capsys):
    image = tmp_path / ("x" * 300)
    assert command(image, "--out", tmp_path / "x.json") == 1
    assert capsys.readouterr().err == f"{image}: must be an image file or a folder, got: File name too long\n"


def test_names_that_the_output_cannot_show_do_not_end_the_run(folder, predictor, tmp_path):
    (folder / "d.png").rename(folder / "größe.png")
    (folder / "c.png").rename(folder / os.fsdecode(b"gr\xfc\xdfe.png"))
    with io.TextIOWrapper(io.BytesIO(), encoding="ascii") as stdout, contextlib.redirect_stdout(stdout):
        assert command(folder, "--out", tmp_path / "all.json", *FLAGS) == 0
        told = stdout.buffer.getvalue().decode("ascii")
    assert [line.split(":")[0] for line in told.splitlines()[:4]] == [
        "a.png",
        "b.png",
        "gr\\xf6\\xdfe.png",
        "gr\\udcfc\\udcdfe.png",
    ]
    assert len(json.loads((tmp_path / "all.json").read_bytes())["images"]) == 4


def test_a_reader_that_goes_is_one_line_and_the_same_command_goes_on(folder, predictor, tmp_path, capsys):
    reading, writing = os.pipe()
    os.close(reading)
    out = tmp_path / "all.json"
    with open(writing, "w") as stdout, contextlib.redirect_stdout(stdout):
        assert command(folder, "--out", out, *FLAGS) == 1
    assert capsys.readouterr().err == "stdout: must stay open until the command ends, got: Broken pipe\n"
    assert command(folder, "--out", out, *FLAGS) == 0
    assert capsys.readouterr().out.startswith("a.png: done before\n")


def test_ctrl_c_says_how_to_go_on(folder, predictor, tmp_path, capsys, monkeypatch):
    calls = []

    def embed(image):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return FakePredictor.embed(predictor, image)

    monkeypatch.setattr(predictor, "embed", embed)
    out = tmp_path / "all.json"
    assert command(folder, "--out", out, *FLAGS) == 130
    assert "stopped after 2 images; the same command goes on from there" in capsys.readouterr().err
    assert command(folder, "--out", out, *FLAGS) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["a.png: done before", "b.png: done before"]


class Terminal:
    def __init__(self):
        self.text = ""

    def isatty(self):
        return True

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_an_error_stands_on_a_line_of_its_own(folder, predictor, tmp_path, monkeypatch):
    def full(path, data):
        raise ExportError(f"{path}: no room")

    monkeypatch.setattr(files, "write", full)
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    out = tmp_path / "x.json"
    assert command(folder / "a.png", "--out", out, *FLAGS) == 1
    assert "a.png [" in terminal.text
    assert terminal.text.endswith(f"\r\x1b[K{out}: no room\n")


def test_the_bar_shows_share_and_time_left_on_a_terminal():
    terminal = Terminal()
    bar = Bar(terminal)
    bar("a.png", Progress("decode", 8, 32, 2.0))
    assert terminal.text == "\r\x1b[Ka.png [######------------------]  25% 6 s left"
    bar.clear()
    assert terminal.text.endswith("\r\x1b[K")
