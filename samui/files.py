"""Files on disk: written whole or not at all, under names that every system takes."""

from __future__ import annotations

import contextlib
import os
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from samui.errors import ExportError

_NAME_BYTES = 100  # leaves room for a number and an ending on file systems that take 143 (eCryptfs) or 255


def write(path: str | os.PathLike[str], data: bytes | Iterable[bytes]) -> None:
    """Write a file so that at every moment, also after power loss, it is whole: the old one or the new one.

    data: the bytes, or pieces of them. A link is followed. Raises ExportError if the folder does not exist or cannot be
    written, or if there is something else than a file; nothing is left behind, not even by Ctrl-C.
    """
    with _beside(path) as (temporary, target):
        with open(temporary, "xb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        _sync_folder(target.parent)


def check_target(path: str | os.PathLike[str], image: str | os.PathLike[str] | None = None) -> None:
    """Raise ExportError now where `write` would raise it after long work, or would write over the image's own file."""
    with _beside(path) as (temporary, target):
        if image is not None and target.exists() and os.path.exists(image) and os.path.samefile(target, image):
            raise ExportError(f"{path}: must be another file than the image, got the same")
        open(temporary, "xb").close()


def safe_name(text: str) -> str:
    """A part of a file name made from any text: letters with their marks, digits, "-", "_" and inner dots; may be "".

    Letters are of any script. Everything else becomes "_", so it holds no slash, no space, no control character; at
    most 100 bytes in UTF-8.
    """
    kept = ""
    for c in unicodedata.normalize("NFC", text):
        # Vowel signs and tone marks belong to the letter before them: without, Hindi or Thai are other words.
        belongs = _is_mark(c) and kept[-1:] not in ("", " ", "-", ".")
        kept += c if c.isalnum() or c in "-." or belongs else " "
    name = "_".join(kept.split()).strip("._")
    while len(name.encode()) > _NAME_BYTES:
        name = name[:-1]
    return name.strip("._")


def _is_mark(character: str) -> bool:
    """Whether it is written on or at the letter before it; not the invisible signs that choose an emoji's look."""
    return unicodedata.category(character) in ("Mn", "Mc") and not "\ufe00" <= character <= "\ufe0f"


@contextlib.contextmanager
def _beside(path: str | os.PathLike[str]) -> Iterator[tuple[Path, Path]]:
    """(new file in the same folder, which is gone afterwards; the file that the path leads to)."""
    target = Path(os.path.realpath(path))
    temporary = target.parent / f".samui-{secrets.token_hex(8)}.tmp"
    try:
        if target.exists() and not target.is_file():  # renaming would put a file in the place of /dev/null
            got = "a folder" if target.is_dir() else "a device"
            raise ExportError(f"{path}: must be a file that can be written, got {got}")
        yield temporary, target
    except OSError as error:
        raise ExportError(f"{path}: must be a file that can be written, got: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, where the system lets a folder be opened and synced (Windows and some shares do not)."""
    with contextlib.suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
