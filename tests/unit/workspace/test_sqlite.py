"""The store on disk: what is committed is there another day, once, in order, and every version of it."""

import sqlite3
from dataclasses import replace

import numpy as np
import pytest

from samui.errors import StoreError, WorkspaceError
from samui.formats.gestures import from_gestures, record_gestures
from samui.pixels.rle import Rle
from samui.work.gestures import (
    BoxGesture,
    ChoiceGesture,
    CloseUpGesture,
    Gesture,
    MaskGesture,
    Pick,
    PointGesture,
    StrokeGesture,
)
from samui.work.state import Object
from samui.workspace.store import Operation
from tests.unit.workspace.conftest import MASK, thing, told

OTHER = Rle.encode(np.ones((6, 6), dtype=bool))
GESTURES = {
    PointGesture: PointGesture((1.25, 1 / 3), 0),
    BoxGesture: BoxGesture((0.1, 0.2, 5.5, 6.0)),
    ChoiceGesture: ChoiceGesture(2),
    StrokeGesture: StrokeGesture(((1.0, 2.5), (3.125, 4.0)), 2.5, False),
    CloseUpGesture: CloseUpGesture((Pick((1, 0, 5, 6), 2, 0.75), Pick((0, 0, 6, 6), 0, 1 / 3))),
    MaskGesture: MaskGesture(OTHER, True),
}


CLOSE_UPS = [
    [{"close_up": picks}]
    for picks in (
        [],
        [[0, 0, 5, 5, 1]],
        [[0, 0, 5, 5, -1, 0.5]],
        [[0.5, 0, 5, 5, 1, 0.5]],
        [[5, 0, 5, 5, 1, 0.5]],
        [5],
        5,
    )
]


def commit(workspace, image, before, after, **how):
    return workspace.commit(Operation(image, "Accept", **how), before, after)


def test_what_was_committed_is_there_another_day(opened):
    one, two = thing(1, "cat"), thing(2, "dog")
    workspace = opened()
    uid = workspace.images.all()[0].uid
    kept = commit(workspace, uid, (), (one,))
    assert kept.objects == (one,)
    assert commit(workspace, uid, (one,), (one, two)).revision == 2
    workspace.close()
    later = opened()
    first, second = later.objects(uid)
    assert told((first, second)) == [(1, "cat"), (2, "dog")]
    assert (first.uid, first.mask, first.gestures, first.score) == (one.uid, one.mask, one.gestures, one.score)
    assert (first.colour, first.visible, first.candidate, first.snapped, first.model, first.logits) == (
        one.colour, True, 0, False, "fake", None,
    )  # fmt: skip
    assert later.images.get(uid).state == "progress"
    assert later.images.get(uid).objects == 2


def test_every_kind_of_gesture_comes_back_as_it_was(workspace, image):
    kinds = {kind.__name__ for kind in Gesture.__args__}
    assert {kind.__name__ for kind in GESTURES} == kinds, "a new kind of gesture needs its place in formats/gestures.py"
    item = replace(thing(1), gestures=(*GESTURES.values(), MaskGesture(MASK, False)))
    commit(workspace, image, (), (item,))
    (found,) = workspace.objects(image)
    assert found.gestures[:5] == item.gestures[:5]
    assert (found.gestures[5].mask, found.gestures[5].snapped) == (OTHER, True)
    assert found.gestures[6].mask is found.mask  # or a reopened object would count as changed


def test_every_field_of_an_object_is_kept():
    kept = {"id", "uid", "label", "colour", "visible", "mask", "score", "gestures", "candidate", "snapped", "model"}
    assert set(Object.__dataclass_fields__) - {"logits"} == kept, "a new field needs its column, and a migration"


@pytest.mark.parametrize(
    "gestures", [[{"nothing": 1}], [{"point": [1, 2]}], [{"choice": -1}], ["x"], {"point": []}, *CLOSE_UPS]
)
def test_gestures_that_are_none_are_refused_with_place_and_value(gestures):
    with pytest.raises(Exception, match=r"^gestures"):
        from_gestures(gestures, MASK)
    assert from_gestures(record_gestures((), MASK), MASK) == ()


def test_operation_that_comes_again_changes_nothing_also_after_a_restart(opened):
    one = thing(1, "cat")
    accept = "ab" * 16
    workspace = opened()
    uid = workspace.images.all()[0].uid
    after = (one,)
    assert not workspace.knows(accept)
    commit(workspace, uid, (), after, id=accept)
    workspace.close()
    later = opened()
    assert later.knows(accept)
    assert commit(later, uid, (), after, id=accept).objects is after
    commit(later, uid, after, ())
    again = commit(later, uid, (), after, id=accept)
    assert (again.objects, again.revision) == ((), 2)
    assert [moment.action for moment in later.history.moments(uid)] == ["Accept", "Accept"]


def test_two_who_change_an_image_keep_both_and_the_later_is_told_of_what_does_not_fit(opened):
    anna, ben = opened(author="anna"), opened(author="ben")
    uid = anna.images.all()[0].uid
    one = thing(1, "cat")
    before = (one,)
    commit(anna, uid, (), before, author="anna")
    commit(anna, uid, before, (replace(one, label="lion"), thing(2)), author="anna")
    kept = commit(ben, uid, before, (replace(one, label="tiger", colour="#ff0000"), thing(3)), author="ben")
    assert told(kept.objects) == [(1, "lion"), (2, ""), (3, "")]
    assert kept.objects[0].colour == "#ff0000"
    assert kept.conflicts == ("object 1: was changed by anna first; your version is in the history",)
    assert told(ben.objects(uid)) == told(kept.objects)
    assert [item.label for item in ben.history.overtaken(uid)] == ["tiger"]
    assert ben.history.moments(uid)[0].overtaken == 1


def test_new_objects_of_two_people_get_numbers_of_their_own(opened):
    anna, ben = opened(), opened()
    uid = anna.images.all()[0].uid
    commit(anna, uid, (), (thing(1, "hers"),))
    kept = commit(ben, uid, (), (thing(1, "his", uid="ff" * 16),))
    assert told(kept.objects) == [(1, "hers"), (2, "his")]


def test_order_of_drawing_is_kept(workspace, image):
    one, two, three = thing(1), thing(2), thing(3)
    order = (one, two, three)
    commit(workspace, image, (), order)
    for after in ((three, one, two), (three, two), (three, one, two), (one, three, two)):
        commit(workspace, image, order, after)
        assert [item.id for item in workspace.objects(image)] == [item.id for item in after]
        order = after


def test_places_in_the_order_never_run_out(workspace, image):
    bottom, top = thing(1), thing(2)
    order = (bottom, top)
    commit(workspace, image, (), order)
    for n in range(3, 80):  # each halves the room between two
        after = (order[0], thing(n), *order[1:])
        commit(workspace, image, order, after)
        order = after
    assert [item.id for item in workspace.objects(image)] == [item.id for item in order]


def test_history_tells_each_operation_and_every_moment_comes_back(workspace, image):
    one = thing(1, "cat")
    seen = [()]
    for after in ((one,), (one, thing(2)), (replace(one, label="dog"), thing(2)), (thing(2),), ()):
        commit(workspace, image, seen[-1], after, author="anna")
        seen.append(after)
    moments = workspace.history.moments(image)
    assert [(m.made, m.ended) for m in moments] == [(0, 1), (0, 1), (1, 1), (1, 0), (1, 0)]
    assert {moment.author for moment in moments} == {"anna"}
    for moment, objects in zip(moments, seen[:0:-1], strict=True):
        assert told(workspace.history.objects_at(image, moment.seq)) == told(objects)
    for moment, objects in zip(moments, seen[:0:-1], strict=True):
        assert told(workspace.history.restore(image, moment.seq).objects) == told(objects)
        assert told(workspace.objects(image)) == told(objects)
    assert told(workspace.history.restore(image, 0).objects) == []
    assert len(workspace.history.moments(image)) == 5 + 5 + 1
    with pytest.raises(WorkspaceError, match="moment: must be one of the image's history, got 99"):
        workspace.history.restore(image, 99)


def test_image_that_there_is_not_has_no_objects_and_takes_none(workspace):
    assert workspace.objects("ff" * 16) == ()
    with pytest.raises(WorkspaceError, match="image: must be one of the workspace, got ffff"):
        commit(workspace, "ff" * 16, (), (thing(1),))


def test_a_change_that_fails_half_way_leaves_nothing(workspace, image, monkeypatch):
    broken = replace(thing(2), score=object())
    with pytest.raises((StoreError, sqlite3.Error)):
        commit(workspace, image, (), (thing(1), broken))
    assert workspace.objects(image) == ()
    assert workspace.history.moments(image) == []
    assert commit(workspace, image, (), (thing(1),)).revision == 1
