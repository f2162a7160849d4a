"""The table of all sessions of a process: unguessable tokens, a cap, idle expiry and a budget of bytes."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from samui.errors import FullError, SessionError, UnknownSessionError
from samui.everything.found_masks import FoundMasks
from samui.models.predictor import Predictor
from samui.serve.open_image import OpenImage
from samui.timings import Timings
from samui.work.session import Session, State

_UNKNOWN = "session: must be one that this server issued and has not closed"
_SENT_KEPT = 16  # replies whose state is remembered, so that the next one can leave out what the page has


@dataclass(frozen=True, eq=False)
class LeftImage:
    """The image before the one that is open, and the work on it."""

    image: OpenImage
    session: Session


class AbandonedError(Exception):
    """The page wants the work no more that a seat was busy with."""


@dataclass(eq=False)
class Seat:
    """One page's place in the table: its token, and the session on the image that it has open.

    epoch rises with every image; a request that carries another one is about an image that has been left. `lock` is
    held for the length of every change.
    """

    token: str
    used: float
    key: str = field(default_factory=lambda: secrets.token_hex(8))  # names its folder; stays when the token changes
    lock: threading.RLock = field(default_factory=threading.RLock)
    model: str = ""
    predictor: Predictor | None = None  # of this model, once it was needed
    epoch: int = 0
    opens: int = 0  # how many images it was asked to open
    choices: int = 0  # how many models it was asked to change to
    abandoned: int = 0  # how often the page cancelled what it opened or loaded
    image: OpenImage | None = None
    session: Session | None = None
    left: LeftImage | None = None  # there is a way back to it: a wrong click must not cost an hour of work
    found: FoundMasks | None = None  # of the newest run of everything mode on this image
    runs: int = 0  # of everything mode so far
    embedding_key: str = ""
    encoding: int = 0  # the epoch whose image is being encoded, 0 for none
    encode_ms: float | None = None
    prepared: Timings = field(default_factory=Timings)  # of what the session has prepared
    newest_rev: int = 0  # of the requests that have arrived
    applied_rev: int = 0  # of the last action that changed the session
    serial: int = 0
    closed: bool = False
    former: str | None = None  # the token before this one, good until the new one is used
    _prepared_serial: int = 0
    _sent: OrderedDict[int, State] = field(default_factory=OrderedDict)

    @property
    def nbytes(self) -> int:
        """Bytes in memory that this seat alone keeps."""
        work = (self.session, self.left and self.left.session, self.found)
        return sum(part.nbytes for part in work if part is not None)

    @property
    def work(self) -> tuple[Any, ...]:
        """The image that is open, and all that was done on it; can be set back."""
        return self.image, self.session, self.left, self.found, self.embedding_key, self.encode_ms

    @work.setter
    def work(self, before: tuple[Any, ...]) -> None:
        self.image, self.session, self.left, self.found, self.embedding_key, self.encode_ms = before

    def check(self, mark: int, choice: int | None = None) -> None:
        """AbandonedError if the page has cancelled since `abandoned` was `mark`, or chosen since `choice`."""
        if self.abandoned != mark or choice not in (None, self.choices):
            raise AbandonedError

    def check_image(self) -> None:
        """SessionError unless an image is open."""
        if self.session is None:
            raise SessionError("session: must have an image; open one first")

    def is_late(self, opens: int, mark: int) -> bool:
        """Whether something newer was opened, the seat was closed, or the page has cancelled since these counts."""
        return self.closed or self.opens != opens or self.abandoned != mark

    def stop(self) -> bool:
        """End the run of everything mode before its next decoder pass; False if there is none."""
        return self.found is not None and self.found.cancel()

    def leave(self) -> OpenImage | None:
        """Keep image and objects for the way back; returns the image that no way leads to any more."""
        if self.session is None or not self.session.state.objects:
            return self.image
        old = self.left and self.left.image
        self.left = LeftImage(self.image, self.session)
        return old

    def go_back(self) -> None:
        """Open the image before this one, with its objects. SessionError if there is none."""
        if self.left is None:
            raise SessionError("back: there must be an image before this one with objects, got none")
        here = LeftImage(self.image, self.session)
        self.stop()
        self.epoch += 1
        self.image, self.session, self.left = self.left.image, self.left.session, here
        self.embedding_key, self.found = "", None
        self.forget()

    def remember(self, state: State, *, prepared: bool = False) -> int:
        """Number the state that is about to be sent, and return the number. Of what is prepared, one is remembered."""
        self.serial += 1
        if prepared:
            self._sent.pop(self._prepared_serial, None)
            self._prepared_serial = self.serial
        self._sent[self.serial] = state
        while len(self._sent) > _SENT_KEPT:
            self._sent.popitem(last=False)
        return self.serial

    def recall(self, serial: int) -> State | None:
        """The state that was sent with this number, None if that is too long ago."""
        return self._sent.get(serial)

    def forget(self) -> None:
        """The page holds nothing of this seat, or another image's work: the next reply says all."""
        self._sent.clear()


class Sessions:
    """Seats by token, least recently used first.

    When the table is full a newcomer takes the place of a seat left without an image, or idle for `grace` seconds;
    people at work are never thrown out for strangers who ask for many tokens. Thread-safe.
    """

    def __init__(
        self,
        *,
        cap: int = 64,
        idle: float = 3600.0,
        grace: float = 600.0,
        settle: float = 60.0,
        budget_bytes: int = 2 * 2**30,
        on_close: Callable[[Seat], None] = lambda seat: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """cap: seats at most. idle: seconds until a seat expires. budget_bytes: of all seats together.

        settle: seconds that a newcomer has to open an image before the seat counts as free.
        """
        self._cap, self._idle, self._grace, self._budget, self._settle = cap, idle, grace, budget_bytes, settle
        self._on_close, self._clock = on_close, clock
        self._seats: OrderedDict[str, Seat] = OrderedDict()
        self._former: dict[str, Seat] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._seats)

    def issue(self) -> Seat:
        """A new seat. FullError if all are taken by people at work."""
        self.sweep()
        with self._lock:
            closed = self._make_room()
            seat = Seat(secrets.token_urlsafe(24), self._clock())
            self._seats[seat.token] = seat
        self._close(closed)
        return seat

    def get(self, token: object) -> Seat:
        """The seat of a token, now the most recently used. UnknownSessionError if there is none."""
        with self._lock:
            seat = (self._seats.get(token) or self._former.get(token)) if isinstance(token, str) else None
            if seat is None or self._clock() - seat.used > self._idle:
                raise UnknownSessionError(_UNKNOWN)
            if token == seat.token and seat.former is not None:
                del self._former[seat.former]
                seat.former = None
                seat.newest_rev = seat.applied_rev = 0  # another page counts now
            seat.used = self._clock()
            self._seats.move_to_end(seat.token)
            return seat

    def hand_over(self, token: object) -> Seat:
        """The same seat under a new token: a reloaded page takes its work along, and a copied tab loses it.

        The old token is good until the new one is used for the first time, so an answer that gets lost loses no work.
        """
        seat = self.get(token)
        with seat.lock, self._lock:
            self._check_held(seat)  # the wait for its lock may have been long
            del self._seats[seat.token]
            if seat.former is None:
                seat.former = seat.token
                self._former[seat.former] = seat
            seat.token = secrets.token_urlsafe(24)
            seat.forget()
            self._seats[seat.token] = seat
        return seat

    def take(self, token: object) -> tuple[Seat, bool]:
        """The seat of a token under a new one, or a new seat; and whether it is the old one. FullError as `issue`."""
        try:
            return self.hand_over(token), True
        except UnknownSessionError:
            return self.issue(), False

    def sweep(self) -> None:
        """Close what has expired, and the longest unused while all together are over the budget of bytes."""
        now = self._clock()
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
        self._close(closed)

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
        self._close(closed)

    def _make_room(self) -> list[Seat]:
        if len(self._seats) < self._cap:
            return []
        now = self._clock()
        free = [s for s in self._seats.values() if s.image is None and now - s.used > self._settle]
        free = free or [s for s in self._seats.values() if now - s.used > self._grace]
        if not free:
            raise FullError(f"session: at most {self._cap} people at work at once; try again in a few minutes")
        self._forget(free[0])
        return [free[0]]

    def _check_held(self, seat: Seat) -> None:
        if self._seats.get(seat.token) is not seat:
            raise UnknownSessionError(_UNKNOWN)

    def _forget(self, seat: Seat) -> None:
        del self._seats[seat.token]
        if seat.former is not None:
            del self._former[seat.former]

    def _close(self, seats: list[Seat]) -> None:
        for seat in seats:
            seat.closed = True
            self._on_close(seat)
