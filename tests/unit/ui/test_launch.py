"""How the server is set up."""

import contextlib
import socket
from urllib.parse import urlsplit

import gradio as gr
import httpx
import pytest

from samui.errors import SamuiError
from samui.serve.service import Service
from samui.serve.settings import Settings
from samui.ui import address, launch
from tests.fakes import FakePredictor

pytestmark = pytest.mark.browser  # a second each


@pytest.fixture
def start(tmp_path):
    """Serves a page of the fake until the test is over; the address of the page."""
    with contextlib.ExitStack() as stack:

        def make(**options):
            service = Service(Settings(model="fake"), lambda name: FakePredictor(), tmp_path)
            stack.callback(service.close)
            page, url = launch.launch(service, block=False, **options)
            stack.callback(page.close, verbose=False)
            return url

        yield make


def test_connections_stay_open_as_long_as_is_said(start, monkeypatch):
    monkeypatch.setattr(launch, "KEEP_ALIVE", 0)
    at = urlsplit(start())
    with socket.create_connection((at.hostname, at.port), timeout=4) as connection:  # the server's own limit is 5 s
        connection.sendall(b"GET /samui/sample/nothing HTTP/1.1\r\nHost: here\r\n\r\n")
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    assert b" 404 " in answer.splitlines()[0]


def test_server_takes_no_call_of_any_length(start):
    url = start()
    for path in ("component_server/", "queue/join", "call/segment"):
        answer = httpx.post(
            f"{url}gradio_api/{path}", content=b" " * 1_100_000, headers={"content-type": "application/json"}
        )
        assert (answer.status_code, answer.text) == (413, "request: must be at most 1 MB, got 1.1 MB or more")


@pytest.mark.parametrize("host", ["::1", "::", "0.0.0.0"])
def test_page_is_served_on_any_host_of_this_machine(start, host):
    try:
        told = address.find(host).host
    except SamuiError:  # where version 6 is off; unit/ui/test_address.py has what is said then
        assert ":" in host
        return
    url = start(host=host)
    assert url.startswith(f"http://{told}:" if told != "0.0.0.0" else "http://localhost:")
    assert httpx.get(url, trust_env=False).status_code == 200


@pytest.fixture
def rounds(monkeypatch):
    """The ports of each search for a free one; the first search tells what was true a moment before."""
    really, rounds = address.find, []

    def find(host, ports):
        rounds.append(list(ports))
        return address.Address(host, ports[0], True) if len(rounds) == 1 else really(host, ports)

    monkeypatch.setattr(launch, "find", find)
    return rounds


def test_page_that_loses_its_port_at_the_last_moment_takes_the_next_one(start, rounds):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        url = start(ports=range(port, port + 20))
    assert rounds == [list(range(port, port + 20)), list(range(port + 1, port + 20))]
    assert port < urlsplit(url).port < port + 20


@pytest.mark.usefixtures("rounds")
def test_port_that_was_asked_for_and_lost_at_the_last_moment_is_refused(start):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SamuiError) as refused:
            start(ports=[port])
    assert str(refused.value) == f"--port: must be free, got {port}"


def test_error_that_is_not_the_ports_is_not_taken_for_one(start, monkeypatch):
    def refused(page, **options):
        raise PermissionError(13, "Permission denied", "/of/others")

    monkeypatch.setattr(gr.Blocks, "launch", refused)
    with pytest.raises(PermissionError):
        start()
