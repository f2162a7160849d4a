"""Which web sites may make a visitor's browser call this server: the one that it serves, and no other."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from samui.ui.paths import CALLS, path_of

_READING = ("GET", "HEAD", "OPTIONS")


class Origins:
    """ASGI middleware: answers 403 to requests of other sites' pages, and 415 to a call of the canvas that is not JSON.

    Any page that a person visits can send requests to a server on their own machine, and could fill its disk. Programs
    send no Origin and are let through. Reading is left to the browser, which shows the answer to no other site.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _READING:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if _is_foreign(headers):
            text = f"origin: must be this page's own, got {headers.get('origin', 'none')[:100]!r}"
            await PlainTextResponse(text, status_code=403)(scope, receive, send)
        elif path_of(scope) == CALLS and _media_type(headers) != "application/json":
            text = f"content-type: must be application/json, got {_media_type(headers)[:100]!r}"
            await PlainTextResponse(text, status_code=415)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _is_foreign(headers: Headers) -> bool:
    """Whether another site's page sends a request.

    On HTTPS and on their own machine browsers say so themselves (Sec-Fetch-Site), whatever proxies do to the host.
    Elsewhere the origin is compared with the requested host.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    hosts = [headers.get("host", ""), headers.get("x-forwarded-host", "")]
    return urlsplit(origin).netloc.lower() not in [host.lower() for host in hosts if host]


def _media_type(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()
