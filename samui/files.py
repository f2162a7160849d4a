"""Files on disk that are whole at every moment: the one way in which samui writes what others may read.

with files.replacing(path) as file:
    file.write(data)
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from samui.errors import ExportError

TEMPORARY = ".part"  # ending of files under way; older ones are what a killed process left behind


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], *, durable: bool = True) -> Iterator[BinaryIO]:
    """A new binary file that takes this name once the block has ended: readers see the old file or the new one.

    durable: also after a loss of power, at the cost of a sync of the disk (some 10 ms, on a busy one 500). If the block
    raises, also by Ctrl-C, the old file stays and nothing is left behind. A link is replaced, not followed. Raises the
    system's OSError.
    """
    target = Path(path)
    temporary = target.with_name(f".samui-{secrets.token_hex(8)}{TEMPORARY}")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, target)
        if durable:
            _sync_folder(target.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write(path: str | os.PathLike[str], data: bytes | Iterable[bytes]) -> None:
    """Write a file that a person named, so that at every moment, also after power loss, it is whole: old or new.

    data: the bytes, or pieces of them. A link is followed. Raises ExportError if the folder does not exist or cannot be
    written, or if the path is something other than a file; nothing is left behind, not even by Ctrl-C.
    """
    with _as_export_error(path), replacing(_writable(path)) as file:
        file.writelines([data] if isinstance(data, bytes) else data)


@contextlib.contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file that a person named, open for writing, and there once the block has ended; as `write`, of many pieces."""
    with _as_export_error(path), replacing(_writable(path)) as file:
        yield file


def check_target(path: str | os.PathLike[str], image: str | os.PathLike[str] | None = None) -> None:
    """Raise ExportError now where `write` would raise it after long work, or would write over the image's own file."""
    with _as_export_error(path):
        target = _writable(path)
        if image is not None and target.exists() and os.path.exists(image) and os.path.samefile(target, image):
            raise ExportError(f"{path}: must be another file than the image, got the same")
        trial = target.with_name(f".samui-{secrets.token_hex(8)}{TEMPORARY}")
        try:
            open(trial, "xb").close()
        finally:
            trial.unlink(missing_ok=True)


def _writable(path: str | os.PathLike[str]) -> Path:
    """The file that a path leads to."""
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():  # renaming would put a file in the place of /dev/null
        got = "a folder" if target.is_dir() else "a device"
        raise ExportError(f"{path}: must be a file that can be written, got {got}")
    return target


@contextlib.contextmanager
def _as_export_error(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExportError(f"{path}: must be a file that can be written, got: {error.strerror or error}") from error


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, where the system lets a folder be opened and synced (Windows and some shares do not)."""
    with contextlib.suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
