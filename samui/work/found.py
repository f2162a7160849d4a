"""Turns masks that everything mode has found into objects or the active mask: pure functions of a session's state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from samui.errors import SessionError
from samui.everything import FoundMask
from samui.pixels.rle import Rle
from samui.work.gestures import MaskGesture, PointGesture, gestures_of
from samui.work.state import MAX_OBJECTS, Object, State
from samui.work.steps import Predict, extend
from samui.work.tools import Tools

_MERGED_POINTS = 16  # of the largest parts; each costs a decoder call when the object is reopened
_MERGED_CANDIDATE = 2  # SAM's last mask token tends to the largest thing


def keep(now: State, ids: Sequence[int], masks: Sequence[FoundMask], label: str, tools: Tools) -> State:
    """An object of each mask, in its own colour; the active prompt stays. SessionError over MAX_OBJECTS."""
    _check_room(now, len(masks))
    new = [
        Object(
            id=id,
            uid=tools.uid(),
            label=label,
            colour=mask.colour,
            visible=True,
            mask=mask.rle,
            score=mask.score,
            gestures=(*gestures_of(mask.prompt), MaskGesture(mask.rle, False)),
            candidate=mask.candidate,
            snapped=False,
            model=tools.model,
        )
        for id, mask in enumerate(masks, now.next_id)
    ]
    return _with(now, new, ids, label)


def merge(now: State, ids: Sequence[int], masks: Sequence[FoundMask], label: str, tools: Tools) -> State:
    """One object of the union; its prompt is the points of its parts, its score that of the worst of them."""
    if len(masks) < 2:
        raise SessionError(f"merge: must be given at least 2 masks, got {len(masks)}")
    _check_room(now, 1)
    union = np.zeros(masks[0].rle.size, np.bool_)
    for mask in masks:
        union |= mask.mask
    rle = Rle.encode(union)
    largest = sorted(masks, key=lambda mask: -mask.area)
    points = [PointGesture(mask.point, 1) for mask in largest[:_MERGED_POINTS]]
    item = Object(
        id=now.next_id,
        uid=tools.uid(),
        label=label,
        colour=largest[0].colour,
        visible=True,
        mask=rle,
        score=min(mask.score for mask in masks),
        gestures=(*points, MaskGesture(rle, False)),
        candidate=_MERGED_CANDIDATE,
        snapped=False,
        model=tools.model,
    )
    return _with(now, [item], ids, label)


def refine(now: State, id: int, mask: FoundMask, predict: Predict) -> State:
    """Make the mask the active one. Runs the decoder on its point: its logits are what the next click corrects.

    A mask of a crop, of another model or without its small regions has no candidate of the same shape: the most similar
    one is taken. What is shown is the mask as it was found.
    """
    (step,) = extend((), mask.prompt, predict)
    wanted = mask.mask
    likeness = [_iou(wanted, step.prediction.mask(k)) for k in range(len(step.prediction))]
    step = replace(step, candidate=int(np.argmax(likeness)))
    gestures = (*gestures_of(mask.prompt), MaskGesture(mask.rle, now.snap))
    return replace(now, gestures=gestures, steps=(step,), mask=mask.rle, reopened=None, taken=now.taken | {id})


def _with(now: State, new: list[Object], ids: Sequence[int], label: str) -> State:
    return replace(
        now, objects=(*now.objects, *new), label=label, next_id=now.next_id + len(new), taken=now.taken | set(ids)
    )


def _check_room(now: State, count: int) -> None:
    if len(now.objects) + count > MAX_OBJECTS:
        raise SessionError(f"keep: at most {MAX_OBJECTS} objects an image, got {len(now.objects) + count}")


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    together = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / together if together else 0.0
