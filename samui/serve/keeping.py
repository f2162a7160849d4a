"""`Keeper`: sees to it that the store is told of every change of objects, in order, and again where it had no room.

A change is made in memory, noted in the seat's list, and committed here before the reply goes out. The list of a seat
stops at the first refusal: a smaller change behind it might still find room, and would come before it on disk.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from samui.errors import SamuiError
from samui.serve.seat import Contents, Seat, Work
from samui.work.combine import combine
from samui.work.state import Object
from samui.workspace.store import Store

AGAIN_SECONDS = 1.0  # between two attempts at what could not be kept
_SLOW_SECONDS = 0.25  # that an attempt takes where it waits for another program: clicks do not wait for it each time
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Told:
    """What became of a seat's changes. why: what stands in their way, "" once all are kept. notices: sentences about
    changes that somebody else was faster with. changed: whether the seat's objects are others than those it had."""

    why: str = ""
    notices: tuple[str, ...] = ()
    changed: bool = False


class Keeper:
    """The way of all changes to the store. Thread-safe; none of it may be called under a seat's lock."""

    def __init__(self, store: Store, again: float = AGAIN_SECONDS) -> None:
        """again: seconds between two attempts at what could not be kept."""
        self.store, self._again = store, again
        self._waiting: dict[int, Seat] = {}  # seats with changes that could not be kept
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._why, self._not_before = "", 0.0

    def tell(self, seat: Seat, *, patient: bool = True) -> Told:
        """Commit the changes of a seat. What cannot be kept now is tried again, here and at every call.

        patient: also where the last attempt had to wait for another program. Raises nothing that a store raises.
        """
        if not seat.changes:
            return Told()
        if not patient and time.monotonic() < self._not_before:
            return Told(self._why)
        notices: list[str] = []
        changed = False
        began = time.monotonic()
        try:
            with seat.telling:
                while seat.changes:
                    change = seat.changes[0]
                    kept = self.store.commit(change.operation, change.before, change.after)
                    seat.changes.popleft()
                    notices += kept.conflicts
                    if kept.objects is not change.after:
                        changed |= _hold(seat, change.operation.image, change.after, kept.objects)
                    if seat.closed or change.operation.image not in [held.key for held in seat.contents.images]:
                        self.store.forget(change.operation.image)  # it was left between the change and now
        except SamuiError as error:
            self._failed(seat, error, time.monotonic() - began)
            return Told(str(error), tuple(notices), changed)
        with self._lock:
            self._waiting.pop(id(seat), None)
        return Told("", tuple(notices), changed)

    def objects(self, image: str, seats: Iterable[Seat]) -> tuple[Object, ...]:
        """The objects of an image: those that are kept, with the changes of all seats that are not yet. Raises
        StoreError."""
        # Those first: what is kept meanwhile is then in both, and applied once.
        changes = [change for seat in self._all(seats) for change in list(seat.changes)]
        held = self.store.objects(image)
        for change in changes:
            if change.operation.image == image:
                held = combine(held, change.before, change.after).objects
        return held

    def refresh(self, seats: Iterable[Seat], image: str | None = None) -> None:
        """Let all seats go on from what is held of an image, or of every image: after labels were renamed, say, or a
        moment was restored. Raises StoreError."""
        every = self._all(seats)
        for seat in every:
            for opened in seat.contents.images:
                if image is None or opened.key == image:
                    held = fitting(self.objects(opened.key, every), opened.size)
                    _hold(seat, opened.key, None, held)

    def again(self) -> bool:
        """Try once more what could not be kept; whether something is left."""
        with self._lock:
            waiting = list(self._waiting.values())
        for seat in waiting:
            if self.tell(seat).why:
                break  # the others would meet the same
        with self._lock:
            return bool(self._waiting)

    def close(self) -> int:
        """Try for the last time, and stop; how many changes are lost with the process."""
        self._stopped.set()
        thread = self._thread
        if thread is not None:
            thread.join()
        self.again()
        with self._lock:
            return sum(len(seat.changes) for seat in self._waiting.values())

    def _all(self, seats: Iterable[Seat]) -> list[Seat]:
        with self._lock:
            return list({id(seat): seat for seat in (*seats, *self._waiting.values())}.values())

    def _failed(self, seat: Seat, error: SamuiError, seconds: float) -> None:
        with self._lock:
            if id(seat) not in self._waiting or self._why != str(error):
                log.warning("seat %s: changes of objects are not kept yet (%s)", seat.key, error)
            self._waiting[id(seat)] = seat
            self._why = str(error)
            self._not_before = time.monotonic() + 2 * self._again if seconds > _SLOW_SECONDS else 0.0
            if self._thread is None and not self._stopped.is_set():
                self._thread = threading.Thread(target=self._run, name="samui-keeper", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(self._again):
            try:
                self.again()
            except Exception:  # a fault of ours must not end the attempts
                log.exception("unexpected error while keeping what could not be kept")
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return


def _hold(seat: Seat, image: str, mine: tuple[Object, ...] | None, held: tuple[Object, ...]) -> bool:
    """Let a seat's work on an image go on from what is held, where that is other than what the seat thought."""
    with seat.lock:
        contents = seat.contents
        after = Contents(
            contents.model,
            contents.predictor,
            *(_on(work, image, mine, held) for work in (contents.work, contents.left)),
        )
        if after.work is contents.work and after.left is contents.left:
            return False
        seat.prepared = None
        seat.contents = after
        return after.work is not contents.work


def _on(work: Work | None, image: str, mine: tuple[Object, ...] | None, held: tuple[Object, ...]) -> Work | None:
    if work is None or work.image.key != image:
        return work
    session = work.session.holding(fitting(held, work.image.size), mine)
    return work if session is work.session else replace(work, session=session)


def fitting(objects: tuple[Object, ...], size: tuple[int, int]) -> tuple[Object, ...]:
    """The objects that were drawn on an image of this (H, W); the same tuple if that is all of them."""
    fit = tuple(item for item in objects if item.mask.size == size)
    return objects if len(fit) == len(objects) else fit
