"""The image that a session has open, in the session's folder: the original, and what the browser shows."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from samui import files
from samui.pixels.images import Picture, encode_for_display
from samui.serve.scratch import link_or_copy
from samui.workspace.shelf import digest_of


@dataclass(frozen=True)
class OpenImage:
    """file: the original. display: what the browser shows. size: (H, W). notes: what a person should know of it. home:
    its name in a store that outlasts the server, "" where there is none. content: names what is in the file, so that
    equal files have equal ones: its home, or else the SHA-256 of the file in hexadecimal."""

    file: Path
    display: Path
    media_type: str
    name: str
    size: tuple[int, int]
    notes: tuple[str, ...] = ()
    home: str = ""
    content: str = ""

    @property
    def key(self) -> str:
        """Its name in the store: of one without a home, one in this run of the server that no two images share."""
        return self.home or "/".join(self.file.parts[-3:-1])


def store(folder: Path, source: Path, picture: Picture, home: str = "") -> OpenImage:
    """Copy the original, and write what the browser shows, into a new folder under `folder`; on an error it is gone."""
    data, media_type = encode_for_display(picture.pixels)
    folder = folder / f"image-{time.monotonic_ns()}"
    folder.mkdir()
    original, display = folder / "original", folder / "display"
    try:
        link_or_copy(source, original)
        with files.replacing(display, durable=False) as file:  # it does not outlive the run
            file.write(data)
        content = home or digest_of(original).hex()
        return OpenImage(original, display, media_type, picture.name, picture.size, picture.notes, home, content)
    except BaseException:  # a disk that is full, say
        shutil.rmtree(folder, ignore_errors=True)
        raise
