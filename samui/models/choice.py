"""`Choice`: the few numbers by which a model's candidates from several views are compared.

A candidate's worth is a weighted sum of what can be seen of it (`samui.work.candidates`), and orders the candidates;
its expected IoU with the thing that was meant is a logistic function of that evidence. The numbers belong to a
checkpoint, since its predicted IoU does: they lie in its folder as choice.json, `{"weights": {"score": 1.0,
"touching": -1.0}, "slope": 3.9, "offset": -2.5}`, and are fitted with `python -m training choice`. A checkpoint without
the file has the usual ones: the predicted IoU, with what its view cuts off behind all the others.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from samui.errors import ModelError

FILE = "choice.json"
FEATURES = ("score", "touching", "first", "sure_first", "contact", "stability", "agreement", "share", "closeness")
_SHOWN = ("first", "sure_first")
# What shows already stays unless another candidate is clearly better, and the more so the surer the model is of it.
_USUAL = {"score": 1.0, "touching": -1.0, "first": 0.02, "sure_first": 2.0}


@dataclass(frozen=True)
class Choice:
    """weights: by names of `FEATURES`; what is not there weighs nothing. slope, offset: from evidence to expected
    IoU; None where the evidence itself is the best guess.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: dict(_USUAL))
    slope: float | None = None
    offset: float = 0.0

    def worth(self, features: np.ndarray) -> np.ndarray:
        """float64 (n,), the higher the better, of candidates with these features (n, len(FEATURES))."""
        return np.asarray(features @ np.array([self.weights.get(name, 0.0) for name in FEATURES]))

    def evidence(self, features: np.ndarray) -> np.ndarray:
        """The worth without what a candidate has for being shown already, which says nothing of its IoU."""
        weights = [0.0 if name in _SHOWN else self.weights.get(name, 0.0) for name in FEATURES]
        return np.asarray(features @ np.array(weights))

    def expected(self, features: np.ndarray) -> np.ndarray:
        """Expected IoU, 0 to 1, of candidates with these features."""
        evidence = self.evidence(features)
        if self.slope is None:
            return np.clip(evidence, 0.0, 1.0)
        return np.asarray(1 / (1 + np.exp(-(self.slope * evidence + self.offset))))


def read(folder: Path) -> Choice:
    """The numbers of a checkpoint's folder, the usual ones without the file. Raises ModelError for a broken file."""
    file = folder / FILE
    if not file.is_file():
        return Choice()
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{file}: must be readable JSON, got {error}") from None
    if not isinstance(given, dict) or not isinstance(given.get("weights"), dict):
        raise ModelError(f"{file}: must be an object with weights, got {given!r:.60}")
    weights = {name: _number(value, f"{file}: weights.{name}") for name, value in given["weights"].items()}
    if unknown := sorted(set(weights) - set(FEATURES)):
        raise ModelError(f"{file}: weights must be of {', '.join(FEATURES)}, got {unknown[0]!r}")
    others = {name: _number(given[name], f"{file}: {name}") for name in ("slope", "offset") if name in given}
    if others.get("slope", 1.0) <= 0:  # or the order would turn round
        raise ModelError(f"{file}: slope must be above 0, got {others['slope']:g}")
    return Choice(weights, **others)


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ModelError(f"{where} must be a finite number, got {value!r}")
    return float(value)
