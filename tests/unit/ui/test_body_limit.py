"""Calls: no more bytes of one are taken in than the limit allows, and none is waited for without end."""

import anyio
import pytest

from samui.ui.body_limit import BodyLimit
from tests.loops import run_async

LARGEST = 1000
REFUSAL = b"request: must be at most 2 MB, got 3 MB or more"


def ask(pieces, *, length=None, path="/gradio_api/queue/join", method="POST", largest=LARGEST):
    """(bodies that the app got, messages sent back, pieces that nobody took) for a request of these pieces."""
    waiting, got, sent = list(pieces), [], []

    async def app(_scope, receive, _send):
        more = True
        while more:
            message = await receive()
            got.append(message["body"])
            more = message["more_body"]

    async def receive():
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    async def send(message):
        sent.append(message)

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    run_async(BodyLimit(app, largest)(scope, receive, send))
    return got, sent, waiting


@pytest.mark.parametrize("length", [None, 1000])
def test_body_within_the_limit_arrives_piece_by_piece(length):
    assert ask([b"a" * 600, b"b" * 400], length=length) == ([b"a" * 600, b"b" * 400], [], [])


def test_body_that_says_it_is_too_long_is_not_read():
    got, sent, waiting = ask([bytes(3_000_000)], length=3_000_000, largest=2_000_000)
    assert (got, len(waiting)) == ([], 1)
    assert (sent[0]["status"], sent[1]["body"]) == (413, REFUSAL)


def test_body_that_does_not_say_is_read_up_to_the_limit():
    got, sent, waiting = ask([bytes(1_000_000)] * 9, largest=2_000_000)
    assert (got, len(waiting)) == ([], 6)
    assert (sent[0]["status"], sent[1]["body"]) == (413, REFUSAL)


def test_upload_is_left_to_its_own_limit():
    got, sent, _ = ask([bytes(5000)], length=5000, path="/gradio_api/upload")
    assert (got, sent) == ([bytes(5000)], [])


@pytest.mark.parametrize("length", [None, 500])
@pytest.mark.parametrize("pieces", [0, 1])
def test_body_that_does_not_become_whole_in_time_is_given_up(length, pieces):
    """Whether none of it comes or a part: 200 of these would hold 200 connections."""
    sent, waiting = [], [b"a"] * pieces

    async def receive():
        if not waiting:
            await anyio.sleep_forever()
        return {"type": "http.request", "body": waiting.pop(), "more_body": True}

    async def send(message):
        sent.append(message)

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    scope = {"type": "http", "method": "POST", "path": "/gradio_api/component_server/", "headers": headers}
    run_async(BodyLimit(None, LARGEST, slowest=0.01)(scope, receive, send))
    assert (sent[0]["status"], sent[1]["body"]) == (408, b"request: must be sent within 0.01 s")
    assert (b"connection", b"close") in sent[0]["headers"]
