"""Opening and loading cancelled at each stage, and downloads that fail: the session is as it was."""

import threading

import pytest

from samui.errors import ModelError
from samui.serve.service import Service
from samui.serve.settings import Settings
from tests.fakes import FakePredictor, Page


class Slow:
    """Stands in for one step of long work; the step waits once it is `held`."""

    def __init__(self, step):
        self.step, self.free, self.reached = step, threading.Event(), threading.Event()
        self.free.set()

    def __call__(self, *given):
        self.reached.set()
        assert self.free.wait(30)
        return self.step(*given)


class Steps:
    """The slow parts behind a service, each of which a test can hold."""

    def __init__(self):
        self.told = []  # what the next download tells, (done, total) in bytes
        self.fetch = Slow(self._fetch)
        self.load = Slow(self._load)
        self.embed = Slow(FakePredictor().embed)

    def _fetch(self, name, watch):
        for progress in self.told:
            watch(*progress)
        if name == "missing":
            raise ModelError("model: missing is not on the hub, or needs a login")

    def _load(self, name):
        predictor = FakePredictor()
        predictor.name = predictor.key = name
        predictor.embed = self.embed
        return predictor


@pytest.fixture
def steps():
    return Steps()


@pytest.fixture
def page(steps, tmp_path, photo):
    service = Service(Settings(model="fake"), steps.load, tmp_path / "scratch", steps.fetch)
    page = Page(service)
    page.open(photo())
    page.click((20, 20, 1))
    page.act("accept", label="cat")
    page.click((50, 30, 1))
    yield page
    for step in (steps.fetch, steps.load, steps.embed):
        step.free.set()
    service.close()


def cancelled(page, events, step):
    """Run events up to a step that is held, cancel there, and return the last event."""
    got = []
    worker = threading.Thread(target=lambda: got.extend(events))
    worker.start()
    assert step.reached.wait(30)
    assert page.act("abandon") == {"ok": True, "epoch": page.epoch, "rev": page.rev}
    worker.join(30)
    assert not worker.is_alive()
    return got[-1]


def hold(step):
    step.reached.clear()
    step.free.clear()
    return step


def work(page):
    """What a reloaded page would show."""
    told = Page(page.service, page.token)
    page.token, page.epoch = told.token, told.epoch
    return {name: told.first[name] for name in ("image", "objects", "prompt", "mask", "stage")} | {
        "model": told.first["settings"]["model"]["name"]
    }


def without_address(told):
    return {**told, "image": {name: told["image"][name] for name in ("width", "height", "name")}}


@pytest.mark.parametrize("name", ["fetch", "load", "embed"])
def test_model_that_is_cancelled_while_it_comes_leaves_model_and_work(page, steps, name):
    before = without_address(work(page))
    events = page.service.change_model(page.token, "other")
    last = cancelled(page, events, hold(getattr(steps, name)))
    assert (last["event"], last["stage"]) == ("model", "cancelled")
    assert without_address(work(page)) == before
    assert page.act("undo")["ok"]
    getattr(steps, name).free.set()
    assert list(page.service.change_model(page.token, "other"))[-1]["stage"] == "ready"


def test_download_is_told_in_bytes(page, steps):
    steps.told = [(3, 10), (7, 10)]
    whole, steps.fetch.step = steps.fetch.step, None
    seen = threading.Event()

    def fetch(name, watch):
        whole(name, watch)
        assert seen.wait(30)

    steps.fetch.step = fetch
    events = page.service.change_model(page.token, "other")
    first = next(events)
    assert (first["stage"], first["name"], first["done"], first["total"]) == ("downloading", "other", 7, 10)
    seen.set()
    stages = [event["stage"] for event in events]
    assert stages[-3:] == ["loading", "encoding", "ready"]


def test_failed_download_leaves_model_and_work(page):
    before = without_address(work(page))
    with pytest.raises(ModelError, match="missing is not on the hub"):
        list(page.service.change_model(page.token, "missing"))
    assert without_address(work(page)) == before
    assert page.click((20, 20, 1))["ok"]


def test_loaded_model_is_not_asked_for_again(page, steps):
    list(page.service.change_model(page.token, "other"))
    steps.fetch.reached.clear()
    list(page.service.change_model(page.token, "fake"))
    assert not steps.fetch.reached.is_set()


def test_image_that_is_cancelled_while_it_is_encoded_gives_way_to_the_one_before(page, steps, photo):
    before = without_address(work(page))
    events = page.service.open(page.token, photo(seed=1, width=50), "other.png")
    last = cancelled(page, events, hold(steps.embed))
    assert (last["event"], last["stage"]) == ("open", "cancelled")
    steps.embed.free.set()
    assert without_address(work(page)) == before
    assert page.click((40, 30, 1), (50, 30, 1))["mask"]["size"] == [60, 80]
    folders = [p for p in page.service.server.scratch.folder.rglob("image-*") if p.is_dir()]
    assert len(folders) == 1
    assert page.act("back")["error"].startswith("back: there must be an image before this one")


def test_first_image_that_is_cancelled_leaves_an_empty_page(page, steps, photo):
    stranger = Page(page.service)
    events = page.service.open(stranger.token, photo(seed=1), "other.png")
    assert cancelled(stranger, events, hold(steps.embed))["stage"] == "cancelled"
    assert Page(page.service, stranger.token).first["stage"] == "empty"


def test_image_that_is_cancelled_before_it_is_shown_changes_nothing(page, photo):
    epoch = page.epoch
    events = page.service.open(page.token, photo(seed=1), "other.png")
    next(events)
    page.act("abandon")
    assert [event["stage"] for event in events] == ["cancelled"]
    assert page.service.seats.get(page.token).line.epoch == epoch
    assert len([p for p in page.service.server.scratch.folder.rglob("image-*") if p.is_dir()]) == 1


def test_newer_image_is_not_taken_back_by_the_cancel_of_an_older_one(page, steps, photo):
    Page(page.service).open(photo(seed=2), "newer.png")  # its embedding is there, and needs no turn
    first = hold(Slow(steps.embed.step))
    steps.embed.step = first
    older = page.service.open(page.token, photo(seed=1), "older.png")
    next(older), next(older)
    page.open(photo(seed=2), "newer.png")
    cancelled(page, older, first)
    first.free.set()
    assert page.service.image_of(page.token).name == "newer.png"


def encoding():
    return {thread for thread in threading.enumerate() if thread.name == "samui-encoding"}


@pytest.mark.slow
def test_images_that_are_cancelled_before_their_turn_are_never_encoded(page, steps, photo):
    stranger, encoded, embed = Page(page.service), [], steps.embed.step
    steps.embed.step = lambda pixels: encoded.append(pixels.shape) or embed(pixels)
    hold(steps.embed)
    busy = page.service.open(stranger.token, photo(width=90), "busy.png")
    next(busy), next(busy)
    assert steps.embed.reached.wait(30)
    before = encoding()
    for width in (30, 40, 50):
        events = page.service.open(page.token, photo(width=width), "unwanted.png")
        assert [next(events)["stage"] for _ in range(3)] == ["reading", "image", "encoding"]
        page.act("abandon")
        assert list(events)[-1]["stage"] == "cancelled"
    for thread in encoding() - before:  # they let go of their pictures before the turn is theirs
        thread.join(30)
    assert encoding() == before
    steps.embed.free.set()
    assert list(busy)[-1]["stage"] == "ready"
    assert encoded == [(60, 90, 3)]
