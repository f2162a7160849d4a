"""Named endpoints for programs, the same work as the page: open an image, segment, accept, export.

client = gradio_client.Client("http://127.0.0.1:7860")
opened = client.predict(gradio_client.handle_file("photo.jpg"), api_name="/open")
found = client.predict(opened["session"], [[320, 200, 1]], None, api_name="/segment")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import gradio as gr

from samui.errors import RequestError, SamuiError, SessionError
from samui.serve import wire
from samui.serve.service import Service
from samui.ui.uploads import Uploads


def add_endpoints(service: Service, uploads: Uploads) -> None:
    """Add the endpoints to the Blocks that is being built."""

    def open_image(image: gr.FileData, session: str = "") -> dict:
        """Open an uploaded image and encode it: {session, image, model, timings}. session: "" for a new one."""
        with uploads.opened(image) as (file, name):
            token = session or _checked(service.begin({}))["token"]
            last: Mapping[str, Any] = {}
            for step in service.open(token, file, name):
                last = {**last, **step}
            if last.get("stage") != "ready":
                raise SessionError("open: must be the newest of its session, got one that was overtaken or cancelled")
        picture = {name: last["image"][name] for name in ("width", "height", "name", "notes")}
        return {"session": token, "image": picture, "model": last["model"], "timings": last["timings"]}

    def segment(session: str, points: list, box: list | None = None, candidate: str = "best") -> dict:
        """Set the prompt: points [[x, y, label], ...], box [x0, y0, x1, y1] or null, candidate "best" or an index.

        The answer is the final one, from closer views where the model is asked in those.
        """
        prompt = {"points": points, "box": box, "close_ups": True}
        rank = None
        if candidate != "best":  # only decoding shows which exist; a wrong one must change nothing
            found = _act(service, session, {"action": "prepare", **prompt})["candidates"]
            rank = _rank(candidate, [str(one["index"]) for one in found])
        told = _act(service, session, {"action": "prompt", **prompt})
        if rank is not None:
            told = _act(service, session, {"action": "choose", "candidate": rank})
        return {name: told[name] for name in ("candidates", "candidate", "mask", "timings")}

    def accept(session: str, label: str = "") -> dict:
        """Keep the mask as an object: {objects}."""
        return {"objects": _act(service, session, {"action": "accept", "label": label})["objects"]["changed"]}

    def export(session: str, format: str = "coco") -> gr.FileData:
        """Save all objects in a format; answers with the file."""
        file, name = service.save(session, format)
        return gr.FileData(path=str(file), orig_name=name)

    def close(session: str) -> dict:
        """End a session, which frees its place and memory: {}."""
        service.seats.close(session)
        return {}

    named: dict[str, Callable[..., Any]] = {
        "open": open_image,
        "segment": segment,
        "accept": accept,
        "export": export,
        "close": close,
    }
    for name, function in named.items():
        gr.api(_telling(function), api_name=name, concurrency_limit=4)


def _rank(candidate: Any, indices: list[str]) -> int:
    """The place of a candidate, given by its index, among those found, best first."""
    if str(candidate) not in indices:
        others = f" or one of {', '.join(sorted(indices))}" if indices else ""
        raise RequestError(f"candidate: must be best{others}, got {candidate!r:.60}")
    return indices.index(str(candidate))


def _act(service: Service, session: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    epoch = service.seats.get(session).line.epoch
    return _checked(service.act({"token": session, "epoch": epoch, "rev": 0, **fields}))


def _checked(told: dict[str, Any]) -> dict[str, Any]:
    if not told["ok"]:
        raise gr.Error(told["error"], print_exception=False)
    return told


def _telling(function: Callable[..., Any]) -> Callable[..., Any]:
    """Pass errors meant for a person on to the client unchanged; Gradio hides all others."""

    @wraps(function)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except SamuiError as error:
            raise gr.Error(wire.error_reply(error)["error"], print_exception=False) from None

    return told
