"""A model on the views of an image: what an answer needs of it, and how an answer of one view lies in the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import cv2
import numpy as np

from samui.models.choice import Choice
from samui.pixels.rle import Rle
from samui.pixels.views import View, placed, whole
from samui.types import Placing, Prediction, Prompt

_OUTSIDE = -10.0  # logits where an earlier view saw nothing


class MissingViewsError(Exception):
    """Views that an answer needs and nobody has encoded yet. Whoever asked encodes them, and asks again."""

    def __init__(self, views: Sequence[View]) -> None:
        super().__init__(f"{len(views)} views are not encoded")
        self.views = tuple(views)


class Views(Protocol):
    """A model on the views of one image."""

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the image."""

    @property
    def choice(self) -> Choice:
        """How the model's candidates of several views are compared."""

    def need(self, views: Sequence[View]) -> None:
        """Have these views encoded. Raises MissingViewsError where that is not done on the spot."""

    def covered(self, view: View) -> tuple[float, float]:
        """(height, width): the part of an array of logits that shows the view, see `Prediction`."""

    def predict(self, prompt: Prompt, view: View) -> Prediction:
        """Candidates of a prompt in image pixels, decoded in a view and placed in the image; runs the decoder."""


def in_image(found: Prediction, view: View, size: tuple[int, int]) -> Prediction:
    """An answer in a view as one in the image of size (H, W)."""
    if view == whole(size):
        return found
    upscale_view, runs_view, part = found.upscale, found.runs, view.size

    def upscale(logits: np.ndarray) -> np.ndarray:
        x0, y0, x1, y1 = view.box
        mask = np.zeros(size, np.bool_)
        mask[y0:y1, x0:x1] = upscale_view(logits)
        return mask

    def runs(logits: np.ndarray) -> np.ndarray:
        mask = Rle.encode(upscale_view(logits)) if runs_view is None else Rle(part, runs_view(logits))
        return placed(mask, view, size).counts

    return replace(found, size=size, upscale=upscale, runs=runs, view=view.box)


def gathered(parts: Sequence[tuple[Prediction, int, float]]) -> Prediction:
    """One answer of candidates from several: (answer, index in it, score). It keeps nothing else of them alive."""
    first = parts[0][0]
    placings = tuple(found.placing(index) for found, index, _ in parts)
    return Prediction(
        logits=np.stack([found.logits[index] for found, index, _ in parts]),
        scores=np.array([score for _, _, score in parts], np.float32),
        size=first.size,
        upscale=placings[0].upscale,
        runs=placings[0].runs,
        present=first.present,
        covered=placings[0].covered,
        view=placings[0].view,
        placings=placings,
    )


def shown_part(logits: np.ndarray, covered: tuple[float, float]) -> np.ndarray:
    """The part of an array (h, w) of logits that shows its view."""
    rows, columns = (max(1, round(n * part)) for n, part in zip(logits.shape, covered, strict=True))
    return logits[:rows, :columns]


def contact(found: Prediction, index: int) -> float:
    """The largest part of a side of its view that a candidate covers, 0 to 1; the image's own sides do not count."""
    placing = found.placing(index)
    if placing.view is None:
        return 0.0
    seen = shown_part(found.logits[index], placing.covered) > 0
    sides = seen[:, 0], seen[0], seen[:, -1], seen[-1]
    inner = View(placing.view).inner_sides(found.size)
    return max((float(side.mean()) for side, is_inner in zip(sides, inner, strict=True) if is_inner), default=0.0)


def moved(
    logits: np.ndarray, placing: Placing, view: View, covered: tuple[float, float], size: tuple[int, int]
) -> np.ndarray:
    """Logits of one view as another view of an image of size (H, W) has them; float32 of the same shape.

    covered: of the other view. Where the first sees nothing they say that nothing is there.
    """
    mine = whole(size) if placing.view is None else View(placing.view)
    seen = shown_part(logits, placing.covered)
    height, width = logits.shape
    (sx, ox), (sy, oy) = (
        _line(mine.box[i], mine.size[1 - i], seen.shape[1 - i], view.box[i], view.size[1 - i], n * part)
        for i, n, part in ((0, width, covered[1]), (1, height, covered[0]))
    )
    matrix = np.array([[sx, 0, ox], [0, sy, oy]], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        np.ascontiguousarray(seen), matrix, (width, height), flags=flags, borderValue=min(_OUTSIDE, float(logits.min()))
    )


def _line(here: int, length: int, samples: int, there: int, reach: int, others: float) -> tuple[float, float]:
    """Along one axis: scale and offset from samples of the other view to samples of this one, pixel centres kept.

    here, length, samples: begin and length of this view in image pixels, and its samples; there, reach, others: of the
    other.
    """
    scale = reach / others * samples / length
    return scale, scale * 0.5 + (there - here) * samples / length - 0.5
