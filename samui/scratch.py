"""The folder of one run of the server: uploads and exports, a folder a session; nothing of it outlives the run."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from samui.errors import SamuiError

_PREFIX = "run-"


class Scratch:
    """`parent`/run-PID-XXXX. Making one removes the folders of runs whose process is gone.

    Raises SamuiError if `parent` belongs to somebody else, who could read what is put there.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid") and parent.stat().st_uid != os.getuid():
            raise SamuiError(
                f"{parent}: must belong to the user who starts the server, got user {parent.stat().st_uid}"
            )
        sweep(parent)
        self.folder = parent / f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
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
        shutil.rmtree(self.folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove what runs left behind that were killed."""
    for folder in parent.glob(f"{_PREFIX}*"):
        if not _alive(folder.name.removeprefix(_PREFIX).partition("-")[0]):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: str) -> bool:
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's process, or a system that does not answer: leave the folder
        return True
    return True


def link_or_copy(source: Path, target: Path) -> None:
    """The same file under another name, without writing it again where the file system allows."""
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)
