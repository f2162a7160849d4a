"""The path of the page behind a proxy, put back where the proxy took it off."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send


class RootPath:
    """ASGI middleware: gives each request the whole path, as the standard says, whether or not a proxy left it whole.

    Starlette removes the root path if a path begins with it. A page at /samui has routes that begin with it themselves:
    without this, what a proxy sends as /samui/sample/x would be looked up as /sample/x. own: how such routes begin.
    """

    def __init__(self, app: ASGIApp, own: Iterable[str] = ()) -> None:
        self._app, self._own = app, tuple(own)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root = scope.get("root_path", "").rstrip("/") if scope["type"] == "http" else ""
        path = scope.get("path", "")
        if root and (path.startswith(self._own) or not (path == root or path.startswith(f"{root}/"))):
            scope = {**scope, "path": root + path, "raw_path": root.encode() + scope.get("raw_path", b"")}
        await self._app(scope, receive, send)
