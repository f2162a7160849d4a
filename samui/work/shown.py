"""From the gestures of the active object to the mask that is shown: what was decoded or given, and drawn on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from samui.pixels.rle import Rle
from samui.pixels.strokes import draw
from samui.types import Prediction, Prompt
from samui.work.gestures import CloseUpGesture, Gesture, MaskGesture, StrokeGesture, prompt_of
from samui.work.steps import Step
from samui.work.tools import Tools


def shown(gestures: Sequence[Gesture], steps: Sequence[Step], snap: bool, tools: Tools) -> Rle | None:
    """The mask of these gestures; None where they ask for none.

    steps: what the decoder answered to their points and box. A mask that was given holds until the next point, box or
    choice; strokes lie on top of whatever comes after them, in their order.
    """
    given, strokes = _parts(gestures)
    if given is not None:
        base = _snapped(given, prompt_of(gestures), snap, tools)
    elif steps:
        base = decoded(steps[-1], snap, tools)
    else:
        return None
    if not strokes:
        return base
    mask = base.decode()
    for stroke in strokes:
        draw(mask, stroke.points, stroke.width, stroke.add)
    return Rle.encode(mask)


def decoded(step: Step, snap: bool, tools: Tools) -> Rle:
    """The mask of a step's candidate at image size."""
    if snap and tools.snap is not None:
        return Rle.encode(tools.snap(step.prediction.mask(step.candidate), step.prompt))
    return encode(step.prediction, step.candidate)


def encode(prediction: Prediction, index: int) -> Rle:
    """The mask of a candidate; from its run lengths where there are any, since no array of the image's size is made."""
    runs = prediction.placing(index).runs
    if runs is None:
        return Rle.encode(prediction.mask(index))
    return Rle(prediction.size, runs(prediction.logits[index]))


def _parts(gestures: Sequence[Gesture]) -> tuple[MaskGesture | None, list[StrokeGesture]]:
    """The mask that was given and not decoded anew since, and the strokes that lie on the mask."""
    given: MaskGesture | None = None
    strokes: list[StrokeGesture] = []
    for one in gestures:
        if isinstance(one, StrokeGesture):
            strokes.append(one)
        elif isinstance(one, CloseUpGesture):
            continue  # belongs to the point or box before it
        elif isinstance(one, MaskGesture):
            given = one  # with what was drawn before; to draw that again changes nothing
        else:
            given = None
    return given, strokes


def _snapped(given: MaskGesture, prompt: Prompt, snap: bool, tools: Tools) -> Rle:
    if not snap or given.snapped or tools.snap is None:
        return given.mask
    mask: np.ndarray = given.mask.decode()
    return Rle.encode(tools.snap(mask, prompt))
