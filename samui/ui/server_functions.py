"""The short way to the canvas's server functions: an ASGI middleware that answers calls before Gradio routes them.

Request, address and answer of a call stay the same. Gradio's way to it goes through a hundred routes, a thread for its
login check, another one for the function, and models for request and answer, which together take a third as long as the
decoder. Here a call is one hand-over to a thread, in which the answer is also written and compressed.
Where login is required, all calls are left to Gradio. Elsewhere any call but these is refused, since a page has no
other server functions, and Gradio would fail on it with forty lines of traceback in the log.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import anyio
import anyio.to_thread
import gradio as gr
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from samui.canvas import PromptCanvas
from samui.errors import RequestError
from samui.ui.clients import address_of, sender
from samui.ui.json_body import read_json
from samui.ui.messages import body_of, messages_of
from samui.ui.paths import CALLS, path_of

Function = Callable[[Any], Any]
_CALLS = 256  # at once, each in a thread; calls may wait for an image that is encoded again, but nothing else should
_LEVEL = 1  # of gzip: it halves a mask's run lengths in a third of a millisecond; higher levels gain a tenth
_PLAIN = [(b"content-type", b"application/json"), (b"vary", b"Accept-Encoding")]
_PACKED = [*_PLAIN, (b"content-encoding", b"gzip")]


class ServerFunctions:
    """ASGI middleware. functions: what answers the calls, by id of the component and name of the function."""

    def __init__(self, app: ASGIApp, functions: Mapping[tuple[int, str], Function]) -> None:
        self._app, self._functions = app, functions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_open_call(scope):
            await self._app(scope, receive, send)
            return
        messages = [message async for message in messages_of(receive)]
        if messages[-1]["type"] == "http.disconnect":
            return
        try:
            function, data = self._find(body_of(messages))
        except RequestError as error:
            await PlainTextResponse(str(error), status_code=400)(scope, receive, send)
            return
        packs = _takes_gzip(scope)
        sender.set(address_of(scope))
        # Before the work: after an answer's headers a browser takes two milliseconds before it reads the body.
        await send({"type": "http.response.start", "status": 200, "headers": _PACKED if packs else _PLAIN})
        body = await anyio.to_thread.run_sync(_answer, function, data, packs, limiter=self._threads)
        await send({"type": "http.response.body", "body": body})

    @cached_property
    def _threads(self) -> anyio.CapacityLimiter:
        """For these calls alone, so that Starlette's 40 threads are left to all else. Made in the loop that uses it."""
        return anyio.CapacityLimiter(_CALLS)

    def _find(self, body: bytes) -> tuple[Function, Any]:
        """The function that a call names, and its argument."""
        call = read_json(body)
        try:
            return self._functions[call["component_id"], call["fn_name"]], call["data"]
        except (KeyError, TypeError):
            raise RequestError("request: must name a component, one of its functions and its data") from None


def functions_of(page: gr.Blocks) -> dict[tuple[int, str], Function]:
    """The server functions of all canvases of a page, as `ServerFunctions` takes them."""
    canvases = [(id, block) for id, block in page.blocks.items() if isinstance(block, PromptCanvas)]
    return {(id, name): getattr(canvas, name) for id, canvas in canvases for name in PromptCanvas.FUNCTIONS}


def _is_open_call(scope: Scope) -> bool:
    """Whether a request calls a server function, and nobody has to log in for that."""
    if scope["type"] != "http" or scope["method"] != "POST" or path_of(scope) != CALLS:
        return False
    return scope["app"].auth is None and scope["app"].auth_dependency is None


def _takes_gzip(scope: Scope) -> bool:
    return any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])


def _answer(function: Function, data: Any, packs: bool) -> bytes:
    """Body of a call's answer."""
    body = json.dumps(function(data), separators=(",", ":"), allow_nan=False).encode()
    return gzip.compress(body, _LEVEL, mtime=0) if packs else body
