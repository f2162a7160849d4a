"""Exports of a session: files, each in its own folder under the session's; the last ones stay."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from samui import files
from samui.errors import ExportError, SessionError

_FOLDER = "exports"
_KEPT = 5  # of a session: enough for all downloads that are under way


def keep(folder: Path, name: str, data: bytes) -> Path:
    """Write an export under a session's folder, in a folder of its own; only the last ones stay. Raises ExportError."""
    exports = folder / _FOLDER
    own = exports / f"{time.monotonic_ns():020}"
    try:
        exports.mkdir(exist_ok=True)
        own.mkdir()
    except OSError as error:
        raise ExportError(f"save: there must be room for a file, got: {error.strerror or error}") from error
    files.write(own / name, data)
    for old in sorted(exports.iterdir())[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return own / name


def find(folder: Path, own: str, name: str) -> Path:
    """One of the last exports under a session's folder, by the name of its folder and its own. Raises SessionError."""
    for file in (folder / _FOLDER).glob("*/*"):
        if (file.parent.name, file.name) == (own, name):
            return file
    raise SessionError(f"export: must be one of the last {_KEPT}, got {name[:60]!r}")
