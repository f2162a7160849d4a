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
ALIKE = 0.9  # IoU from which two candidates look the same to a person


def candidates(state: State) -> list[dict[str, Any]]:
    """All candidates, highest predicted IoU first; none without a prompt.

    like: place in this list of a better candidate that looks the same, None for one that is different from all.
    """
    prediction = state.prediction
    if prediction is None:
        return []
    ranking = prediction.ranking
    shown = [_seen(prediction, k) > 0 for k in ranking]
    return [
        {**_candidate(state, prediction, k), "like": _like(prediction, ranking, shown, place)}
        for place, k in enumerate(ranking)
    ]


def _candidate(state: State, prediction: Prediction, index: int) -> dict[str, Any]:
    """Area and box are exact for the candidate that is looked at, and taken from its logits for the others.

    index: its place in the model's own order, as in `Prediction`; the list itself is ordered by predicted IoU.
    """
    thumb = _thumb(prediction, index)
    if index == state.candidate and state.mask is not None:
        area, box = state.mask.area, state.mask.box and list(state.mask.box)
    else:
        area, box = _extent(prediction, index)
    return {
        "index": index,
        # A model may predict an IoU that is none.
        "score": round(min(max(float(prediction.scores[index]), 0.0), 1.0), 4),
        "area": area,
        "box": box,
        "thumb": {"size": list(thumb.size), "counts": thumb.to_string()},
    }


def _like(prediction: Prediction, ranking: list[int], shown: list[np.ndarray], place: int) -> int | None:
    """Place of the first candidate before this one that shows the same, of those that are different themselves."""
    view = prediction.placing(ranking[place]).view
    for better in range(place):
        if prediction.placing(ranking[better]).view != view or shown[better].shape != shown[place].shape:
            continue
        either = np.count_nonzero(shown[better] | shown[place])
        if np.count_nonzero(shown[better] & shown[place]) >= ALIKE * either:
            return better
    return None


def _seen(prediction: Prediction, index: int) -> np.ndarray:
    """The part of a candidate's logits that shows its view."""
    logits = prediction.logits[index]
    covered = prediction.placing(index).covered
    rows, columns = (math.ceil(n * part) for n, part in zip(logits.shape, covered, strict=True))
    return logits[:rows, :columns]


def _view(prediction: Prediction, index: int) -> tuple[int, int, int, int]:
    height, width = prediction.size
    return prediction.placing(index).view or (0, 0, width, height)


def _extent(prediction: Prediction, index: int) -> tuple[int, list[int] | None]:
    """Area and box in image pixels, as exact as the logits are."""
    seen, (x0, y0, x1, y1) = _seen(prediction, index) > 0, _view(prediction, index)
    mask = Rle.encode(seen)
    sx, sy = (x1 - x0) / seen.shape[1], (y1 - y0) / seen.shape[0]
    if mask.box is None:
        return 0, None
    left, top, right, bottom = mask.box
    box = [round(x0 + left * sx), round(y0 + top * sy), round(x0 + right * sx), round(y0 + bottom * sy)]
    return round(mask.area * sx * sy), box


def _thumb(prediction: Prediction, index: int) -> Rle:
    """The candidate over the whole image at thumbnail size, from its low-resolution logits."""
    height, width = prediction.size
    scale = THUMB_SIDE / max(height, width)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    x0, y0, x1, y1 = _view(prediction, index)
    left, top = min(int(x0 * scale), size[1] - 1), min(int(y0 * scale), size[0] - 1)
    right = min(max(left + 1, round(x1 * scale)), size[1])
    bottom = min(max(top + 1, round(y1 * scale)), size[0])
    seen = np.ascontiguousarray(_seen(prediction, index))
    thumb = np.zeros(size, np.bool_)
    part = cv2.resize(seen, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    thumb[top:bottom, left:right] = part > 0
    return Rle.encode(thumb)
