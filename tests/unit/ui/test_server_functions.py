"""The short way to the canvas's server functions: what it answers, how, and what it leaves to Gradio."""

import gzip
import json
import threading
from types import SimpleNamespace

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from gradio.routes import App
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from samui.serve.service import Service
from samui.serve.settings import Settings
from samui.ui.clients import sender
from samui.ui.page import build_page
from samui.ui.server_functions import ServerFunctions, functions_of
from samui.ui.uploads import Uploads
from tests.fakes import FakePredictor
from tests.loops import run_async

PATH = "/gradio_api/component_server/"
CALL = {"component_id": 3, "fn_name": "act", "session_hash": "x", "data": {"n": 1}}


def ask(body, *, functions=None, sent=None, inner=None, path=PATH, method="POST", packs=True, auth=None, client=None):
    """What the middleware sends on one request, whose body arrives in two pieces."""
    sent = [] if sent is None else sent
    pieces = [
        {"type": "http.request", "body": body[:9], "more_body": True},
        {"type": "http.request", "body": body[9:], "more_body": False},
    ]

    async def receive():
        return pieces.pop(0) if pieces else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    async def gradio(_scope, receive, _send):
        inner.append((await receive())["body"] + (await receive())["body"])

    scope = {"type": "http", "method": method, "path": path, "app": SimpleNamespace(auth=auth, auth_dependency=None)}
    scope["client"] = client
    scope["headers"] = [(b"accept-encoding", b"gzip, br")] if packs else []
    run_async(ServerFunctions(gradio, functions or {(3, "act"): lambda data: data})(scope, receive, send))
    return sent


def test_headers_leave_before_the_function_runs():
    sent = []
    seen = []
    ask(json.dumps(CALL).encode(), sent=sent, functions={(3, "act"): lambda _: seen.extend(sent)})
    assert [message["type"] for message in seen] == ["http.response.start"]


@pytest.mark.parametrize("packs", [True, False])
def test_answer_is_packed_for_those_who_can_read_that(packs):
    start, answer = ask(json.dumps(CALL).encode(), packs=packs)
    assert start["status"] == 200
    assert ((b"content-encoding", b"gzip") in start["headers"]) == packs
    body = gzip.decompress(answer["body"]) if packs else answer["body"]
    assert json.loads(body) == {"n": 1}


@pytest.mark.parametrize(("client", "address"), [(("203.0.113.5", 9), "203.0.113.5"), (("127.0.0.1", 9), None)])
def test_functions_see_the_address_that_a_call_comes_from(client, address):
    seen = []
    ask(json.dumps(CALL).encode(), functions={(3, "act"): lambda _: seen.append(sender.get())}, client=client)
    assert seen == [address]


def test_a_call_is_one_hand_over_to_a_thread(monkeypatch):
    calls = []
    run = anyio.to_thread.run_sync

    async def counted(function, *args, **options):
        calls.append(function)
        return await run(function, *args, **options)

    monkeypatch.setattr(anyio.to_thread, "run_sync", counted)
    ask(json.dumps(CALL).encode())
    assert len(calls) == 1


def test_calls_that_wait_for_something_leave_threads_for_all_else():
    waiting, go = [], threading.Event()

    def wait(data):
        waiting.append(data)
        go.wait(20)

    short = ServerFunctions(None, {(3, "act"): wait})
    scope = {"type": "http", "method": "POST", "path": PATH, "headers": []}
    scope["app"] = SimpleNamespace(auth=None, auth_dependency=None)

    async def receive():
        return {"type": "http.request", "body": json.dumps(CALL).encode()}

    async def send(message):
        pass

    async def crowd():
        try:
            async with anyio.create_task_group() as group:
                for _ in range(60):  # more than the 40 threads that a server has by default
                    group.start_soon(short, scope, receive, send)
                with anyio.fail_after(10):
                    while len(waiting) < 60:
                        await anyio.lowlevel.checkpoint()
                    await anyio.to_thread.run_sync(go.set)  # one of those threads
        finally:
            go.set()

    run_async(crowd())
    assert len(waiting) == 60


LEFT = {
    "another address": {"path": "/gradio_api/queue/join"},
    "another method": {"method": "GET"},
    "a page with a login": {"auth": object()},
}


@pytest.mark.parametrize("options", LEFT.values(), ids=LEFT)
def test_everything_else_is_gradios_with_its_body_whole(options):
    inner = []
    body = json.dumps(CALL).encode()
    assert ask(body, inner=inner, **options) == []
    assert inner == [body]


REFUSED = {
    "another component": {**CALL, "component_id": 4},
    "another function": {**CALL, "fn_name": "__init__"},
    "no object": [CALL],
    "names that are none": {**CALL, "fn_name": ["act"]},
    "no argument": {"component_id": 3, "fn_name": "act"},
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_call_of_no_function_is_refused_and_never_gradios(body):
    inner = []
    start, answer = ask(json.dumps(body).encode(), inner=inner)
    assert (start["status"], inner) == (400, [])
    assert answer["body"] == b"request: must name a component, one of its functions and its data"


def test_body_that_is_no_json_is_refused():
    start, answer = ask(b"{not json, whatever it is")
    assert start["status"] == 400
    assert answer["body"].startswith(b"request: must be JSON, got ")


def test_answers_are_those_of_gradios_own_way(tmp_path):
    service = Service(Settings(model="fake"), lambda _: FakePredictor(), tmp_path)
    page = build_page(service, Uploads(service.settings, tmp_path / "uploads"))
    functions = functions_of(page)
    (canvas,) = {id for id, _ in functions}
    short = TestClient(
        App.create_app(page, app_kwargs={"middleware": [Middleware(ServerFunctions, functions=functions)]})
    )
    long = TestClient(App.create_app(page))

    def call(client, name, data):
        told = client.post(PATH, json={"component_id": canvas, "fn_name": name, "session_hash": "x", "data": data})
        assert told.status_code == 200
        assert told.headers["content-type"].startswith("application/json")
        return {key: value for key, value in told.json().items() if key != "timings"}

    token = call(short, "begin", {"token": None})["token"]
    assert service.seats.get(token).contents.model == "fake"
    for data in ({"token": token, "epoch": 0, "rev": 1, "action": "state"}, {"action": "nonsense"}, [], None):
        assert call(short, "act", data) == call(long, "act", data)
    service.close()
