"""`labelmap` and `labelmap-tiff`: a PNG or TIFF whose pixel values are objects: 0 for none, 1 for the first, and so on.

A PNG of up to 255 objects is indexed, with the objects' colours as its palette; beyond that, and as a TIFF, it is
16-bit greyscale. A pixel has one value: where objects overlap the later one has it, so this format loses what lies
beneath. The text ``samui`` of a PNG, and the description of a TIFF, say in JSON which value is which object:
``[{"value": 1, "id": 4, "label": "wing"}, ...]``; a CSV beside the file says the same to people. Read without either,
every value is an object of that id without a label.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from samui.errors import ExportError, FormatError
from samui.formats import checks, picture
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.format import Format, Keeps
from samui.formats.source import Source
from samui.names import escape, unescape
from samui.pixels.colours import hex_colour
from samui.pixels.rle import Rle, by_value

_INDEXED = 255
_DEEP = 65535
_TABLE = "samui"
_DESCRIPTION = 270  # TIFF's tag ImageDescription
_COLUMNS = ("value", "id", "label", "colour", "score", "area")


def encode(annotation: Annotation) -> bytes:
    """The PNG. Raises ExportError for more objects than 16 bits can tell apart."""
    indexed = len(annotation.objects) <= _INDEXED
    values = _values(annotation, np.uint8 if indexed else np.uint16)
    png = Image.fromarray(values)
    if indexed:
        png.putpalette([0, 0, 0, *(part for one in annotation.objects for part in one.rgb)])  # grey becomes indexed
    text = PngInfo()
    text.add_text(_TABLE, _described(annotation, colours=not indexed))
    buffer = io.BytesIO()
    png.save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def encode_tiff(annotation: Annotation) -> bytes:
    """The TIFF, 16-bit, packed without loss. Raises ExportError for more objects than 16 bits can tell apart."""
    buffer = io.BytesIO()
    described = {_DESCRIPTION: _described(annotation, colours=True)}
    Image.fromarray(_values(annotation, np.uint16)).save(
        buffer, "TIFF", compression="tiff_adobe_deflate", tiffinfo=described
    )
    return buffer.getvalue()


def table(annotation: Annotation) -> tuple[str, bytes]:
    """The CSV that goes with a label map: a line an object."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(_COLUMNS)
    for value, one in enumerate(annotation.objects, start=1):
        score = "" if one.score is None else f"{one.score:.6f}"
        lines.writerow([value, one.id, one.label, one.colour, score, one.rle.area])
    return ".csv", text.getvalue().encode("utf-8", "backslashreplace")


def _values(annotation: Annotation, kind: type[np.unsignedinteger]) -> np.ndarray:
    count = len(annotation.objects)
    if count > _DEEP:
        raise ExportError(f"objects: must be at most {_DEEP} for the format labelmap, got {count}")
    picture.check_size(".png", annotation.size)
    values = np.zeros(annotation.size, kind)
    for value, mask in enumerate(annotation.masks(), start=1):
        values[mask] = value
    return values


def _described(annotation: Annotation, *, colours: bool) -> str:
    entries = []
    for value, one in enumerate(annotation.objects, start=1):
        entry = {"value": value, "id": one.id, "label": one.label}
        entries.append(escape({**entry, "colour": one.colour} if colours else entry))
    return json.dumps(entries)


def read(source: Source) -> Iterator[Annotation]:
    """The one image, under the file's own name, with an object for each value but 0. Raises FormatError."""
    values, pixels = picture.decode_values(source.read())
    if values.min() < 0:
        raise FormatError(f"values: must be whole numbers from 0, got {values.min()}")
    found = by_value(values)
    nothing = Rle.encode(np.zeros(values.shape, np.bool_))  # of an object that others cover altogether
    objects, used = [], set()
    for value, id, label, colour in _table(pixels, source):
        colour = colour or _palette(pixels, value)
        objects.append(SavedObject(id, label, colour, found.pop(value, nothing)))
        used.add(id)
    for value, rle in found.items():
        id = value if value not in used else max(used) + 1
        objects.append(SavedObject(id, "", _palette(pixels, value), rle))
        used.add(id)
    yield Annotation(source.path.name, values.shape, objects)


def is_labelmap(source: Source) -> bool:
    """Whether a picture has values of several objects, or says itself that it is a label map. Raises FormatError."""
    if source.is_tree or source.path.suffix.lower() not in (".png", ".tif", ".tiff"):
        return False
    values, pixels = picture.decode_values(source.read())
    several = len(np.unique(values[values != 0])) > 1
    return several or pixels.mode == "P" or pixels.format == "TIFF" or _text(pixels) is not None


def _text(pixels: Image.Image) -> str | None:
    """What the file says of its values."""
    if pixels.format == "TIFF":
        text = getattr(pixels, "tag_v2", {}).get(_DESCRIPTION)
        return text if isinstance(text, str) and text.startswith("[{") else None  # others write prose there
    text = getattr(pixels, "text", {}).get(_TABLE)
    return None if text is None else str(text)


def _entries(pixels: Image.Image, source: Source) -> list[Any]:
    """What the file, or else the CSV beside it, says of its values."""
    text = _text(pixels)
    if text is not None:
        return checks.items(checks.document(text.encode()), _TABLE)
    beside = source.path.with_suffix(".csv")
    if not beside.is_file():
        return []
    lines = csv.DictReader(io.StringIO(checks.file_bytes(beside).decode("utf-8-sig", "replace")))
    if not {"value", "id", "label"} <= set(lines.fieldnames or ()):
        return []  # of something else
    entries = []
    for number, line in enumerate(lines, start=2):
        where = f"{beside.name}: line {number}"
        entry: dict[str, Any] = {name: checks.whole_text(line[name], f"{where}: {name}") for name in ("value", "id")}
        entries.append({**entry, "label": line["label"] or "", "colour": line.get("colour") or ""})
    return entries


def _table(pixels: Image.Image, source: Source) -> Iterator[tuple[int, int, str, str]]:
    """(value, id, label, colour or "") of each object that the file's own table names."""
    seen = set()
    for index, item in enumerate(_entries(pixels, source)):
        where = f"{_TABLE}[{index}]"
        entry = unescape(checks.mapping(item, where))
        value = checks.whole(entry.get("value"), f"{where}.value")
        if not 1 <= value <= _DEEP or value in seen:
            raise FormatError(f"{where}.value: must be a value of its own from 1 to {_DEEP}, got {value}")
        seen.add(value)
        label = checks.text(entry.get("label", ""), f"{where}.label")
        colour = checks.text(entry.get("colour", ""), f"{where}.colour")
        yield value, checks.whole(entry.get("id"), f"{where}.id"), label, colour


def _palette(png: Image.Image, value: int) -> str:
    """The colour of a value: the palette's, or else one of samui's own."""
    palette = png.getpalette() if png.mode == "P" else None
    if palette is None or len(palette) < 3 * value + 3:
        return hex_colour(value - 1)
    return "#{:02x}{:02x}{:02x}".format(*palette[3 * value : 3 * value + 3])


_KEEPS = Keeps(apart=True, ids=True, holes=True, islands=True, labels=True)
FORMATS = (
    Format(
        "labelmap",
        "Label map, one value an object (PNG)",
        (".png",),
        "image/png",
        _KEEPS,
        encoder=encode,
        beside=table,
        reader=read,
        sniff=is_labelmap,
        version="PNG",
    ),
    Format(
        "labelmap-tiff",
        "Label map, 16 bit (TIFF)",
        (".tif", ".tiff"),
        "image/tiff",
        _KEEPS,
        encoder=encode_tiff,
        beside=table,
        reader=read,
        version="TIFF 6.0",
    ),
)
