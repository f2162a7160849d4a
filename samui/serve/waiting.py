"""Waiting for long work without being tied to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

T = TypeVar("T")
_LOOK = 0.25  # seconds between two looks at whether it is wanted still
_SIGN = 5.0  # seconds between two signs of life, so that a page does not give up


def wait_for(work: Callable[[], T], check: Callable[[], None]) -> Generator[dict[str, Any], None, T]:
    """The result of work that runs in a thread, or its error; yields the event "life" now and then.

    check: raises if the work is not wanted any more. The work itself then goes on to its end, as it does for whoever
    stops listening.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    ended = threading.Event()

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # raised where it is waited for
            errors.append(error)
        finally:
            ended.set()

    threading.Thread(target=run, daemon=True, name="samui-work").start()
    told = time.monotonic()
    while not ended.wait(_LOOK):
        check()
        if time.monotonic() - told > _SIGN:
            told = time.monotonic()
            yield {"event": "life"}
    if errors:
        raise errors[0]
    return results[0]
