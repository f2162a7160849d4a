"""The library: a photo's work by its content, whatever its name; recent images within a budget; all stores as one."""

import pytest

from samui.errors import WorkspaceError
from samui.workspace.library import Library
from samui.workspace.shelves import Shelves
from samui.workspace.store import MemoryStore, Operation
from tests.unit.workspace.conftest import thing, told


@pytest.fixture
def library(tmp_path):
    library = Library(tmp_path / "library", image_bytes=3000)
    yield library
    library.close()


def test_same_content_is_the_same_image_by_any_name(library, tmp_path):
    one, two, other = (tmp_path / name for name in ("one.png", "two.png", "other.png"))
    one.write_bytes(b"a photo")
    two.write_bytes(b"a photo")
    other.write_bytes(b"another")
    uid = library.adopt(one, "one.png")
    library.commit(Operation(uid, "Accept"), (), (thing(1, "cat"),))
    assert library.adopt(two, "two.png") == uid
    assert library.adopt(other, "other.png") != uid
    library.opened(uid, (60, 80), two)
    assert told(library.objects(uid)) == [(1, "cat")]
    assert library.images.get(uid).path == "two.png"


def test_recent_images_are_at_hand_until_newer_ones_need_the_room_and_their_objects_for_ever(library, tmp_path):
    uids = []
    for n in range(4):
        file = tmp_path / f"{n}.png"
        file.write_bytes(bytes([n]) * 1000)
        uids.append(library.adopt(file, file.name))
        library.opened(uids[-1], (6, 6), file)
        library.commit(Operation(uids[-1], "Accept"), (), (thing(n + 1),))
    assert [image.name for image in library.recent()] == ["3.png", "2.png", "1.png"]
    assert library.file(uids[3]).read_bytes() == bytes([3]) * 1000
    with pytest.raises(WorkspaceError, match=r"0\.png: must be at hand, and has made room for newer images"):
        library.file(uids[0])
    assert [item.id for item in library.objects(uids[0])] == [1]


def test_stores_of_a_server_are_one(library, workspace, tmp_path):
    memory = MemoryStore()
    shelves = Shelves(memory, folder=workspace, library=library)
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"a photo")
    homes = [f"folder:{workspace.images.all()[0].uid}", shelves.adopt(photo, "photo.png"), "seat/image-1"]
    for n, home in enumerate(homes, start=1):
        shelves.commit(Operation(home, "Accept", f"{n:032x}"), (), (thing(n),))
    assert [[item.id for item in shelves.objects(home)] for home in homes] == [[1], [2], [3]]
    assert [shelves.lasts(home) for home in homes] == [True, True, False]
    assert [len(store.objects(uid)) for store, uid in ((memory, homes[2]),)] == [1]
    assert all(shelves.knows(f"{n:032x}") for n in (1, 2, 3))
    assert not shelves.knows("ff" * 16)
    for home in homes:
        shelves.forget(home)
    assert [len(shelves.objects(home)) for home in homes] == [1, 1, 0]
    assert shelves.file(homes[0])[1] == "a.png"
    with pytest.raises(WorkspaceError, match="image: must be one that is kept here, got 'seat/image-1'"):
        shelves.file(homes[2])
