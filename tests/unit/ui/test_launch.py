"""How the server is set up."""

import socket
from urllib.parse import urlsplit

import httpx

from samui.serve.service import Service
from samui.serve.settings import Settings
from samui.ui import launch
from tests.fakes import FakePredictor


def test_connections_stay_open_as_long_as_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "KEEP_ALIVE", 0.05)
    service = Service(Settings(model="fake"), lambda name: FakePredictor(), tmp_path)
    page, url = launch.launch(service, host="127.0.0.1", block=False)
    try:
        at = urlsplit(url)
        with socket.create_connection((at.hostname, at.port), timeout=4) as connection:  # the server's own limit is 5 s
            connection.sendall(b"GET /samui/sample/nothing HTTP/1.1\r\nHost: here\r\n\r\n")
            answer = b""
            while piece := connection.recv(4096):
                answer += piece
        assert b" 404 " in answer.splitlines()[0]
    finally:
        page.close(verbose=False)
        service.close()


def test_server_takes_no_call_of_any_length(tmp_path):
    service = Service(Settings(model="fake"), lambda name: FakePredictor(), tmp_path)
    page, url = launch.launch(service, host="127.0.0.1", block=False)
    try:
        for path in ("component_server/", "queue/join", "call/segment"):
            answer = httpx.post(f"{url}gradio_api/{path}", content=b" " * 1_100_000)
            assert (answer.status_code, answer.text) == (413, "request: must be at most 1 MB, got 1.1 MB or more")
    finally:
        page.close(verbose=False)
        service.close()
