"""Prompts on one photo through the product's own session, predictor and snapping, as on the page."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from samui.models.predictor import Embedding, Predictor
from samui.pixels.snap import snap_to_edges
from samui.types import Prompt
from samui.work import actions
from samui.work.session import Session
from samui.work.tools import Tools

Segment = Callable[[Prompt], np.ndarray]


class Asked:
    """A photo before a predictor. It is encoded at the first prompt, once for all sessions."""

    def __init__(self, predictor: Predictor, image: np.ndarray) -> None:
        """image: RGB uint8 (H, W, 3)."""
        self._predictor, self._image = predictor, image
        self._embedding: Embedding | None = None

    def encode(self) -> None:
        """Encode the whole photo now, so that the time of the first prompt is that of a prompt."""
        if self._embedding is None:
            self._embedding = self._predictor.embed(self._image)

    def begin(self, *, snap: bool) -> Callable[[Prompt], Session]:
        """A new session: give it one prompt after another, each with the points of the one before."""
        self.encode()
        embedding = self._embedding
        assert embedding is not None
        work = Session.begin(self._image.shape[:2], snap=snap)
        tools = Tools(
            lambda prompt: self._predictor.predict(embedding, prompt),
            lambda mask, prompt: snap_to_edges(self._image, mask, prompt),
        )

        def ask(prompt: Prompt) -> Session:
            nonlocal work
            work = work.apply(actions.SetPrompt(prompt), tools)
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
