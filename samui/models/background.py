"""Work beside the requests of people: in a thread of its own, with the context of whoever began it."""

from __future__ import annotations

import contextlib
import contextvars
import os
import sys
import threading
from collections.abc import Callable
from functools import partial

# Of a thread that encodes: threads that answer clicks get three times its share of a core. 0 for an equal share.
NICE = 5


def start(work: Callable[[], None]) -> None:
    """Run work in a new thread, on Linux with a lower priority. Context variables are those of the caller.

    They carry what a framework has noted about the current request, such as whose share of a GPU it uses.
    """
    run = partial(contextvars.copy_context().run, _step_back_and, work)
    threading.Thread(target=run, name="samui-background", daemon=True).start()


def _step_back_and(work: Callable[[], None]) -> None:
    """Lower this thread's priority, and with it that of the threads that torch will start for it."""
    if NICE and sys.platform == "linux":  # elsewhere priorities belong to processes
        with contextlib.suppress(OSError):  # a sandbox may forbid it; clicks then take turns
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + NICE)
    work()
