"""One person's work on one image, as a frozen value: the active prompt, its candidates, the objects, undo and redo.

A session holds no model and no image. Whoever applies an action hands in the things that need them, `Tools`. An action
gives a new session; what fails on the way gives none, and the old one is as it was. Undo is a step back among frozen
states, so it restores the exact logits.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace

from samui.pixels.rle import Rle
from samui.types import Prompt
from samui.work import actions
from samui.work.apply import apply, drawn, for_other_model
from samui.work.combine import carried, reusing
from samui.work.gestures import CloseUpGesture, Gestures, close_up_of, revise, with_close_up, without_close_up
from samui.work.history import HISTORY_BYTES, History
from samui.work.shown import encode
from samui.work.state import Object, State
from samui.work.tools import Tools


@dataclass(frozen=True, eq=False)
class Session:
    """history: the states of the work. history_bytes: budget of the undo list; its oldest steps fall out first."""

    history: History
    history_bytes: int = HISTORY_BYTES

    @classmethod
    def begin(
        cls,
        size: tuple[int, int],
        *,
        snap: bool = False,
        objects: tuple[Object, ...] = (),
        label: str = "",
        history_bytes: int = HISTORY_BYTES,
    ) -> Session:
        """A new session on an image of size (H, W); objects: those that the image has already. label: the one
        that was used last."""
        next_id = 1 + max((item.id for item in objects), default=0)
        return cls(History.of(State(size, snap=snap, objects=objects, label=label, next_id=next_id)), history_bytes)

    @property
    def state(self) -> State:
        return self.history.state

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the image."""
        return self.state.size

    @property
    def can_undo(self) -> bool:
        return self.history.at > 0

    @property
    def can_redo(self) -> bool:
        return self.history.at + 1 < len(self.history.states)

    @property
    def can_accept(self) -> bool:
        return self.state.mask is not None and self.state.mask.area > 0

    @property
    def nbytes(self) -> int:
        """Bytes of all logits and masks that the undo list keeps alive, each counted once."""
        return self.history.nbytes

    def apply(self, action: actions.Action, tools: Tools) -> Session:
        """The session after an action; the same object where the action changes nothing. Raises as `apply` does.

        Several new points, which came faster than answers, are still undone one by one.
        """
        if isinstance(action, (actions.Undo, actions.Redo)):
            moved = self._moved(action)
            state = drawn(moved.state, tools)
            return self._with(moved if state is moved.state else moved.put(state))
        now = self.state
        after = apply(now, action, tools)
        if after is now:
            return self
        if isinstance(action, actions.SetPrompt) and _only_looked_closer(now, after):
            return self._with(_closer(self.history, after).within(self.history_bytes))
        if isinstance(action, actions.PutBack):  # what was there before is no step to go back by
            return self._with(self.history.put(after))
        return self._with(self.history.push(*_between(now, after), after).within(self.history_bytes))

    def beside(self, action: actions.Undo | actions.Redo) -> State:
        """The state that a step back or forward leads to, as the undo list holds it."""
        return self._moved(action).state

    def within(self, budget_bytes: int) -> Session:
        """The same work with a shorter undo list, where it is over a budget."""
        return self._with(self.history.within(budget_bytes))

    def for_other_model(self, tools: Tools) -> Session:
        """The same work for the model behind `tools`; its undo list is empty. Raises what the tools raise."""
        return self._with(History.of(for_other_model(self.state, tools)))

    def holding(self, objects: tuple[Object, ...], mine: tuple[Object, ...] | None = None) -> Session:
        """The same work on the objects that are held now, which somebody else may have changed; the same value if
        nobody has. What others did is in every step of the undo list then, so that undo takes back one's own alone.

        mine: what the objects were thought to be; by default those of the present state.
        """
        mine = self.state.objects if mine is None else mine
        objects = reusing(objects, mine)
        if len(objects) == len(mine) and all(map(operator.is_, objects, mine)):
            return self
        made: dict[int, tuple[Object, ...]] = {}  # by the identity of the tuple: many states share one
        states = []
        for state in self.history.states:
            if id(state.objects) not in made:
                made[id(state.objects)] = carried(state.objects, mine, objects)
            states.append(_on(state, made[id(state.objects)]))
        return self._with(History.over(states, self.history.at))

    def preview(self, hover: actions.Hover, tools: Tools) -> tuple[Rle, float]:
        """Mask and predicted IoU of a single include point at the pointer. PromptError outside of the image."""
        prompt = Prompt(points=[hover.point], labels=[1])
        prompt.check_inside(*self.size, where="hover")
        prediction = tools.predict(prompt)
        return encode(prediction, prediction.best), float(prediction.scores[prediction.best])

    def _moved(self, action: actions.Undo | actions.Redo) -> History:
        return self.history.move(-1 if isinstance(action, actions.Undo) else 1)

    def _with(self, history: History) -> Session:
        return self if history is self.history else replace(self, history=history)


def _on(state: State, objects: tuple[Object, ...]) -> State:
    """The state with other objects; what worked on one that is gone makes a new one."""
    ids = {item.id for item in objects}
    reopened = state.reopened if state.reopened in ids else None
    return replace(state, objects=objects, reopened=reopened, next_id=max(state.next_id, 1 + max(ids, default=0)))


def _only_looked_closer(now: State, after: State) -> bool:
    """Whether a prompt is the same and its answer comes from closer views: that is no step of undo."""
    return close_up_of(now.gestures) is None and without_close_up(after.gestures) == now.gestures


def _closer(history: History, after: State) -> History:
    """The same steps of undo with the present state's answer from closer views, and those of its prompt's beginnings.

    So undo gives what it would if there had been time to look closer after each click.
    """
    old, at = history.state, history.at
    history = history.put(after)
    while at > 0:
        at -= 1
        state = history.states[at]
        count = len(state.steps)
        if not 0 < count < len(old.steps) or state.steps != old.steps[:count] or state.gestures != _heads(old, count):
            break
        closer = replace(state, gestures=_heads(after, count), steps=after.steps[:count], mask=None)
        history = history.put(closer, at)
    return history


def _heads(state: State, count: int) -> Gestures:
    """The gestures of a state's first steps."""
    return revise(state.gestures, state.steps[count - 1].prompt)


def _between(now: State, after: State) -> list[State]:
    """The states on the way to one that has several more steps; their masks are made when somebody goes back to them.

    None where more than the end of the prompt has changed: that is one step.
    """
    begun = len(now.steps)
    if after.steps[:begun] != now.steps or after.reopened != now.reopened or after.objects is not now.objects:
        return []
    close_up = close_up_of(after.gestures)
    return [
        replace(after, gestures=_with(revise(now.gestures, step.prompt), close_up), steps=after.steps[:end], mask=None)
        for end, step in enumerate(after.steps[begun:-1], begun + 1)
    ]


def _with(gestures: Gestures, close_up: CloseUpGesture | None) -> Gestures:
    return gestures if close_up is None or close_up_of(gestures) else with_close_up(gestures, close_up.picks)
