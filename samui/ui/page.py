"""The Blocks page: one canvas, the queued events behind it, and the named endpoints."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import gradio as gr

from samui.canvas import PromptCanvas
from samui.errors import RequestError, SamuiError
from samui.serve import wire
from samui.serve.service import Event, Service
from samui.ui import samples
from samui.ui.clients import sender
from samui.ui.endpoints import add_endpoints
from samui.ui.uploads import Uploads

TITLE = "samui"
HINT = (
    "Click on a thing to include it, right-click to exclude, or drag a box round it. "
    "Enter keeps it as an object; the next click starts the next one."
)


def build_page(service: Service, uploads: Uploads) -> gr.Blocks:
    """The page over a service. Uploads left behind by a closed tab are removed after an hour, if not earlier."""

    def begin(data: Any) -> Event:
        return service.begin(data, sender.get())

    def act(data: Any) -> Event:
        return service.act(data)

    def workspace(data: Any) -> Event:
        return service.workspace(data)

    def open_image(value: Any) -> Iterator[Event]:
        if isinstance(value, Mapping) and "sample" in value:
            source = samples.find(value["sample"])
            yield from service.open(_token(value), source, source.name)
        elif isinstance(value, Mapping) and "image" in value:
            yield from service.open_kept(_token(value), value["image"])
        else:
            with uploads.opened(value.get("file") if isinstance(value, Mapping) else None) as (source, name):
                yield from service.open(_token(value), source, name)

    def change_model(value: Any) -> Iterator[Event]:
        yield from service.change_model(_token(value), value.get("model"))

    def everything(value: Any) -> Iterator[Event]:
        yield from service.everything(_token(value), value.get("parameters"))

    def save(value: Any) -> Iterator[Event]:
        token = _token(value)
        file, name = service.save(token, value.get("format"), value.get("object"), epoch=value.get("epoch"))
        url = f"samui/export/{token}/{file.parent.name}/{quote(file.name)}"
        yield {"event": "save", "stage": "saved", "url": url, "filename": name}

    def bring(value: Any) -> Iterator[Event]:
        token = _token(value)
        with uploads.opened(value.get("file")) as (file, name):
            yield from service.bring(token, file, name, epoch=value.get("epoch"))

    tell = _Teller()
    with gr.Blocks(title=TITLE, fill_width=True, delete_cache=(3600, 3600)) as page:
        gr.Markdown(f"# {TITLE}\n{HINT}", elem_id="samui-intro")
        canvas = PromptCanvas(act=act, begin=begin, workspace=workspace, samples=samples.offered())
        # The predictor still encodes one image at a time, but reading the next one need not wait for it.
        long_work = {"inputs": canvas, "outputs": canvas, "show_progress": "hidden", "trigger_mode": "multiple"}
        canvas.open(tell("open", open_image), concurrency_limit=4, api_visibility="private", **long_work)
        canvas.model(tell("model", change_model), concurrency_limit=4, api_visibility="private", **long_work)
        canvas.everything(tell("everything", everything), concurrency_limit=2, api_visibility="private", **long_work)
        canvas.save(tell("save", save), concurrency_limit=4, api_visibility="private", **long_work)
        canvas.bring(tell("bring", bring), concurrency_limit=2, api_visibility="private", **long_work)
        add_endpoints(service, uploads)
    return page


class _Teller:
    """Turns a generator of events into a Gradio handler that yields them on the canvas's `reply`; errors become events.

    Each carries the number `asked` of the request that it answers, as counted by the page.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count(1)  # the page would not see the second of two equal events

    def __call__(self, event: str, work: Callable[[Any], Iterator[Event]]) -> Callable[[Any], Iterator[Any]]:
        def handler(value: Any) -> Iterator[Any]:
            asked = value.get("asked") if isinstance(value, Mapping) else None

            def update(step: Event) -> Any:
                return gr.update(reply={**step, "asked": asked, "serial_event": next(self._numbers)})

            try:
                for step in work(value):
                    yield update(step)
            except SamuiError as error:
                yield update({"event": event, "stage": "error", **wire.error_reply(error)})
            except Exception:
                yield update({"event": event, "stage": "error", **wire.unexpected_reply(event)})

        return handler


def _token(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise RequestError(f"request: must be an object, got {type(value).__name__}")
    return value.get("token")
