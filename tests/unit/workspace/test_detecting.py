"""Boxes of detectors become prompts, and what the model makes of them objects: once, in one step, image by image."""

import json

import numpy as np
import pytest
from PIL import Image

from samui.errors import FormatError
from samui.formats.boxes import read_boxes
from samui.pixels.images import Header
from samui.work.gestures import BoxGesture
from samui.workspace.detecting import import_boxes
from samui.workspace.folder import open_workspace
from samui.workspace.importing import undo_import
from tests.fakes import FakePredictor

SIZE = (60, 80)


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(["a.png", "b.png"]):
        pixels = np.random.default_rng(number).integers(0, 255, (*SIZE, 3), np.uint8)
        Image.fromarray(pixels).save(folder / name)
    opened = open_workspace(folder)
    yield opened
    opened.close()


def coco(*boxes, **more):
    entries = [
        {"id": i, "image_id": 1, "category_id": 1, "bbox": list(box), "score": 0.5, **more}
        for i, box in enumerate(boxes)
    ]
    image = {"id": 1, "file_name": "x/a.png", "height": 60, "width": 80}
    return {"images": [image], "categories": [{"id": 1, "name": "cat"}], "annotations": entries}


def written(folder, whole):
    (folder / "in.json").write_text(json.dumps(whole))
    return folder / "in.json"


YOLO = {"labels/a.txt": "0 0.25 0.5 0.25 0.2\n1 0.5 0.5 0.5 0.5 0.9\n", "data.yaml": "names: [cat, dog]\n"}
VOC = (
    "<annotation><filename>a.png</filename><size><width>80</width><height>60</height></size><object><name>cat</name>"
    "<bndbox><xmin>11</xmin><ymin>25</ymin><xmax>30</xmax><ymax>36</ymax></bndbox></object></annotation>"
)


def test_boxes_are_read_from_coco_yolo_and_voc(tmp_path):
    (one,) = read_boxes(written(tmp_path, coco((10, 24, 20, 12), (-5, -5, 20, 20))))
    assert [(box.label, box.box, box.score) for box in one.boxes] == [
        ("cat", (10, 24, 30, 36), 0.5),
        ("cat", (0, 0, 15, 15), 0.5),
    ]
    for name, text in YOLO.items():
        (tmp_path / "yolo" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "yolo" / name).write_text(text)
    (one,) = read_boxes(tmp_path / "yolo", headers=lambda _: Header(SIZE))
    assert [(box.label, box.box, box.score) for box in one.boxes] == [
        ("cat", (10, 24, 30, 36), None),
        ("dog", (20, 15, 60, 45), 0.9),
    ]
    (tmp_path / "a.xml").write_text(VOC)
    (one,) = read_boxes(tmp_path / "a.xml")
    assert [(box.label, box.box, box.score) for box in one.boxes] == [("cat", (10, 24, 30, 36), None)]


def test_each_box_becomes_a_prompt_and_an_object_once_and_in_one_step(workspace, tmp_path):
    model, file = FakePredictor(), written(tmp_path, coco((10, 10, 30, 30), (40, 20, 30, 30)))
    told = import_boxes(workspace, file, lambda: pytest.fail("loaded for a dry run"), dry_run=True)
    assert (told.added, told.report.images) == (2, 1)
    told = import_boxes(workspace, file, lambda: model)
    assert (told.added, told.known) == (2, 0)
    image = workspace.images.find("a.png")
    first, second = workspace.objects(image.uid)
    assert (first.label, first.gestures, first.model) == ("cat", (BoxGesture((10, 10, 40, 40)),), model.name)
    assert first.mask.area
    assert (first.id, second.id) == (1, 2)
    told = import_boxes(workspace, file, lambda: pytest.fail("loaded for nothing"))
    assert (told.added, told.known) == (0, 2)
    assert undo_import(workspace) == 2


def test_a_run_that_is_stopped_keeps_what_is_done_and_goes_on(workspace, tmp_path):
    whole = coco((10, 10, 30, 30))
    whole["images"].append({"id": 2, "file_name": "b.png", "height": 60, "width": 80})
    whole["annotations"].append({"id": 9, "image_id": 2, "category_id": 1, "bbox": [5, 5, 30, 30]})
    file = written(tmp_path, whole)

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_boxes(workspace, file, FakePredictor, watch=stop)
    assert workspace.images.counts().objects == 1
    told = import_boxes(workspace, file, FakePredictor)
    assert (told.added, told.known) == (1, 1)


def test_boxes_that_do_not_fit_are_told_and_a_broken_file_changes_nothing(workspace, tmp_path):
    told = import_boxes(workspace, written(tmp_path, coco((100, 100, 5, 5), (10, 10, 30, 0))), FakePredictor)
    assert told.report.notes == ["x/a.png: passed over 2 boxes outside of the image or without an area"]
    whole = coco((10, 10, 30, 30))
    whole["images"][0]["width"] = 81
    told = import_boxes(workspace, written(tmp_path, whole), FakePredictor)
    assert told.report.left == ["x/a.png: must be 80x60 as the image a.png, got 81x60"]
    with pytest.raises(
        FormatError, match=r"in\.json: annotations\[0\]\.bbox: must be 4 finite numbers, got \[1, 2, 3\]"
    ):
        import_boxes(workspace, written(tmp_path, coco((1, 2, 3))), FakePredictor)
    assert workspace.images.counts().objects == 0
