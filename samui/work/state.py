"""`State`: all of a session at one moment, as a frozen value, and `Object`: an accepted mask."""

from __future__ import annotations

from dataclasses import dataclass

from samui.errors import SessionError
from samui.pixels.rle import Rle
from samui.types import Prediction, Prompt
from samui.work.steps import Step

MAX_OBJECTS = 5000
_ID_BYTES = 64  # about, in a set


@dataclass(frozen=True, eq=False)
class Object:
    """An accepted mask. colour: "#rrggbb". prompt: what made it, earlier logits included. candidate: index it had.

    model: name of the model that made it. snapped: whether "snap to edges" was on.
    """

    id: int
    label: str
    colour: str
    visible: bool
    mask: Rle
    score: float
    prompt: Prompt
    candidate: int
    snapped: bool
    model: str


@dataclass(frozen=True, eq=False)
class State:
    """All of a session at one moment. mask: what is shown for the active prompt, None without one.

    taken, rejected: ids of masks of everything mode that are not offered any more, since they became objects or the
    active mask, or were thrown away.
    """

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
        return self.steps[-1].prompt if self.steps else Prompt()

    @property
    def prediction(self) -> Prediction | None:
        return self.steps[-1].prediction if self.steps else None

    @property
    def candidate(self) -> int | None:
        """Index in the model's order of the candidate that is looked at."""
        return self.steps[-1].candidate if self.steps else None

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
    parts = _parts(state)
    known = _parts(beside) if beside else {}
    return sum(size for part, size in parts.items() if part not in known)


def _parts(state: State) -> dict[int, int]:
    """The arrays that a state keeps alive: identity -> bytes."""
    parts = {id(step.prediction): step.prediction.logits.nbytes for step in state.steps}
    parts |= {id(ids): _ID_BYTES * len(ids) for ids in (state.taken, state.rejected)}
    if state.mask is not None:
        parts[id(state.mask)] = state.mask.counts.nbytes
    for item in state.objects:
        parts[id(item.mask)] = item.mask.counts.nbytes
        if item.prompt.mask_logits is not None:
            parts[id(item.prompt.mask_logits)] = item.prompt.mask_logits.nbytes
    return parts
