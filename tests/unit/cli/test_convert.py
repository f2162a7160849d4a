"""`convert`, `export` and `import` on the command line: what they print, and one line for a mistake."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from samui import cli, formats
from samui.formats import Annotation, SavedObject
from samui.pixels.rle import Rle
from tests.unit.pixels.test_rle import random_mask

SIZE = (20, 30)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(["a.png", "b.png"]):
        Image.new("RGB", SIZE[::-1], (number, 0, 0)).save(folder / name)
    return folder


@pytest.fixture
def masks(tmp_path):
    saved = []
    for image in ("a.png", "b.png"):
        objects = [SavedObject(i + 1, f"l{i}", "#102030", Rle.encode(random_mask(i, *SIZE)), 0.5) for i in range(2)]
        saved.append(Annotation(f"C:\\x\\{image}", SIZE, objects))
    formats.write(iter(saved), tmp_path / "in.json")
    return tmp_path / "in.json"


def run(capsys, *words):
    code = cli.main([str(word) for word in words])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out, err


READABLE = [name for name, one in formats.FORMATS.items() if one.reader is not None]


@pytest.mark.parametrize("name", READABLE)
def test_convert_goes_from_any_format_to_any(name, masks, photos, tmp_path, capsys):
    format = formats.get(name)
    out = tmp_path / ("out" if not format.takes_many else f"out{format.suffix}")
    code, told, err = run(capsys, "convert", masks, out, "--to", name, "--images", photos)
    assert (code, err) == (0, "")
    assert told.startswith(f"{out}: 2 images, 4 objects; ")
    sources = [out] if format.takes_many else sorted(one for one in out.iterdir() if one.suffix != ".csv")
    for source in sources:
        code, told, err = run(
            capsys, "convert", source, tmp_path / "back.json", "--from", name, "--images", photos, "--json"
        )
        assert (code, err) == (0, "")
        assert json.loads(told)["images"] == 2 // len(sources)
        assert {one.image for one in formats.read(tmp_path / "back.json")} <= {"a.png", "b.png"}


def test_a_format_that_draws_is_given_the_pictures(masks, photos, tmp_path, capsys):
    code, _, err = run(capsys, "convert", masks, tmp_path / "cut", "--to", "cutouts", "--images", photos)
    assert (code, err) == (0, "")
    assert sorted(os.listdir(tmp_path / "cut" / "a")) == ["0001-l0.png", "0002-l1.png"]
    assert np.asarray(Image.open(tmp_path / "cut" / "b" / "0001-l0.png"))[..., 0].max() == 1, "the second photo's red"
    code, _, _ = run(capsys, "convert", masks, tmp_path / "m.csv", "--images", photos)
    lines = (tmp_path / "m.csv").read_text().splitlines()
    assert [line.split(",")[-3] for line in lines] == ["red", "0.000", "0.000", "1.000", "1.000"]


def test_an_export_and_an_import_on_the_command_line(masks, photos, tmp_path, capsys):
    code, told, err = run(capsys, "import", photos, masks, "--dry-run")
    assert (code, err) == (0, "")
    assert told == (f"{photos}: would be: 2 images matched (2 by name), 4 objects; 4 added, 0 there already\n")
    code, told, _ = run(capsys, "import", photos, masks, "--json")
    assert json.loads(told) == {
        "images": 2, "objects": 4, "left": [], "added": 4, "known": 0, "changed": 0, "dry_run": False
    }  # fmt: skip
    code, told, _ = run(capsys, "import", photos, masks)
    assert "0 added, 4 there already" in told
    code, told, _ = run(capsys, "export", photos, "--format", "yolo", "--out", tmp_path / "y.zip")
    assert told.startswith(f"{tmp_path / 'y.zip'}: 2 images, 4 objects; ")
    code, told, _ = run(capsys, "import", photos, "--undo")
    assert (code, told) == (0, f"{photos}: 4 objects taken back\n")
    code, told, _ = run(capsys, "export", photos, "--out", tmp_path / "e.json", "--json")
    assert json.loads(told)["objects"] == 0


MISTAKES = {
    "nothing to convert": (["convert", "nothing", "x.json"], "nothing: must be a file, folder or zip of masks"),
    "an ending of nothing": (["convert", "IN", "x.y"], "x.y: must end with one of .samui.json, .png"),
    "another ending": (["convert", "IN", "x.png", "--to", "coco"], "x.png: must end with .json for the format coco"),
    "no such format": (["convert", "IN", "x.json", "--to", "gif"], "format: must be one of mask, masks"),
    "a format of another kind": (["convert", "IN", "x.json", "--from", "cvat"], "IN: must be XML, got"),
    "no images": (["convert", "IN", "x.zip", "--to", "cutouts"], "--images: must be the folder of the images"),
    "images that are none": (["convert", "IN", "x.json", "--images", "no"], "no: must be a folder of images, got none"),
    "several for a file": (
        ["convert", "IN", "x.svg"],
        "x.svg: must be a folder for any but one image in the format svg",
    ),
    "no folder": (["export", "no", "--out", "x.json"], "no: must be a folder of images, got nothing there"),
    "a split of nothing": (["export", "PHOTOS", "--out", "x.json", "--split", "x"], "split: must be like train=0.8"),
    "no file": (["import", "PHOTOS"], "FILE: must be given, or --undo instead of it, got neither"),
    "nothing to import": (
        ["import", "PHOTOS", "no.json"],
        "no.json: must be a file, folder or zip of masks, got nothing",
    ),
    "nothing to undo": (["import", "PHOTOS", "--undo"], "import: must be one of the workspace's, got none"),
}


@pytest.mark.parametrize(("words", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_writes_nothing(words, message, masks, photos, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir(tmp_path))
    given = {"IN": str(masks), "PHOTOS": str(photos)}
    code, out, err = run(capsys, *(given.get(word, word) for word in words))
    assert (code, out) == (1, "")
    assert err.startswith(message.replace("IN", str(masks)))
    assert err.count("\n") == 1
    assert sorted(os.listdir(tmp_path)) == before
