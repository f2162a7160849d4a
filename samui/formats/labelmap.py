"""`labelmap`: a PNG whose pixel values are objects: 0 for none, 1 for the first object of the annotation, and so on.

Up to 255 objects it is indexed, with the objects' colours as its palette; beyond that 16-bit greyscale. A pixel has one
value: where objects overlap the later one has it, so this format loses what lies beneath. The text chunk ``samui`` says
in JSON which value is which object: ``[{"value": 1, "id": 4, "label": "wing"}, ...]``.
"""

from __future__ import annotations

import io
import json

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from samui.errors import ExportError
from samui.formats.annotation import Annotation

_INDEXED = 255
_DEEP = 65535


def encode(annotation: Annotation, image: np.ndarray | None = None) -> bytes:
    """The PNG; image is not used. Raises ExportError for more objects than 16 bits can tell apart."""
    objects = annotation.objects
    if len(objects) > _DEEP:
        raise ExportError(f"objects: must be at most {_DEEP} for the format labelmap, got {len(objects)}")
    values = np.zeros(annotation.size, np.uint8 if len(objects) <= _INDEXED else np.uint16)
    for value, mask in enumerate(annotation.masks(), start=1):
        values[mask] = value
    picture = Image.fromarray(values)
    if len(objects) <= _INDEXED:
        picture.putpalette([0, 0, 0, *(part for one in objects for part in one.rgb)])  # greyscale becomes indexed
    table = [{"value": value, "id": one.id, "label": one.label} for value, one in enumerate(objects, start=1)]
    text = PngInfo()
    text.add_text("samui", json.dumps(table))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()
