"""`PromptCanvas`: picture, prompt, candidates, objects and tools as one `gr.HTML` component."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block

from samui.canvas.join import join

FOLDER = Path(__file__).parent
STYLES = tuple(f"styles/{name}.css" for name in ("canvas", "controls", "panel", "everything", "folder", "narrow"))
# Gradio evaluates HTML and CSS as Handlebars and as a JavaScript template string. A static template keeps its DOM, and
# with it everything drawn on it, through all updates of props.
_TEMPLATE_SYNTAX = ("{{", "${", "`", "\\")


class PromptCanvas(gr.HTML):
    """The canvas with its tools; talks to three server functions and to four queued events.

    act: server function that applies one action to a session and answers with what changed. begin: server function that
    makes or resumes a session. workspace: server function that answers what is asked about the folder or the library.
    samples: {name, title, url} of the pictures offered on an empty page. settings: what the
    page shows before `begin` has answered, in the same form. reply: where the handlers of the events ``open``,
    ``model``, ``everything``, ``save`` and ``bring`` yield their steps; the page watches it, so that `value` is never
    overwritten from the server.
    """

    FUNCTIONS = ("act", "begin", "workspace")

    def __init__(
        self,
        *,
        act: Callable[..., Any],
        begin: Callable[..., Any],
        workspace: Callable[..., Any],
        samples: Sequence[Mapping[str, str]] = (),
        settings: Mapping[str, Any] | None = None,
        value: Any = None,
        reply: Any = None,
        **options: Any,
    ) -> None:
        functions = [act, begin, workspace]
        for function, name in zip(functions, self.FUNCTIONS, strict=True):
            if function.__name__ != name:
                raise ValueError(f"{name}: must be a function of that name, got {function.__name__}")
        options.setdefault("elem_id", "samui")
        super().__init__(
            value=value,
            html_template=template("canvas.html"),
            css_template="\n".join(template(name) for name in STYLES),
            js_on_load=script(),
            apply_default_css=False,
            container=False,
            padding=False,
            server_functions=functions,
            samples=[dict(sample) for sample in samples],
            settings=dict(settings or {}),
            reply=reply,
            **options,
        )
        # The reply itself is in props. Without this, Gradio also sends what it makes of an unknown attribute: a
        # function as text, with its address in memory.
        self.reply = None

    def get_config(self, cls: type[Block] | None = None) -> dict[str, Any]:  # noqa: ARG002 (Gradio's signature)
        """The component as the page receives it; the server functions are already named there and are not JSON."""
        config = super().get_config()
        for name in (*self.FUNCTIONS, "samples", "settings", "reply", "options"):
            config.pop(name, None)
        return config


@lru_cache
def source(name: str) -> str:
    """Text of one of the files beside this module."""
    return (FOLDER / name).read_text(encoding="utf-8")


def template(name: str) -> str:
    """Text of a template; raises ValueError if anything in it would be interpolated."""
    text = source(name)
    for syntax in _TEMPLATE_SYNTAX:
        if syntax in text:
            raise ValueError(f"{name}: must be static, got {syntax!r}")
    return text


@lru_cache
def script() -> str:
    """The modules as the body of one function with the arguments element, trigger, props, server, upload, watch."""
    return join(FOLDER, "start.js") + "start.startCanvas(element, { trigger, props, server, upload, watch });\n"
