"""The formats in which masks are saved, by name, both ways. Page, command line and Python go through these alone.

    formats.write(annotation, "photo.json", "coco")
    for annotation in formats.read("photo.json"):
        ...

All are in the pixels of the image as `samui.pixels.images` reads it. What a format keeps stands in its `Keeps`, and
what it lost of some objects is told in numbers. With equal input the bytes are equal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from samui.errors import ExportError, FormatError
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.format import Format, Keeps, Options
from samui.formats.losses import Lost, lost
from samui.formats.prompt import SavedPrompt
from samui.formats.registry import FORMATS, for_file, get, guess
from samui.formats.saving import download
from samui.formats.source import Headers, Source
from samui.formats.sources import from_found, from_objects
from samui.formats.writing import write

__all__ = [
    "FORMATS",
    "Annotation",
    "Format",
    "Keeps",
    "Lost",
    "Options",
    "SavedObject",
    "SavedPrompt",
    "Source",
    "download",
    "for_file",
    "from_found",
    "from_objects",
    "get",
    "guess",
    "lost",
    "read",
    "write",
]


def read(
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    headers: Headers | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[Annotation]:
    """The images of a file, folder or zip of masks with their objects, one after the other.

    format: a name; if None, by ending and content. headers: sizes of images by name, for formats that do not hold them
    (`yolo`, `geojson` of others) where the images do not lie beside. tell: is given, in words, what was passed over.
    PNG, TIFF and zips of PNGs do not say of which image they are: theirs has the file's own name.

    Raises ExportError for a format that is not known, and, when an image is asked for, FormatError with path, place,
    rule and value. Nothing in a file is trusted.
    """
    chosen = None if format is None else get(format)
    return _read(Path(path), chosen, headers, tell)


def _read(
    path: Path, chosen: Format | None, headers: Headers | None, tell: Callable[[str], None]
) -> Iterator[Annotation]:
    try:
        source = Source(path, headers, tell)
        reader = (chosen or guess(source)).reader
        if reader is None:
            readable = ", ".join(one.name for one in FORMATS.values() if one.reader is not None)
            raise FormatError(f"must be of a format that can be read ({readable}), got {chosen and chosen.name}")
        yield from reader(source)
    except (FormatError, ExportError) as error:  # the other one for what no annotation may hold
        raise FormatError(f"{path}: {error}") from None
