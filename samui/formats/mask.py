"""`mask`: one 8-bit greyscale PNG, 255 where any object is and 0 elsewhere. Overlapping objects melt into one.

Read, every pixel that is not 0 is set, and they are one object: 1, without a label.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from samui.formats import picture
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.format import Format, Keeps
from samui.formats.source import Source
from samui.pixels.colours import hex_colour
from samui.pixels.rle import Rle


def encode(annotation: Annotation) -> bytes:
    """PNG of the union of all objects (`annotation.only(id)` for one), all black without any."""
    picture.check_size(".png", annotation.size)
    return encode_png(annotation.union())


def encode_png(mask: np.ndarray) -> bytes:
    """PNG, greyscale, 0 and 255, of one bool (H, W) mask."""
    return picture.encode(".png", mask.view(np.uint8) * np.uint8(255))


def read(source: Source) -> Iterator[Annotation]:
    """The one image, under the file's own name, with one object, or none if no pixel is set. Raises FormatError."""
    rle = decode_png(source.read())
    objects = [SavedObject(1, "", hex_colour(0), rle)] if rle.area else []
    yield Annotation(source.path.name, rle.size, objects)


def decode_png(data: bytes) -> Rle:
    """The mask of a PNG of one channel. Raises FormatError."""
    values, _ = picture.decode_values(data)
    return Rle.encode(values != 0)


FORMAT = Format(
    "mask",
    "Mask, all objects in one (PNG)",
    (".png",),
    "image/png",
    Keeps(holes=True, islands=True),
    encoder=encode,
    reader=read,
    version="PNG",
)
