"""Limits for the bodies of calls: Gradio and Starlette read any size whole into memory, and wait for ever."""

from __future__ import annotations

import anyio
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from samui.ui.messages import messages_of, replay
from samui.ui.upload_limit import is_upload
from samui.ui.uploads import megabytes

_LARGEST = 1_000_000  # bytes; the longest list of masks that a page may name takes a seventh
_SLOWEST = 30.0  # seconds that a body may take: a megabyte at 33 kB a second
_CLOSE = {"Connection": "close"}


class BodyLimit:
    """ASGI middleware: answers 413 with one line of text to a body over `largest` bytes, and 408 to one that is not
    whole after `slowest` seconds, since each holds a connection. Uploads have limits of their own."""

    def __init__(self, app: ASGIApp, largest: int = _LARGEST, slowest: float = _SLOWEST) -> None:
        self._app, self._largest, self._slowest = app, largest, slowest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD") or is_upload(scope):
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        size = int(length) if length.isdigit() else 0  # the server holds a request to its announced length
        if size <= self._largest:
            try:
                with anyio.fail_after(self._slowest):
                    size, messages = await self._read(receive)
            except TimeoutError:
                text = f"request: must be sent within {self._slowest:g} s"
                await PlainTextResponse(text, status_code=408, headers=_CLOSE)(scope, receive, send)
                return
            receive = replay(messages, receive)
        if size > self._largest:
            text = f"request: must be at most {megabytes(self._largest)}, got {megabytes(size)} or more"
            await PlainTextResponse(text, status_code=413)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _read(self, receive: Receive) -> tuple[int, list[Message]]:
        """Bytes and messages of a body, up to the first message over the limit."""
        size, messages = 0, []
        async for message in messages_of(receive):
            messages.append(message)
            size += len(message.get("body", b""))
            if size > self._largest:
                break
        return size, messages
