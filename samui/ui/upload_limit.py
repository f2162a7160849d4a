"""The bytes of uploads, counted on their way in. Gradio bounds each file, but neither a request nor all of them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from samui.errors import FullError, RequestError
from samui.ui.clients import address_of
from samui.ui.paths import UPLOAD, path_of
from samui.ui.uploads import Arrival, Uploads, megabytes

_STALL = 60.0  # seconds without a byte after which an upload is dropped, since it keeps its room
_SLOWEST = 10_000  # bytes a second that must come after those; a byte now and then would keep the room for ever


class UploadLimit:
    """ASGI middleware: asks `uploads` for room before a file is taken, and reports the outcome to it.

    Answers 413 if an upload is too large, 503 if there is no room, 408 if it stalls or drips, each with one line of
    text. stall: seconds without a byte after which it is dropped. clock: gives seconds.
    """

    def __init__(
        self, app: ASGIApp, uploads: Uploads, stall: float = _STALL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app, self._uploads, self._stall, self._clock = app, uploads, stall, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_upload(scope):
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        try:
            expected = int(length) if length.isdigit() else None
            arrival = await run_in_threadpool(self._uploads.expect, expected, address_of(scope))
        except (RequestError, FullError) as error:
            status = 503 if isinstance(error, FullError) else 413
            await PlainTextResponse(str(error), status_code=status)(scope, receive, send)
            return
        patience = _Patience(self._stall, self._clock)
        upload = _Upload(arrival, self._uploads, receive, send, patience)
        try:
            await self._app(scope, upload.receive, upload.send)
        except _StoppedError as stop:
            await PlainTextResponse(str(stop), status_code=stop.status)(scope, receive, send)
        except (AttributeError, KeyError, TypeError, ValueError):  # raised by Gradio's parser for what is not a form
            text = "upload: must be a form with files in its field `files`"
            await PlainTextResponse(text, status_code=400)(scope, receive, send)
        finally:  # even when the sender has gone
            await upload.end()


def is_upload(scope: Scope) -> bool:
    """Whether a request sends files to Gradio."""
    return scope["type"] == "http" and scope["method"] == "POST" and path_of(scope) == UPLOAD


class _StoppedError(Exception):
    """The upload was refused while it came in."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class _Patience:
    """How long an upload is waited for."""

    def __init__(self, stall: float, clock: Callable[[], float]) -> None:
        self._stall, self._clock, self._began = stall, clock, clock()

    async def wait(self, coming: Awaitable[Message]) -> Message:
        """The next message, if it comes in time."""
        try:
            return await asyncio.wait_for(coming, self._stall)
        except asyncio.TimeoutError:
            raise _StoppedError(f"upload: must not pause for more than {self._stall:g} s", 408) from None

    def check(self, received: int) -> None:
        """_StoppedError if these bytes are too few by now."""
        took = self._clock() - self._began
        if took > self._stall + received / _SLOWEST:
            text = f"upload: must bring {_SLOWEST / 1000:g} kB a second, got {received / 1000:g} kB in {took:.0f} s"
            raise _StoppedError(text, 408)


class _Upload:
    """Receive and send of one upload, counted and noted."""

    def __init__(self, arrival: Arrival, uploads: Uploads, receive: Receive, send: Send, patience: _Patience) -> None:
        self._arrival, self._uploads, self._receive, self._send = arrival, uploads, receive, send
        self._patience = patience
        self._whole = self._ended = False
        self._status, self._answer = 0, bytearray()

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()
        message = await self._patience.wait(self._receive())
        self._whole = not message.get("more_body")
        self._arrival.received += len(message.get("body", b""))
        if self._arrival.received > self._arrival.allowed:
            raise _StoppedError(f"upload: must be at most {megabytes(self._uploads.largest)}, got more", 413)
        if self._arrival.received > self._arrival.reserved:
            try:
                await run_in_threadpool(self._uploads.grow, self._arrival)
            except FullError as error:
                raise _StoppedError(str(error), 503) from None
        if not self._whole:
            self._patience.check(self._arrival.received)
        return message

    async def send(self, message: Message) -> None:
        self._status = message.get("status", self._status)
        self._answer += message.get("body", b"")
        if message["type"] == "http.response.body" and not message.get("more_body"):
            # Before the sender knows the path and may ask to open it.
            await self.end(json.loads(self._answer) if self._status == 200 else [])
        await self._send(message)

    async def end(self, paths: list[str] | None = None) -> None:
        if not self._ended:
            self._ended = True
            await run_in_threadpool(self._uploads.arrived, self._arrival, paths or [])
