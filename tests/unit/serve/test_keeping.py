"""What the store is told of a seat's objects: each change once, in order, before the reply; and a store that fails."""

import pytest

from samui.errors import SamuiError
from samui.serve.service import Service
from samui.serve.settings import Settings
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
