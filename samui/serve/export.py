"""From a session's objects to what the formats write; the page, the API and the command line export through here."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath

import numpy as np

from samui import files, formats
from samui.errors import ExportError, SessionError
from samui.names import safe_name
from samui.work.session import Object

_FOLDER = "exports"
_KEPT = 5  # of a session: enough for all downloads that are under way


def annotate(name: str, size: tuple[int, int], objects: Iterable[Object]) -> formats.Annotation:
    """The objects of an image of size (H, W) as an annotation; hidden ones too."""
    saved = []
    for item in objects:
        prompt = {**formats.describe(item.prompt), "candidate": item.candidate, "snapped": item.snapped}
        saved.append(formats.SavedObject(item.id, item.label, item.colour, item.mask, item.score, prompt, item.model))
    return formats.Annotation(name, size, saved)


def encode(
    annotation: formats.Annotation, format_name: str, pixels: Callable[[], np.ndarray], *, only: int | None = None
) -> tuple[str, bytes]:
    """(file name, bytes) of an annotation in a format; `only` one object's id, or all.

    pixels: called for the formats that draw on the image, RGB uint8 (H, W, 3). Raises ExportError.
    """
    chosen = formats.get(format_name)
    if not annotation.objects:
        raise ExportError("save: there must be at least one object; accept a mask first")
    stem = safe_name(PurePath(annotation.image).stem) or "image"
    if only is not None:
        annotation = annotation.only(only)
        stem = f"{stem}-{safe_name(annotation.objects[0].label) or 'object'}-{only}"
    data = chosen.encode(annotation, pixels() if chosen.needs_image else None)
    return f"{stem}-{chosen.name}{chosen.suffix}", data


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
