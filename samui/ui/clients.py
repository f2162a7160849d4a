"""Who sends a request, as far as that can be known: the address by which limits are counted."""

from __future__ import annotations

import ipaddress
from contextvars import ContextVar

from starlette.types import Scope

# Of the request that is being answered, for functions to which Gradio passes only the page's values. Starlette and
# anyio pass the context on to the threads that they start.
sender: ContextVar[str | None] = ContextVar("sender", default=None)


def address_of(scope: Scope) -> str | None:
    """The address that a request comes from; for IPv6 its first 64 bits, since one person has all addresses under them.

    None for this machine: everybody may come through a proxy there that passes on no addresses. An address passed on by
    a proxy counts if the server trusts it (uvicorn's FORWARDED_ALLOW_IPS).
    """
    client = scope.get("client")
    try:
        address = ipaddress.ip_address(client[0].partition("%")[0]) if client else None
    except ValueError:  # a socket of this machine, or a name of a test
        return None
    if address is None or address.is_loopback:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return None if address.ipv4_mapped.is_loopback else str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
