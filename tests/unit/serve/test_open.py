"""Opening an image: its steps, what fails, which of two wins, and the way back to the one before."""

import errno

import pytest

from samui import files
from samui.errors import ImageError, ModelError, UnknownSessionError
from tests.fakes import Page


def test_opening_tells_each_step_and_ends_ready(service, photo):
    events = Page(service).open(photo())
    assert [e["stage"] for e in events] == ["reading", "image", "encoding", "ready"]
    assert events[1]["image"]["width"] == 80
    assert events[1]["image"]["height"] == 60
    assert events[-1]["state"]["objects"] == {"order": [], "changed": []}


def test_encoder_runs_once_an_image_in_however_many_tabs(service, photo, loaded):
    pages = [Page(service) for _ in range(3)]
    for page in pages:
        page.open(photo())
        page.click((20, 20, 1))
        page.click((20, 20, 1), (40, 40, 0))
        page.act("undo")
        page.act("accept", label="x")
        page.act("reopen", object=1)
    assert loaded["fake"].embed_calls == 1


def test_failed_open_leaves_image_and_work(service, photo, tmp_path):
    page = Page(service)
    page.open(photo())
    page.click((20, 20, 1))
    page.act("accept", label="cat")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    with pytest.raises(ImageError, match="broken"):
        list(service.open(page.token, broken, "broken.png"))
    page.serial = 0
    assert page.act("state")["objects"]["order"] == [1]


def test_image_that_cannot_be_written_leaves_no_file(service, photo, monkeypatch):
    page, source = Page(service), photo()

    def full(path, **how):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "replacing", full)
    with pytest.raises(ImageError, match=r"photo\.png: there must be room for its files, got: No space left on device"):
        list(service.open(page.token, source, "photo.png"))
    assert [p for p in service.server.scratch.folder.rglob("image-*") if p.is_dir()] == []


def test_failed_encoding_is_told_and_a_later_click_tries_again(service, photo, loaded):
    page = Page(service)
    page.open(photo())
    works = loaded["fake"].embed

    def fail(image):
        raise ModelError("device: must have memory, got none")

    loaded["fake"].embed = fail
    with pytest.raises(ModelError):
        page.open(photo(seed=1))
    again = Page(service, token=page.token)
    assert again.first["stage"] == "ready"
    assert again.click((20, 20, 1))["kind"] == "model"
    loaded["fake"].embed = works
    assert again.click((20, 20, 1))["ok"]


def test_of_two_opens_the_newer_wins_whichever_ends_last(service, photo):
    page = Page(service)
    older = service.open(page.token, photo(seed=1), "older.png")
    next(older)
    page.open(photo(seed=2), name="newer.png")
    page.click((20, 20, 1))
    page.act("accept")
    assert list(older) == []
    assert service.image_of(page.token).name == "newer.png"
    page.serial = 0
    assert page.act("state")["objects"]["order"] == [1]
    folders = [p for p in service.server.scratch.folder.rglob("image-*") if p.is_dir()]
    assert len(folders) == 1


def test_session_closed_while_it_opens_an_image_leaves_nothing(service, photo, loaded):
    page = Page(service)
    opening = service.open(page.token, photo(), "photo.png")
    next(opening)
    service.seats.close(page.token)
    with pytest.raises(UnknownSessionError, match=r"^session: must be open until its files are written"):
        list(opening)
    assert list(service.server.scratch.folder.iterdir()) == []
    assert service.server.pictures.nbytes == 0
    assert loaded["fake"].embed_calls == 0


def test_image_that_was_left_with_objects_can_be_gone_back_to(service, photo, loaded):
    page = Page(service)
    page.open(photo(seed=1), name="one.png")
    page.click((20, 20, 1))
    page.act("accept", label="cat")
    page.open(photo(seed=2), name="two.png")
    assert page.act("back")["moved"]
    back = Page(service, token=page.token)
    assert back.first["image"]["name"] == "one.png"
    assert back.first["objects"]["order"] == [1]
    assert back.act("undo")["objects"]["order"] == []
    assert back.click((30, 30, 1))["mask"]["size"] == [60, 80]
    assert back.act("back")["moved"]
    assert Page(service, token=back.token).first["image"]["name"] == "two.png"
    assert loaded["fake"].embed_calls == 2


def test_only_one_image_before_is_kept_and_it_counts(service, photo):
    page = Page(service)
    for seed in range(4):
        page.open(photo(seed=seed))
        page.click((20, 20, 1))
        page.act("accept")
    assert len([p for p in service.server.scratch.folder.rglob("image-*") if p.is_dir()]) == 2
    seat = service.seats.get(page.token)
    assert seat.nbytes == seat.work.session.nbytes + seat.contents.left.session.nbytes


def test_without_an_image_before_there_is_no_way_back(service, photo):
    page = Page(service)
    page.open(photo())
    page.open(photo(seed=1))
    assert page.act("back")["error"] == "back: there must be an image before this one with objects, got none"
