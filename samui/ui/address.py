"""The address that the server listens on; tells whether it can be had before anything slow begins."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from samui.errors import SamuiError

LOOPBACK = "127.0.0.1"
PORTS = range(7860, 7960)  # Gradio's own default
_Place = tuple[socket.AddressFamily, tuple[Any, ...]]  # as returned by getaddrinfo


@dataclass(frozen=True)
class Address:
    """Where a server can listen. host: as in a URL, with brackets for IPv6. loopback: no other machine reaches it."""

    host: str
    port: int
    loopback: bool


def find(host: str, ports: Sequence[int] = PORTS) -> Address:
    """The first of the ports on which `host` can be listened on now; another program may take it a moment later.

    host: an address of this machine, or a name that leads to one. Raises SamuiError with the option that is wrong.
    """
    name = host.removeprefix("[").removesuffix("]")
    places = _places(name)
    here = [place for place in places if _failure(place, 0) is None]
    if not here:
        raise SamuiError(f"--host: must be an address of this machine, got {host!r}")
    if here != places:  # e.g. `localhost` also means ::1 but IPv6 is off: asyncio would refuse the name
        name = here[0][1][0]
    if "%" in name:  # no client takes it in a URL
        raise SamuiError(f"--host: must be an address without a zone, got {host!r}")
    loopback = all(ipaddress.ip_address(address[0]).is_loopback for _, address in here)
    # Whatever the host, Gradio first tries each port on the loopback, and takes none that is not free there.
    needed = list(dict.fromkeys([*here, (socket.AF_INET, (LOOPBACK, 0))]))
    failure = None
    for port in ports:
        failure = next((found for place in needed if (found := _failure(place, port))), None)
        if failure is None:
            return Address(f"[{name}]" if ":" in name else name, port, loopback)
    raise _refusal(ports, failure) from failure


def is_free(address: Address) -> bool:
    """Whether an address that was found can still be had."""
    try:
        find(address.host, [address.port])
    except SamuiError:
        return False
    return True


@contextlib.contextmanager
def reached_directly(address: Address) -> Iterator[None]:
    """Within the block, no proxy stands between this process and its own server.

    Gradio calls the server that it has just started, with a client that reads http_proxy and all_proxy. Companies set
    these without no_proxy, and their proxy cannot reach this machine's loopback.
    """
    before = os.environ.get("no_proxy")
    spared = urllib.request.getproxies().get("no")
    hosts = [*([spared] if spared else []), LOOPBACK, "localhost", address.host.strip("[]")]
    os.environ["no_proxy"] = ",".join(hosts)
    try:
        yield
    finally:
        if before is None:
            del os.environ["no_proxy"]
        else:
            os.environ["no_proxy"] = before


def _places(name: str) -> list[_Place]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):  # UnicodeError for a name that is too long for the resolver
        return []
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _failure(place: _Place, port: int) -> OSError | None:
    """Why a server cannot listen on a port (0: any); None if it can."""
    family, address = place
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":  # on Windows it would take over the port of a listening program
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:  # as asyncio does: a server on :: does not occupy 0.0.0.0
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((address[0], port, *address[2:]))
    except OSError as error:
        return error
    return None


def _refusal(ports: Sequence[int], failure: OSError | None) -> SamuiError:
    got = str(ports[0]) if len(ports) == 1 else f"none from {ports[0]} to {ports[-1]}"
    if failure is None or failure.errno == errno.EADDRINUSE:
        return SamuiError(f"--port: must be free, got {got}")
    return SamuiError(f"--port: must be one that this user may open, got {got} ({failure.strerror})")
