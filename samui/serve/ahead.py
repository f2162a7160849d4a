"""`Ahead`: the image that a person will probably open next, read and embedded before they do."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from samui.errors import SamuiError
from samui.models import background
from samui.models.embeddings import UnwantedError, embedding_key
from samui.serve.seat import Seat

if TYPE_CHECKING:
    from samui.serve.server import Server

PAUSE = 0.05  # seconds between two looks at whether the decoder is at rest
log = logging.getLogger(__name__)
Start = Callable[[Callable[[], None]], None]


class Ahead:
    """One wish a seat, one after the other, in a thread of lower priority that ends when there is none left.

    It begins nothing while a decoder call runs or waits, and holds no lock that a click needs, so a click comes through
    at once; a wish that another one of its seat has replaced is dropped at the latest when its turn at the encoder
    comes. An embedding that would drive one of an open image out of the cache is not made. Thread-safe.
    """

    def __init__(self, start: Start = background.start) -> None:
        self._start = start
        self._wishes: OrderedDict[str, tuple[Seat, Path, str]] = OrderedDict()  # by the seat's key
        self._at_work: tuple[Seat, Path, str] | None = None
        self._running = False
        self._changed = threading.Condition()

    def want(self, server: Server, seat: Seat, file: Path, name: str) -> None:
        """Have this file ready for a seat, instead of what was wanted for it before."""
        with self._changed:
            self._wishes[seat.key] = (seat, file, name)
            self._changed.notify_all()
            if self._running:
                return
            self._running = True
        self._start(lambda: self._work(server))

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do; False if that takes longer than so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, timeout)

    def _work(self, server: Server) -> None:
        while True:
            with self._changed:
                if not self._wishes:
                    self._running = False
                    self._changed.notify_all()
                    return
                _, wish = self._wishes.popitem(last=False)
                self._at_work = wish
            try:
                self._fulfil(server, *wish)
            except UnwantedError:
                pass
            except SamuiError as error:  # whoever opens it is told
                log.info("%s: not made ready (%s)", wish[2], error)
            except Exception:
                log.exception("%s: not made ready", wish[2])

    def _fulfil(self, server: Server, seat: Seat, file: Path, name: str) -> None:
        def wanted() -> bool:
            with self._changed:
                return not seat.closed and seat.key not in self._wishes

        predictor = server.predictor_of(seat)
        while server.turns.busy:
            if not wanted():
                return
            with self._changed:
                self._changed.wait(PAUSE)
        open_now = [work.embedding_key for one in server.seats.all() if (work := one.contents.work) is not None]
        if not wanted() or not server.embeddings.has_room_beside(open_now):
            return
        picture = server.pictures.read_ahead(file, name)
        key = embedding_key(predictor, picture.pixels)
        server.embeddings.get_or_encode(predictor, picture.pixels, key=key, wanted=wanted)
