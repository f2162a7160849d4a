"""Waiting, with a look now and then at whether it is still worth it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

LOOK = 0.25  # seconds between two looks


def until(wait: Callable[[float], bool]) -> Iterator[None]:
    """Wait until `wait` says that it has come; yields every `LOOK` seconds until then.

    wait: waits as many seconds at most and says whether it has come, as `threading.Event.wait` does. An error
    raised in the loop's body ends the waiting.
    """
    while not wait(LOOK):
        yield
