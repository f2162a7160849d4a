"""Requests for Gradio's queue, endpoints and files, checked before Gradio sees them.

Gradio answers what it did not expect with status 500 or an empty event, and logs forty lines of traceback each time:
whoever may call a server could fill its disk. Here such a request is answered by one line.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.route_utils import API_PREFIX
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from samui.errors import RequestError
from samui.ui.json_body import read_json
from samui.ui.messages import body_of, messages_of, replay
from samui.ui.paths import path_of
from samui.ui.upload_limit import is_upload
from samui.ui.uploads import Uploads

_JOIN = f"{API_PREFIX}/queue/join"
_NAMED = re.compile(rf"{API_PREFIX}/(?:run|api|call)/(?P<by_name>v2/)?(?P<name>[^/]+)")
# Once an event was broken off, Gradio's page asks for this until it answers, and then reloads itself: what the person
# has just done, which this page would have sent again, would be lost.
_RECONNECT = f"{API_PREFIX}/app_id"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = 255  # bytes of a name between two slashes, the limit of file systems
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


class UnknownNameError(RequestError):
    """The request is for something that a page does not have."""


@dataclass(frozen=True)
class Called:
    """A function of the page: its name for programs, how many values it takes, and the function itself."""

    name: str | None
    values: int
    function: Callable[..., Any]


class GradioCalls:
    """ASGI middleware: answers 400, or 404 for an unknown function, to calls that Gradio could only fail on."""

    def __init__(self, app: ASGIApp, functions: Mapping[int, Called], uploads: Uploads) -> None:
        """functions: of the page, by Gradio's number."""
        self._app, self._functions, self._uploads = app, functions, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            _check_path(scope["path"])
            if path_of(scope).rstrip("/") == _RECONNECT:
                raise UnknownNameError("app_id: is told to nobody, since a page would reload and lose what it holds")
            if _has_json(scope):
                messages = [message async for message in messages_of(receive)]
                receive = replay(messages, receive)
                if body := body_of(messages):
                    self._check(path_of(scope), read_json(body, strict=True))
        except RequestError as error:
            status = 404 if isinstance(error, UnknownNameError) else 400
            await JSONResponse({"detail": str(error)}, status)(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except RuntimeError as error:
            # An event that Gradio does not know; it would notice in the middle of its answer.
            if not isinstance(error.__cause__, HTTPException):
                raise
            await send({"type": "http.response.body", "body": b""})

    def _check(self, path: str, call: Any) -> None:
        """RequestError for something that is not a call; Gradio or the function itself reports what else is wrong."""
        named = _NAMED.fullmatch(path)
        if named is None and path != _JOIN:
            return
        if not isinstance(call, Mapping):
            raise RequestError(f"request: must be an object, got {type(call).__name__}")
        for file in _files(call):
            self._check_file(file)
        if call.get("session_hash") == "":
            raise RequestError("session_hash: must not be empty")
        name = named["name"] if named else None
        if named and named["by_name"]:
            _check_arguments(self._find(name).function, call)
            return
        called = self._find(name, None if named and "/call/" in path else call.get("fn_index"))
        data = call.get("data")
        if isinstance(data, list) and len(data) < called.values:
            raise RequestError(f"data: must have {called.values} values, got {len(data)}")

    def _find(self, name: str | None, index: Any = None) -> Called:
        if index is not None:
            called = self._functions.get(index) if type(index) is int else None
        else:
            called = next((one for one in self._functions.values() if name is not None and one.name == name), None)
        if called is None:
            what = f"fn_index: must be that of a function, got {index!r}" if index is not None or name is None else ""
            raise UnknownNameError((what or f"endpoint: must be one that this page has, got {name!r}")[:200])
        return called

    def _check_file(self, file: Mapping[str, Any]) -> None:
        try:
            gr.FileData(**file)
            self._uploads.check(file["path"])
        except (ValidationError, TypeError):
            raise RequestError(f"file: must be Gradio's FileData, got {str(file)[:60]!r}") from None


def calls_of(page: gr.Blocks) -> dict[int, Called]:
    """The functions of a page, as `GradioCalls` takes them."""
    return {number: Called(fn.api_name or None, len(fn.inputs), fn.fn) for number, fn in page.fns.items() if fn.fn}


def _check_path(path: str) -> None:
    """UnknownNameError for a path that no file system and no URL can name."""
    if _CONTROL.search(path) or max(len(part.encode(errors="replace")) for part in path.split("/")) > _LONGEST:
        raise UnknownNameError(f"path: must be one that this server has, got {path[:60]!r}")


def _has_json(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] in ("GET", "HEAD") or is_upload(scope):
        return False
    return not Headers(scope=scope).get("content-type", "").startswith(_FORMS)


def _files(value: Any) -> Iterator[Mapping[str, Any]]:
    """All parts of a JSON value that Gradio may take for its FileData."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "path" in value and "meta" in value:
                yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _check_arguments(function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    given = {name: value for name, value in arguments.items() if name != "oauth_token"}  # Gradio takes it out
    try:
        inspect.signature(function).bind(**given)
    except TypeError as error:
        raise RequestError(f"arguments: must be those of the endpoint, got a call with {error}"[:200]) from None
