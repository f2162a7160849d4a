"""What a page puts back into a seat that lacks it: objects whole, under their names, once; and nothing is trusted."""

import hashlib

import numpy as np
import pytest

from samui.errors import StoreError
from samui.pixels.rle import Rle
from samui.serve import wire
from samui.serve.service import Service
from samui.serve.settings import Settings
from samui.work.gestures import CloseUpGesture, Pick
from samui.workspace.library import Library
from samui.workspace.store import MemoryStore
from tests.fakes import FakePredictor, Page

PLAIN = ("uid", "id", "label", "colour", "visible", "score")


@pytest.fixture
def start(tmp_path):
    services = []

    def make(**options):
        services.append(Service(Settings(model="fake"), lambda name: FakePredictor(), tmp_path / "s", **options))
        return services[-1]

    yield make
    for service in services:
        service.close()


def record(told):
    """What a page keeps of an object that it was told."""
    mask = {name: told["mask"][name] for name in ("size", "counts")}
    return {**{name: told[name] for name in PLAIN}, "mask": mask, **told["made"]}


def work(page):
    """Two objects of three clicks, one of them reopened and refined; as the page keeps them."""
    page.click((20, 20, 1))
    page.act("choose", candidate=2)
    page.act("accept", label="cat")
    page.click((50, 30, 1), (10, 10, 0))
    page.act("accept", label="dog", colour="#a0b0c0")
    page.act("show", object=1, visible=False)
    page.serial = 0
    return [record(told) for told in page.act("state")["objects"]["changed"]]


def objects_of(page):
    return page.service.seats.get(page.token).work.session.state.objects


def same(one, other):
    names = ("uid", "id", "label", "colour", "visible", "mask", "candidate", "snapped", "model")
    return [[getattr(item, name) for name in names] for item in one] == [
        [getattr(item, name) for name in names] for item in other
    ]


@pytest.fixture
def kept(start, photo):
    """A page with work, and what it keeps of it."""
    page = Page(start())
    page.open(photo())
    return page, work(page)


@pytest.fixture
def fresh(start, photo):
    """A page of another server, with the same image and nothing on it."""
    page = Page(start())
    page.open(photo())
    return page


def test_all_that_a_page_holds_comes_back_as_it_was(kept, fresh):
    before, records = kept
    told = fresh.act("put", objects=records)
    assert told["objects"]["order"] == [1, 2]
    assert same(objects_of(before), objects_of(fresh))
    assert [record(item) for item in told["objects"]["changed"]] == records
    assert not told["can"]["undo"]  # nobody wants to go back to an image without them
    fresh.act("reopen", object=2)
    assert fresh.act("state")["prompt"]["points"] == [[50, 30, 1], [10, 10, 0]]
    fresh.act("clear")
    fresh.click((70, 50, 1))
    assert fresh.act("accept")["objects"]["order"] == [1, 2, 3]


def test_putting_back_twice_changes_nothing(kept, fresh):
    _, records = kept
    fresh.act("put", objects=records)
    before = objects_of(fresh)
    told = fresh.act("put", objects=records, newer=[records[0]["uid"]])
    assert "objects" not in told
    assert objects_of(fresh) is before


def test_what_the_seat_has_stays_unless_the_page_holds_more_than_any_store(kept, fresh):
    _, records = kept
    fresh.act("put", objects=records)
    fresh.act("relabel", object=1, label="theirs")
    mine = {**records[0], "label": "mine"}
    fresh.act("put", objects=[mine])
    assert objects_of(fresh)[0].label == "theirs"
    fresh.act("put", objects=[mine], newer=[mine["uid"]], gone=[records[1]["uid"]])
    assert [(item.label, item.id) for item in objects_of(fresh)] == [("mine", 1)]


def test_numbers_that_are_taken_are_given_anew(kept, fresh):
    _, records = kept
    fresh.click((60, 40, 1))
    fresh.act("accept", label="first")
    told = fresh.act("put", objects=records)
    assert told["objects"]["order"] == [1, 3, 2]
    assert [item.uid for item in objects_of(fresh)[1:]] == [one["uid"] for one in records]


def test_operation_that_was_applied_is_known_by_its_name_and_not_applied_again(start, photo):
    page = Page(start())
    page.open(photo())
    page.click((20, 20, 1))
    op = "0" * 31 + "1"
    page.act("accept", op=op)
    page.click((50, 30, 1))
    assert page.act("accept", op=op)["ok"]
    assert len(objects_of(page)) == 1
    told = page.act("put", objects=[], asked=[op, "f" * 32])
    assert told["known"] == [op]
    # also where the page was reloaded and counts anew
    again = Page(page.service, token=page.token)
    again.act("accept", op=op)
    assert len(objects_of(again)) == 1


def test_wrong_size_and_places_outside_of_the_image_are_refused_and_change_nothing(kept, start, photo):
    page = Page(start())
    page.open(photo(width=60))
    told = page.act("put", objects=kept[1])
    assert told["kind"] == "state"
    assert told["error"] == "objects[0].mask: must be of 60x60 as the image, got 80x60"
    assert objects_of(page) == ()


def test_close_up_comes_back_as_it_was(kept, fresh):
    _, (one, _) = kept
    close_up = {"close_up": [[8, 4, 40, 28, 1, 0.75], [0, 0, 80, 60, 2, 0.5]]}
    assert fresh.act("put", objects=[{**one, "gestures": [{"point": [20, 20, 1]}, close_up]}])["ok"]
    (item,) = objects_of(fresh)
    assert item.gestures[1] == CloseUpGesture((Pick((8, 4, 40, 28), 1, 0.75), Pick((0, 0, 80, 60), 2, 0.5)))
    assert wire.encode_object(item, None)["made"]["gestures"][1] == close_up


@pytest.mark.parametrize(
    ("gesture", "rule"),
    [
        ({"point": [81, 20, 1]}, "points"),
        ({"box": [10, 10, 20, 70]}, "box"),
        ({"stroke": [[1, 1]], "width": 161, "add": True}, "wide"),
        ({"close_up": [[0, 0, 80, 60, 0, 0.5], [0, 0, 80, 61, 0, 0.5]]}, "views"),
    ],
    ids=["point", "box", "stroke", "close_up"],
)
def test_gestures_outside_of_the_image_are_refused(kept, fresh, gesture, rule):
    _, (one, _) = kept
    told = fresh.act("put", objects=[{**one, "gestures": [{"point": [1, 1, 1]}, gesture]}])
    assert not told["ok"]
    assert rule in told["error"]
    assert objects_of(fresh) == ()


def test_too_many_objects_are_refused(kept, fresh, monkeypatch):
    monkeypatch.setattr("samui.work.put.MAX_OBJECTS", 1)
    told = fresh.act("put", objects=kept[1])
    assert told["error"] == "objects: at most 1 objects an image, got 2"
    assert objects_of(fresh) == ()


def test_what_is_put_back_is_told_to_the_store_once(kept, fresh):
    _, records = kept
    store, key = fresh.service.server.store, fresh.service.image_of(fresh.token).key
    fresh.act("put", objects=records)
    assert [item.uid for item in store.objects(key)] == [one["uid"] for one in records]


def _with(**changes):
    return lambda one: {**one, **changes}


def _without(name):
    return lambda one: {key: value for key, value in one.items() if key != name}


MALFORMED = {
    "no object": (lambda one: 3, "request.objects[0]"),
    "no uid": (_without("uid"), "request.objects[0].uid"),
    "a uid of somebody's own making": (_with(uid="../../etc"), "request.objects[0].uid"),
    "a uid in capitals": (_with(uid="A" * 32), "request.objects[0].uid"),
    "number 0": (_with(id=0), "request.objects[0].id"),
    "a huge number": (_with(id=2**60), "request.objects[0].id"),
    "no label": (_without("label"), "request.objects[0].label"),
    "a long label": (_with(label="x" * 201), "request.objects[0].label"),
    "a control character": (_with(label="a\0b"), "request.objects[0].label"),
    "a colour that is none": (_with(colour="red"), "request.objects[0].colour"),
    "visible as a number": (_with(visible=1), "request.objects[0].visible"),
    "no mask": (_without("mask"), "request.objects[0].mask"),
    "a size of one side": (_with(mask={"size": [60], "counts": "0"}), "request.objects[0].mask"),
    "a size of text": (_with(mask={"size": ["60", 80], "counts": "0"}), "request.objects[0].mask"),
    "run lengths as a list": (_with(mask={"size": [60, 80], "counts": [1, 2]}), "request.objects[0].mask"),
    "run lengths that end too soon": (_with(mask={"size": [60, 80], "counts": "1"}), "request.objects[0].mask"),
    "an empty mask": (_with(mask={"size": [1, 4], "counts": "4"}), "request.objects[0].mask"),
    "a score of text": (_with(score="1"), "request.objects[0].score"),
    "a score that is no number": (_with(score=float("nan")), "request.objects[0].score"),
    "no gestures": (_with(gestures=[]), "request.objects[0].gestures"),
    "too many gestures": (_with(gestures=[{"choice": 1}] * 1001), "request.objects[0].gestures"),
    "too many points": (_with(gestures=[{"point": [1, 2, 1]}] * 101), "request.objects[0].gestures"),
    "too long strokes": (
        _with(gestures=[{"point": [1, 2, 1]}, *[{"stroke": [[1, 2]] * 6000, "width": 1, "add": True}] * 2]),
        "request.objects[0].gestures",
    ),
    "gestures without a place": (_with(gestures=[{"choice": 1}]), "request.objects[0].gestures"),
    "two boxes": (_with(gestures=[{"box": [1, 1, 2, 2]}] * 2), "request.objects[0].gestures"),
    "a box upside down": (_with(gestures=[{"box": [1, 9, 2, 2]}]), "request.objects[0].gestures[0]"),
    "an unknown gesture": (_with(gestures=[{"wink": 1}]), "request.objects[0].gestures[0]"),
    "a gesture of lists": (_with(gestures=[["point", 1, 2, 1]]), "request.objects[0].gestures[0]"),
    "a point without its label": (_with(gestures=[{"point": [1, 2]}]), "request.objects[0].gestures[0]"),
    "a point of infinity": (_with(gestures=[{"point": [float("inf"), 2, 1]}]), "request.objects[0].gestures[0]"),
    "a close-up of none": (_with(gestures=[{"point": [1, 2, 1]}, {"close_up": []}]), "request.objects[0].gestures[1]"),
    "a view upside down": (
        _with(gestures=[{"point": [1, 2, 1]}, {"close_up": [[5, 0, 5, 5, 0, 0.5]]}]),
        "request.objects[0].gestures[1].close_up[0]",
    ),
    "a close-up of too few numbers": (
        _with(gestures=[{"point": [1, 2, 1]}, {"close_up": [[0, 0, 5, 5, 0]]}]),
        "request.objects[0].gestures[1].close_up[0]",
    ),
    "a stroke without points": (
        _with(gestures=[{"point": [1, 2, 1]}, {"stroke": [], "width": 3, "add": True}]),
        "request.objects[0].gestures",
    ),
    "a negative width": (
        _with(gestures=[{"point": [1, 2, 1]}, {"stroke": [[1, 1]], "width": -3, "add": True}]),
        "request.objects[0].gestures",
    ),
    "a given mask that is none": (
        _with(gestures=[{"point": [1, 2, 1]}, {"mask": "?", "snapped": False}]),
        "request.objects[0].gestures[1]",
    ),
    "a candidate below 0": (_with(candidate=-1), "request.objects[0].candidate"),
    "a model without a name": (_with(model=None), "request.objects[0].model"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_objects_are_refused_with_where_and_change_nothing(kept, fresh, name):
    change, where = MALFORMED[name]
    told = fresh.act("put", objects=[change(kept[1][0])])
    assert (told["ok"], told["kind"]) == (False, "request")
    assert told["error"].startswith(f"{where}")
    assert objects_of(fresh) == ()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, "request.objects: must be a list of at most 500 objects, got None"),
        ({"objects": {}}, "request.objects: must be a list of at most 500 objects, got {}"),
        ({"objects": [None] * 501}, "request.objects: must be a list of at most 500 objects, got 501"),
        ({"objects": [], "newer": "x"}, "request.newer: must be a list of at most 5000 uids, got 'x'"),
        ({"objects": [], "gone": [1]}, "request.gone[0]: must be 32 hexadecimal digits, got 1"),
        ({"objects": [], "asked": ["x"]}, "request.asked[0]: must be 32 hexadecimal digits, got 'x'"),
        ({"objects": [], "op": "x"}, "request.op: must be 32 hexadecimal digits, got 'x'"),
    ],
    ids=["missing", "an object", "too many", "newer", "gone", "asked", "op"],
)
def test_malformed_request_is_refused(fresh, fields, error):
    told = fresh.act("put", **fields)
    assert (told["kind"], told["error"]) == ("request", error)


def test_object_that_comes_twice_is_refused(kept, fresh):
    one = kept[1][0]
    told = fresh.act("put", objects=[one, one])
    assert told["error"] == f"request.objects[1].uid: must be of one object, got {one['uid']} twice"


def test_given_masks_and_strokes_go_there_and_back(kept):
    one = {**kept[1][0]}
    other = Rle.encode(np.eye(60, 80, dtype=bool)).to_string()
    one["gestures"] = [
        {"box": [1.5, 2, 30, 40]},
        {"point": [3, 4, 0]},
        {"choice": 2},
        {"stroke": [[1, 2], [3, 4.25]], "width": 4.5, "add": True},
        {"mask": other, "snapped": True},
        {"mask": None, "snapped": False},
    ]
    (item,) = wire.parse_objects([one], "objects")
    told = wire.encode_object(item, None)["made"]["gestures"]
    assert told[:4] == one["gestures"][:4]
    assert told[4:] == [{"mask": other, "snapped": True}, {"mask": None, "snapped": False}]


class Locked(MemoryStore):
    """Cannot be read, as a store that another program holds."""

    def knows(self, operation):
        raise StoreError("store: must not be locked, and is")

    deleted = knows


def test_store_that_cannot_be_read_holds_up_nobody(start, photo):
    page = Page(start(store=Locked()))
    page.open(photo())
    page.click((20, 20, 1))
    op = "0" * 31 + "1"
    assert page.act("accept", op=op)["objects"]["order"] == [1]
    page.act("accept", op=op)
    told = page.act("put", objects=[], asked=[op])
    assert (told["known"], len(objects_of(page))) == ([op], 1)


@pytest.fixture
def library(tmp_path):
    return lambda: Library(tmp_path / "library")


def test_what_a_library_has_is_not_doubled_and_what_it_knows_to_be_deleted_does_not_come_back(start, photo, library):
    page = Page(start(library=library()))
    page.open(photo())
    records = work(page)
    page.act("delete", object=2)
    page.click((70, 50, 1))
    op = "0" * 31 + "1"
    page.act("accept", op=op)  # and the answer is lost
    page.service.close()
    again = Page(start(library=library()))
    again.open(photo())
    told = again.act("put", objects=records, asked=[op])
    assert told["known"] == [op]
    assert [item.uid for item in objects_of(again)][:1] == [records[0]["uid"]]
    assert [item.id for item in objects_of(again)] == [1, 3]
    again.act("accept", op=op)
    assert len(objects_of(again)) == 2
    # what the page alone has goes in, also where somebody has deleted it meanwhile
    again.act("put", objects=records, newer=[records[1]["uid"]])
    assert [item.id for item in objects_of(again)] == [1, 3, 2]


def test_image_says_where_it_can_be_had_again(start, photo, library):
    service = start(library=library())
    page = Page(service)
    page.open(photo())
    image = Page(service, token=page.token).first["image"]
    assert image["home"].startswith("library:")
    assert image["content"] == image["home"]
    other = Page(start())
    other.open(photo())
    image = Page(other.service, token=other.token).first["image"]
    assert (image["home"], image["content"]) == ("", hashlib.sha256(photo().read_bytes()).hexdigest())
