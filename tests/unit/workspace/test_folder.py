"""The folder: images by path, found again by content, in lists that cost one query; thumbnails; files inside alone."""

import io
import os
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

from samui.errors import ImageError, WorkspaceError
from samui.workspace.rows import Filter
from samui.workspace.store import Operation
from samui.workspace.thumbnails import make_thumbnail
from tests.unit.workspace.conftest import thing, told


def paths(workspace, **filter):
    return [image.path for image in workspace.images.all(Filter(**filter))]


def uid_of(workspace, path):
    return workspace.images.find(path).uid


def accept(workspace, path, *objects):
    uid = uid_of(workspace, path)
    workspace.commit(Operation(uid, "Accept"), workspace.objects(uid), (*workspace.objects(uid), *objects))
    return uid


def test_images_below_the_folder_are_listed_by_path_and_nothing_else(photos, opened):
    (photos / "notes.txt").write_text("no picture")
    (photos / "film.gif").write_bytes(b"GIF89a")
    (photos / ".hidden").mkdir()
    shutil.copy(photos / "a.png", photos / ".hidden" / "x.png")
    outside = photos.parent / "outside.png"
    shutil.copy(photos / "a.png", outside)
    (photos / "link.png").symlink_to(outside)
    (photos / "inner.png").symlink_to(photos / "a.png")
    workspace = opened()
    assert paths(workspace) == ["a.png", "b.jpg", "inner.png", "more/c.png"]
    assert workspace.scan().passed == {".gif": 1, "links out of the folder": 1}


def test_new_files_appear_at_the_next_look(workspace, photos):
    assert not workspace.scan().changed
    shutil.copy(photos / "a.png", photos / "z.png")
    assert (workspace.scan().new, paths(workspace)[-1]) == (1, "z.png")
    assert not workspace.scan().changed


def test_name_that_is_no_unicode_is_an_image_like_others(photos, opened):
    name = b"caf\xe9.png"
    shutil.copy(photos / "a.png", os.path.join(os.fsencode(photos), name))
    workspace = opened()
    (image,) = (one for one in workspace.images.all() if os.fsencode(one.path) == name)
    assert workspace.file(image.uid).is_file()
    assert workspace.images.find(image.path) == image
    assert workspace.images.place(image.uid) == len(workspace.images.all()) - 1


@pytest.mark.parametrize("where", ["new.png", "other/deep/a.png"])
def test_image_that_was_renamed_or_moved_keeps_its_objects(workspace, photos, where):
    uid = accept(workspace, "a.png", thing(1, "cat"))
    workspace.images.set_state(uid, "done")
    (photos / where).parent.mkdir(parents=True, exist_ok=True)
    os.rename(photos / "a.png", photos / where)
    os.utime(photos / where, (1, 1))  # also where the move took the time away
    found = workspace.scan()
    assert (found.moved, found.new, found.missing) == (1, 0, 0)
    image = workspace.images.find(where)
    assert (image.uid, image.state, image.objects) == (uid, "done", 1)


def test_two_images_that_swapped_their_names_keep_their_own_objects(workspace, photos):
    one, two = accept(workspace, "a.png", thing(1, "of a")), accept(workspace, "b.jpg", thing(2, "of b"))
    os.rename(photos / "a.png", photos / "x")
    os.rename(photos / "b.jpg", photos / "a.png")
    os.rename(photos / "x", photos / "b.jpg")
    assert workspace.scan().moved == 2
    assert (uid_of(workspace, "b.jpg"), uid_of(workspace, "a.png")) == (one, two)


def test_file_that_takes_the_place_of_another_does_not_take_its_objects(workspace, photos):
    uid = accept(workspace, "a.png", thing(1, "cat"))
    os.rename(photos / "a.png", photos / "moved.png")
    shutil.copy(photos / "b.jpg", photos / "a.png")
    workspace.scan()
    assert uid_of(workspace, "moved.png") == uid
    assert workspace.images.find("a.png").objects == 0


def test_file_that_was_edited_in_its_place_keeps_its_objects(workspace, photos):
    uid = accept(workspace, "a.png", thing(1, "cat"))
    (photos / "a.png").write_bytes((photos / "a.png").read_bytes() + b"metadata")
    workspace.scan()
    assert (uid_of(workspace, "a.png"), workspace.images.find("a.png").objects) == (uid, 1)


def test_image_that_is_gone_is_out_of_the_list_and_back_with_its_objects(workspace, photos):
    uid = accept(workspace, "a.png", thing(1, "cat"))
    data = (photos / "a.png").read_bytes()
    (photos / "a.png").unlink()
    assert workspace.scan().missing == 1
    assert paths(workspace) == ["b.jpg", "more/c.png"]
    assert workspace.images.get(uid).missing
    assert told(workspace.objects(uid)) == [(1, "cat")]
    with pytest.raises(WorkspaceError, match=r"a\.png: must be a file in .*, and is not there any more"):
        workspace.file(uid)
    (photos / "back.png").write_bytes(data)
    assert workspace.scan().back == 1
    assert uid_of(workspace, "back.png") == uid


def test_files_are_read_only_where_path_size_and_time_leave_a_doubt(workspace, photos, monkeypatch):
    accept(workspace, "a.png", thing(1))
    read = []
    from samui.workspace import folder

    honest = folder.digest_of
    monkeypatch.setattr(folder, "digest_of", lambda file: read.append(file.name) or honest(file))
    workspace.scan()
    os.rename(photos / "b.jpg", photos / "unseen.jpg")  # nobody has worked on it: size and time are enough
    assert workspace.scan().moved == 1
    assert read == []
    os.rename(photos / "a.png", photos / "seen.png")
    assert workspace.scan().moved == 1
    assert read == ["seen.png"]


def test_links_that_lead_out_are_no_files_of_the_folder(workspace, photos):
    uid = uid_of(workspace, "a.png")
    secret = photos.parent / "secret.png"
    os.rename(photos / "a.png", secret)
    (photos / "a.png").symlink_to(secret)
    with pytest.raises(WorkspaceError, match="must be a file in"):
        workspace.file(uid)


def test_states_notes_counts_and_filters(workspace):
    one, two = uid_of(workspace, "a.png"), uid_of(workspace, "b.jpg")
    accept(workspace, "a.png", thing(1, "cat"), thing(2, "dog"))
    assert workspace.images.set_state(two, "done").objects == 0  # done without objects counts
    counts = workspace.images.counts()
    assert (counts.images, counts.todo, counts.progress, counts.done, counts.skipped, counts.objects) == (
        3, 1, 1, 1, 0, 2,
    )  # fmt: skip
    assert paths(workspace, state="done") == ["b.jpg"]
    assert paths(workspace, label="dog") == ["a.png"]
    assert paths(workspace, label="bird") == []
    assert paths(workspace, name="MORE/") == ["more/c.png"]
    assert paths(workspace, name="%") == []
    assert workspace.images.count(Filter(state="todo")) == 1
    assert workspace.images.set_note(one, "look again").note == "look again"
    assert [moment.action for moment in workspace.history.moments(one)] == ["Note", "Accept"]
    with pytest.raises(WorkspaceError, match="state: must be one of todo, progress, done, skipped, got 'over'"):
        workspace.images.set_state(one, "over")


def test_state_that_is_set_again_with_the_same_id_is_set_once(workspace):
    uid = uid_of(workspace, "a.png")
    workspace.images.set_state(uid, "done", operation="aa" * 16)
    workspace.images.set_state(uid, "skipped")
    workspace.images.set_state(uid, "done", operation="aa" * 16)
    assert workspace.images.get(uid).state == "skipped"


def test_neighbours_and_places_go_by_the_filter(workspace):
    first, second, third = (image.uid for image in workspace.images.all())
    workspace.images.set_state(second, "done")
    todo = Filter(state="todo")
    assert workspace.images.neighbour(first, 1).uid == second
    assert workspace.images.neighbour(first, 1, todo).uid == third
    assert workspace.images.neighbour(third, -1, todo).uid == first
    assert workspace.images.neighbour(third, 1) is None
    assert workspace.images.neighbour(first, -1) is None
    assert [workspace.images.place(uid) for uid in (first, second, third)] == [0, 1, 2]
    assert workspace.images.place(third, todo) == 1


def test_last_place_is_there_at_the_next_start(opened):
    workspace = opened()
    assert workspace.images.last() == []
    for path in ("b.jpg", "a.png", "b.jpg"):
        workspace.opened(uid_of(workspace, path), (61, 80))
    workspace.close()
    later = opened()
    assert [image.path for image in later.images.last(5)] == ["b.jpg", "a.png"]
    assert later.images.last()[0].size == (61, 80)


def test_each_question_is_one_query_however_many_images_there_are(workspace):
    uid = accept(workspace, "a.png", thing(1, "cat"))
    images, labels = workspace.images, workspace.labels
    workspace.copies.wait()
    asked = []
    workspace.database.watch = asked.append
    for ask, queries in (
        (lambda: images.all(Filter(label="cat")), 1),
        (images.counts, 1),
        (lambda: images.count(Filter(name="a")), 1),
        (lambda: images.neighbour(uid, 1), 2),
        (lambda: images.place(uid), 2),
        (labels.all, 2),
        (lambda: workspace.objects(uid), 2),
        (lambda: workspace.history.moments(uid), 1),
        (lambda: workspace.knows("ab" * 16), 1),
    ):
        asked.clear()
        ask()
        assert len(asked) == queries, asked


def test_a_change_is_a_handful_of_statements_and_one_transaction(workspace):
    uid = accept(workspace, "a.png", *(thing(n) for n in range(1, 50)))
    before = workspace.objects(uid)
    workspace.commit(Operation(uid, "Accept"), before, before)
    held = workspace.store._remembered[1].objects
    workspace.copies.wait()
    asked = []
    workspace.database.watch = asked.append
    workspace.commit(Operation(uid, "Accept"), held, (*held, thing(99, "new")))
    assert len(asked) == 11, asked  # and no object of the 49 that did not change is read
    assert asked.count("BEGIN IMMEDIATE") == 1
    assert not any("FROM object" in one for one in asked)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_thumbnail_is_small_turned_and_made_once(photos, opened, orientation):
    pixels = np.zeros((300, 800, 3), np.uint8)
    pixels[:, :400] = (255, 0, 0)
    image, exif = Image.fromarray(pixels), Image.Exif()
    exif[0x0112] = orientation
    image.save(photos / "t.jpg", exif=exif)
    workspace = opened()
    uid = uid_of(workspace, "t.jpg")
    data = workspace.thumbnail(uid)
    small = Image.open(io.BytesIO(data)).convert("RGB")
    assert small.size == ((160, 60) if orientation in (1, 3) else (60, 160))
    corner = {1: (2, 30), 3: (158, 30), 6: (30, 2), 8: (30, 158)}[orientation]
    assert small.getpixel(corner)[0] > 200
    from samui.workspace import folder

    assert folder.make_thumbnail is make_thumbnail
    folder.make_thumbnail = None
    try:
        assert workspace.thumbnail(uid) == data
    finally:
        folder.make_thumbnail = make_thumbnail


def test_thumbnail_of_a_jpeg_does_not_decode_all_of_it(tmp_path, monkeypatch):
    file = tmp_path / "large.jpg"
    cv2.imwrite(str(file), np.random.default_rng(0).integers(0, 255, (1600, 2400, 3), np.uint8))
    sizes = []
    honest = Image.Image.thumbnail
    monkeypatch.setattr(
        Image.Image, "thumbnail", lambda self, *a, **k: sizes.append(self.size) or honest(self, *a, **k)
    )
    assert len(make_thumbnail(file)) < 20_000
    assert max(sizes[0]) <= 2400 / 4


def test_thumbnail_of_what_is_no_picture_says_so(photos, opened):
    (photos / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing")
    workspace = opened()
    with pytest.raises(ImageError, match=r"bad\.jpg: must be"):
        workspace.thumbnail(uid_of(workspace, "bad.jpg"))


def test_thumbnails_that_cannot_be_kept_are_made_all_the_same(photos, opened):
    (photos / ".samui").mkdir()
    (photos / ".samui" / "thumbnails.sqlite").write_bytes(b"damaged" * 100)
    workspace = opened()
    assert workspace.thumbnail(uid_of(workspace, "a.png"))[:4] == b"RIFF"
