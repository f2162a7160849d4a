"""The candidates of one prompt from several views, described by what tells a good one from a bad one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from samui.models.choice import FEATURES
from samui.pixels.rle import Rle
from samui.pixels.views import View, whole
from samui.types import Prediction
from samui.work.shown import encode
from samui.work.views import contact, shown_part

_TOUCHES = 0.05  # of a side of a view
_SURE = 0.5  # predicted IoU above which the whole image's best candidate is one to keep
_LEAST_SHARE = 1e-4
_OFFSET = 1.0  # of logits, for stability


@dataclass(frozen=True, eq=False)
class Candidate:
    """One candidate. found, index: the answer that it is of, and its place there. mask: at image size."""

    view: View
    found: Prediction
    index: int
    mask: Rle


def candidates(answers: Mapping[View, Prediction]) -> list[Candidate]:
    """All candidates of answers that are not empty, view by view."""
    found = [Candidate(view, one, k, encode(one, k)) for view, one in answers.items() for k in range(len(one))]
    return [one for one in found if one.mask.area]


def likeness(found: Sequence[Candidate]) -> np.ndarray:
    """float64 (n, n): the IoU of every two masks."""
    areas = np.array([one.mask.area for one in found], np.float64)
    common = np.diag(areas)
    for i, one in enumerate(found):
        for j in range(i):
            common[i, j] = common[j, i] = one.mask.overlap(found[j].mask)
    return common / (areas[:, None] + areas - common)


def describe(found: Sequence[Candidate], alike: np.ndarray) -> np.ndarray:
    """float64 (n, len(FEATURES)): what can be seen of each candidate. alike: `likeness` of them.

    first, sure_first: of the whole image's best one, which is shown already, and how sure the model is of it.
    """
    views = list(dict.fromkeys(one.view for one in found))
    of_view = np.array([views.index(one.view) for one in found])
    height, width = found[0].found.size
    rows = []
    for i, one in enumerate(found):
        placing, logits = one.found.placing(one.index), one.found.logits[one.index]
        seen = shown_part(logits, placing.covered)
        touched = contact(one.found, one.index)
        part = one.view.size[0] * one.view.size[1]
        best = [alike[i, of_view == k].max() for k in range(len(views)) if k != of_view[i]]
        score = float(np.clip(one.found.scores[one.index], 0.0, 1.0))
        is_first = one.view == whole((height, width)) and one.index == one.found.best
        row = {
            "score": score,
            "touching": float(touched > _TOUCHES),
            "first": float(is_first),
            "sure_first": max(0.0, score - _SURE) * is_first,
            "contact": touched,
            "stability": _stability(seen),
            "agreement": float(np.mean(best)) if best else 0.0,
            "share": np.log(max(one.mask.area / part, _LEAST_SHARE)),
            "closeness": 0.5 * np.log(height * width / part),
        }
        rows.append([row[name] for name in FEATURES])
    return np.array(rows, np.float64)


def _stability(logits: np.ndarray) -> float:
    """Area above the offset by area above minus it: 1 for a mask with a clear edge."""
    below = int(np.count_nonzero(logits > -_OFFSET))
    return int(np.count_nonzero(logits > _OFFSET)) / below if below else 0.0
