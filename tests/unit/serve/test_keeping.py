"""What the store is told of a seat's objects: each change once, in order, before the reply; and a store that fails."""

import threading

import cv2
import numpy as np
import pytest

from samui.errors import SamuiError, StoreError
from samui.serve.service import Service
from samui.serve.settings import Settings
from samui.workspace.folder import open_workspace
from samui.workspace.library import Library
from samui.workspace.store import MemoryStore
from tests.fakes import FakePredictor, Page


class Recording(MemoryStore):
    def __init__(self):
        super().__init__()
        self.told, self.full = [], False

    def commit(self, operation, before, after):
        if self.full:
            raise SamuiError("store: must have room, got none")
        self.told.append((operation.action, [item.id for item in before], [item.id for item in after]))
        return super().commit(operation, before, after)


@pytest.fixture
def store():
    return Recording()


@pytest.fixture
def page(store, tmp_path, photo):
    service = Service(Settings(model="fake"), lambda name: FakePredictor(), tmp_path / "s", store=store)
    page = Page(service)
    page.open(photo())
    yield page
    service.close()


def kept(page, store):
    return store.objects(page.service.image_of(page.token).key)


def test_each_change_of_objects_is_told_once_and_before_the_reply(page, store):
    page.click((20, 20, 1))
    assert store.told == []
    page.act("accept", label="cat")
    page.act("choose", candidate=0)
    page.act("relabel", object=1, label="dog")
    page.act("undo")
    page.act("delete", object=1)
    page.act("undo")
    assert store.told == [
        ("Accept", [], [1]),
        ("Relabel", [1], [1]),
        ("Undo", [1], [1]),
        ("Delete", [1], []),
        ("Undo", [], [1]),
    ]
    assert kept(page, store) == page.service.seats.get(page.token).work.session.state.objects


def test_what_the_store_could_not_keep_stays_and_is_kept_later_in_its_order(page, store):
    page.click((20, 20, 1))
    store.full = True
    told = page.act("accept", label="cat")
    assert (told["ok"], told["saved"]) == (True, False)
    assert told["objects"]["order"] == [1]
    assert page.act("relabel", object=1, label="dog")["saved"] is False
    assert kept(page, store) == ()
    store.full = False
    told = page.act("state")
    assert "saved" not in told
    assert [action for action, *_ in store.told] == ["Accept", "Relabel"]
    assert [item.label for item in kept(page, store)] == ["dog"]


def test_action_that_is_sent_again_is_told_once(page, store):
    page.click((20, 20, 1))
    request = {"token": page.token, "epoch": page.epoch, "rev": 50, "seen": 0, "action": "accept"}
    for _ in range(2):
        assert page.service.act(request)["objects"]["order"] == [1]
    late = page.service.act({**request, "rev": 49, "action": "undo"})
    assert late["objects"]["order"] == [1]
    assert len(store.told) == 1


def test_image_is_opened_with_the_objects_that_the_library_has_by_any_name(tmp_path, photo):
    for n, label in enumerate(("cat", "dog")):
        service = Service(
            Settings(model="fake"), lambda name: FakePredictor(), tmp_path / "s", library=Library(tmp_path / "library")
        )
        page = Page(service)
        told = page.open(photo(), f"photo {n}.png")[-1]["state"]
        assert told["objects"]["order"] == list(range(1, n + 1))
        page.click((20 + 30 * n, 20, 1))
        told = page.act("accept", label=label)
        assert told["objects"]["order"] == list(range(1, n + 2))
        assert "saved" not in told
        service.close()
    library = Library(tmp_path / "library")
    (image,) = library.recent()
    assert (image.name, image.objects, image.size) == ("photo 1.png", 2, (60, 80))
    assert [item.label for item in library.objects(image.uid)] == ["cat", "dog"]
    assert library.file(image.uid).read_bytes() == photo().read_bytes()
    library.close()


def test_store_forgets_images_that_no_way_leads_to(page, store, photo):
    for seed in range(4):
        page.click((20, 20, 1))
        page.act("accept")
        page.open(photo(seed=seed))
    assert len(store) == 1
    page.service.seats.close_all()
    assert len(store) == 0


def test_change_that_is_told_after_its_image_was_left_takes_no_memory(page, store, photo):
    store.full = True
    for seed in (1, 2):
        page.click((20, 20, 1))
        page.act("accept")
        page.open(photo(seed=seed))
    store.full = False
    page.act("state")
    assert [action for action, *_ in store.told] == ["Accept", "Accept"]
    assert len(store) == 1


@pytest.fixture
def folder(tmp_path, photo):
    place = tmp_path / "photos"
    place.mkdir()
    for seed in (1, 2):
        photo(seed=seed).rename(place / f"{seed}.png")
    return place


@pytest.fixture
def serve(tmp_path, folder):
    """Starts a server over the folder, again and again."""
    made = []

    def start(**options):
        workspace = open_workspace(folder, data=tmp_path / "data", **options)
        settings = Settings(model="fake", author="anna")
        made.append(Service(settings, lambda name: FakePredictor(), tmp_path / "s", folder=workspace))
        return made[-1]

    yield start
    for service in made:
        service.close()


def opened(service, which=0):
    """A page that has an image of the folder open."""
    page = Page(service)
    page.home = f"folder:{service.server.store.folder.images.all()[which].uid}"
    page.told = list(service.open_kept(page.token, page.home))[-1]
    page.epoch = page.told["epoch"]
    return page


def labels(told):
    return [one["label"] for one in told["objects"]["changed"]]


def test_objects_of_a_folder_are_there_in_a_new_seat_and_after_a_restart(serve):
    service = serve()
    page = opened(service)
    page.click((20, 20, 1))
    page.act("accept", label="cat")
    assert labels(opened(service).told["state"]) == ["cat"]
    service.close()
    later = serve()
    page = opened(later)
    assert labels(page.told["state"]) == ["cat"]
    assert later.server.store.folder.images.last()[0].path == "1.png"
    reopened = page.act("reopen", object=1)  # its gestures make its logits again
    assert (reopened["prompt"]["points"], reopened["can"]["accept"]) == ([[20.0, 20.0, 1]], True)
    page.act("delete", object=1)
    moments = later.server.store.folder.history.moments(page.home.partition(":")[2])
    assert [(one.action, one.author) for one in moments] == [("Delete", "anna"), ("Accept", "anna")]


def test_two_pages_on_one_image_keep_both_and_undo_takes_back_ones_own(serve):
    service = serve()
    one, other = opened(service), opened(service)
    one.click((20, 20, 1))
    one.act("accept", label="hers")
    other.click((60, 40, 1))
    told = other.act("accept", label="his")
    assert labels(told) == ["hers", "his"]
    assert other.act("undo")["objects"]["order"] == [1]
    assert [item.label for item in service.server.store.objects(one.home)] == ["hers"]
    assert other.act("redo")["objects"]["order"] == [1, 2]
    one.act("relabel", object=1, label="lion")
    told = other.act("relabel", object=1, label="tiger")
    assert labels(told) == ["lion"]
    assert told["notices"] == ["object 1: was changed by anna first; your version is in the history"]


def test_going_back_shows_what_others_have_done_meanwhile(serve, folder):
    service = serve()
    page = opened(service)
    page.click((20, 20, 1))
    page.act("accept", label="mine")
    list(service.open_kept(page.token, opened(service, 1).home))
    other = opened(service)
    other.act("delete", object=1)
    page.epoch = service.seats.get(page.token).line.epoch
    page.act("back")
    page.epoch, page.serial = service.seats.get(page.token).line.epoch, 0
    assert page.act("state")["objects"]["order"] == []


def test_labels_that_are_renamed_are_so_on_pages_that_are_open(serve):
    service = serve()
    page = opened(service)
    page.click((20, 20, 1))
    page.act("accept", label="cat")
    service.server.store.folder.labels.rename("cat", "lion")
    service.server.refresh()
    assert labels(page.act("state")) == ["lion"]
    assert "notices" not in page.act("recolour", object=1, colour="#00ff00")
    (item,) = service.server.store.objects(page.home)
    assert (item.label, item.colour) == ("lion", "#00ff00")


def test_the_last_label_stays_chosen_over_images(serve):
    service = serve()
    page = opened(service)
    page.click((20, 20, 1))
    page.act("accept", label="cat")
    home = opened(service, 1).home
    page.epoch = list(service.open_kept(page.token, home))[-1]["epoch"]
    assert page.act("state")["label"] == "cat"


def test_objects_of_another_size_of_the_image_are_kept_and_not_shown(serve, folder):
    service = serve()
    page = opened(service)
    page.click((20, 20, 1))
    page.act("accept", label="cat")
    service.close()
    cv2.imwrite(str(folder / "1.png"), np.full((30, 40, 3), 99, np.uint8))
    service = serve()
    page = opened(service)
    assert page.told["state"]["objects"]["order"] == []
    image = service.begin({"token": page.token})["image"]
    assert image["notes"] == ["1 objects drawn on another size of it are kept, not shown"]
    page = opened(service)
    page.click((10, 10, 1))
    assert labels(page.act("accept", label="new")) == ["new"]
    assert sorted(item.label for item in service.server.store.objects(page.home)) == ["cat", "new"]


def test_nothing_is_read_or_written_on_disk_while_a_seat_is_locked(serve):
    service = serve()
    folder, held = service.server.store.folder, []

    def look(statement):
        if statement.startswith(("BEGIN", "INSERT", "UPDATE", "COMMIT")):
            held.extend(seat.key for seat in service.seats.all() if seat.lock._is_owned())

    folder.database.watch = look
    page = opened(service)
    page.click((20, 20, 1))
    page.act("accept", label="cat")
    other = opened(service)
    other.act("delete", object=1)
    page.act("relabel", object=1, label="dog")
    page.act("undo")
    page.epoch = list(service.open_kept(page.token, page.home))[-1]["epoch"]
    assert held == []


class Keeping:
    """A store whose disk is full until it is not."""

    def __init__(self, service):
        self.shelf, self.full, self.tried = service.server.store.folder, True, threading.Semaphore(0)
        self._commit = self.shelf.commit
        self.shelf.commit = self._tried

    def _tried(self, *change):
        try:
            if self.full:
                raise StoreError("photos: must have room for more, got 0 bytes free; make room there")
            return self._commit(*change)
        finally:
            self.tried.release()


def test_what_could_not_be_kept_is_tried_again_by_itself_and_in_order(serve):
    service = serve()
    service.server.keeper._again = 0.01
    store = Keeping(service)
    page = opened(service)
    page.click((20, 20, 1))
    told = page.act("accept", label="cat")
    assert (told["saved"], told["why"]) == (False, "photos: must have room for more, got 0 bytes free; make room there")
    page.act("relabel", object=1, label="dog")
    assert labels(opened(service).told["state"]) == ["dog"]  # also a page that opens it now has it
    assert service.server.store.objects(page.home) == ()
    while store.tried.acquire(blocking=False):
        pass
    store.full = False
    assert store.tried.acquire(timeout=10)
    assert store.tried.acquire(timeout=10)
    assert "saved" not in page.act("state")
    assert [one.action for one in store.shelf.history.moments(page.home.partition(":")[2])] == ["Relabel", "Accept"]


def test_what_a_page_that_is_closed_could_not_keep_is_kept_later(serve):
    service = serve()
    service.server.keeper._again = 1000
    store = Keeping(service)
    page = opened(service)
    page.click((20, 20, 1))
    page.act("accept", label="cat")
    service.seats.close(page.token)
    store.full = False
    assert not service.server.keeper.again()
    assert [item.label for item in service.server.store.objects(page.home)] == ["cat"]


def test_a_server_that_ends_tries_for_the_last_time_and_tells_what_is_lost(serve, caplog):
    for full in (False, True):
        service = serve()
        service.server.keeper._again = 1000
        store = Keeping(service)
        page = opened(service)
        page.click((20 + 30 * full, 20, 1))
        page.act("accept", label=f"full {full}")
        store.full = full
        service.close()
        told = "1 changes of objects could not be kept, and are lost with this process"
        assert (told in caplog.messages) is full
    assert labels(opened(serve()).told["state"]) == ["full False"]


def test_clicks_do_not_wait_for_a_locked_store_each_time(serve, monkeypatch):
    service = serve()
    service.server.keeper._again = 1000
    store = Keeping(service)
    monkeypatch.setattr("samui.serve.keeping._SLOW_SECONDS", -1.0)  # as if each attempt took its two seconds
    page = opened(service)
    page.click((20, 20, 1))
    for n in range(5):
        assert page.act("accept" if n == 0 else "state")["saved"] is False
    assert store.tried.acquire(blocking=False)
    assert not store.tried.acquire(blocking=False)
    store.full = False


def test_label_that_a_fixed_list_does_not_have_is_refused_and_nothing_is_lost(serve):
    service = serve(labels=("cat", "dog"))
    page = opened(service)
    page.click((20, 20, 1))
    told = page.act("accept", label="bird")
    assert (told["ok"], told["kind"]) == (False, "error")
    assert told["error"] == "label: must be one of cat, dog, got 'bird'"
    assert labels(page.act("accept", label="cat")) == ["cat"]
    assert page.act("relabel", object=1, label="bird")["ok"] is False
    assert labels(page.act("relabel", object=1, label="")) == [""]
