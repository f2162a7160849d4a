"""`labelmap`: a PNG whose pixel values are objects: 0 for none, 1 for the first object of the annotation, and so on.

Up to 255 objects it is indexed, with the objects' colours as its palette; beyond that 16-bit greyscale. A pixel has one
value: where objects overlap the later one has it, so this format loses what lies beneath. The text chunk ``samui`` says
in JSON which value is which object: ``[{"value": 1, "id": 4, "label": "wing"}, ...]``. Read without it, every value is
an object of that id without a label.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from samui.errors import ExportError, FormatError
from samui.formats import checks, picture
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.format import Format, Keeps
from samui.names import escape, unescape
from samui.pixels.colours import hex_colour
from samui.pixels.rle import Rle, by_value

_INDEXED = 255
_DEEP = 65535
_TABLE = "samui"


def encode(annotation: Annotation) -> bytes:
    """The PNG. Raises ExportError for more objects than 16 bits can tell apart."""
    objects = annotation.objects
    if len(objects) > _DEEP:
        raise ExportError(f"objects: must be at most {_DEEP} for the format labelmap, got {len(objects)}")
    picture.check_size(".png", annotation.size)
    indexed = len(objects) <= _INDEXED
    values = np.zeros(annotation.size, np.uint8 if indexed else np.uint16)
    for value, mask in enumerate(annotation.masks(), start=1):
        values[mask] = value
    png = Image.fromarray(values)
    if indexed:
        png.putpalette([0, 0, 0, *(part for one in objects for part in one.rgb)])  # greyscale becomes indexed
    table = []
    for value, one in enumerate(objects, start=1):
        entry = {"value": value, "id": one.id, "label": one.label}
        table.append(escape(entry if indexed else {**entry, "colour": one.colour}))
    text = PngInfo()
    text.add_text(_TABLE, json.dumps(table))
    buffer = io.BytesIO()
    png.save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def read(path: Path) -> Iterator[Annotation]:
    """The one image, under the file's own name, with an object for each value but 0. Raises FormatError."""
    values, png = picture.decode_values(checks.file_bytes(path))
    found = by_value(values)
    nothing = Rle.encode(np.zeros(values.shape, np.bool_))  # of an object that others cover altogether
    objects, used = [], set()
    for value, id, label, colour in _table(png):
        colour = colour or _palette(png, value)
        objects.append(SavedObject(id, label, colour, found.pop(value, nothing)))
        used.add(id)
    for value, rle in found.items():
        id = value if value not in used else max(used) + 1
        objects.append(SavedObject(id, "", _palette(png, value), rle))
        used.add(id)
    yield Annotation(path.name, values.shape, objects)


def is_labelmap(path: Path) -> bool:
    """Whether a PNG has values of several objects, or says itself that it is a label map. Raises FormatError."""
    values, png = picture.decode_values(checks.file_bytes(path))
    several = int(np.count_nonzero(np.bincount(values.ravel())[1:])) > 1
    return several or png.mode == "P" or _TABLE in _texts(png)


def _texts(png: Image.Image) -> dict[str, Any]:
    return getattr(png, "text", {})


def _table(png: Image.Image) -> Iterator[tuple[int, int, str, str]]:
    """(value, id, label, colour or "") of each object that the file's own table names."""
    text = _texts(png).get(_TABLE)
    if text is None:
        return
    seen = set()
    for index, item in enumerate(checks.items(checks.document(str(text).encode()), _TABLE)):
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


FORMAT = Format(
    "labelmap",
    "Label map, one value an object (PNG)",
    (".png",),
    "image/png",
    Keeps(apart=True, holes=True, islands=True, labels=True),
    encoder=encode,
    reader=read,
)
