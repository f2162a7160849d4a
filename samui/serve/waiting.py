"""Waiting for long work without being tied to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from samui.models.waits import until

T = TypeVar("T")
_SIGN = 5.0  # seconds between signs of life, so that a page does not give up


def wait_for(work: Callable[[], T], check: Callable[[], None]) -> Generator[dict[str, Any], None, T]:
    """The result of work that runs in a thread, or its error; yields the event "life" now and then.

    check: raises if the work is no longer wanted. The work itself then still runs to its end.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # raised to whoever waits for it
            result.set_exception(error)

    threading.Thread(target=run, daemon=True, name="samui-work").start()
    told = time.monotonic()
    for _ in until(lambda seconds: bool(wait([result], seconds).done)):
        check()
        if time.monotonic() - told > _SIGN:
            told = time.monotonic()
            yield {"event": "life"}
    return result.result()
