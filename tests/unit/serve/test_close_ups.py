"""Close-ups of a page: asked for ahead, taken by the prompt itself, and never in anybody's way."""

import threading
from concurrent.futures import ThreadPoolExecutor

import cv2
import pytest

from samui.errors import ModelError
from samui.models.traits import Traits
from samui.pixels.rle import Rle
from samui.pixels.views import views_of
from samui.serve.service import Service
from samui.serve.settings import Settings
from samui.types import Prompt
from samui.work.segment import segment
from tests.fakes import NearSighted, Page
from tests.unit.work.test_close_ups import AT, BESIDE, SIZE, picture

VIEWS = len(views_of(Prompt([AT], [1]), SIZE)) - 1
CLICK, SECOND = [*AT, 1], [*BESIDE, 1]


class Halting(NearSighted):
    """Stops before it encodes anything but the whole image, once it is told to."""

    traits = Traits(cheap_encoder=True)

    def __init__(self):
        super().__init__()
        self.go, self.halted = threading.Event(), threading.Event()
        self.go.set()
        self.fails = False

    def embed(self, image):
        if image.shape[:2] != SIZE:
            self.halted.set()
            assert self.go.wait(10)
            if self.fails:
                raise ModelError("device: must have memory for the image encoder, got none")
        return super().embed(image)


@pytest.fixture
def predictor():
    return Halting()


@pytest.fixture
def make(tmp_path, predictor):
    services = []

    def make(**settings):
        settings = Settings(model="near", **settings)
        service = Service(settings, lambda name: predictor, tmp_path / "scratch", fetch=lambda name, watch: None)
        services.append(service)
        return service

    yield make
    for service in services:
        service.close()


@pytest.fixture
def opened(make, tmp_path):
    def opened(**settings):
        page = Page(make(**settings))
        cv2.imwrite(str(tmp_path / "p.png"), picture()[..., ::-1])
        page.open(tmp_path / "p.png")
        return page

    return opened


def session_of(page):
    return page.service.seats.get(page.token).work.session


def final(predictor, *points):
    prompt = Prompt([p[:2] for p in points], [p[2] for p in points])
    return segment(predictor, picture(), prompt, snap=False, close_ups=True).rle


def mask_of(told):
    return Rle.from_string(told["mask"]["size"], told["mask"]["counts"])


def test_a_first_mask_encodes_nothing_more(opened, predictor):
    page = opened()
    assert page.first["settings"]["model"]["close_ups"]
    page.act("prepare", points=[CLICK])
    page.click(CLICK)
    assert predictor.embed_calls == 1
    assert session_of(page).state.mask.area == SIZE[0] * SIZE[1]


def test_what_is_found_ahead_is_taken_by_the_prompt_without_work(opened, predictor):
    page = opened()
    page.click(CLICK)
    before = session_of(page)
    ahead = page.act("prepare", points=[CLICK], close_ups=True)
    assert session_of(page) is before
    assert predictor.embed_calls == 1 + VIEWS
    calls = predictor.predict_calls
    told = page.act("prompt", points=[CLICK], close_ups=True)
    assert (predictor.predict_calls, predictor.embed_calls) == (calls, 1 + VIEWS)
    assert "mask" not in told  # the page has it
    after = session_of(page).state
    assert mask_of(ahead) == after.mask == final(predictor, CLICK)
    assert page.act("undo")["mask"] is None


def test_the_final_mask_at_once_for_programs(opened, predictor):
    told = opened().act("prompt", points=[CLICK, SECOND], close_ups=True)
    assert mask_of(told) == final(predictor, CLICK, SECOND)
    assert all(0 <= one["score"] <= 1 for one in told["candidates"])


def test_nobody_waits_for_the_encoder_of_close_ups(opened, predictor):
    page = opened()
    page.click(CLICK)
    predictor.go.clear()
    with ThreadPoolExecutor(1) as pool:
        request = {"token": page.token, "epoch": page.epoch, "rev": 0, "seen": 0, "close_ups": True}
        ahead = pool.submit(page.service.act, {**request, "action": "prepare", "points": [CLICK]})
        assert predictor.halted.wait(10)
        told = page.click(CLICK, SECOND)  # while the encoder runs: no lock is held
        assert told["ok"]
        predictor.go.set()
        assert ahead.result(10)["overtaken"]
    encoded = predictor.embed_calls
    assert encoded < 1 + VIEWS  # those after it were not wanted any more
    assert len(session_of(page).state.prompt.points) == 2


def test_what_comes_before_the_close_up_wins(opened, predictor):
    page = opened()
    page.click(CLICK)
    predictor.go.clear()
    with ThreadPoolExecutor(1) as pool:
        request = {"token": page.token, "epoch": page.epoch, "rev": 0, "seen": 0, "close_ups": True}
        ahead = pool.submit(page.service.act, {**request, "action": "prepare", "points": [CLICK]})
        assert predictor.halted.wait(10)
        page.act("accept")
        predictor.go.set()
        assert ahead.result(10)["overtaken"]
    (item,) = session_of(page).state.objects
    assert item.mask.area == SIZE[0] * SIZE[1]
    assert session_of(page).state.mask is None


def test_a_view_that_cannot_be_encoded_leaves_the_whole_images_answer(opened, predictor, caplog):
    page = opened()
    page.click(CLICK)
    predictor.fails = True
    told = page.act("prompt", points=[CLICK], close_ups=True)
    assert told["ok"]
    assert session_of(page).state.mask.area == SIZE[0] * SIZE[1]
    assert "answered without close-ups" in caplog.text


@pytest.mark.parametrize(
    ("asked", "cheap", "looks"), [(None, True, True), (None, False, False), (False, True, False), (True, False, True)]
)
def test_settings_overrule_the_model(opened, predictor, asked, cheap, looks):
    predictor.traits = Traits(cheap_encoder=cheap)
    page = opened(close_ups=asked)
    assert page.first["settings"]["model"]["close_ups"] is looks
    page.act("prompt", points=[CLICK], close_ups=True)
    assert predictor.embed_calls == (1 + VIEWS if looks else 1)


def test_later_clicks_are_decoded_in_the_view_after_it_was_evicted_too(opened, predictor):
    page = opened(embedding_bytes=1)  # one embedding stays
    page.act("prompt", points=[CLICK], close_ups=True)
    told = page.click(CLICK, SECOND)
    assert mask_of(told) == final(predictor, CLICK, SECOND)


def test_an_accepted_mask_of_a_close_up_is_opened_again(opened, predictor):
    page = opened(embedding_bytes=1)
    page.act("prompt", points=[CLICK], close_ups=True)
    page.act("accept")
    told = page.act("reopen", object=1)
    assert mask_of(told) == final(predictor, CLICK)
    assert mask_of(page.click(CLICK, SECOND)) == final(predictor, CLICK, SECOND)


def test_views_stay_out_of_the_disk_tier(opened, predictor, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr("samui.models.disk_tier.DiskTier.write", lambda self, key, predictor, one: written.append(key))
    monkeypatch.setattr("samui.models.disk_tier.DiskTier.read", lambda self, key, predictor: None)
    page = opened(disk_cache=tmp_path / "cache")
    page.act("prompt", points=[CLICK], close_ups=True)
    assert predictor.embed_calls == 1 + VIEWS
    assert len(written) == 1


@pytest.mark.parametrize("value", [1, "on", None])
def test_the_switch_must_be_true_or_false(opened, value):
    told = opened().act("prompt", points=[CLICK], close_ups=value)
    assert told["error"].startswith("request.close_ups: must be true or false, got")
