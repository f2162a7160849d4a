"""`Watch`: looks at the folder now and then, so that new files appear without a restart; nobody waits for that."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from samui.errors import SamuiError
from samui.models import background
from samui.workspace.folder import Workspace

LEAST = 3.0  # seconds between two looks
SHARE = 20  # so many times as long as a look took lie between two of them
log = logging.getLogger(__name__)
Start = Callable[[Callable[[], None]], None]


class Watch:
    """Scans a workspace in a thread of its own, when somebody asks and the last look is long enough ago. Thread-safe.

    Work that nobody looks at costs nothing: without a page that is open there is no look.
    """

    def __init__(
        self, workspace: Workspace, *, clock: Callable[[], float] = time.monotonic, start: Start = background.start
    ) -> None:
        self._workspace, self._clock, self._start = workspace, clock, start
        self._next = clock() + LEAST  # it has just been opened, with a look
        self._scanning = False
        self._lock = threading.Lock()
        self.changes = 0  # looks that found another folder

    def look(self) -> None:
        """Begin a look at the folder, if it is time for one."""
        with self._lock:
            if self._scanning or self._clock() < self._next:
                return
            self._scanning = True
        self._start(self._scan)

    def _scan(self) -> None:
        began = self._clock()
        try:
            found = self._workspace.scan()
            self.changes += found.changed
        except SamuiError as error:
            log.warning("%s: not looked at (%s)", self._workspace.folder, error)
        finally:
            now = self._clock()
            with self._lock:
                self._next = now + max(LEAST, SHARE * (now - began))
                self._scanning = False
