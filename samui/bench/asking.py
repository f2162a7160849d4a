"""Prompts on one photo through the product's own session, predictor, views and snapping, as on the page."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from samui.models.predictor import Predictor
from samui.pixels.views import whole
from samui.types import Prompt
from samui.work import actions
from samui.work.segment import ImageViews, looks_closer_by_default
from samui.work.session import Session

Segment = Callable[[Prompt], np.ndarray]
_CLOSE_UPS: dict[str, bool | None] = {"auto": None, "on": True, "off": False}


def add_close_ups(parser: argparse.ArgumentParser) -> None:
    """Add the option that says whether prompts are answered from closer views, too."""
    parser.add_argument(
        "--close-ups",
        choices=tuple(_CLOSE_UPS),
        default="auto",
        help="answer prompts from closer views, too (default auto: as the page does with this model)",
    )


def looks_closer(args: argparse.Namespace, predictor: Predictor) -> bool:
    """What was asked for with that option."""
    asked = _CLOSE_UPS[args.close_ups]
    return looks_closer_by_default(predictor) if asked is None else asked


class Asked:
    """A photo before a predictor; each view of it is encoded once for all sessions. tools: what their steps need."""

    def __init__(self, predictor: Predictor, image: np.ndarray, *, close_ups: bool = False) -> None:
        """image: RGB uint8 (H, W, 3). The whole of it is encoded at once, closer views when a prompt needs them."""
        self._size: tuple[int, int] = image.shape[0], image.shape[1]
        self._close_ups = close_ups
        views = ImageViews(predictor, image)
        views.need([whole(self._size)])
        self.tools = views.tools()

    def begin(self, *, snap: bool) -> Callable[[Prompt], Session]:
        """A new session: give it one prompt after another, each with the points of the one before."""
        work = Session.begin(self._size, snap=snap)

        def ask(prompt: Prompt) -> Session:
            nonlocal work
            work = work.apply(actions.SetPrompt(prompt, self._close_ups), self.tools)
            return work

        return ask

    def segmenter(self, *, snap: bool) -> Segment:
        """The same, for bool (H, W) of the mask that the page shows."""
        ask = self.begin(snap=snap)

        def segment(prompt: Prompt) -> np.ndarray:
            mask = ask(prompt).state.mask
            assert mask is not None
            return mask.decode()

        return segment
