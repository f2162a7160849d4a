"""One request, one reply: clicks, order, errors as envelopes."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor, TimeoutError

import pytest

from samui.pixels.rle import Rle
from tests.fakes import Page


def test_click_answers_with_mask_and_candidates(service, photo):
    page = Page(service)
    page.open(photo())
    told = page.click((40, 30, 1))
    assert told["ok"]
    assert told["rev"] == 1
    mask = Rle.from_string(told["mask"]["size"], told["mask"]["counts"]).decode()
    assert mask[30, 40]
    assert not mask[2, 2]
    assert told["timings"]["decode"] > 0


def test_overtaken_click_is_not_decoded(service, photo, loaded):
    page = Page(service)
    page.open(photo())
    calls = loaded["fake"].predict_calls
    newest = {"token": page.token, "epoch": page.epoch, "rev": 9, "seen": 0, "action": "prompt"}
    assert service.act({**newest, "points": [[20, 20, 1]]})["ok"]
    late = service.act({**newest, "rev": 5, "points": [[50, 50, 1]]})
    assert late["overtaken"]
    assert loaded["fake"].predict_calls == calls + 1


def test_action_that_is_sent_again_is_applied_once(service, photo):
    page = Page(service)
    page.open(photo())
    page.click((20, 20, 1))
    page.click((20, 20, 1), (40, 40, 1))
    undo = {"token": page.token, "epoch": page.epoch, "rev": 7, "seen": 0, "action": "undo"}
    first, second = service.act(undo), service.act(undo)
    assert len(first["prompt"]["points"]) == len(second["prompt"]["points"]) == 1
    assert second["mask"] == first["mask"]
    assert service.act({**undo, "rev": 8})["prompt"]["points"] == []


def test_request_about_the_image_before_is_refused(service, photo):
    page = Page(service)
    page.open(photo())
    before = page.epoch
    page.open(photo(seed=1))
    page.epoch = before
    told = page.click((20, 20, 1))
    assert (told["ok"], told["kind"]) == (False, "epoch")


@pytest.mark.parametrize(
    "data",
    [None, [], "x", {}, {"token": 3}, {"action": "undo"}, {"token": "x", "action": "undo", "epoch": 0, "rev": 0}],
    ids=str,
)
def test_act_answers_anything_with_an_envelope(service, data):
    told = service.act(data)
    assert told["ok"] is False
    assert told["kind"] in ("request", "session")
    json.dumps(told)


def test_action_without_an_image_says_open_one_first(service):
    told = Page(service).click((1, 1, 1))
    assert told["error"] == "session: must have an image; open one first"


def test_unexpected_error_is_an_envelope_and_the_session_lives(service, photo, loaded, caplog):
    page = Page(service)
    page.open(photo())
    works = loaded["fake"].predict
    loaded["fake"].predict = lambda *a, **k: 1 / 0
    told = page.click((20, 20, 1))
    assert (told["ok"], told["kind"]) == (False, "internal")
    assert "ZeroDivisionError" in caplog.text
    assert "Zero" not in told["error"]
    loaded["fake"].predict = works
    assert page.click((20, 20, 1))["ok"]


def test_prepared_click_is_answered_without_decoding_and_without_the_mask_that_the_page_has(service, photo, loaded):
    page, plain = Page(service), Page(service)
    page.open(photo())
    plain.open(photo())
    ahead = page.act("prepare", points=[[40, 30, 1]])
    calls = loaded["fake"].predict_calls
    told = page.click((40, 30, 1))
    assert loaded["fake"].predict_calls == calls
    want = plain.click((40, 30, 1))
    assert (ahead["mask"], ahead["candidates"]) == (want["mask"], want["candidates"])
    assert told["prompt"] == want["prompt"]
    assert told["can"] == want["can"]
    assert "mask" not in told
    assert ahead["timings"]["ahead"] is None
    assert told["timings"]["decode"] == ahead["timings"]["decode"] > 0
    assert told["timings"]["ahead"] == pytest.approx(told["timings"]["decode"], abs=1)
    assert page.click((40, 30, 1), (10, 10, 0))["timings"]["ahead"] is None


def test_of_a_decoder_that_still_runs_when_the_click_comes_only_the_past_is_ahead(service, photo, loaded, monkeypatch):
    page = Page(service)
    page.open(photo())
    works, begun, go = loaded["fake"].predict, threading.Event(), threading.Event()

    def slow(*args, **options):
        begun.set()
        go.wait(10)
        return works(*args, **options)

    monkeypatch.setattr(loaded["fake"], "predict", slow)
    request = {"token": page.token, "epoch": page.epoch, "seen": 0, "points": [[40, 30, 1]]}
    with ThreadPoolExecutor(2) as pool:
        ahead = pool.submit(service.act, {**request, "rev": 1, "action": "prepare"})
        begun.wait(10)
        told = pool.submit(service.act, {**request, "rev": 2, "action": "prompt"})
        with pytest.raises(TimeoutError):
            told.result(0.2)  # it waits for what is made ahead
        go.set()
        times, decode = told.result()["timings"], ahead.result()["timings"]["decode"]
    assert times["decode"] == decode >= 200
    assert 0 <= times["ahead"] <= decode - 200


def test_what_was_prepared_before_tells_its_time_and_what_needs_no_decoding_none(service, photo):
    page = Page(service)
    page.open(photo())
    first = page.act("prepare", points=[[40, 30, 1]])["timings"]
    again = page.act("prepare", points=[[40, 30, 1]])["timings"]
    assert again["ahead"] == again["decode"] == first["decode"]
    page.click((40, 30, 1))
    assert page.act("prepare", points=[[40, 30, 1]])["timings"]["decode"] is None
    assert page.click((40, 30, 1))["timings"]["decode"] is None


def test_page_that_did_not_get_what_was_prepared_gets_it_with_the_click(service, photo, loaded):
    page = Page(service)
    page.open(photo())
    request = {"token": page.token, "epoch": page.epoch, "seen": page.serial, "points": [[40, 30, 1]]}
    service.act({**request, "rev": 1, "action": "prepare"})
    calls = loaded["fake"].predict_calls
    told = service.act({**request, "rev": 2, "action": "prompt"})
    assert told["mask"]["area"] > 0
    assert loaded["fake"].predict_calls == calls


def test_what_is_prepared_changes_nothing(service, photo):
    page = Page(service)
    page.open(photo())
    page.click((20, 20, 1))
    page.act("prepare", points=[[20, 20, 1], [40, 30, 1]])
    page.serial = 0
    assert page.act("state")["prompt"]["points"] == [[20, 20, 1]]
    assert page.act("undo")["prompt"]["points"] == []


def test_overtaken_prepare_is_not_decoded(service, photo, loaded):
    page = Page(service)
    page.open(photo())
    calls = loaded["fake"].predict_calls
    newest = {"token": page.token, "epoch": page.epoch, "rev": 9, "seen": 0, "action": "prompt"}
    service.act({**newest, "points": [[20, 20, 1]]})
    assert service.act({**newest, "rev": 8, "action": "prepare", "points": [[20, 20, 1]]})["overtaken"]
    assert loaded["fake"].predict_calls == calls + 1


@pytest.mark.parametrize(
    ("early", "late"), [("hover", "prompt"), ("prepare", "prompt"), ("hover", "prepare"), ("prepare", "hover")]
)
def test_only_a_prompt_overtakes_a_prompt(service, photo, early, late):
    """The request with the higher number comes first, as over two connections; a look must not cost a click."""
    page = Page(service)
    page.open(photo())
    asked = {"token": page.token, "epoch": page.epoch, "seen": 0}
    ways = {"points": [[20, 20, 1]]}, {"x": 20, "y": 20}
    assert service.act({**asked, "rev": 9, "action": early, **ways[early == "hover"]})["ok"]
    answer = service.act({**asked, "rev": 5, "action": late, **ways[late == "hover"]})
    assert answer.get("overtaken", False) == (late != "prompt")
    assert page.act("state")["prompt"]["points"] == ([[20, 20, 1]] if late == "prompt" else [])


def test_of_what_is_prepared_only_the_newest_is_remembered(service, photo):
    page = Page(service)
    page.open(photo())
    serials = [page.act("prepare", points=[[40, y, 1]])["serial"] for y in (10, 20, 30)]
    seat = service.seats.get(page.token)
    assert [seat.line.recall(serial) is not None for serial in serials] == [False, False, True]


def test_snapping_after_the_decoder_is_no_part_of_its_time(service, photo, loaded, monkeypatch):
    page = Page(service)
    page.open(photo())
    page.act("snap", on=True)
    begun, go = threading.Event(), threading.Event()

    def slow(image, mask, prompt):
        begun.set()
        go.wait(10)
        return mask

    monkeypatch.setattr("samui.serve.tools.snap_to_edges", slow)
    request = {"token": page.token, "epoch": page.epoch, "seen": 0, "points": [[40, 30, 1]]}
    with ThreadPoolExecutor(2) as pool:
        pool.submit(service.act, {**request, "rev": 8, "action": "prepare"})
        begun.wait(10)
        told = pool.submit(service.act, {**request, "rev": 9, "action": "prompt"})
        with pytest.raises(TimeoutError):
            told.result(0.2)
        go.set()
        times = told.result()["timings"]
    assert times["ahead"] == times["decode"] > 0
