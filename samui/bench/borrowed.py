"""A decoder that answers with another model's masks: what a click costs with a network whose weights are random.

The masks of such a network are noise. A click on it would mostly measure the run lengths of noise, ten times as long
as those of a thing, and not what a person with trained weights waits for. The decoder does all of its work here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from samui.models.predictor import Embedding, Predictor
from samui.types import Prediction, Prompt


class BorrowedMasks:
    """A predictor like any other, except that after `borrow` the logits and scores of `predict` are borrowed."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._lent: list[tuple[Prompt, np.ndarray, np.ndarray]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._predictor, name)

    def borrow(self, lender: Predictor, image: np.ndarray, prompts: Iterable[Prompt]) -> None:
        """From now on answer a point prompt with what `lender` finds for the nearest of these prompts in the image."""
        embedding = lender.embed(image)
        for prompt in prompts:
            found = lender.predict(embedding, prompt)
            # Both lie at the top left of a square that stands for the same part of the image.
            logits = [cv2.resize(logit, self.low_res_size[::-1]) for logit in found.logits]
            self._lent.append((prompt, np.stack(logits), found.scores))

    def predict(self, embedding: Embedding, prompt: Prompt, *, multimask: bool = True) -> Prediction:
        """See `Predictor.predict`."""
        found = self._predictor.predict(embedding, prompt, multimask=multimask)
        if not self._lent:
            return found
        # A browser rounds where a click was.
        alike = [lent for lent in self._lent if lent[0].labels == prompt.labels]
        _, logits, scores = min(alike, key=lambda lent: math.dist(lent[0].points[-1], prompt.points[-1]))
        return replace(found, logits=logits, scores=scores)
