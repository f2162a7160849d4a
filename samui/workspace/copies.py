"""`Copies`: copies of a store beside it, one an hour of work, the last few kept. A copy is whole, whoever writes."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from pathlib import Path

from samui.errors import StoreError
from samui.workspace.database import Database

EVERY_SECONDS = 3600.0
KEPT = 5
_TEMPORARY = ".part"
log = logging.getLogger(__name__)


class Copies:
    """Made in a thread of their own while work goes on. One that cannot be made costs nobody his work."""

    def __init__(self, database: Database, folder: Path, *, every: float = EVERY_SECONDS, kept: int = KEPT) -> None:
        self._database, self.folder, self._every, self._kept = database, folder, every, kept
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        newest = self.all()[:1]
        self._next = time.time() if not newest else newest[0].stat().st_mtime + every

    def all(self) -> list[Path]:
        """The copies, the newest first."""
        return sorted(self.folder.glob("*.sqlite"), key=lambda file: file.name, reverse=True)

    def after_change(self) -> None:
        """Something was committed: begin a copy if the newest one is an hour old."""
        if time.time() < self._next:
            return
        with self._lock:
            if self._thread is not None or time.time() < self._next:
                return
            self._next = time.time() + self._every
            self._thread = threading.Thread(target=self._run, name="samui-copy", daemon=True)
            self._thread.start()

    def make(self) -> Path:
        """Copy the store now, and remove the oldest copies. Raises StoreError."""
        name = time.strftime("%Y-%m-%dT%H-%M-%S", time.gmtime())
        target, temporary = self.folder / f"{name}.sqlite", self.folder / f"{name}{_TEMPORARY}"
        try:
            self.folder.mkdir(exist_ok=True)
            temporary.unlink(missing_ok=True)
            self._database.copy(temporary)
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, target)
            for old in self.all()[self._kept :]:
                old.unlink()
        except OSError as error:
            raise StoreError(f"{self.folder}: must be a folder that can be written, got: {error.strerror}") from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        return target

    def wait(self) -> None:
        """Wait for a copy that is being made."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        try:
            self.make()
        except StoreError as error:
            log.warning("no copy of the store was made (%s)", error)
        finally:
            self._thread = None
