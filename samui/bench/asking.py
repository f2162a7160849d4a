"""Prompts on one photo through the product's own session, predictor and snapping, as on the page."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from samui.models.predictor import Predictor
from samui.pixels.snap import snap_to_edges
from samui.types import Prompt
from samui.work import actions
from samui.work.session import Session
from samui.work.tools import Tools

Segment = Callable[[Prompt], np.ndarray]


class Asked:
    """A photo before a predictor, encoded once for all sessions. tools: what their steps need."""

    def __init__(self, predictor: Predictor, image: np.ndarray) -> None:
        """image: RGB uint8 (H, W, 3)."""
        self._size: tuple[int, int] = image.shape[0], image.shape[1]
        embedding = predictor.embed(image)
        self.tools = Tools(
            lambda prompt: predictor.predict(embedding, prompt),
            lambda mask, prompt: snap_to_edges(image, mask, prompt),
            predictor.name,
        )

    def begin(self, *, snap: bool) -> Callable[[Prompt], Session]:
        """A new session: give it one prompt after another, each with the points of the one before."""
        work = Session.begin(self._size, snap=snap)

        def ask(prompt: Prompt) -> Session:
            nonlocal work
            work = work.apply(actions.SetPrompt(prompt), self.tools)
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
