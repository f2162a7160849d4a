"""Two stores of one folder made one: the union by uid, and what does not fit is listed, never dropped."""

import shutil
from dataclasses import replace

import pytest

from samui.workspace.merging import merge
from samui.workspace.store import Operation
from tests.unit.workspace.conftest import thing, told


class Two:
    """A folder and its copy, each open."""

    def __init__(self, opened, photos):
        ours = opened()
        self.uid = ours.images.all()[0].uid
        self.change(ours, thing(1, "cat"), thing(2, "dog"))
        ours.close()
        copy = photos.parent / "copy"
        shutil.copytree(photos, copy)
        self.ours, self.theirs = opened(), opened(copy)

    def change(self, workspace, *after):
        workspace.commit(Operation(self.uid, "Change"), workspace.objects(self.uid), after)

    def objects(self, workspace):
        return workspace.objects(self.uid)

    def merge(self):
        return merge(self.ours, self.theirs.folder)


@pytest.fixture
def two(opened, photos):
    return Two(opened, photos)


def test_what_only_one_has_done_stands(two):
    one, other = two.objects(two.ours)
    two.change(two.ours, replace(one, label="lion"), other, thing(3, "ours"))
    one, other = two.objects(two.theirs)
    two.change(two.theirs, one, replace(other, label="hound"), thing(3, "theirs", uid="ee" * 16))
    done = two.merge()
    assert (done.added, done.changed, done.deleted, done.conflicts) == (1, 1, 0, ())
    assert told(two.objects(two.ours)) == [(1, "lion"), (2, "hound"), (3, "ours"), (4, "theirs")]
    assert [label.name for label in two.ours.labels.all()] == ["cat", "dog", "lion", "ours", "hound", "theirs"]
    before = two.ours.history.moments(two.uid)
    assert two.merge() == replace(done, added=0, changed=0)
    assert two.ours.history.moments(two.uid) == before


def test_deletions_are_taken_over_too(two):
    two.change(two.theirs, *two.objects(two.theirs)[1:])
    assert two.merge().deleted == 1
    assert told(two.objects(two.ours)) == [(2, "dog")]
    two.change(two.ours)
    assert two.merge().added == 0  # what we have deleted since does not come back
    assert two.objects(two.ours) == ()


def test_what_both_have_changed_is_listed_and_the_other_version_is_in_the_history(two):
    one, other = two.objects(two.ours)
    two.change(two.ours, replace(one, label="lion"), other)
    one, other = two.objects(two.theirs)
    two.change(two.theirs, replace(one, label="tiger"), other)
    assert two.merge().conflicts == ("a.png: object 1: was changed in both; the other version is in the history",)
    assert told(two.objects(two.ours)) == [(1, "lion"), (2, "dog")]
    assert [item.label for item in two.ours.history.overtaken(two.uid)] == ["tiger"]
    moments = two.ours.history.moments(two.uid)
    two.merge()
    assert two.ours.history.moments(two.uid) == moments


def test_what_one_has_deleted_and_the_other_changed_stays(two):
    one, other = two.objects(two.ours)
    two.change(two.ours, replace(other, label="ours"))
    one, other = two.objects(two.theirs)
    two.change(two.theirs, replace(one, label="theirs"))
    assert two.merge().conflicts == (
        "a.png: object 1: was deleted here and changed there, and is back",
        "a.png: object 2: was deleted there and changed here, and stays",
    )
    assert sorted(told(two.objects(two.ours))) == [(1, "theirs"), (2, "ours")]


def test_states_and_notes_say_more_afterwards_and_never_less(two):
    first, second, third = (image.uid for image in two.ours.images.all())
    two.theirs.images.set_state(first, "done")
    two.ours.images.set_state(second, "done")
    two.theirs.images.set_state(second, "skipped")
    two.ours.images.set_note(third, "mine")
    two.theirs.images.set_note(third, "yours")
    assert two.merge().conflicts == ("b.jpg: is done here and skipped there; done stands",)
    assert [image.state for image in two.ours.images.all()] == ["done", "done", "todo"]
    assert two.ours.images.get(third).note == "mine\nyours"
    two.merge()
    assert two.ours.images.get(third).note == "mine\nyours"


def test_images_of_folders_that_were_begun_apart_meet_by_path_or_content(opened, photos, tmp_path):
    other = tmp_path / "apart"
    shutil.copytree(photos, other)
    (other / "a.png").rename(other / "renamed.png")
    ours, theirs = opened(), opened(other)
    mine = ours.images.find("a.png").uid
    ours.commit(Operation(mine, "Accept"), (), (thing(1, "ours"),))
    theirs.commit(Operation(theirs.images.find("renamed.png").uid, "Accept"), (), (thing(2, "by content"),))
    theirs.commit(Operation(theirs.images.find("more/c.png").uid, "Accept"), (), (thing(3, "by path"),))
    shutil.copy(photos / "b.jpg", other / "more" / "extra.jpg")
    (other / "more" / "extra.jpg").write_bytes((photos / "b.jpg").read_bytes() + b"!")
    theirs.scan()
    extra = theirs.images.find("more/extra.jpg").uid
    theirs.commit(Operation(extra, "Accept"), (), (thing(4, "only there"),))
    assert merge(ours, other).added == 3
    assert told(ours.objects(mine)) == [(1, "ours"), (2, "by content")]
    assert told(ours.objects(ours.images.find("more/c.png").uid)) == [(3, "by path")]
    assert ours.images.get(extra).missing
    shutil.copy(other / "more" / "extra.jpg", photos / "at last.jpg")
    ours.scan()
    assert ours.images.find("at last.jpg").objects == 1
