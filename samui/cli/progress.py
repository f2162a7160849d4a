"""How far a long command is, on one line of a terminal; nothing where the stream is no terminal."""

from __future__ import annotations

import time
from typing import TextIO


class Counter:
    """ "12 of 3000 images", at most ten times a second."""

    def __init__(self, stream: TextIO, what: str) -> None:
        self._stream, self._what = stream if stream.isatty() else None, what
        self._last = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Show how many of how many are done."""
        now = time.monotonic()
        if self._stream is None or (now - self._last < 0.1 and done < total):
            return
        self._last = now
        self._stream.write(f"\r\x1b[K{done} of {total} {self._what}")
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._stream is not None:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
