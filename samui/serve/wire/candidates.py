"""The candidates of the newest answer as a page shows them in its strip."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from samui.pixels.rle import Rle
from samui.types import Prediction
from samui.work.state import State

THUMB_SIDE = 96  # pixels of a candidate's thumbnail


def candidates(state: State) -> list[dict[str, Any]]:
    """All candidates, highest predicted IoU first; none without a prompt."""
    if state.prediction is None:
        return []
    return [_candidate(state, state.prediction, k) for k in state.prediction.ranking]


def _candidate(state: State, prediction: Prediction, index: int) -> dict[str, Any]:
    """Area and box are exact for the candidate that is looked at, and taken from its logits for the others.

    index: its place in the model's own order, as in `Prediction`; the list itself is ordered by predicted IoU.
    """
    thumb = _thumb(prediction, index)
    if index == state.candidate and state.mask is not None:
        area, box = state.mask.area, state.mask.box and list(state.mask.box)
    else:
        height, width = prediction.size
        sy, sx = height / thumb.size[0], width / thumb.size[1]
        area = round(thumb.area * sx * sy)
        box = thumb.box and [round(thumb.box[i] * (sx, sy)[i % 2]) for i in range(4)]
    return {
        "index": index,
        "score": round(float(prediction.scores[index]), 4),
        "area": area,
        "box": box,
        "thumb": {"size": list(thumb.size), "counts": thumb.to_string()},
    }


def _thumb(prediction: Prediction, index: int) -> Rle:
    """The candidate over the whole image at thumbnail size, from its low-resolution logits."""
    logits = prediction.logits[index]
    height, width = prediction.size
    longest = max(height, width)
    rows, columns = (math.ceil(n * part) for n, part in zip(logits.shape, prediction.covered, strict=True))
    size = (max(1, round(THUMB_SIDE * width / longest)), max(1, round(THUMB_SIDE * height / longest)))
    small = cv2.resize(np.ascontiguousarray(logits[:rows, :columns]), size, interpolation=cv2.INTER_AREA)
    return Rle.encode(small > 0)
