"""Limits how much is decoded at once, over all pages and endpoints of a server, and gives memory back afterwards."""

from __future__ import annotations

import ctypes
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class DecodingBudget:
    """Lets work on a number of pixels begin, in order of arrival, while all together stay within a budget.

    What is larger than the whole budget works alone. Thread-safe.
    """

    def __init__(self, pixels: int) -> None:
        self._budget, self._used = pixels, 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def used(self) -> int:
        """Pixels that are being worked on."""
        return self._used

    @contextmanager
    def room(self, pixels: int) -> Iterator[None]:
        """Wait until there is room for so many pixels, and hold it."""
        weight, turn = min(pixels, self._budget), object()
        with self._changed:
            self._waiting.append(turn)
            try:
                # Only the first may go, so that small pictures cannot keep a large one waiting for ever.
                self._changed.wait_for(lambda: self._waiting[0] is turn and self._used + weight <= self._budget)
                self._used += weight
            finally:
                self._waiting.remove(turn)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._used -= weight
                self._changed.notify_all()


def _find_trim() -> Callable[[int], int] | None:
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # no C library of GNU: others give memory back by themselves
        return None
    return trim


_trim = _find_trim()


def give_back_memory() -> None:
    """Give freed memory back to the system.

    Pillow keeps pictures in blocks of 16 MB, which glibc takes out of the heap of the thread once it has seen a few and
    keeps there when they are free: each thread that ever read 40 megapixels would hold some 160 MB until the end. Takes
    about 50 ms after such a picture.
    """
    if _trim is not None:
        _trim(0)
