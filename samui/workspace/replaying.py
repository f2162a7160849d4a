"""Making the masks of objects again from their gestures, to see whether a model still gives what was accepted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from samui.pixels.rle import Rle
from samui.work.gestures import MaskGesture
from samui.work.shown import shown
from samui.work.state import Object
from samui.work.steps import replay
from samui.work.tools import Tools


@dataclass(frozen=True)
class Remade:
    """An object and its mask made again. iou: of the two; None for a mask that was given (found by everything mode,
    merged, imported), which nothing makes again."""

    item: Object
    iou: float | None


def remade(objects: tuple[Object, ...], tools: Tools) -> Iterator[Remade]:
    """Make the mask of each object of an image again. Runs the decoder once a point and once for the box, and the
    encoder for close-ups."""
    for item in objects:
        mask = remake(item, tools)
        yield Remade(item, None if mask is None else iou(mask, item.mask))


def remake(item: Object, tools: Tools) -> Rle | None:
    """The mask that an object's gestures give; None where they give it themselves."""
    if any(isinstance(one, MaskGesture) for one in item.gestures):
        return None
    steps = replay(item.gestures, tools.predict, tools.views)
    if not steps:
        return None
    steps = (*steps[:-1], replace(steps[-1], candidate=item.candidate))
    return shown(item.gestures, steps, item.snapped, tools)


def iou(one: Rle, other: Rle) -> float:
    """Intersection over union; 1 for two empty masks."""
    a, b = one.decode(), other.decode()
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0
