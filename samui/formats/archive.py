"""Zip files whose bytes depend on their content alone, written one file after the other."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import BinaryIO

_NO_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that zip can say: equal content gives equal bytes
_PACKED = (".png", ".jpg", ".jpeg", ".npz", ".zip", ".webp")  # do not get any smaller


def write_zip(file: BinaryIO, items: Iterable[tuple[str, bytes]]) -> None:
    """Write a zip of (name with "/", content) in their order."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in items:
            put(archive, name, content)


def put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add one file."""
    entry = entry_for(name)
    packed = PurePosixPath(name).suffix.lower() in _PACKED
    archive.writestr(entry, content, zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED)


def entry_for(name: str) -> zipfile.ZipInfo:
    """The head of a file in a zip, as on every machine and day."""
    entry = zipfile.ZipInfo(name, _NO_DATE)
    entry.create_system = 3  # Unix
    entry.external_attr = 0o644 << 16
    return entry
