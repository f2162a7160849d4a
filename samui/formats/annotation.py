"""`Annotation`: what every format writes, the objects of one image with all that is known of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from samui.errors import ExportError
from samui.formats.prompt import SavedPrompt
from samui.pixels.rle import Rle
from samui.work.gestures import Gestures


@dataclass(frozen=True)
class SavedObject:
    """One accepted mask, ready to be written.

    id: unique in its image. label: the class name, "" for none. colour: "#rrggbb". rle: the mask at image size.
    score: predicted IoU, or None if no model gave one. prompt: what made the mask; empty if that is not known. model:
    id of the checkpoint, "" for none. uid: 32 hexadecimal digits that name it everywhere and for ever, "" if it has
    none. visible: whether it is shown. gestures: what a person did, in order; () if that is not known.
    """

    id: int
    label: str
    colour: str
    rle: Rle
    score: float | None = None
    prompt: SavedPrompt = field(default_factory=SavedPrompt)
    model: str = ""
    uid: str = ""
    visible: bool = True
    gestures: Gestures = ()

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour as (r, g, b), 0 to 255."""
        return int(self.colour[1:3], 16), int(self.colour[3:5], 16), int(self.colour[5:7], 16)


@dataclass(frozen=True)
class Annotation:
    """The objects of one image, in the order in which they are drawn: later ones on top.

    image: the file's name, in a folder of images its path below that, with "/". size: (H, W) of the image in pixels,
    which every mask has too. digest: SHA-256 of the image's file, hexadecimal, "" if not known. state, note: what a
    workspace has of the image, "" for none.

    Raises ExportError for a mask of another size, an id that comes twice, a colour that is not "#rrggbb", a score that
    is not finite.
    """

    image: str
    size: tuple[int, int]
    objects: Sequence[SavedObject] = ()
    digest: str = ""
    state: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", tuple(self.size))
        object.__setattr__(self, "objects", tuple(self.objects))
        seen = set()
        for index, one in enumerate(self.objects):
            where = f"objects[{index}]"
            if one.rle.size != self.size:
                raise ExportError(f"{where}.mask: must be {_wxh(self.size)} as its image, got {_wxh(one.rle.size)}")
            if isinstance(one.id, bool) or not isinstance(one.id, int) or one.id < 0 or one.id in seen:
                raise ExportError(f"{where}.id: must be a whole number of its own from 0, got {one.id!r}")
            if not isinstance(one.colour, str) or not re.fullmatch("#[0-9a-fA-F]{6}", one.colour):
                raise ExportError(f"{where}.colour: must be like #1f77b4, got {one.colour!r}")
            if one.score is not None and not math.isfinite(one.score):
                raise ExportError(f"{where}.score: must be a finite number, got {one.score}")
            seen.add(one.id)

    def only(self, *ids: int) -> Annotation:
        """The same image with the objects of these ids alone, in their own order. Raises ExportError for others."""
        unknown = set(ids) - {one.id for one in self.objects}
        if unknown:
            raise ExportError(f"objects: must have an object {min(unknown)}, got {[one.id for one in self.objects]}")
        return replace(self, objects=[one for one in self.objects if one.id in ids])

    def masks(self) -> Iterator[np.ndarray]:
        """The bool (H, W) mask of each object in turn, decoded when asked for: one is held at a time."""
        return (one.rle.decode() for one in self.objects)

    def union(self) -> np.ndarray:
        """Bool (H, W): the pixels of any object."""
        union = np.zeros(self.size, np.bool_)
        for mask in self.masks():
            union |= mask
        return union


def _wxh(size: Sequence[int]) -> str:
    return f"{size[1]}x{size[0]}"
