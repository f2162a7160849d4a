"""Files on disk: written whole or not at all, under names that every system takes."""

from __future__ import annotations

import contextlib
import os
import secrets
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from samui.errors import ExportError

_NAME_BYTES = 100  # leaves room for a number and an ending on file systems that take 143 (eCryptfs) or 255


def write(path: str | os.PathLike[str], data: bytes | Iterable[bytes]) -> None:
    """Write a file so that at every moment, also after power loss, it is whole: the old one or the new one.

    data: the bytes, or pieces of them. A link is followed. Raises ExportError if the folder does not exist or cannot be
    written; nothing is left behind.
    """
    target = Path(os.path.realpath(path))
    temporary = target.parent / f".samui-{secrets.token_hex(8)}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        _sync_folder(target.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise ExportError(f"{path}: must be a file that can be written, got: {error.strerror or error}") from error


def safe_name(text: str) -> str:
    """A part of a file name made from any text: letters and digits of any script, "-", "_" and inner dots; may be "".

    Everything else becomes "_", so it holds no slash, no space, no control character; at most 100 bytes in UTF-8.
    """
    text = unicodedata.normalize("NFC", text)
    kept = "".join(c if c.isalnum() or c in "-." else " " for c in text)
    name = "_".join(kept.split()).strip("._")
    while len(name.encode()) > _NAME_BYTES:
        name = name[:-1]
    return name.strip("._")


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, where the system lets a folder be opened and synced (Windows and some shares do not)."""
    with contextlib.suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
