"""Masks of files go into a workspace once, as one step, and come out again as they were."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from samui import formats
from samui.errors import ExportError, FormatError, WorkspaceError
from samui.formats import Annotation, SavedObject
from samui.pixels.rle import Rle
from samui.work import actions
from samui.work.gestures import BoxGesture, ChoiceGesture, MaskGesture, PointGesture, StrokeGesture
from samui.work.session import Session
from samui.work.tools import Tools
from samui.workspace.exporting import Choice, export, parse_split, subset_of
from samui.workspace.folder import open_workspace
from samui.workspace.importing import import_file, undo_import
from samui.workspace.rows import Filter
from samui.workspace.store import Operation
from tests.fakes import FakePredictor
from tests.unit.pixels.test_rle import random_mask

SIZE = (20, 30)
IMAGES = ["a.png", "b.png", "sub/a.png", "sub/c.png"]


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "photos"
    for number, name in enumerate(IMAGES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", SIZE[::-1], (number, 0, 0)).save(folder / name)
    opened = open_workspace(folder)
    yield opened
    opened.close()


def annotation(image, count=2, seed=0):
    objects = [
        SavedObject(i + 1, f"l{i % 2}", "#102030", Rle.encode(random_mask(seed * 100 + i, *SIZE)), 0.5)
        for i in range(count)
    ]
    return Annotation(image, SIZE, objects)


def state(workspace):
    return {
        image.path: [(one.id, one.uid, one.label, one.mask, one.score) for one in workspace.objects(image.uid)]
        for image in workspace.images.all()
    }


@pytest.mark.parametrize("name", ["coco", "cvat", "label-studio", "samui"])
def test_a_file_is_imported_once_and_the_second_time_changes_nothing(name, workspace, tmp_path):
    file = tmp_path / f"x{formats.get(name).suffix}"
    saved = [annotation("b.png"), annotation("somewhere\\sub\\c.png", 3, 1), annotation("none.png")]
    formats.write(iter(saved), file, name)
    told = import_file(workspace, file)
    assert (told.added, told.known, told.report.images) == (5, 0, 2)
    assert told.report.left == ["none.png: must be among the images, got none"]
    after = state(workspace)
    assert [label for _, _, label, _, _ in after["sub/c.png"]] == ["l0", "l1", "l0"]
    assert [mask for *_, mask, _ in after["b.png"]] == [one.rle for one in saved[0].objects]
    told = import_file(workspace, file)
    assert (told.added, told.known, told.changed) == (0, 5, 0)
    assert state(workspace) == after
    assert [moment.action for moment in workspace.history.moments(workspace.images.find("b.png").uid)] == [
        f"Import {import_of(workspace)}"
    ]


def import_of(workspace):
    (action,) = workspace.database.row("SELECT action FROM op WHERE action LIKE 'Import %' ORDER BY seq DESC")
    return action.split()[1]


def test_a_dry_run_tells_the_same_and_changes_nothing(workspace, tmp_path):
    formats.write(iter([annotation("b.png"), annotation("dog.png")]), tmp_path / "x.json")
    before = state(workspace)
    told = import_file(workspace, tmp_path / "x.json", dry_run=True)
    assert (told.added, told.report.images, len(told.report.left)) == (2, 1, 1)
    assert state(workspace) == before
    assert workspace.database.row("SELECT count(*) FROM op") == (0,)


def test_an_import_is_one_step_to_undo_which_leaves_what_was_changed_since(workspace, tmp_path):
    formats.write(iter([annotation("b.png"), annotation("sub/c.png", 3, 1)]), tmp_path / "x.json")
    before = state(workspace)
    import_file(workspace, tmp_path / "x.json")
    uid = workspace.images.find("b.png").uid
    held = workspace.objects(uid)
    workspace.commit(Operation(uid, "Label"), held, (replace(held[0], label="mine"), held[1]))
    assert undo_import(workspace) == 4
    assert [one.label for one in workspace.objects(uid)] == ["mine"]
    assert {**state(workspace), "b.png": []} == before
    told = import_file(workspace, tmp_path / "x.json")
    assert told.added == 4, "what was undone comes back when it is asked for"
    with pytest.raises(WorkspaceError, match="import: must be one of the workspace's, got 12345678"):
        undo_import(workspace, "12345678")


def test_a_broken_file_changes_nothing_whatever_comes_before_the_fault(workspace, tmp_path):
    formats.write(iter([annotation("a.png"), annotation("b.png")]), tmp_path / "x.json")
    whole = json.loads((tmp_path / "x.json").read_text())
    whole["annotations"][-1]["segmentation"]["counts"] = "0"
    (tmp_path / "x.json").write_text(json.dumps(whole))
    with pytest.raises(FormatError, match=r"x.json: annotations\[3\].segmentation: rle.counts: must sum to 600"):
        import_file(workspace, tmp_path / "x.json")
    assert all(not objects for objects in state(workspace).values())


def test_too_many_objects_of_an_image_are_refused_before_anything_changes(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr("samui.workspace.importing.MAX_OBJECTS", 2)
    formats.write(iter([annotation("a.png"), annotation("b.png", 3)]), tmp_path / "x.json")
    with pytest.raises(WorkspaceError, match=r"b.png: must have at most 2 objects, got 3"):
        import_file(workspace, tmp_path / "x.json")
    assert all(not objects for objects in state(workspace).values())


@pytest.fixture
def tools():
    predictor = FakePredictor()
    embedding = predictor.embed(np.zeros((*SIZE, 3), np.uint8))
    return Tools(lambda prompt: predictor.predict(embedding, prompt), model="fake")


def test_an_imported_mask_is_a_gesture_that_clicks_correct(workspace, tools, tmp_path):
    formats.write(annotation("b.png", 1), tmp_path / "x.json")
    import_file(workspace, tmp_path / "x.json")
    (one,) = workspace.objects(workspace.images.find("b.png").uid)
    box, gesture = one.gestures
    assert isinstance(gesture, MaskGesture)
    assert gesture.mask == one.mask
    assert box == BoxGesture(tuple(map(float, one.mask.box))), "the decoder starts from it when it is worked on again"
    state = Session.begin(SIZE, objects=(one,)).apply(actions.Reopen(one.id), tools).state
    assert state.mask == one.mask


GESTURES = (
    BoxGesture((1.0, 2.0, 20.0, 15.0)),
    PointGesture((3.5, 4.25), 1),
    ChoiceGesture(2),
    StrokeGesture(((1.0, 2.0), (3.5, 4.0)), 3.5, True),
    PointGesture((1.0, 1.0), 0),
)


def test_samui_s_own_file_moves_all_of_the_work_to_another_machine(workspace, tmp_path):
    import_file(workspace, written(tmp_path, annotation("b.png", 3)))
    image = workspace.images.find("b.png")
    held = workspace.objects(image.uid)
    other = MaskGesture(held[2].mask, True)  # not the object's own
    now = (
        replace(held[0], gestures=GESTURES, visible=False, snapped=True),
        replace(held[1], gestures=(other,)),
        held[2],
    )
    workspace.commit(Operation(image.uid, "Work"), held, now)
    workspace.images.set_state(image.uid, "done")
    workspace.images.set_note(image.uid, "a hard one")
    export(workspace, tmp_path / "all.samui.json", "samui")

    there = tmp_path / "there"
    there.mkdir()
    os.link(workspace.folder / "b.png", there / "renamed.png")
    elsewhere = open_workspace(there)
    try:
        told = import_file(elsewhere, tmp_path / "all.samui.json")
        assert (told.added, told.report.how["content"], len(told.report.left)) == (3, 1, 3)
        found = elsewhere.images.find("renamed.png")
        back = elsewhere.objects(found.uid)
        assert [(one.uid, one.mask, one.label, one.visible) for one in back] == [
            (one.uid, one.mask, one.label, one.visible) for one in now
        ]
        assert back[0].gestures == GESTURES
        assert back[1].gestures[-1].mask == other.mask
        assert (found.state, found.note) == ("done", "a hard one")
        assert import_file(elsewhere, tmp_path / "all.samui.json").known == 3
    finally:
        elsewhere.close()


def written(folder, *saved):
    formats.write(iter(saved), folder / "in.json")
    return folder / "in.json"


@pytest.mark.parametrize("name", [n for n, one in formats.FORMATS.items() if one.reader is not None])
def test_every_format_comes_out_of_a_workspace_and_in_again(name, workspace, tmp_path):
    import_file(workspace, written(tmp_path, annotation("b.png"), annotation("sub/c.png", 3, 1)))
    format, before = formats.get(name), state(workspace)
    done = export(workspace, tmp_path / "out", name)
    assert (done.images, done.objects) == (4, 5)
    source = tmp_path / "out"
    files = sorted(one for one in source.rglob("*") if one.is_file() and one.suffix != ".csv")
    if format.joiner is not None:
        (source,) = files
    if format.takes_many:
        told = import_file(workspace, source, name)
        assert told.report.left == []
    if format.keeps.overlap and format.keeps.holes and format.keeps.islands and format.takes_many:
        assert (told.added, told.known) == (0, 5)
        assert state(workspace) == before


def test_classes_are_numbered_by_the_workspace_s_labels_and_stay(workspace, tmp_path):
    import_file(workspace, written(tmp_path, annotation("b.png", 1)))
    workspace.labels.add("zebra")
    workspace.labels.order(["zebra", "l0"])
    export(workspace, tmp_path / "x.json", "coco")
    named = json.loads((tmp_path / "x.json").read_text())["categories"]
    assert named == [{"id": 1, "name": "zebra"}, {"id": 2, "name": "l0"}]


def test_an_image_stays_in_its_subset_whatever_comes_or_goes():
    split = parse_split("train=0.8,val=0.2")
    names = [f"{n}.jpg" for n in range(2000)]
    subsets = {name: subset_of(name, split) for name in names}
    assert 0.78 < sum(one == "train" for one in subsets.values()) / 2000 < 0.82
    assert {name: subset_of(name, split) for name in names[::3]} == {name: subsets[name] for name in names[::3]}


def test_states_labels_and_subsets_choose_what_is_exported(workspace, tmp_path):
    import_file(workspace, written(tmp_path, annotation("b.png"), annotation("sub/c.png", 3, 1)))
    workspace.images.set_state(workspace.images.find("b.png").uid, "done")
    done = export(workspace, tmp_path / "done.json", "coco", Choice(states=("done",)))
    assert (done.images, done.objects) == (1, 2)
    done = export(workspace, tmp_path / "l1.json", "coco", Choice(labels=("l1",)))
    assert (done.images, done.objects) == (2, 2)
    split = parse_split("train=0.5,val=0.5")
    done = export(workspace, tmp_path / "parts", "coco", Choice(split=split))
    assert sorted(os.listdir(tmp_path / "parts")) == ["train.json", "val.json"]
    counts = {name: len(list(formats.read(tmp_path / "parts" / f"{name}.json"))) for name in ("train", "val")}
    assert counts == {name: sum(subset_of(image, split) == name for image in IMAGES) for name in ("train", "val")}
    assert done.subsets == {name: count for name, count in counts.items() if count}
    assert workspace.images.count(Filter(state="done")) == 1


@pytest.mark.parametrize("placing", ["copy", "link"])
@pytest.mark.parametrize("name", ["yolo", "voc", "coco-panoptic", "cityscapes", "coco", "labelme"])
def test_pictures_come_along_at_their_place(name, placing, workspace, tmp_path):
    import_file(workspace, written(tmp_path, annotation("b.png")))
    export(workspace, tmp_path / "out", name, placing=placing)
    placed = [one for one in (tmp_path / "out").rglob("*.png") if one.samefile(workspace.folder / "b.png")]
    assert len(placed) == (placing == "link")
    whole = (workspace.folder / "b.png").read_bytes()
    assert sum(one.read_bytes() == whole for one in (tmp_path / "out").rglob("*.png")) == 1


def test_an_export_writes_whole_or_not_at_all_and_over_nothing(workspace, tmp_path):
    import_file(workspace, written(tmp_path, annotation("b.png")))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("mine")
    with pytest.raises(ExportError, match="full: must be a new or an empty folder"):
        export(workspace, tmp_path / "full", "yolo")
    os.unlink(workspace.folder / "b.png")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(ExportError, match=r"b.png: must be there to be put beside its masks"):
        export(workspace, tmp_path / "out", "yolo", placing="copy")
    assert sorted(os.listdir(tmp_path)) == before
    (workspace.folder / "sub/c.png").write_bytes(b"x")
    done = export(workspace, tmp_path / "y.json", "coco")
    assert (done.images, done.objects, len(done.left)) == (3, 2, 1)
    assert done.left[0].startswith("c.png: must be a JPEG, PNG")


@pytest.mark.parametrize(
    "text", ["", "train", "train=x", "train=0.5", "train=0.5,train=0.5", "a/b=1", "train=2", "x=nan"]
)
def test_a_split_that_is_none_is_told(text):
    with pytest.raises(ExportError, match="split: must be "):
        parse_split(text)
