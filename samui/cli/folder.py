"""A folder of images: which of its files are taken, and how many pictures are not."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from samui.errors import ImageError

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".mpo")
# Of pictures that samui does not open. Whoever keeps some among the others will miss them.
_OTHERS = (".gif", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".psd", ".dng", ".cr2", ".nef", ".arw", ".tga")
_COMPANION = "._", b"\x00\x05\x16\x07"  # how the name and the content begin of what macOS puts beside a file


@dataclass(frozen=True)
class Survey:
    """images: the files to work on, by name. passed: how many others look like pictures, by what they are."""

    images: tuple[Path, ...]
    passed: Mapping[str, int]

    @property
    def passed_over(self) -> str:
        """In words: ".gif (2), links to nothing (1)"."""
        return ", ".join(f"{what} ({count})" for what, count in sorted(self.passed.items()))


def survey(folder: Path) -> Survey:
    """Look at the files right in a folder. Raises ImageError if it is not a folder that can be read."""
    images, passed = [], Counter[str]()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                suffix = Path(entry.name).suffix.lower()
                if suffix not in SUFFIXES + _OTHERS:
                    continue
                left = _left_out(entry, suffix)
                if left is None:
                    images.append(Path(entry))
                else:
                    passed[left] += 1
    except OSError as error:
        raise ImageError(f"{folder}: must be a folder that can be read, got: {error.strerror or error}") from error
    return Survey(tuple(sorted(images, key=lambda path: os.fsencode(path.name))), passed)


def _left_out(entry: os.DirEntry[str], suffix: str) -> str | None:
    """Why a file with a picture's name is left out; None if it is one to work on."""
    if not entry.is_file():
        return "links to nothing" if entry.is_symlink() and not os.path.exists(entry) else "no files"
    start, magic = _COMPANION
    if entry.name.startswith(start):
        with contextlib.suppress(OSError), open(entry, "rb") as file:
            if file.read(len(magic)) == magic:
                return "companions of macOS"
    return suffix if suffix in _OTHERS else None
