"""`Seats`: the table of all seats of a process: unguessable tokens, a cap, idle expiry and a budget of bytes."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from samui.errors import FullError, UnknownSessionError
from samui.serve.seat import Contents, Seat

_UNKNOWN = "session: must be one that this server issued and has not closed"
_EMPTY = 1024  # seats without an image at once; each is a few kilobytes
_EMPTY_OF_ONE = 32  # of one address
_BETWEEN = 1.0  # seconds at least between two sweeps for newcomers


class Seats:
    """Seats by token, least recently used first.

    A seat counts from when it opens an image. Until then it takes nobody's place, and may be forgotten when there are
    very many of them, so that asking for tokens keeps nobody out. When as many are at work as may be, whoever opens an
    image next takes the place of one that left, or is idle for `grace` seconds; people at work are never thrown out.
    Thread-safe.
    """

    def __init__(
        self,
        *,
        cap: int = 64,
        idle: float = 3600.0,
        grace: float = 600.0,
        settle: float = 60.0,
        budget_bytes: int = 2 * 2**30,
        on_close: Callable[[Seat], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """cap: people at work at most. idle: seconds until a seat expires. budget_bytes: of all seats together.

        settle: seconds after which one that was admitted and has no image, since its file was refused, counts as free.
        """
        self._cap, self._idle, self._grace, self._budget, self._settle = cap, idle, grace, budget_bytes, settle
        self._on_close, self._clock = on_close, clock
        self._seats: OrderedDict[str, Seat] = OrderedDict()
        self._former: dict[str, Seat] = {}
        self._empty: dict[str, Seat] = {}  # those that were not admitted, oldest first
        self._swept = -_BETWEEN
        self._weights: dict[str, int] = {}  # bytes of each seat when it was last weighed
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._seats)

    @property
    def at_work(self) -> int:
        """How many seats have a place."""
        return sum(seat.admitted for seat in self.all())

    def all(self) -> list[Seat]:
        """Every seat."""
        with self._lock:
            return list(self._seats.values())

    def issue(self, model: str = "", sender: str | None = None) -> Seat:
        """A new seat with a model, without an image. sender: address that asks, None where all may have the same."""
        if self._clock() - self._swept > _BETWEEN:  # or whoever asks for thousands would have all weighed as often
            self.sweep()
        with self._lock:
            closed = self._forget_empty(sender)
            seat = Seat(secrets.token_urlsafe(24), self._clock(), sender=sender, contents=Contents(model))
            self._seats[seat.token] = self._empty[seat.key] = seat
        self._close(closed)
        return seat

    def admit(self, seat: Seat) -> None:
        """Let a seat open images. FullError if all places are taken by people at work, or these have all the memory."""
        self.sweep()
        with self._lock:
            if seat.admitted:
                return
            self._check_held(seat)
            closed = self._make_room()
            seat.admitted = True
            del self._empty[seat.key]
        self._close(closed)

    def get(self, token: object) -> Seat:
        """The seat of a token, now the most recently used. UnknownSessionError if there is none."""
        with self._lock:
            seat = (self._seats.get(token) or self._former.get(token)) if isinstance(token, str) else None
            if seat is None or self._clock() - seat.used > self._idle:
                raise UnknownSessionError(_UNKNOWN)
            if token == seat.token and seat.former is not None:
                del self._former[seat.former]
                seat.former = None
                seat.line.restart()
            seat.used = self._clock()
            self._seats.move_to_end(seat.token)
            return seat

    def hand_over(self, token: object) -> Seat:
        """The same seat under a new token: a reloaded page takes its work along, and a copied tab loses it.

        The old token is good until the new one is used for the first time, so an answer that gets lost loses no work.
        """
        seat = self.get(token)
        with self._lock:
            self._check_held(seat)  # it may have ended meanwhile
            del self._seats[seat.token]
            if seat.former is None:
                seat.former = seat.token
                self._former[seat.former] = seat
            seat.token = secrets.token_urlsafe(24)
            seat.line.forget()
            self._seats[seat.token] = seat
        return seat

    def take(self, token: object, model: str = "", sender: str | None = None) -> tuple[Seat, bool]:
        """The seat of a token under a new one, or a new seat with a model; and whether it is the old one."""
        try:
            return self.hand_over(token), True
        except UnknownSessionError:
            return self.issue(model, sender), False

    def sweep(self) -> None:
        """Close what has expired; while all together are over the budget of bytes, close the longest unused of those
        that nobody is at work on, and then shorten the undo lists of the largest."""
        self._swept = now = self._clock()
        with self._lock:
            closed = [seat for seat in self._seats.values() if now - seat.used > self._idle]
            total = sum(seat.nbytes for seat in self._seats.values() if seat not in closed)
            for seat in list(self._seats.values()):
                if total <= self._budget:
                    break
                if seat not in closed and now - seat.used > self._grace:
                    closed.append(seat)
                    total -= seat.nbytes
            for seat in closed:
                self._forget(seat)
            seats = list(self._seats.values())
            self._weights = {seat.key: seat.nbytes for seat in seats}
        self._close(closed)
        if total > self._budget:
            self._shorten(seats)

    def weigh(self, seat: Seat) -> None:
        """Take note of the bytes of a seat that has changed, and sweep if all together are over the budget now."""
        nbytes = seat.nbytes
        with self._lock:
            self._weights[seat.key] = nbytes
            over = sum(self._weights.values()) > self._budget
        if over:
            self.sweep()

    def _shorten(self, seats: list[Seat]) -> None:
        """Undo lists of people at work: only the largest are cut, to what the budget leaves for each."""
        limit = fair_share([seat.nbytes for seat in seats], self._budget)
        for seat in seats:
            # A seat that is busy now is shortened at the next sweep; its own change ends with one.
            if seat.nbytes > limit and seat.lock.acquire(blocking=False):
                try:
                    seat.prepared = None
                    seat.contents = seat.contents.within(limit)
                finally:
                    seat.lock.release()
        with self._lock:
            self._weights = {seat.key: seat.nbytes for seat in self._seats.values()}

    def close(self, token: object) -> None:
        """Close the seat of a token. UnknownSessionError if there is none."""
        seat = self.get(token)
        with self._lock:
            self._check_held(seat)
            self._forget(seat)
        self._close([seat])

    def close_all(self) -> None:
        """Close every seat."""
        with self._lock:
            closed = list(self._seats.values())
            self._seats.clear()
            self._former.clear()
            self._empty.clear()
            self._weights.clear()
        self._close(closed)

    def _forget_empty(self, sender: str | None) -> list[Seat]:
        """The oldest seat without an image, if there are too many: of an address, or of all."""
        own = [] if sender is None else [seat for seat in self._empty.values() if seat.sender == sender]
        if len(own) >= _EMPTY_OF_ONE:
            excess = own[:1]
        else:
            excess = [next(iter(self._empty.values()))] if len(self._empty) >= _EMPTY else []
        for seat in excess:
            self._forget(seat)
        return excess

    def _make_room(self) -> list[Seat]:
        if sum(self._weights.values()) > self._budget:  # of work that is as short as it can be
            raise FullError("session: the people at work need all the memory; try again in a few minutes")
        at_work = [seat for seat in self._seats.values() if seat.admitted]
        if len(at_work) < self._cap:
            return []
        now = self._clock()
        free = [s for s in at_work if s.contents.work is None and now - s.used > self._settle]
        free = free or [s for s in at_work if now - s.used > self._grace]
        if not free:
            raise FullError(f"session: at most {self._cap} people at work at once; try again in a few minutes")
        self._forget(free[0])
        return [free[0]]

    def _check_held(self, seat: Seat) -> None:
        if self._seats.get(seat.token) is not seat:
            raise UnknownSessionError(_UNKNOWN)

    def _forget(self, seat: Seat) -> None:
        del self._seats[seat.token]
        self._empty.pop(seat.key, None)
        self._weights.pop(seat.key, None)
        if seat.former is not None:
            del self._former[seat.former]

    def _close(self, seats: list[Seat]) -> None:
        for seat in seats:
            seat.closed = True
            self._on_close(seat)


def fair_share(sizes: list[int], budget: int) -> int:
    """The most that each may have, so that all together fit a budget and whoever has less keeps it."""
    left = budget
    for n, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - n)
        if size > share:
            return share
        left -= size
    return budget
