"""The folder of one run of the server: uploads and exports, one folder a session; nothing in it outlives the run."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from filelock import FileLock, Timeout

from samui.errors import SamuiError

_PREFIX, _LOCK = "run-", ".lock"


class Scratch:
    """`parent`/run-XXXX, and beside it a lock that shows that the run is alive. Making one removes those of dead runs.

    The system frees a process's lock however the process ends; a process id says less, since another process may get
    it. Raises SamuiError if `parent` belongs to somebody else, who could read what is put there.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid") and parent.stat().st_uid != os.getuid():
            raise SamuiError(
                f"{parent}: must belong to the user who starts the server, got user {parent.stat().st_uid}"
            )
        sweep(parent)
        self.folder = parent / f"{_PREFIX}{secrets.token_hex(8)}"
        self._lock = _lock_of(self.folder)
        self._lock.acquire()  # before there is a folder that could be swept
        self.folder.mkdir(mode=0o700)

    def seat(self, key: str) -> Path:
        """The folder of one session, made if missing."""
        folder = self.folder / key
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def drop(self, key: str) -> None:
        """Remove the folder of one session."""
        shutil.rmtree(self.folder / key, ignore_errors=True)

    def close(self) -> None:
        """Remove the folder of the run."""
        _remove(self.folder, self._lock)


def sweep(parent: Path) -> None:
    """Remove what killed runs left behind."""
    for folder in parent.glob(f"{_PREFIX}*"):
        if folder.suffix == _LOCK:
            continue
        lock = _lock_of(folder)
        try:
            lock.acquire()
        except Timeout:
            continue
        _remove(folder, lock)


def _lock_of(folder: Path) -> FileLock:
    return FileLock(folder.with_name(folder.name + _LOCK), timeout=0, thread_local=False)


def _remove(folder: Path, lock: FileLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    lock.release()
    Path(lock.lock_file).unlink(missing_ok=True)


def link_or_copy(source: Path, target: Path) -> None:
    """The same file under another name, without writing it again where the file system allows."""
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)
