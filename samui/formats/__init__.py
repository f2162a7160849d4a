"""The formats in which masks are saved, by name, both ways. Page, command line and Python go through these alone.

    formats.write(annotation, "photo.json", "coco")
    for annotation in formats.read("photo.json"):
        ...

All are in the pixels of the image as `samui.pixels.images` reads it. What a format keeps stands in its `Keeps`, and
what it lost of some objects is told in numbers. With equal input the bytes are equal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath, PureWindowsPath

import numpy as np

from samui import files
from samui.errors import ExportError, FormatError
from samui.formats import coco, cutout, labelmap, mask, masks, overlay
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.format import Format, Keeps
from samui.formats.losses import Lost, lost
from samui.formats.prompt import SavedPrompt
from samui.formats.saving import download
from samui.formats.sources import from_found, from_objects

__all__ = [
    "FORMATS",
    "Annotation",
    "Format",
    "Keeps",
    "Lost",
    "SavedObject",
    "SavedPrompt",
    "download",
    "for_file",
    "from_found",
    "from_objects",
    "get",
    "lost",
    "read",
    "write",
]

FORMATS = {
    one.name: one
    for one in (mask.FORMAT, masks.FORMAT, labelmap.FORMAT, *cutout.FORMATS, *overlay.FORMATS, *coco.FORMATS)
}
_BY_ENDING = {".png": "mask", ".zip": "masks", ".jpg": "overlay", ".jpeg": "overlay", ".json": "coco"}


def get(name: str) -> Format:
    """The format of a name. Raises ExportError for another name."""
    try:
        return FORMATS[name]
    except (KeyError, TypeError):
        raise ExportError(f"format: must be one of {', '.join(FORMATS)}, got {name!r}") from None


def for_file(path: str | os.PathLike[str]) -> Format:
    """The format that a file's name asks for: .png mask, .zip masks, .jpg or .jpeg overlay, .json coco."""
    suffix = PurePath(path).suffix.lower()
    if suffix not in _BY_ENDING:
        raise ExportError(
            f"{os.fspath(path)}: must end with one of {', '.join(_BY_ENDING)}, got {suffix or 'no ending'!r}"
        )
    return FORMATS[_BY_ENDING[suffix]]


def write(
    annotations: Annotation | Iterable[Annotation],
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    image: np.ndarray | Callable[[Annotation], np.ndarray] | None = None,
) -> Lost:
    """Write the objects of one image or of many, and tell what the format could not hold of them.

    annotations: one, or any number, which are asked for one after the other and let go, so that memory does not grow
    with their number. path: a file; of many images in a format of one a file (all but COCO) a folder, which must exist
    and gets a file an image, named like it. format: a name; by the ending of `path` if None. image: RGB uint8
    (H, W, 3), or what gives it for an annotation, for the formats that draw on it.

    Each file is written whole or not at all. Raises ExportError.
    """
    chosen = for_file(path) if format is None else get(format)
    told = Lost()

    def noted(given: Iterable[Annotation]) -> Iterator[Annotation]:
        nonlocal told
        for one in given:
            told += lost(one, chosen)
            yield one

    def encoded(one: Annotation) -> bytes:
        return chosen.encode(one, image(one) if callable(image) else image)

    if isinstance(annotations, Annotation):
        files.write(path, b"".join(encoded(one) for one in noted([annotations])))
    elif chosen.joiner is not None:
        files.write(path, chosen.joiner(noted(annotations)))
    else:
        taken: set[str] = set()
        for one in noted(annotations):
            files.write(Path(path) / f"{_own_name(one.image, taken)}{chosen.suffix}", encoded(one))
    return told


def read(path: str | os.PathLike[str], format: str | None = None) -> Iterator[Annotation]:
    """The images of a file of masks with their objects, one after the other.

    format: a name; if None, by the ending: .json COCO of any kind, .zip masks, .png a label map if it has values of
    several objects, a mask otherwise. PNG and zip do not say of which image they are: theirs has the file's own name.

    Raises ExportError for a format that is not known, and, when an image is asked for, FormatError with path, place,
    rule and value. Nothing in a file is trusted.
    """
    chosen = None if format is None else get(format)
    return _read(Path(path), chosen)


def _read(path: Path, chosen: Format | None) -> Iterator[Annotation]:
    try:
        reader = (chosen or _guess(path)).reader
        if reader is None:
            readable = ", ".join(one.name for one in FORMATS.values() if one.reader is not None)
            raise FormatError(f"must be of a format that can be read ({readable}), got {chosen and chosen.name}")
        yield from reader(path)
    except (FormatError, ExportError) as error:  # the other one for what no annotation may hold
        raise FormatError(f"{path}: {error}") from None


def _guess(path: Path) -> Format:
    chosen = FORMATS.get(_BY_ENDING.get(path.suffix.lower(), ""))
    if chosen is None or chosen.reader is None:
        raise FormatError(f"must end with .json, .zip or .png, or its format must be given, got {path.name!r}")
    return FORMATS["labelmap"] if chosen.name == "mask" and labelmap.is_labelmap(path) else chosen


def _own_name(image: str, taken: set[str]) -> str:
    """What an image's file in a folder is called, without ending: its stem, or its whole name where that is taken.

    Also on systems that do not tell capitals apart. The folders of its name are left out, so no file leaves its own.
    """
    name = PureWindowsPath(image).name  # which knows both kinds of slashes
    for own in (PurePath(name).stem, name):
        if own.casefold() not in taken and own.strip(". ") and "\0" not in own:
            taken.add(own.casefold())
            return own
    raise ExportError(f"image: must have a file name of its own among the images, got {image!r}")
