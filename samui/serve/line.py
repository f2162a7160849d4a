"""`Line`: what orders the messages between one page and its seat; docs/protocol.md has the table of its numbers."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass, field

from samui.errors import StaleError
from samui.work.state import State

_OPS_KEPT = 256  # operations of a seat; a page repeats those without an answer, which are a handful
_SENT_KEPT = 16  # replies whose state is remembered, so that the next one can leave out what the page has


class AbandonedError(Exception):
    """The page no longer wants the long work that a seat was busy with."""


@dataclass(eq=False)
class Ticket:
    """One long work that a page asked for. overtaken: the page has asked for another of its kind since.

    abandoned: the page has cancelled it.
    """

    overtaken: bool = False
    abandoned: bool = False

    @property
    def is_off(self) -> bool:
        """Whether nobody waits for the work any more."""
        return self.overtaken or self.abandoned

    def check(self) -> None:
        """AbandonedError if nobody waits for the work any more."""
        if self.is_off:
            raise AbandonedError

    def check_cancelled(self) -> None:
        """AbandonedError if the page has cancelled the work; being overtaken is no reason to stop."""
        if self.abandoned:
            raise AbandonedError


@dataclass(eq=False)
class Line:
    """The protocol state of a seat, apart from its work. Thread-safe; its lock is held for moments only.

    epoch: rises with every image and every model. newest_rev: the highest number of the prompts that have arrived;
    newest_preview: of these and of what only looks at one (`hover`, `prepare`); applied_rev: that of the last action
    that changed the session. serial: counts the states that were sent. runs: counts the runs of everything mode.
    encoding: the epoch whose image is being encoded, 0 for none. sent: the last states that were sent, by serial. ops:
    the last operations that were applied.
    """

    epoch: int = 0
    newest_rev: int = 0
    newest_preview: int = 0
    applied_rev: int = 0
    serial: int = 0
    runs: int = 0
    encoding: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    sent: OrderedDict[int, State] = field(default_factory=OrderedDict)
    ops: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _prepared_serial: int = 0
    _newest: dict[str, Ticket] = field(default_factory=dict)  # by kind of work
    _live: weakref.WeakSet[Ticket] = field(default_factory=weakref.WeakSet)

    def begin(self, kind: str) -> Ticket:
        """The ticket of a long work, "open" or "model"; it overtakes the previous one of its kind."""
        ticket = Ticket()
        with self.lock:
            if kind in self._newest:
                self._newest[kind].overtaken = True
            self._newest[kind] = ticket
            self._live.add(ticket)
        return ticket

    def abandon(self) -> None:
        """The page has cancelled what it opens or loads."""
        with self.lock:
            for ticket in self._live:  # an overtaken one too: the newest may have ended before it
                ticket.abandoned = True

    def arrive(self, rev: int, *, previews: bool = False) -> None:
        """A prompt has come, or with `previews` what only looks at one; what it overtakes has a lower number."""
        with self.lock:
            self.newest_preview = max(self.newest_preview, rev)
            if not previews:
                self.newest_rev = max(self.newest_rev, rev)

    def is_overtaken(self, rev: int, *, previews: bool = False) -> bool:
        """Whether a newer prompt has come, or for what only looks at one, anything newer of the two.

        A request without a number is never overtaken.
        """
        return 0 < rev < (self.newest_preview if previews else self.newest_rev)

    def is_applied(self, rev: int) -> bool:
        """Whether an action with this number has changed the session already: a page without an answer asks again."""
        return 0 < rev <= self.applied_rev

    def applied(self, rev: int, op: str | None) -> None:
        """An action has changed the session. op: its name, also where another page counts anew."""
        with self.lock:
            self.applied_rev = max(self.applied_rev, rev)
            if op is not None:
                self.ops[op] = None
                while len(self.ops) > _OPS_KEPT:
                    self.ops.popitem(last=False)

    def restart(self) -> None:
        """Another page counts its requests from now on."""
        with self.lock:
            self.newest_rev = self.newest_preview = self.applied_rev = 0

    def check_epoch(self, epoch: int, where: str = "request.epoch") -> None:
        """StaleError unless a message is about the image, and the model, that the seat has now."""
        if epoch != self.epoch:
            raise StaleError(f"{where}: must be {self.epoch}, that of the open image, got {epoch}")

    def next_run(self) -> int:
        """The number of the next run of everything mode."""
        with self.lock:
            self.runs += 1
            return self.runs

    def remember(self, state: State, *, prepared: bool = False) -> int:
        """Number the state that is about to be sent, and return the number. Only one prepared state is remembered."""
        with self.lock:
            self.serial += 1
            if prepared:
                self.sent.pop(self._prepared_serial, None)
                self._prepared_serial = self.serial
            self.sent[self.serial] = state
            while len(self.sent) > _SENT_KEPT:
                self.sent.popitem(last=False)
            return self.serial

    def recall(self, serial: int) -> State | None:
        """The state that was sent with this number, None if that is too long ago."""
        with self.lock:
            return self.sent.get(serial)

    def forget(self) -> None:
        """The page holds nothing of this seat: the next reply says all."""
        with self.lock:
            self.sent.clear()
