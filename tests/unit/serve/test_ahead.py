"""The next image is ready before it is opened: nobody waits for the encoder, and no click waits for that work."""

import threading

import pytest

from samui.serve.service import Service
from samui.serve.settings import Settings
from samui.workspace.folder import open_workspace
from tests.fakes import FakePredictor
from tests.unit.serve.test_asking import FolderPage, paint

PATIENCE = 30  # seconds after which a test has failed
NAMES = [f"{i:02}.png" for i in range(20)]


class Gated(FakePredictor):
    """Its encoder stops at a gate, once there is one."""

    def __init__(self):
        super().__init__()
        self.gate, self.reached = None, threading.Event()

    def embed(self, image):
        if self.gate is not None:
            self.reached.set()
            assert self.gate.wait(PATIENCE)
        return super().embed(image)


@pytest.fixture
def predictor():
    return Gated()


@pytest.fixture
def make(tmp_path, predictor):
    made = []

    def serve(**settings):
        folder = open_workspace(paint(tmp_path / "photos", NAMES))
        made.append(
            Service(Settings(model="fake", **settings), lambda _: predictor, tmp_path / f"s{len(made)}", folder=folder)
        )
        return FolderPage(made[-1])

    yield serve
    for service in made:
        service.close()


def counts(page):
    return page.service.server.embeddings.counts


def prepare(page, path, **way):
    page.ask("ahead", image=page.image(path), **way)
    assert page.service.server.gallery.ahead.settle(PATIENCE)


def test_pass_of_20_images_waits_for_the_encoder_once(make, predictor):
    page = make()
    waits = 0
    for path in NAMES:
        before = counts(page).encodes
        page.go(path)
        waits += counts(page).encodes - before
        page.annotate()
        prepare(page, path)
    assert waits == 1  # the first image of all
    assert predictor.embed_calls == len(NAMES)


def test_picture_that_was_read_ahead_is_not_read_again(make, monkeypatch):
    page = make()
    page.go(NAMES[0])
    prepare(page, NAMES[0])
    monkeypatch.setattr("samui.serve.pictures.read_image", None)
    assert page.go(NAMES[1])[-1]["stage"] == "ready"


def test_file_that_changed_since_is_read_and_encoded_again(make, predictor, tmp_path):
    page = make()
    page.go(NAMES[0])
    prepare(page, NAMES[0])
    paint(tmp_path / "photos", [NAMES[2], NAMES[3], NAMES[1]])  # another grey
    before = predictor.embed_calls
    page.go(NAMES[1])
    assert predictor.embed_calls == before + 1


def test_click_and_opening_another_image_come_through_while_the_encoder_works_ahead(make, predictor):
    page = make()
    page.go(NAMES[0])
    predictor.gate = threading.Event()
    page.ask("ahead", image=page.image(NAMES[0]))
    assert predictor.reached.wait(PATIENCE)
    assert page.annotate()["objects"]["order"] == [1]  # with the encoder at its gate
    assert page.ask("state", image=page.image(NAMES[0]), state="done", id="1" * 32)["ok"]
    predictor.gate.set()


def test_nothing_begins_while_the_decoder_works(make, predictor):
    page = make()
    page.go(NAMES[0])
    ahead, turns = page.service.server.gallery.ahead, page.service.server.turns
    with turns.turn():
        page.ask("ahead", image=page.image(NAMES[0]))
        assert not ahead.settle(0.2)
        assert predictor.embed_calls == 1
    assert ahead.settle(PATIENCE)
    assert predictor.embed_calls == 2


def test_newer_wish_replaces_the_one_before(make, predictor):
    page = make()
    page.go(NAMES[0])
    turns = page.service.server.turns
    with turns.turn():
        for path in NAMES[:6]:
            page.ask("ahead", image=page.image(path))
    assert page.service.server.gallery.ahead.settle(PATIENCE)
    assert predictor.embed_calls == 2
    page.go(NAMES[6])
    assert predictor.embed_calls == 2


def test_nothing_is_embedded_that_would_drive_out_the_open_image(make, predictor):
    page = make(embedding_bytes=1500)  # one of a thousand bytes
    page.go(NAMES[0])
    prepare(page, NAMES[0])
    assert predictor.embed_calls == 1
    page.click((20, 20, 1))
    assert predictor.embed_calls == 1


def test_file_that_cannot_be_read_is_told_to_whoever_opens_it_alone(make, tmp_path):
    page = make()
    page.go(NAMES[0])
    (tmp_path / "photos" / NAMES[1]).write_bytes(b"no picture")
    prepare(page, NAMES[0])
    assert page.annotate()["ok"]
    prepare(page, NAMES[1])  # it works on


def test_way_back_and_the_next_to_do_are_prepared_too(make, predictor):
    page = make()
    page.go(NAMES[5])
    prepare(page, NAMES[5], by=-1)
    page.ask("state", image=page.image(NAMES[6]), state="done", id="1" * 32)
    prepare(page, NAMES[5], todo=True)
    assert predictor.embed_calls == 3
    page.go(NAMES[4])
    page.go(NAMES[7])
    assert predictor.embed_calls == 3
