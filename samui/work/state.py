"""`State`: all of a session at one moment, as a frozen value, and `Object`: an accepted mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from samui.errors import SessionError
from samui.pixels.rle import Rle
from samui.types import Prediction, Prompt
from samui.work.gestures import Gestures, MaskGesture, prompt_of
from samui.work.steps import Step

MAX_OBJECTS = 5000
_ID_BYTES = 64  # about, in a set


@dataclass(frozen=True, eq=False)
class Object:
    """An accepted mask.

    id: its number in the image, from 1. uid: its name everywhere and for ever. colour: "#rrggbb". score: predicted IoU.
    gestures: what made the mask, in order. candidate: index that it had. snapped: whether "snap to edges" was on.
    model: name of the model that made it. logits: float32 (h, w), what the last click corrected; a part that can be
    left out, as after a change of the model: then the gestures are decoded anew when the object is reopened.
    """

    id: int
    uid: str
    label: str
    colour: str
    visible: bool
    mask: Rle
    score: float
    gestures: Gestures
    candidate: int
    snapped: bool
    model: str
    logits: np.ndarray | None = None

    @property
    def prompt(self) -> Prompt:
        """Its points, its box and its logits, as the decoder takes them."""
        return replace(prompt_of(self.gestures), mask_logits=self.logits)


@dataclass(frozen=True, eq=False)
class State:
    """All of a session at one moment.

    size: (H, W) of the image. gestures: those for the active object. steps: what the decoder answered to them.
    mask: what is shown for them; None without any, and in a state of the undo list that nobody has looked at yet.
    reopened: id of the object that is worked on again. taken, rejected: ids of masks of everything mode that are not
    offered any more, since they became objects or the active mask, or were thrown away.
    """

    size: tuple[int, int]
    gestures: Gestures = ()
    steps: tuple[Step, ...] = ()
    mask: Rle | None = None
    reopened: int | None = None
    objects: tuple[Object, ...] = ()
    label: str = ""
    snap: bool = False
    next_id: int = 1
    taken: frozenset[int] = frozenset()
    rejected: frozenset[int] = frozenset()

    @property
    def prompt(self) -> Prompt:
        """The points and the box of the active object."""
        return prompt_of(self.gestures)

    @property
    def prediction(self) -> Prediction | None:
        """The decoder's newest answer, None without a prompt."""
        return self.steps[-1].prediction if self.steps else None

    @property
    def candidate(self) -> int | None:
        """Index in the model's order of the candidate that is looked at."""
        return self.steps[-1].candidate if self.steps else None

    @property
    def is_drawn(self) -> bool:
        """Whether the mask of its gestures has been made."""
        return self.mask is not None or not self.gestures

    def find(self, id: int) -> Object:
        """Return the object with this id; SessionError if there is none."""
        for item in self.objects:
            if item.id == id:
                return item
        raise SessionError(f"object: must be one of the session's objects, got id {id}")


def bytes_of(state: State, *, beside: State | None = None) -> int:
    """Bytes of the arrays that a state keeps alive and its neighbour `beside` does not.

    A part lives in a run of neighbouring states, so these add up to the bytes of the whole list.
    """
    known = {id for id, _ in _parts(beside, than=state)} if beside else set()
    parts = dict(_parts(state, than=beside))
    return sum(size for part, size in parts.items() if part not in known)


def _parts(state: State, *, than: State | None) -> Iterator[tuple[int, int]]:
    """(identity, bytes) of the arrays that a state keeps alive; objects only where they are others `than` a state's."""
    for step in state.steps:
        yield _whole(step.prediction.logits)
        yield _whole(step.prediction.scores)
        if step.prompt.mask_logits is not None:
            yield _whole(step.prompt.mask_logits)
    for ids in (state.taken, state.rejected):
        yield id(ids), _ID_BYTES * len(ids)
    masks = [one.mask for one in state.gestures if isinstance(one, MaskGesture)]
    for mask in (*masks, state.mask):
        if mask is not None:
            yield id(mask), mask.counts.nbytes
    if than is None or than.objects is not state.objects:
        for item in state.objects:
            yield from _parts_of(item)
    elif than.reopened is not None:  # the only one that a prompt shares parts with
        yield from _parts_of(state.find(than.reopened))


def _parts_of(item: Object) -> Iterator[tuple[int, int]]:
    yield id(item.mask), item.mask.counts.nbytes
    if item.logits is not None:
        yield _whole(item.logits)
    for one in item.gestures:
        if isinstance(one, MaskGesture):
            yield id(one.mask), one.mask.counts.nbytes


def _whole(array: np.ndarray) -> tuple[int, int]:
    """(identity, bytes) of the memory behind an array: a view keeps all of it."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return id(array), array.nbytes
