"""The values that every layer passes on: `Prompt`, `Prediction` and the embedding's protocol.

Coordinates, once and for all: image pixels, floats, (x, y), origin at the top left corner of the top left pixel, so the
centre of that pixel is (0.5, 0.5). Boxes are corners (x0, y0, x1, y1). Masks are indexed [y, x]. Exactly two
conversions exist: screen to image in ``canvas/core/geometry.js`` and image to model frame in `samui.pixels.geometry`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from samui.errors import PromptError

INCLUDE = 1
EXCLUDE = 0

Point = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Prompt:
    """Everything given for one object.

    points: (x, y) in image pixels. labels: 1 include or 0 exclude, one a point. box: (x0, y0, x1, y1) in image pixels
    with x0 < x1 and y0 < y1, or None. mask_logits: float32 (h, w), the low-resolution logits of an earlier candidate
    (`Prediction.logits[k]`), or None. Sequences are stored as tuples of floats.

    Raises PromptError for non-finite numbers, labels other than 0 and 1, lengths that differ, an inverted box.
    """

    points: Sequence[Point] = ()
    labels: Sequence[int] = ()
    box: Box | None = None
    mask_logits: np.ndarray | None = None

    def __post_init__(self) -> None:
        points = tuple(_numbers(p, 2, f"prompt.points[{i}]") for i, p in enumerate(_items(self.points, "points")))
        labels = tuple(_label(v, i) for i, v in enumerate(_items(self.labels, "labels")))
        if len(points) != len(labels):
            raise PromptError(f"prompt.labels: must be one for each of {len(points)} points, got {len(labels)}")
        box = None
        if self.box is not None:
            box = _numbers(self.box, 4, "prompt.box")
            if not (box[0] < box[2] and box[1] < box[3]):
                raise PromptError(f"prompt.box: must have x0 < x1 and y0 < y1, got {_show(box)}")
        logits = self.mask_logits
        if logits is not None:
            logits = np.asarray(logits, dtype=np.float32)
            if logits.ndim != 2:
                raise PromptError(f"prompt.mask_logits: must have two dimensions (h, w), got shape {logits.shape}")
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "box", box)
        object.__setattr__(self, "mask_logits", logits)

    @property
    def is_empty(self) -> bool:
        """True if there is neither a point nor a box."""
        return not self.points and self.box is None

    def check_inside(self, height: int, width: int, *, where: str = "prompt") -> None:
        """Raise PromptError unless every point and the box lie inside an image of height x width pixels."""
        for i, (x, y) in enumerate(self.points):
            if not (0 <= x <= width and 0 <= y <= height):
                raise PromptError(f"{where}.points[{i}]: must lie inside {width}x{height}, got {_show((x, y))}")
        if self.box is not None:
            x0, y0, x1, y1 = self.box
            if not (0 <= x0 and x1 <= width and 0 <= y0 and y1 <= height):
                raise PromptError(f"{where}.box: must lie inside {width}x{height}, got {_show(self.box)}")


class Placing(NamedTuple):
    """How an array (h, w) of logits lies in the image; the fields are those of `Prediction`."""

    upscale: Callable[[np.ndarray], np.ndarray]
    runs: Callable[[np.ndarray], np.ndarray] | None
    covered: tuple[float, float]
    view: tuple[int, int, int, int] | None


@dataclass(frozen=True, eq=False)
class Prediction:
    """What one decoder call proposes for one prompt: K candidates in the model's own order.

    logits: float32 (K, h, w) in the model's low-resolution frame. scores: float32 (K,), predicted IoU. size: (H, W) of
    the image. upscale: makes bool (H, W) of one (h, w) array of logits; given by the predictor, run on demand only.
    runs: the same mask as run lengths in COCO's order, where the predictor has a faster way to those. present: logit of
    whether the prompt's object is in the image at all, None from models that do not say. covered: (height, width), the
    part of each array of logits, from its top left, that shows the image; each to 1. view: (x0, y0, x1, y1) in whole
    pixels, the part of the image that the logits show; None for all of it. placings: of each candidate, where they come
    from several views; `view` and the like are then those of the first.
    """

    logits: np.ndarray
    scores: np.ndarray
    size: tuple[int, int]
    upscale: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    runs: Callable[[np.ndarray], np.ndarray] | None = field(default=None, repr=False)
    present: float | None = None
    covered: tuple[float, float] = (1.0, 1.0)
    view: tuple[int, int, int, int] | None = None
    placings: tuple[Placing, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def absent(self) -> bool:
        """Whether the model says that there is no object there; the masks are its best guess all the same."""
        return self.present is not None and self.present < 0

    @property
    def best(self) -> int:
        """Index of the candidate with the highest predicted IoU (the first of equals)."""
        return int(np.argmax(self.scores))

    @property
    def ranking(self) -> list[int]:
        """Indices of the candidates, highest predicted IoU first."""
        return [int(k) for k in np.argsort(-self.scores, kind="stable")]

    def placing(self, index: int) -> Placing:
        """How the logits of candidate `index` lie in the image."""
        return self.placings[index] if self.placings else Placing(self.upscale, self.runs, self.covered, self.view)

    def mask(self, index: int) -> np.ndarray:
        """Bool (H, W) of candidate `index` at image size; made anew at each call."""
        return self.placing(index).upscale(self.logits[index])

    @property
    def masks(self) -> np.ndarray:
        """Bool (K, H, W) at image size; made anew at each access, so take `mask` where one is enough."""
        return np.stack([self.mask(k) for k in range(len(self))])


def _items(value: Any, name: str) -> Sequence[Any]:
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise PromptError(f"prompt.{name}: must be a list, got {value!r}")
    return list(value)


def _numbers(value: Any, count: int, where: str) -> tuple[float, ...]:
    rule = f"must be {count} finite numbers"
    try:
        numbers = tuple(float(v) for v in value)
    except (TypeError, ValueError):
        raise PromptError(f"{where}: {rule}, got {value!r}") from None
    if len(numbers) != count or not all(math.isfinite(v) for v in numbers):
        raise PromptError(f"{where}: {rule}, got {value!r}")
    return numbers


def _label(value: Any, index: int) -> int:
    if isinstance(value, (bool, np.bool_)) or value not in (INCLUDE, EXCLUDE):
        raise PromptError(f"prompt.labels[{index}]: must be 1 (include) or 0 (exclude), got {value!r}")
    return int(value)


def _show(numbers: Sequence[float]) -> str:
    return "(" + ", ".join(f"{v:g}" for v in numbers) + ")"
