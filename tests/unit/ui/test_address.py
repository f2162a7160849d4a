"""Whether an address can be listened on is known before anything slow, and told with the option that is wrong."""

import contextlib
import http.server
import os
import socket
import threading

import httpx
import pytest

from samui.errors import SamuiError
from samui.ui import address

pytestmark = pytest.mark.slow  # many, and together they take seconds


@pytest.fixture
def taken():
    """A port of the loopback on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def free(count=1):
    """The first of so many ports in a row that are free now."""
    while True:
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                for port in range(first + 1, first + count):
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
                return first


def test_a_free_port_is_the_one_that_was_asked_for():
    port = free()
    assert address.find("127.0.0.1", [port]) == address.Address("127.0.0.1", port, loopback=True)
    assert address.find("127.0.0.1", [port]).port == port  # asking does not take it


def test_a_port_with_a_listener_is_refused(taken):
    with pytest.raises(SamuiError) as refused:
        address.find("127.0.0.1", [taken])
    assert str(refused.value) == f"--port: must be free, got {taken}"


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.2"])
def test_a_port_is_free_nowhere_if_somebody_listens_on_the_loopback(taken, host):
    """Of the second, Gradio would say so after the model was loaded."""
    with pytest.raises(SamuiError, match="--port: must be free"):
        address.find(host, [taken])


def test_of_a_range_the_first_free_port_is_taken():
    first = free(3)
    with socket.create_server(("127.0.0.1", first)):
        assert address.find("127.0.0.1", range(first, first + 3)).port == first + 1
        with pytest.raises(SamuiError) as refused:
            address.find("127.0.0.1", range(first, first + 1))
        assert str(refused.value) == f"--port: must be free, got {first}"


def test_a_range_without_a_free_port_is_told_as_one():
    first = free(2)
    with socket.create_server(("127.0.0.1", first)), socket.create_server(("127.0.0.1", first + 1)):
        with pytest.raises(SamuiError) as refused:
            address.find("127.0.0.1", range(first, first + 2))
        assert str(refused.value) == f"--port: must be free, got none from {first} to {first + 1}"


def test_a_port_that_this_user_may_not_open_is_told_as_such(monkeypatch):
    def bind(place, port):
        return PermissionError(13, "Permission denied") if port == 80 else None

    monkeypatch.setattr(address, "_failure", bind)
    with pytest.raises(SamuiError) as refused:
        address.find("127.0.0.1", [80])
    assert str(refused.value) == "--port: must be one that this user may open, got 80 (Permission denied)"


@pytest.mark.parametrize(
    "host", ["192.0.2.77", "999.1.1.1", "2001:db8::77", "no such host", "x" * 300, "127.0.0.1/", "[", "\0"]
)
def test_a_host_of_another_machine_or_of_none_is_refused(host):
    with pytest.raises(SamuiError) as refused:
        address.find(host)
    assert str(refused.value) == f"--host: must be an address of this machine, got {host!r}"


def has_version_6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "in_urls", "loopback"), [("::1", "[::1]", True), ("[::1]", "[::1]", True), ("::", "[::]", False)]
)
def test_a_host_of_version_6_stands_in_brackets(host, in_urls, loopback):
    port = free()
    if has_version_6():
        assert address.find(host, [port]) == address.Address(in_urls, port, loopback)
    else:
        with pytest.raises(SamuiError, match="--host: must be an address of this machine"):
            address.find(host, [port])


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.0.0.1", True), ("127.8.9.1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_only_the_loopback_is_reached_by_nobody_else(host, loopback):
    assert address.find(host, [free()]).loopback is loopback


def test_a_name_with_an_address_that_is_off_leads_to_the_others(monkeypatch):
    """`localhost` stands for ::1 too in most containers, where version 6 is off."""
    both = [(socket.AF_INET6, 1, 6, "", ("::1", 0, 0, 0)), (socket.AF_INET, 1, 6, "", ("127.0.0.1", 0))]
    really = address._failure
    off = OSError(99, "Cannot assign requested address")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    monkeypatch.setattr(address, "_failure", lambda place, port: off if place[1][0] == "::1" else really(place, port))
    port = free()
    assert address.find("localhost", [port]) == address.Address("127.0.0.1", port, loopback=True)


def test_a_zone_that_no_client_takes_is_refused(monkeypatch):
    zone = [(socket.AF_INET6, 1, 6, "", ("fe80::1%eth0", 0, 0, 2))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: zone)
    monkeypatch.setattr(address, "_failure", lambda place, port: None)
    with pytest.raises(SamuiError, match="--host: must be an address without a zone, got 'fe80::1%eth0'"):
        address.find("fe80::1%eth0")


@pytest.fixture
def answering():
    """The address of a server on the loopback that answers 501 to everything but GET."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield address.Address("127.0.0.1", server.server_port, loopback=True)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "others",
    [{}, {"no_proxy": "intranet.example"}, {"NO_PROXY": "intranet.example"}, {"no_proxy": ""}],
    ids=["alone", "with exceptions", "in capitals", "with none"],
)
@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_no_proxy_stands_between_the_server_and_itself(answering, others, variable, monkeypatch, capfd):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in (others | {variable: f"http://127.0.0.1:{free()}"}).items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    url = f"http://{answering.host}:{answering.port}/"
    with pytest.raises(httpx.ConnectError):
        httpx.head(url, timeout=10)
    with address.reached_directly(answering):
        assert httpx.head(url, timeout=10).status_code == 501
        assert ("intranet.example" in os.environ["no_proxy"]) == ("intranet.example" in others.values())
    assert dict(os.environ) == before
