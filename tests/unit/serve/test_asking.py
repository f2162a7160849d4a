"""What a page asks about its folder or library: rows, places, ways, states, labels; and what it is refused."""

import cv2
import numpy as np
import pytest

from samui.serve.service import Service
from samui.serve.settings import Settings
from samui.workspace.folder import open_workspace
from samui.workspace.library import Library
from tests.fakes import FakePredictor, Page

NAMES = ["a.png", "b.png", "deep/c.png", "deep/d.png"]


def paint(folder, names):
    for i, name in enumerate(names):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), np.full((60, 80, 3), 10 * i + 3, np.uint8))
    return folder


class FolderPage(Page):
    """A page over a folder."""

    def ask(self, ask, /, **fields):
        return self.service.workspace({"token": self.token, "ask": ask, **fields})

    def image(self, path):
        """What the folder calls an image."""
        return next(row["image"] for row in self.ask("list")["rows"] if row["path"] == path)

    def go(self, path):
        events = list(self.service.open_kept(self.token, self.image(path)))
        self.epoch = events[-1]["epoch"]
        return events

    def annotate(self, label="cat"):
        self.click((20, 20, 1))
        return self.act("accept", label=label)

    def labels(self):
        return [(label["name"], label["objects"]) for label in self.ask("labels")["labels"]]


def serve(tmp_path, **options):
    return Service(Settings(model="fake"), lambda name: FakePredictor(), tmp_path / "scratch", **options)


@pytest.fixture
def folder(tmp_path):
    return paint(tmp_path / "photos", NAMES)


@pytest.fixture
def service(tmp_path, folder):
    service = serve(tmp_path, folder=open_workspace(folder, author="anna"))
    yield service
    service.close()


@pytest.fixture
def page(service):
    return FolderPage(service)


def paths(told):
    return [row["path"] for row in told["rows"]]


def test_begin_tells_the_folder_and_where_to_go_on(service, page):
    told = page.first["workspace"]
    assert (told["kind"], told["name"], told["counts"]["images"]) == ("folder", "photos", 4)
    assert told["last"] == page.image("a.png")
    page.go("deep/c.png")
    assert FolderPage(service).first["workspace"]["last"] == page.image("deep/c.png")


def test_list_comes_in_parts_in_the_order_of_the_paths(page):
    told = page.ask("list", offset=1, limit=2)
    assert (told["count"], paths(told)) == (4, NAMES[1:3])
    assert told["rows"][0] == {"image": page.image("b.png"), "path": "b.png", "state": "todo", "objects": 0, "note": ""}


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"name": "DEEP"}, ["deep/c.png", "deep/d.png"]),
        ({"state": "done"}, ["b.png"]),
        ({"state": "progress"}, ["deep/c.png"]),
        ({"label": "cat"}, ["deep/c.png"]),
        ({"label": "dog"}, []),
        ({"state": "todo", "name": "d"}, ["deep/d.png"]),
        (None, NAMES),
    ],
    ids=str,
)
def test_list_is_filtered_by_name_state_and_label(page, filter, expected):
    page.ask("state", image=page.image("b.png"), state="done", id="1" * 32)
    page.go("deep/c.png")
    page.annotate()
    assert paths(page.ask("list", filter=filter)) == expected


def test_place_counts_in_the_folder_and_in_the_filtered_list(page):
    told = page.ask("place", image=page.image("deep/d.png"), filter={"name": "deep"})
    assert (told["at"], told["place"], told["counts"]["images"]) == (3, 1, 4)
    assert page.ask("place", image=page.image("a.png"), filter={"name": "deep"})["place"] is None


@pytest.mark.parametrize(
    ("start", "way", "expected"),
    [
        ("a.png", {}, "b.png"),
        ("b.png", {"by": -1}, "a.png"),
        ("a.png", {"by": -1}, None),
        ("deep/d.png", {}, None),
        ("b.png", {"filter": {"state": "skipped"}}, "deep/c.png"),
        ("a.png", {"todo": True}, "deep/d.png"),
        ("deep/d.png", {"todo": True}, "a.png"),
        ("deep/d.png", {"todo": True, "by": -1}, "a.png"),
        ("a.png", {"todo": True, "by": -1}, "deep/d.png"),
        (None, {}, "a.png"),
        (None, {"todo": True}, "a.png"),
    ],
    ids=str,
)
def test_way_to_the_next_image_and_to_the_next_to_do(page, start, way, expected):
    page.ask("state", image=page.image("b.png"), state="done", id="1" * 32)
    page.ask("state", image=page.image("deep/c.png"), state="skipped", id="2" * 32)
    row = page.ask("next", image=start and page.image(start), **way)["row"]
    assert (row and row["path"]) == expected


def test_image_of_the_folder_is_opened_from_its_place_with_its_objects(service, page, folder):
    told = page.go("b.png")[-1]
    assert (told["image"]["name"], told["image"]["home"]) == ("b.png", page.image("b.png"))
    page.annotate()
    page.go("a.png")
    assert page.go("b.png")[-1]["state"]["objects"]["order"] == [1]
    assert page.ask("place", image=page.image("b.png"))["row"]["state"] == "progress"


def test_done_without_objects_counts_and_is_made_once(page):
    change = {"image": page.image("a.png"), "state": "done", "id": "1" * 32}
    told = page.ask("state", **change)
    assert (told["row"]["state"], told["counts"]["done"], told["counts"]["todo"]) == ("done", 1, 3)
    page.ask("state", image=page.image("a.png"), state="todo", id="2" * 32)
    assert page.ask("state", **change)["row"]["state"] == "todo"


def test_note_is_kept(service, page):
    page.ask("note", image=page.image("a.png"), note="blurred, twice", id="1" * 32)
    assert FolderPage(service).ask("list")["rows"][0]["note"] == "blurred, twice"


def test_new_files_appear_after_a_look(service, page, folder):
    version = page.ask("look")["version"]
    paint(folder, ["new.png"])
    watch = service.server.gallery.watch
    watch._start, watch._next = lambda work: work(), 0.0
    page.ask("look")
    told = page.ask("look")
    assert (told["counts"]["images"], told["version"] != version) == (5, True)
    assert "new.png" in paths(page.ask("list"))


def test_version_changes_with_every_change_and_with_nothing_else(page):
    version = page.ask("look")["version"]
    assert page.ask("look")["version"] == version
    page.ask("state", image=page.image("a.png"), state="done", id="1" * 32)
    assert page.ask("look")["version"] != version


def test_label_is_renamed_on_all_images_and_in_the_open_one_with_its_undo_list(service, page):
    for path in ("a.png", "b.png"):
        page.go(path)
        page.annotate("cat")
    page.act("relabel", object=1, label="dog")
    page.act("undo")
    assert page.labels() == [("cat", 2), ("dog", 0)]
    page.ask("label", change="rename", name="cat", to="lion", id="1" * 32)
    assert [label for label, objects in page.labels() if objects] == ["lion"]
    assert [one["label"] for one in page.act("state")["objects"]["changed"]] == ["lion"]
    page.act("delete", object=1)
    page.act("undo")
    assert [one.label for one in service.seats.get(page.token).work.session.state.objects] == ["lion"]
    assert page.go("a.png")[-1]["state"]["objects"]["changed"][0]["label"] == "lion"
    assert page.labels() == [("lion", 2), ("dog", 0)]


def test_merge_of_labels_is_taken_back_by_undo_on_all_images(page):
    for path, label in (("a.png", "cat"), ("b.png", "kitten")):
        page.go(path)
        page.annotate(label)
    told = page.ask("label", change="rename", name="kitten", to="cat", id="1" * 32)
    assert [(one["name"], one["objects"]) for one in told["labels"]] == [("cat", 2)]
    assert page.act("state")["objects"]["changed"][0]["label"] == "cat"
    assert page.ask("label", change="undo", id="2" * 32)["undone"] == "Merge labels"
    assert page.labels() == [("cat", 1), ("kitten", 1)]
    assert page.act("state")["objects"]["changed"][0]["label"] == "kitten"


def test_labels_have_order_colour_and_key(page):
    for name in ("cat", "dog", "bird"):
        page.ask("label", change="add", name=name, id="1" * 32)
    page.ask("label", change="order", names=["bird", "cat"], id="2" * 32)
    page.ask("label", change="edit", name="dog", colour="#123456", key="q", id="3" * 32)
    told = page.ask("labels")["labels"]
    assert [one["name"] for one in told] == ["bird", "cat", "dog"]
    assert (told[2]["colour"], told[2]["key"]) == ("#123456", "q")


def test_objects_of_another_image_are_copied_as_one_step_and_once(service, page):
    page.go("a.png")
    page.annotate("cat")
    page.click((60, 40, 1))
    page.act("accept", label="dog")
    source = service.seats.get(page.token).work.session.state.objects
    page.go("b.png")
    told = page.act("copy", image=page.image("a.png"))
    assert [one["label"] for one in told["objects"]["changed"]] == ["cat", "dog"]
    mine = service.seats.get(page.token).work.session.state.objects
    assert [item.mask for item in mine] == [item.mask for item in source]
    assert not {item.uid for item in mine} & {item.uid for item in source}
    page.act("copy", image=page.image("a.png"))
    assert len(service.seats.get(page.token).work.session.state.objects) == 2
    assert page.act("undo")["objects"]["order"] == []
    assert page.ask("place", image=page.image("b.png"))["row"]["objects"] == 0


def test_objects_of_an_image_of_another_size_are_refused(page, folder):
    cv2.imwrite(str(folder / "small.png"), np.zeros((30, 40, 3), np.uint8))
    page.service.server.gallery.folder.scan()
    page.go("a.png")
    page.annotate()
    page.go("small.png")
    told = page.act("copy", image=page.image("a.png"))
    assert told["error"] == "copy.objects[0]: must be of 40x30 as this image, got 80x60"


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"ask": "all"}, "request.ask: must be one of list, place, next"),
        ({"ask": "place", "image": "folder:nothing"}, "image: must be one of the workspace, got nothing"),
        ({"ask": "place", "image": "library:1"}, "image: must be one that is kept here, got 'library:1'"),
        ({"ask": "place", "image": 7}, "request.image: must be text, got 7"),
        ({"ask": "list", "limit": 100000}, "request.limit: must be a whole number from 0 to 200, got 100000"),
        ({"ask": "list", "filter": {"state": "new"}}, "request.filter.state: must be one of todo, progress"),
        ({"ask": "list", "filter": [1]}, "request.filter: must be an object"),
        ({"ask": "next", "by": 0}, "request.by: must be 1 or -1, got 0"),
        ({"ask": "label", "change": "burn"}, "request.change: must be one of add, rename"),
        ({"ask": "label", "change": "rename", "name": "x", "to": "y"}, "label: must be one of the workspace, got 'x'"),
        ({"ask": "label", "change": "order", "names": "x"}, "request.names: must be a list of at most 1000 names"),
        ({"ask": "note", "image": "folder:x", "note": None, "id": "1"}, "request.note: must be text of at most"),
        ({"ask": "recent"}, "workspace: there must be a library"),
        ({}, "request.ask: must be text, got None"),
    ],
    ids=str,
)
def test_what_is_refused_says_where_and_why(page, request_, error):
    told = page.service.workspace({"token": page.token, **request_})
    assert not told["ok"]
    assert told["error"].startswith(error)


def test_stranger_is_told_that_there_is_no_seat(service):
    assert service.workspace({"token": "x", "ask": "list"})["kind"] == "session"
    assert service.workspace([1])["error"] == "request: must be an object, got [1]"


def test_page_without_folder_and_library_has_no_workspace(tmp_path):
    service = serve(tmp_path)
    page = FolderPage(service)
    assert page.first["workspace"] is None
    assert page.ask("labels")["error"].startswith("workspace: there must be a folder or a library")
    service.close()


def test_library_tells_its_recent_images_and_opens_one_with_its_objects(tmp_path, folder):
    service = serve(tmp_path, library=Library(tmp_path / "library"))
    page = FolderPage(service)
    assert page.first["workspace"]["kind"] == "library"
    page.open(folder / "a.png", "first.png")
    page.annotate()
    page.open(folder / "b.png", "second.png")
    rows = page.ask("recent")["rows"]
    assert [(row["path"], row["objects"]) for row in rows] == [("second.png", 0), ("first.png", 1)]
    assert service.thumbnail_of(page.token, rows[1]["image"])[8:12] == b"WEBP"
    told = list(service.open_kept(page.token, rows[1]["image"]))[-1]
    assert told["state"]["objects"]["order"] == [1]
    service.close()
