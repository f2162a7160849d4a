"""A click whose embedding was evicted: it encodes again, and nobody waits for it who need not."""

import threading

import pytest

from samui.errors import ModelError
from samui.serve.service import Service
from samui.serve.settings import Settings
from tests.fakes import FakePredictor, Page


class SlowEncoder(FakePredictor):
    """Its encoder waits once it is held."""

    def __init__(self):
        super().__init__()
        self.free, self.reached = threading.Event(), threading.Event()
        self.free.set()

    def embed(self, image):
        self.reached.set()
        assert self.free.wait(30)
        return super().embed(image)


@pytest.fixture
def fake():
    return SlowEncoder()


@pytest.fixture
def page(fake, tmp_path, photo):
    """A page whose image's embedding has been evicted, with a click."""
    service = Service(Settings(model="fake", embedding_bytes=1), lambda name: fake, tmp_path / "scratch")
    page = Page(service)
    page.open(photo())
    page.click((20, 20, 1))
    page.act("accept", label="cat")
    page.click((50, 30, 1))
    Page(service).open(photo(seed=9))
    fake.reached.clear()
    yield page
    fake.free.set()
    service.close()


class Clicking:
    """A click that waits for the encoder, until the end of the block."""

    def __init__(self, page, fake):
        self.page, self.fake, self.told = page, fake, {}
        self.thread = threading.Thread(target=lambda: self.told.update(page.click((50, 30, 1), (40, 20, 1))))

    def __enter__(self):
        self.fake.free.clear()
        self.thread.start()
        assert self.fake.reached.wait(30)
        return self

    def __exit__(self, *_):
        self.fake.free.set()
        self.thread.join(30)


def test_reload_of_the_page_does_not_wait_for_the_encoder(page, fake):
    with Clicking(page, fake) as clicking:
        again = Page(page.service, token=page.token)
        assert clicking.thread.is_alive()
    assert again.first["objects"]["order"] == [1]


def test_other_actions_of_the_seat_do_not_wait_for_the_encoder(page, fake):
    with Clicking(page, fake) as clicking:
        told = page.act("relabel", object=1, label="dog")
        assert clicking.thread.is_alive()
    assert told["objects"]["changed"][0]["label"] == "dog"


def test_another_image_can_be_opened_and_the_click_then_changes_nothing(page, fake, photo):
    with Clicking(page, fake) as clicking:
        opening = page.service.open(page.token, photo(seed=3, width=40), "3.png")
        while next(opening)["stage"] != "image":
            pass
        assert clicking.thread.is_alive()
    list(opening)
    assert clicking.told["kind"] == "epoch"
    assert page.service.image_of(page.token).name == "3.png"


def test_click_that_a_newer_one_overtakes_while_it_is_encoded_is_not_decoded(page, fake):
    calls = fake.predict_calls
    newest = {"token": page.token, "epoch": page.epoch, "rev": 90, "seen": 0, "action": "prompt"}
    done = []
    with Clicking(page, fake) as clicking:
        points = [[10, 10, 1]]
        newer = threading.Thread(target=lambda: done.append(page.service.act({**newest, "points": points})))
        newer.start()
        while page.service.seats.get(page.token).line.newest_rev != 90:
            newer.join(0.001)
    newer.join(30)
    assert clicking.told["overtaken"]
    assert done[0]["prompt"]["points"] == [[10, 10, 1]]
    assert fake.predict_calls == calls + 1


def test_going_back_to_an_image_of_another_model_decodes_its_prompt_with_the_present_one(service, photo, loaded):
    page = Page(service)
    page.open(photo(seed=1), "one.png")
    page.click((20, 20, 1))
    page.act("accept", label="cat")
    page.click((50, 30, 1))
    page.click((50, 30, 1), (40, 20, 1))
    page.open(photo(seed=2), "two.png")
    page.epoch = list(service.change_model(page.token, "other"))[-1]["epoch"]
    assert page.act("back")["moved"]
    assert [prompt.mask_logits is None for prompt in loaded["other"].prompts] == [True, False]
    assert loaded["other"].embed_calls == 2  # an embedding is of one model
    back = Page(service, token=page.token)
    assert back.first["prompt"]["points"] == [[50, 30, 1], [40, 20, 1]]
    assert back.first["objects"]["order"] == [1]
    assert back.click((50, 30, 1), (40, 20, 1), (30, 20, 1))["ok"]
    assert len(loaded["other"].prompts) == 3


def test_way_back_keeps_the_found_masks(service, photo):
    page = Page(service)
    page.open(photo(seed=1))
    grid = {"points_per_side": 2, "pred_iou_thresh": 0.0, "stability_score_thresh": 0.0}
    order = list(service.everything(page.token, grid))[-1]["order"]
    page.act("keep", masks=order[:1])
    page.open(photo(seed=2))
    page.act("back")
    back = Page(service, token=page.token)
    assert [mask["id"] for mask in back.first["found"]["masks"]] == order
    assert back.act("keep", masks=order[1:2])["objects"]["order"] == [1, 2]
    page = Page(service, token=back.token)
    more = list(service.everything(page.token, grid))[-1]["order"]
    assert not set(more) & set(order)


def test_run_ends_when_the_image_is_left_by_the_way_back(service, photo):
    page = Page(service)
    for seed in (1, 2):
        page.open(photo(seed=seed))
        page.click((20, 20, 1))
        page.act("accept")
    run = service.everything(page.token, {"points_per_side": 8})
    next(run)
    found = service.seats.get(page.token).work.found
    page.act("back")
    assert found.cancelled()
    assert list(run) == []


def test_model_whose_decoder_fails_on_the_prompt_leaves_the_seat_as_it_was(service, photo, loaded):
    page = Page(service)
    page.open(photo())
    page.click((50, 30, 1))
    service.server.predictors.get("other")

    def fail(*_, **__):
        raise ModelError("device cpu: must have memory for the mask decoder, got none")

    loaded["other"].predict = fail
    before = service.seats.get(page.token).look()
    with pytest.raises(ModelError, match="memory for the mask decoder"):
        list(service.change_model(page.token, "other"))
    now = service.seats.get(page.token).look()
    assert now[0] == before[0]
    assert now[1].predictor is before[1].predictor
    assert now[1].work is before[1].work
    assert page.click((50, 30, 1), (40, 20, 1))["prompt"]["points"] == [[50, 30, 1], [40, 20, 1]]
