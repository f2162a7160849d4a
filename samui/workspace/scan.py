"""A look at a folder: which of its files are pictures that samui opens, below it at any depth, and how many are not."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from samui.errors import ImageError

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".mpo")
# Of pictures that samui does not open. Whoever keeps some among the others will miss them.
OTHERS = (".gif", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".psd", ".dng", ".cr2", ".nef", ".arw", ".tga")
_COMPANION = "._", b"\x00\x05\x16\x07"  # begin of the name and of the content of what macOS puts beside a file


@dataclass(frozen=True)
class File:
    """A picture's file. path: relative to the folder, with "/". mtime: nanoseconds."""

    path: str
    nbytes: int
    mtime: int


@dataclass
class Look:
    """files: by path. passed: how many others look like pictures, by what they are."""

    files: dict[str, File] = field(default_factory=dict)
    passed: Counter[str] = field(default_factory=Counter)


def look(folder: Path) -> Look:
    """All pictures below a folder. Hidden folders and links to folders are not entered, and a link to a file outside
    of it counts as passed over. Raises ImageError if it is no folder that can be read."""
    found, root = Look(), os.path.realpath(folder)
    try:
        with os.scandir(folder):
            pass
    except OSError as error:
        raise ImageError(f"{folder}: must be a folder that can be read, got: {error.strerror or error}") from error
    for path, entry in _entries(str(folder), ""):
        suffix = os.path.splitext(entry.name)[1].lower()
        if suffix not in SUFFIXES + OTHERS:
            continue
        left = left_out(entry, suffix)
        if left is None and entry.is_symlink() and not _inside(os.path.realpath(entry), root):
            left = "links out of the folder"
        if left is not None:
            found.passed[left] += 1
            continue
        with contextlib.suppress(OSError):  # gone meanwhile
            stat = entry.stat()
            found.files[path] = File(path, stat.st_size, stat.st_mtime_ns)
    return found


def left_out(entry: os.DirEntry[str], suffix: str) -> str | None:
    """Why a file that is called like a picture is not one to work on; None if it is."""
    if not entry.is_file():
        return "links to nothing" if entry.is_symlink() and not os.path.exists(entry) else "no files"
    start, magic = _COMPANION
    if entry.name.startswith(start):
        with contextlib.suppress(OSError), open(entry, "rb") as file:
            if file.read(len(magic)) == magic:
                return "companions of macOS"
    return suffix if suffix in OTHERS else None


def _entries(folder: str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every file below a folder, with its path; a folder that cannot be read is passed over."""
    waiting = [(folder, prefix)]
    while waiting:
        here, before = waiting.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if not entry.is_dir():
                        yield before + entry.name, entry
                    elif not entry.name.startswith(".") and not entry.is_symlink():
                        waiting.append((entry.path, f"{before}{entry.name}/"))
        except OSError:
            continue


def _inside(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)
