"""`masks`: a zip with one `mask` PNG of full image size for each object, each complete where objects overlap.

A file is named by the object's id and label: ``0003-wing.png``. Labels become safe file names (`samui.names`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from samui.errors import FormatError
from samui.formats import archive, picture
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.format import Format, Keeps
from samui.formats.mask import decode_png, encode_png
from samui.formats.source import Source
from samui.names import safe_name
from samui.pixels.colours import hex_colour
from samui.pixels.rle import Rle

_NAME = re.compile(r"(\d{4,9})(?:-(.*))?", re.DOTALL)


def encode(annotation: Annotation) -> bytes:
    """The zip file, empty without objects."""
    picture.check_size(".png", annotation.size)
    buffer = io.BytesIO()
    archive.write_zip(buffer, _items(annotation))
    return buffer.getvalue()


def _items(annotation: Annotation) -> Iterator[tuple[str, bytes]]:
    for one, mask in zip(annotation.objects, annotation.masks(), strict=True):
        label = safe_name(one.label)
        yield f"{one.id:04d}-{label}.png" if label else f"{one.id:04d}.png", encode_png(mask)


def read(source: Source) -> Iterator[Annotation]:
    """The one image, under the file's own name, with an object for each PNG, by name.

    Id and label come from names like ``0003-wing.png``; with another name among them, ids count from 1 and labels are
    the names. Files that are no PNG are passed over; nothing is unpacked to the disk. Raises FormatError.
    """
    names = source.names(".png")
    if not names:
        raise FormatError("must hold a PNG for each object, got none")
    size: tuple[int, int] | None = None
    objects = []
    for index, ((id, label), name) in enumerate(zip(_named(names), names, strict=True)):
        rle = _mask(source, name)
        size = size or rle.size
        if rle.size != size:
            got = f"{rle.size[1]}x{rle.size[0]}"
            raise FormatError(f"{name}: must be {size[1]}x{size[0]} as the first one, got {got}")
        objects.append(SavedObject(id, label, hex_colour(index), rle))
    assert size is not None
    yield Annotation(source.path.name, size, objects)


def _mask(source: Source, name: str) -> Rle:
    try:
        return decode_png(source.read(name))
    except FormatError as error:
        raise FormatError(str(error) if str(error).startswith(name) else f"{name}: {error}") from None


def is_masks(source: Source) -> bool:
    """Whether a zip holds PNGs and nothing else."""
    return source.is_zip and bool(names := source.names()) and names == source.names(".png")


def _named(names: list[str]) -> list[tuple[int, str]]:
    """(id, label) of each file."""
    stems = [PurePosixPath(one).stem for one in names]
    matches = [_NAME.fullmatch(stem) for stem in stems]
    ids = [int(match[1]) for match in matches if match]
    if len(set(ids)) < len(stems):
        return list(enumerate(stems, start=1))
    return [(int(match[1]), match[2] or "") for match in matches if match]


FORMAT = Format(
    "masks",
    "Masks, one PNG an object (zip)",
    (".zip",),
    "application/zip",
    Keeps(apart=True, ids=True, holes=True, islands=True, overlap=True),
    encoder=encode,
    reader=read,
    sniff=is_masks,
    label=safe_name,
    version="zip of PNG",
)
