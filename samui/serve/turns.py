"""Turns: at most so many decoder calls at once as there are cores, in order of arrival.

Each call computes on all cores, so more of them at once only take the cores from each other, and from the encoder.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class OvertakenError(Exception):
    """A newer prompt of the same page has come while this one waited for its turn."""


class _Waiting:
    def __init__(self, wanted: Callable[[], bool]) -> None:
        self.wanted = wanted
        self.is_called = threading.Event()
        self.is_admitted = False


class Turns:
    """A queue in front of the decoder. Thread-safe."""

    def __init__(self, at_once: int | None = None) -> None:
        """at_once: calls that may run together; None for the number of cores that this process has."""
        self.at_once = cores() if at_once is None else at_once
        self._running = 0
        self._waiting: deque[_Waiting] = deque()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return len(self._waiting)

    @property
    def busy(self) -> bool:
        """Whether a call runs or waits."""
        return self._running > 0

    @contextmanager
    def turn(self, wanted: Callable[[], bool] = lambda: True) -> Iterator[None]:
        """Wait for a turn, and have it until the end of the block.

        wanted: whether the call is still wanted; it is asked whenever somebody calls `look`, and at the turn. Raises
        OvertakenError as soon as it is not; a call that is not wanted costs no turn.
        """
        me = _Waiting(wanted)
        with self._lock:
            if not self._waiting and self._running < self.at_once:
                me.is_admitted = True
                self._running += 1
            else:
                self._waiting.append(me)
        try:
            if not me.is_admitted:
                me.is_called.wait()
            if not me.is_admitted or not wanted():
                raise OvertakenError
            yield
        finally:
            self._leave(me)

    def look(self) -> None:
        """Release waiting calls that are no longer wanted; to be called when something was overtaken."""
        if not self._waiting:
            return
        with self._lock:
            unwanted = [one for one in self._waiting if not one.wanted()]
            for one in unwanted:
                self._waiting.remove(one)
        for one in unwanted:
            one.is_called.set()

    def _leave(self, me: _Waiting) -> None:
        with self._lock:
            if me.is_admitted:
                self._running -= 1
            elif me in self._waiting:  # the wait itself was broken off
                self._waiting.remove(me)
            while self._waiting and self._running < self.at_once:
                following = self._waiting.popleft()
                following.is_admitted = True
                self._running += 1
                following.is_called.set()


def cores() -> int:
    """Processor cores that this process may use, those that a container's limit leaves it."""
    from samui.models.threads import limit  # here, since that module needs torch

    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed = limit()
    return max(1, bound if allowed is None else min(bound, int(allowed)))
