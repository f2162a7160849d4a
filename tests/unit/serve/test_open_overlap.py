"""Opening an image runs the encoder beside the rest, and lets clicks on other images through."""

import os
import sys
import threading

from samui.models import embeddings
from samui.models.embeddings import embedding_key
from samui.serve import open_image
from tests.fakes import Page


def test_encoder_runs_while_the_picture_is_made_ready_to_show(service, photo, loaded, monkeypatch):
    page = Page(service)
    encoding, shown = threading.Event(), threading.Event()
    embed, show = loaded["fake"].embed, open_image.encode_for_display

    def slow_embed(image):
        encoding.set()
        assert shown.wait(10)
        return embed(image)

    def slow_show(pixels):
        assert encoding.wait(10)  # serial work would wait here in vain
        return show(pixels)

    monkeypatch.setattr(loaded["fake"], "embed", slow_embed)
    monkeypatch.setattr(open_image, "encode_for_display", slow_show)
    events = service.open(page.token, photo(), "photo.png")
    assert [next(events)["stage"] for _ in range(2)] == ["reading", "image"]
    shown.set()
    assert [event["stage"] for event in events] == ["encoding", "ready"]
    assert loaded["fake"].embed_calls == 1


def test_click_is_answered_while_another_image_is_encoded(service, photo, loaded, monkeypatch):
    page, other = Page(service), Page(service)
    page.open(photo())
    began, answered = threading.Event(), threading.Event()
    embed = loaded["fake"].embed
    priorities = []

    def slow_embed(image):
        if sys.platform == "linux":
            priorities.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        began.set()
        assert answered.wait(10)
        return embed(image)

    monkeypatch.setattr(loaded["fake"], "embed", slow_embed)
    opening = threading.Thread(target=other.open, args=(photo(seed=1),))
    opening.start()
    assert began.wait(10)
    assert page.click((20, 20, 1))["ok"]
    answered.set()
    opening.join()
    assert other.click((20, 20, 1))["ok"]
    if priorities:  # the encoder's thread stands back, the one that answers does not
        mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        assert priorities == [min(19, mine + 5)]


def test_content_is_hashed_once_an_open(service, photo, monkeypatch):
    keys = []
    monkeypatch.setattr(embeddings, "embedding_key", lambda *given: keys.append(given) or embedding_key(*given))
    Page(service).open(photo())
    assert len(keys) == 1


def test_image_that_is_late_when_it_is_read_is_not_encoded(service, photo, loaded):
    page = Page(service)
    older = service.open(page.token, photo(seed=1), "older.png")
    next(older)  # "reading"
    page.open(photo(seed=2), name="newer.png")
    assert list(older) == []
    assert loaded["fake"].embed_calls == 1
