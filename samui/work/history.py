"""`History`: the states of one image's work and the place among them, as a frozen value. Undo is a step back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from samui.work.state import State, bytes_of

HISTORY_BYTES = 64 * 2**20  # one step of sam-vit-base holds 0.8 MB of logits
_LEAST = 2  # states that stay whatever the budget: the present one, and a way back


@dataclass(frozen=True, eq=False)
class History:
    """States, oldest first. at: index of the present one.

    added: bytes that each keeps alive beyond the one before it.
    """

    states: tuple[State, ...]
    added: tuple[int, ...]
    at: int = 0

    @classmethod
    def of(cls, state: State) -> History:
        """A history that begins with a state."""
        return cls((state,), (bytes_of(state),))

    @classmethod
    def over(cls, states: Sequence[State], at: int) -> History:
        """A history of states, oldest first, at one of them."""
        befores = (None, *states)
        added = tuple(bytes_of(state, beside=before) for state, before in zip(states, befores, strict=False))
        return cls(tuple(states), added, at)

    @property
    def state(self) -> State:
        """The present one."""
        return self.states[self.at]

    @property
    def nbytes(self) -> int:
        """Bytes of all logits and masks, each counted once."""
        return sum(self.added)

    def push(self, *states: State) -> History:
        """These states, one after the other, after the present one; undone states are dropped."""
        added = list(self.added[: self.at + 1])
        before = self.state
        for state in states:
            added.append(bytes_of(state, beside=before))
            before = state
        return History((*self.states[: self.at + 1], *states), tuple(added), self.at + len(states))

    def move(self, by: int) -> History:
        """The same states, some steps further on or back; it stops at the ends."""
        at = min(max(0, self.at + by), len(self.states) - 1)
        return self if at == self.at else replace(self, at=at)

    def put(self, state: State, at: int | None = None) -> History:
        """Another state in the place of the present one, or of that at an index."""
        at = self.at if at is None else at
        states, added = list(self.states), list(self.added)
        states[at] = state
        for i in (at, at + 1)[: len(states) - at]:
            added[i] = bytes_of(states[i], beside=states[i - 1] if i else None)
        return replace(self, states=tuple(states), added=tuple(added))

    def within(self, budget_bytes: int) -> History:
        """Without its oldest states, and then without those that were undone, until it fits the budget.

        The present state and the step back from it, or to the next one if there is none, stay in any case.
        """
        total, first, last = self.nbytes, 0, len(self.states)
        added = list(self.added)
        while total > budget_bytes and last - first > _LEAST:
            if self.at - first > 1 or self.at == last - 1:
                total -= added[first] + added[first + 1]
                first += 1
                added[first] = bytes_of(self.states[first])
                total += added[first]
            else:
                last -= 1
                total -= added[last]
        if last - first == len(self.states):
            return self
        return History(self.states[first:last], tuple(added[first:last]), self.at - first)
