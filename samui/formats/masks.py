"""`masks`: a zip with one `mask` PNG of full image size for each object, each complete where objects overlap.

A file is named by the object's id and label: ``0003-wing.png``. Labels become safe file names (`samui.names`).
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from samui.errors import FormatError
from samui.formats import checks, picture
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.format import Format, Keeps
from samui.formats.mask import decode_png, encode_png
from samui.names import safe_name
from samui.pixels.colours import hex_colour
from samui.pixels.rle import Rle

_NO_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that zip can say: equal masks give equal bytes
_NAME = re.compile(r"(\d{4,9})(?:-(.*))?", re.DOTALL)
_MAX_ENTRIES = 65_535
_MAX_ENTRY = 200_000_000  # bytes: twice the pixels that samui opens


def encode(annotation: Annotation) -> bytes:
    """The zip file, empty without objects."""
    picture.check_size(".png", annotation.size)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:  # PNGs do not get any smaller
        for one, mask in zip(annotation.objects, annotation.masks(), strict=True):
            label = safe_name(one.label)
            entry = zipfile.ZipInfo(f"{one.id:04d}-{label}.png" if label else f"{one.id:04d}.png", _NO_DATE)
            entry.create_system = 3  # Unix, whatever the machine
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, encode_png(mask))
    return buffer.getvalue()


def read(path: Path) -> Iterator[Annotation]:
    """The one image, under the file's own name, with an object for each PNG, in the order of the zip.

    Id and label come from names like ``0003-wing.png``; with another name among them, ids count from 1 and labels are
    the names. Files that are no PNG are passed over; nothing is unpacked to the disk. Raises FormatError.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(checks.file_bytes(path))) as archive:
            entries = [one for one in archive.infolist() if _is_png(one)]
            if not entries:
                raise FormatError("must hold a PNG for each object, got none")
            if len(entries) > _MAX_ENTRIES:
                raise FormatError(f"must hold at most {_MAX_ENTRIES} files, got {len(entries)}")
            rles = [_mask(archive, one) for one in entries]
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise FormatError(f"must be a whole zip file, got: {error}") from None
    size = rles[0].size
    for entry, rle in zip(entries, rles, strict=True):
        if rle.size != size:
            got = f"{rle.size[1]}x{rle.size[0]}"
            raise FormatError(f"{entry.filename}: must be {size[1]}x{size[0]} as the first one, got {got}")
    objects = []
    for index, ((id, label), rle) in enumerate(zip(_named(entries), rles, strict=True)):
        objects.append(SavedObject(id, label, hex_colour(index), rle))
    yield Annotation(path.name, size, objects)


def _is_png(entry: zipfile.ZipInfo) -> bool:
    name = PurePosixPath(entry.filename)
    hidden = name.name.startswith(".") or "__MACOSX" in name.parts  # what macOS adds to a zip
    return name.suffix.lower() == ".png" and not hidden and not entry.is_dir()


def _mask(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Rle:
    if entry.file_size > _MAX_ENTRY:
        raise FormatError(f"{entry.filename}: must have at most {_MAX_ENTRY} bytes, got {entry.file_size}")
    try:
        return decode_png(archive.read(entry))
    except FormatError as error:
        raise FormatError(f"{entry.filename}: {error}") from None


def _named(entries: list[zipfile.ZipInfo]) -> list[tuple[int, str]]:
    """(id, label) of each file."""
    stems = [PurePosixPath(one.filename).stem for one in entries]
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
    Keeps(apart=True, holes=True, islands=True, overlap=True),
    encoder=encode,
    reader=read,
    label=safe_name,
)
