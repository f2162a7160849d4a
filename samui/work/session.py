"""One person's work on one image: the active prompt, its candidates, the objects, undo and redo.

A session holds no model and no image. Whoever applies an action hands in the two things that need them, `Tools`. All
states are frozen; an action makes a new one; undo is a step back in a list, so it restores the exact logits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import singledispatchmethod

import numpy as np

from samui.errors import SessionError
from samui.everything import FoundMask
from samui.pixels.colours import hex_colour
from samui.pixels.rle import Rle
from samui.types import Prediction, Prompt
from samui.work import actions, found
from samui.work.state import MAX_OBJECTS, Object, State, bytes_of
from samui.work.steps import Predict, Step, extend

__all__ = ["MAX_OBJECTS", "Object", "Session", "State", "Tools"]

HISTORY_BYTES = 64 * 2**20  # one step of sam-vit-base holds 0.8 MB of logits


@dataclass(frozen=True)
class Tools:
    """What an action may need beyond the session: `predict` runs the decoder, `snap` moves a mask to the image's edges.

    snap: (bool (H, W), prompt) -> bool (H, W), or None where it is not to be had. model: name of the model behind
    `predict`, kept with the objects that it makes. found: from ids to the masks that everything mode has found.
    """

    predict: Predict
    snap: Callable[[np.ndarray, Prompt], np.ndarray] | None = None
    model: str = ""
    found: Callable[[Sequence[int]], list[FoundMask]] | None = None


class Session:
    """The states of one image's work, oldest first, and the place among them.

    Not thread-safe: the caller holds a lock for the length of `apply`.
    """

    def __init__(self, size: tuple[int, int], *, snap: bool = False, history_bytes: int = HISTORY_BYTES) -> None:
        """size: (H, W) of the image. history_bytes: budget of the undo list; its oldest steps fall out first."""
        self.size = size
        self._history_bytes = history_bytes
        self._states = [State(snap=snap)]
        self._added = [0]  # bytes that each state keeps alive beyond the one before it
        self._at = 0
        self._prepared: tuple[Prompt, Session] | None = None  # and the session as it will be once that is set

    @property
    def state(self) -> State:
        return self._states[self._at]

    @property
    def can_undo(self) -> bool:
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        return self._at + 1 < len(self._states)

    @property
    def can_accept(self) -> bool:
        return self.state.mask is not None and self.state.mask.area > 0

    @property
    def nbytes(self) -> int:
        """Bytes of all logits and masks that the undo list keeps, each counted once, and of what is prepared."""
        return sum(self._added) + (bytes_of(self._prepared[1].state, beside=self.state) if self._prepared else 0)

    def apply(self, action: actions.Action, tools: Tools) -> bool:
        """Change the session by one action; True if `prepare` had done its work already.

        Runs the decoder for a new prompt and to reopen an object, never the encoder. Raises SessionError if the state
        does not allow the action and PromptError for a prompt outside the image; the session is then as it was.
        """
        prepared, self._prepared = self._prepared, None
        if prepared is not None and _sets(action, prepared[0]):
            after = prepared[1]
            self._states, self._added, self._at = after._states, after._added, after._at
            return True
        self._apply(action, tools)
        return False

    def prepare(self, action: actions.Prepare, tools: Tools) -> Session:
        """Do the work of setting a prompt, once: the session as it would be then, which is kept until the next action.

        The session itself stays as it is. Raises as `apply` does.
        """
        if self._prepared is not None and _sets(action, self._prepared[0]):
            return self._prepared[1]
        after = copy(self)
        after._states, after._added, after._prepared = [*self._states], [*self._added], None
        after._apply(actions.SetPrompt(action.prompt), tools)
        self._prepared = action.prompt, after
        return after

    def for_other_model(self, tools: Tools) -> Session:
        """The same work for the model behind `tools`, which cannot take this one's logits; its undo list is empty.

        Objects stay; the active prompt is decoded anew, click by click.
        """
        now = self.state
        objects = tuple(replace(o, prompt=replace(o.prompt, mask_logits=None)) for o in now.objects)
        steps, mask = (), None
        if now.steps:
            steps = extend((), replace(now.prompt, mask_logits=None), tools.predict)
            mask = _shown(steps, now.snap, tools)
        other = Session(self.size, history_bytes=self._history_bytes)
        other._states = [replace(now, objects=objects, steps=steps, mask=mask)]
        other._added = [bytes_of(other.state)]
        return other

    def preview(self, hover: actions.Hover, tools: Tools) -> tuple[Rle, float]:
        """Return mask and predicted IoU of a single include point at the pointer; the session stays as it is."""
        prompt = Prompt(points=[hover.point], labels=[1])
        prompt.check_inside(*self.size, where="hover")
        prediction = tools.predict(prompt)
        return _encode(prediction, prediction.best), float(prediction.scores[prediction.best])

    @singledispatchmethod
    def _apply(self, action: actions.Action, tools: Tools) -> None:
        raise SessionError(f"action: must change the session, got {type(action).__name__}")

    @_apply.register
    def _(self, action: actions.SetPrompt, tools: Tools) -> None:
        prompt, now = action.prompt, self.state
        if prompt.is_empty:
            if now.steps:
                self._push(replace(now, steps=(), mask=None, reopened=None))
            return
        prompt.check_inside(*self.size)
        steps = extend(now.steps, prompt, tools.predict)
        if steps == now.steps:
            return
        # clicks that came faster than answers still undo one by one
        grown = len(steps) - len(now.steps) if steps[: len(now.steps)] == now.steps else 1
        for end in range(len(steps) - grown + 1, len(steps) + 1):
            last = end == len(steps)
            mask = _shown(steps[:end], now.snap, tools)
            self._push(replace(now, steps=steps[:end], mask=mask), trim=last)

    @_apply.register
    def _(self, action: actions.Choose, tools: Tools) -> None:
        now = self.state
        if not now.steps:
            raise SessionError(f"candidate: there is none to choose from, got {action.rank}")
        ranking = now.steps[-1].prediction.ranking
        if action.rank >= len(ranking):
            raise SessionError(f"candidate: must be below {len(ranking)}, got {action.rank}")
        index = ranking[action.rank]
        if index == now.candidate:
            return
        steps = (*now.steps[:-1], replace(now.steps[-1], candidate=index))
        self._push(replace(now, steps=steps, mask=_shown(steps, now.snap, tools)))

    @_apply.register
    def _(self, action: actions.Accept, tools: Tools) -> None:
        now = self.state
        if now.mask is None:
            raise SessionError("accept: there is no mask yet; click on a thing or drag a box round it")
        if now.mask.area == 0:
            raise SessionError("accept: the mask must cover at least one pixel, got 0")
        if now.reopened is None and len(now.objects) >= MAX_OBJECTS:
            raise SessionError(f"accept: at most {MAX_OBJECTS} objects an image, got one more")
        step = now.steps[-1]
        old = now.find(now.reopened) if now.reopened is not None else None
        id = old.id if old else now.next_id
        label = now.label if action.label is None else action.label
        colour = action.colour or (old.colour if old else hex_colour(id - 1))
        new = Object(id, label, colour, True, now.mask, step.score, step.prompt, step.candidate, now.snap, tools.model)
        objects = tuple(new if o is old else o for o in now.objects) if old else (*now.objects, new)
        next_id = now.next_id + (old is None)
        done = replace(now, steps=(), mask=None, reopened=None, objects=objects, label=label, next_id=next_id)
        self._push(done)

    @_apply.register
    def _(self, action: actions.Clear, tools: Tools) -> None:
        now = self.state
        if now.steps:
            self._push(replace(now, steps=(), mask=None, reopened=None))

    @_apply.register
    def _(self, action: actions.Reset, tools: Tools) -> None:
        now = self.state
        if now.steps or now.objects:
            self._push(replace(now, steps=(), mask=None, reopened=None, objects=(), taken=frozenset()))

    @_apply.register
    def _(self, action: actions.Undo, tools: Tools) -> None:
        self._at = max(0, self._at - 1)

    @_apply.register
    def _(self, action: actions.Redo, tools: Tools) -> None:
        self._at = min(len(self._states) - 1, self._at + 1)

    @_apply.register
    def _(self, action: actions.Reopen, tools: Tools) -> None:
        now = self.state
        item = now.find(action.id)
        steps = extend((), item.prompt, tools.predict)
        steps = (*steps[:-1], replace(steps[-1], candidate=item.candidate))
        self._push(replace(now, steps=steps, mask=item.mask, reopened=item.id, label=item.label))

    @_apply.register
    def _(self, action: actions.Delete, tools: Tools) -> None:
        now = self.state
        item = now.find(action.id)
        rest = tuple(o for o in now.objects if o is not item)
        if now.reopened == item.id:
            self._push(replace(now, objects=rest, steps=(), mask=None, reopened=None))
        else:
            self._push(replace(now, objects=rest))

    @_apply.register
    def _(self, action: actions.Relabel, tools: Tools) -> None:
        self._edit(action.id, label=action.label)
        if self.state.reopened == action.id and self.state.label != action.label:
            self._states[self._at] = replace(self.state, label=action.label)  # or accepting would undo it

    @_apply.register
    def _(self, action: actions.Recolour, tools: Tools) -> None:
        self._edit(action.id, colour=action.colour)

    @_apply.register
    def _(self, action: actions.Show, tools: Tools) -> None:
        self._edit(action.id, visible=action.visible)

    @_apply.register
    def _(self, action: actions.Snap, tools: Tools) -> None:
        now = self.state
        if action.on and tools.snap is None:
            raise SessionError("snap: is not available here")
        if action.on != now.snap:
            mask = _shown(now.steps, action.on, tools) if now.steps else None
            self._push(replace(now, snap=action.on, mask=mask))

    @_apply.register
    def _(self, action: actions.Keep, tools: Tools) -> None:
        masks = self._found(action.masks, tools)
        self._push(found.keep(self.state, action.masks, masks, self._label(action), tools.model))

    @_apply.register
    def _(self, action: actions.Merge, tools: Tools) -> None:
        masks = self._found(action.masks, tools)
        self._push(found.merge(self.state, action.masks, masks, self._label(action), tools.model))

    @_apply.register
    def _(self, action: actions.Reject, tools: Tools) -> None:
        self._found(action.masks, tools)
        self._push(replace(self.state, rejected=self.state.rejected | set(action.masks)))

    @_apply.register
    def _(self, action: actions.Restore, tools: Tools) -> None:
        if self.state.rejected:
            self._push(replace(self.state, rejected=frozenset()))

    @_apply.register
    def _(self, action: actions.Refine, tools: Tools) -> None:
        (mask,) = self._pick((action.mask,), tools)
        kept = next((item for item in self.state.objects if item.mask is mask.rle), None)
        if kept is not None:  # the first of two clicks has kept it already
            return self._apply(actions.Reopen(kept.id), tools)
        self._found((action.mask,), tools)
        self._push(found.refine(self.state, action.mask, mask, tools.predict))

    def _label(self, action: actions.Keep | actions.Merge) -> str:
        return self.state.label if action.label is None else action.label

    def _pick(self, ids: Sequence[int], tools: Tools) -> list[FoundMask]:
        if tools.found is None:
            raise SessionError(f"masks: must be found ones, got id {ids[0]}")
        return tools.found(ids)

    def _found(self, ids: Sequence[int], tools: Tools) -> list[FoundMask]:
        """The found masks with these ids that are still offered."""
        for id in ids:
            if id in self.state.taken or id in self.state.rejected:
                raise SessionError(f"masks: must be in the list still, got id {id}")
        return self._pick(ids, tools)

    def _edit(self, id: int, **changes: object) -> None:
        now = self.state
        item = now.find(id)
        if any(getattr(item, name) != value for name, value in changes.items()):
            new = replace(item, **changes)
            self._push(replace(now, objects=tuple(new if o is item else o for o in now.objects)))

    def _push(self, state: State, *, trim: bool = True) -> None:
        del self._states[self._at + 1 :]
        del self._added[self._at + 1 :]
        self._added.append(bytes_of(state, beside=self.state))
        self._states.append(state)
        self._at += 1
        if trim:
            self._trim()

    def _trim(self) -> None:
        """Drop the oldest states until the undo list fits its budget; two states stay in any case."""
        while self.nbytes > self._history_bytes and len(self._states) > 2:
            del self._states[0], self._added[0]
            self._at -= 1
            self._added[0] = bytes_of(self._states[0])


def _sets(action: actions.Action, prompt: Prompt) -> bool:
    """Whether an action sets, or prepares, this prompt of points and box."""
    if not isinstance(action, (actions.SetPrompt, actions.Prepare)):
        return False
    asked = action.prompt
    return (asked.points, asked.labels, asked.box) == (prompt.points, prompt.labels, prompt.box)


def _shown(steps: tuple[Step, ...], snap: bool, tools: Tools) -> Rle:
    step = steps[-1]
    if snap and tools.snap is not None:
        return Rle.encode(tools.snap(step.prediction.mask(step.candidate), step.prompt))
    return _encode(step.prediction, step.candidate)


def _encode(prediction: Prediction, index: int) -> Rle:
    """The mask of a candidate; from its run lengths where there are any, since no array of the image's size is made."""
    if prediction.runs is None:
        return Rle.encode(prediction.mask(index))
    return Rle(prediction.size, prediction.runs(prediction.logits[index]))
