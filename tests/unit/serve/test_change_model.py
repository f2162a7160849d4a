"""Another model for a session: objects stay, and a model that fails leaves the old one."""

import threading

import pytest

from samui.errors import ModelError, RequestError
from samui.serve.service import Service
from samui.serve.settings import Settings
from tests.fakes import FakePredictor, Page


def test_other_model_keeps_the_objects_and_decodes_the_prompt_anew(service, photo, loaded):
    page = Page(service)
    page.open(photo())
    page.click((20, 20, 1))
    page.act("accept", label="cat")
    page.click((50, 30, 1))
    events = list(service.change_model(page.token, "other"))
    assert [e["stage"] for e in events] == ["loading", "encoding", "ready"]
    state = events[-1]["state"]
    assert state["objects"]["order"] == [1]
    assert state["prompt"]["points"] == [[50.0, 30.0, 1]]
    assert loaded["other"].embed_calls == 1
    page.epoch = events[-1]["epoch"]
    page.act("clear")
    reopened = page.act("reopen", object=1)
    assert reopened["ok"]
    assert loaded["other"].prompts[-1].mask_logits is None


def test_model_that_does_not_load_leaves_the_old_one(service, photo):
    page = Page(service)
    page.open(photo())
    with pytest.raises(ModelError, match="got 'bad'"):
        list(service.change_model(page.token, "bad"))
    assert page.click((20, 20, 1))["ok"]


@pytest.mark.parametrize("name", ["", "  ", None, 7, "x" * 301], ids=["empty", "blank", "none", "number", "long"])
def test_model_name_must_be_a_name(service, name):
    with pytest.raises(RequestError, match="model: must be a name of 1 to 300 characters"):
        list(service.change_model(Page(service).token, name))


def test_hosted_page_takes_known_models_only(tmp_path):
    settings = Settings.for_host(model="fake")
    service = Service(settings, lambda name: FakePredictor(), tmp_path / "scratch", lambda name, watch: None)
    with pytest.raises(ModelError, match=r"model: must be one of .* on this page, got 'somebody/else'"):
        list(service.change_model(Page(service).token, "somebody/else"))


def test_model_change_without_an_image_holds_no_lock(service):
    page = Page(service)
    steps = service.change_model(page.token, "other")
    done = []
    worker = threading.Thread(target=lambda: done.extend([next(steps), next(steps)]))
    worker.start()
    worker.join()
    assert done[-1]["stage"] == "ready"
    assert service.seats.get(page.token).lock.acquire(timeout=1)
    assert list(steps) == []


def test_model_whose_encoder_fails_leaves_the_old_one_and_the_work(service, photo, loaded):
    page = Page(service)
    page.open(photo())
    page.click((20, 20, 1))
    service.server.predictors.get("other")

    def fail(image):
        raise ModelError("device: must have memory, got none")

    loaded["other"].embed = fail
    with pytest.raises(ModelError):
        list(service.change_model(page.token, "other"))
    assert page.click((20, 20, 1), (40, 40, 1))["ok"]
    assert page.act("undo")["can"]["undo"]


@pytest.fixture
def slow(service, loaded):
    """Another model, whose encoder waits until it is set."""
    service.server.predictors.get("slow")
    free, embed = threading.Event(), loaded["slow"].embed

    def wait(image):
        assert free.wait(30)
        return embed(image)

    loaded["slow"].embed = wait
    yield free
    free.set()


def test_image_that_is_opened_while_a_model_encodes_the_one_before_gets_the_model_too(service, photo, loaded, slow):
    page = Page(service)
    page.open(photo())
    events = service.change_model(page.token, "slow")
    assert [next(events)["stage"] for _ in range(2)] == ["loading", "encoding"]
    page.open(photo(seed=1, width=50))
    slow.set()
    last = list(events)[-1]
    assert (last["stage"], last["model"]["name"], last["image"]["width"]) == ("ready", "slow", 50)
    page.epoch = last["epoch"]
    calls = loaded["slow"].predict_calls
    assert page.click((20, 20, 1))["mask"]["size"] == [60, 50]
    assert loaded["slow"].predict_calls > calls


def test_of_two_models_the_newer_choice_wins_whichever_ends_last(service, photo, slow):
    page = Page(service)
    page.open(photo())
    older = service.change_model(page.token, "slow")
    next(older), next(older)
    newer = list(service.change_model(page.token, "other"))
    slow.set()
    assert [event["stage"] for event in older] == ["cancelled"]
    assert newer[-1]["stage"] == "ready"
    assert Page(service, token=page.token).first["settings"]["model"]["name"] == "other"
