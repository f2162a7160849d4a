"""A predictor whose decoder calls wait for their turn: a long run then delays a click by one pass at the most."""

from __future__ import annotations

from typing import Any

import numpy as np

from samui.models.predictor import Embedding, Predictor
from samui.serve.turns import Turns


class InTurn:
    """The same predictor; each pass over points of everything mode takes a turn of its own."""

    def __init__(self, predictor: Predictor, turns: Turns) -> None:
        self._predictor, self._turns = predictor, turns

    def __getattr__(self, name: str) -> Any:
        return getattr(self._predictor, name)

    def predict_points(self, embedding: Embedding, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Predictor.predict_points`."""
        with self._turns.turn():
            return self._predictor.predict_points(embedding, points)
