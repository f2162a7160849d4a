"""The image that a session has open, in the session's folder: the original, and what the browser shows."""

from __future__ import annotations

import hashlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from samui import files
from samui.pixels.images import Picture, encode_for_display
from samui.serve.scratch import link_or_copy


@dataclass(frozen=True)
class OpenImage:
    """file: the original. display: what the browser shows. size: (H, W). notes: what a person should know of it.

    content: SHA-256 of the original in hexadecimal, so that equal files have equal ones.
    """

    file: Path
    display: Path
    media_type: str
    name: str
    size: tuple[int, int]
    notes: tuple[str, ...] = ()
    content: str = ""

    @property
    def key(self) -> str:
        """Its name in this run of the server: no two images share it."""
        return "/".join(self.file.parts[-3:-1])


def store(folder: Path, source: Path, picture: Picture) -> OpenImage:
    """Copy the original, and write what the browser shows, into a new folder under `folder`; on an error it is gone."""
    data, media_type = encode_for_display(picture.pixels)
    folder = folder / f"image-{time.monotonic_ns()}"
    folder.mkdir()
    original, display = folder / "original", folder / "display"
    try:
        link_or_copy(source, original)
        with files.replacing(display, durable=False) as file:  # it does not outlive the run
            file.write(data)
        content = _sha256(original)
        return OpenImage(original, display, media_type, picture.name, picture.size, picture.notes, content=content)
    except BaseException:  # a disk that is full, say
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _sha256(file: Path) -> str:
    """Of what is in a file, read a part at a time: a millisecond for 1 MB."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while part := stream.read(2**20):
            digest.update(part)
    return digest.hexdigest()
