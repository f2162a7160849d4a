"""Labels of a workspace: a change is one of all images, in one step, which can be taken back."""

import pytest

from samui.errors import WorkspaceError
from samui.workspace.labels import read_labels
from samui.workspace.rows import Filter
from samui.workspace.store import Operation
from tests.unit.workspace.conftest import thing, told


@pytest.fixture
def labelled(workspace):
    """Two images with the labels cat, dog, kat."""
    for image, objects in zip(
        workspace.images.all(), ((thing(1, "cat"), thing(2, "dog")), (thing(3, "kat"), thing(4, ""))), strict=False
    ):
        workspace.commit(Operation(image.uid, "Accept"), (), objects)
    return workspace


def names(workspace):
    return [(label.name, label.objects) for label in workspace.labels.all()]


def all_told(workspace):
    return [told(workspace.objects(image.uid)) for image in workspace.images.all()]


def test_labels_come_by_themselves_in_the_order_of_their_first_use(labelled):
    assert names(labelled) == [("cat", 1), ("dog", 1), ("kat", 1)]
    assert len({label.colour for label in labelled.labels.all()}) == 3
    assert [label.order for label in labelled.labels.all()] == [0, 1, 2]


def test_renaming_is_one_step_over_all_images_and_can_be_taken_back(labelled):
    before = all_told(labelled)
    revisions = [image.revision for image in labelled.images.all()]
    labelled.labels.rename("dog", "hound")
    assert all_told(labelled)[0] == [(1, "cat"), (2, "hound")]
    assert [image.revision for image in labelled.images.all()] == [revisions[0] + 1, *revisions[1:]]
    assert labelled.labels.undo() == "Rename label"
    assert all_told(labelled) == before
    assert labelled.labels.undo() is None


def test_merging_is_one_step_and_can_be_taken_back_also_another_day(labelled, opened):
    before = all_told(labelled)
    labelled.labels.merge(["kat", "dog"], "cat")
    assert names(labelled) == [("cat", 3)]
    assert all_told(labelled)[:2] == [[(1, "cat"), (2, "cat")], [(3, "cat"), (4, "")]]
    assert [image.path for image in labelled.images.all(Filter(label="cat"))] == ["a.png", "b.jpg"]
    labelled.close()
    later = opened()
    later.labels.rename("cat", "animal")
    assert names(later) == [("animal", 3)]
    assert later.labels.undo() == "Rename label"
    assert later.labels.undo() == "Merge labels"
    assert all_told(later) == before


def test_renaming_to_a_name_that_there_is_merges(labelled):
    labelled.labels.rename("kat", "cat")
    assert names(labelled) == [("cat", 2), ("dog", 1)]


def test_label_that_was_merged_away_can_be_used_anew(labelled):
    labelled.labels.merge(["kat"], "cat")
    uid = labelled.images.all()[2].uid
    labelled.commit(Operation(uid, "Accept"), (), (thing(9, "kat"),))
    assert names(labelled) == [("cat", 2), ("dog", 1), ("kat", 1)]
    with pytest.raises(WorkspaceError, match="label: must be free again to be taken back, and there is a new 'kat'"):
        labelled.labels.undo()
    assert names(labelled) == [("cat", 2), ("dog", 1), ("kat", 1)]


def test_work_that_was_begun_before_a_renaming_does_not_bring_the_old_name_back(labelled):
    image = labelled.images.all()[0].uid
    before = labelled.objects(image)
    labelled.labels.rename("cat", "lion")
    from dataclasses import replace

    after = (replace(before[0], colour="#00ff00"), before[1])
    kept = labelled.commit(Operation(image, "Recolour"), before, after)
    assert (kept.objects[0].label, kept.objects[0].colour, kept.conflicts) == ("lion", "#00ff00", ())


def test_order_colour_and_key_stay_as_a_person_set_them(labelled, opened):
    labelled.labels.order(["kat", "cat"])
    labelled.labels.edit("dog", colour="#ABCDEF", key="d")
    labelled.labels.edit("cat", key="d")
    labelled.labels.add("bird")
    labelled.close()
    later = opened()
    assert [(one.name, one.key) for one in later.labels.all()] == [("kat", ""), ("cat", "d"), ("dog", ""), ("bird", "")]
    assert later.labels.all()[2].colour == "#abcdef"
    assert later.labels.undo() == "Edit label"
    assert [one.key for one in later.labels.all()] == ["", "", "d", ""]
    assert [later.labels.undo(), later.labels.undo()] == ["Edit label", "Order labels"]
    assert [one.name for one in later.labels.all()] == ["cat", "dog", "kat", "bird"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda labels: labels.rename("none", "x"), "label: must be one of the workspace, got 'none'"),
        (lambda labels: labels.rename("cat", ""), "label: must be a text of 1 to 200 characters, got ''"),
        (lambda labels: labels.merge(["cat", "none"], "dog"), "label: must be one of the workspace, got 'none'"),
        (lambda labels: labels.order(["none"]), "label: must be one of the workspace, got 'none'"),
        (lambda labels: labels.edit("cat", colour="red"), "label.colour: must be like #1f77b4, got 'red'"),
        (lambda labels: labels.edit("cat", key="ab"), "label.key: must be one character or none, got 'ab'"),
        (lambda labels: labels.add("x" * 201), "label: must be a text of 1 to 200 characters, got 'xxx"),
    ],
)
def test_mistake_is_told_and_changes_nothing(labelled, change, told):
    before = labelled.labels.all()
    with pytest.raises(WorkspaceError) as error:
        change(labelled.labels)
    assert str(error.value).startswith(told)
    assert labelled.labels.all() == before


def test_fixed_labels_have_their_order_and_no_others(labelled, opened):
    labelled.close()
    later = opened(labels=("dog", "bird"))
    assert [one.name for one in later.labels.all()] == ["dog", "bird", "cat", "kat"]  # what there is stays
    later.labels.check("bird")
    later.labels.check("")
    for change in (later.labels.check, later.labels.add, lambda name: later.labels.rename("dog", name)):
        with pytest.raises(WorkspaceError, match="label: must be one of dog, bird, got 'hen'"):
            change("hen")


def test_file_of_labels_is_one_a_line(tmp_path):
    file = tmp_path / "labels.txt"
    file.write_text("\ufeffcat\n\n  old dog \ncat\n#7\n", encoding="utf-8")
    assert read_labels(file) == ["cat", "old dog", "#7"]
    file.write_bytes(b"\xff\xfe")
    for bad, rule in ((file, "must be text in UTF-8"), (tmp_path / "no", "must be a file of labels, one a line, got")):
        with pytest.raises(WorkspaceError, match=rule):
            read_labels(bad)
    file.write_text("\n")
    with pytest.raises(WorkspaceError, match="must have a label on some line"):
        read_labels(file)
