"""`View`: a part of an image that an embedding sees, and which views a prompt is looked at in.

A small network sees an image at a few hundred pixels, so a thing of a hundredth of the image is a few pixels to it, and
on a close-up a whole thing. Views are nested: each closer one lies inside of those before it, or nearly so, and all of
them hold the prompt. They lie on a lattice: clicks that are near each other share views, and with them embeddings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from samui.pixels.geometry import run_lengths
from samui.pixels.rle import Rle
from samui.types import Prompt

ZOOMS = (1.5, 2.5, 4.0, 6.0)
ROOM = 2.0  # a box is looked at in a view of so many times its sides
_STEPS = 4  # of the lattice along a view's side
_LEAST = 32  # pixels: the longer side of the smallest view; closer there is nothing more to see
_CLOSER = 0.8  # of the image's sides: a view of a box that is larger than that shows nothing more than the image

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class View:
    """A part of an image. box: (x0, y0, x1, y1) in whole image pixels, right and bottom exclusive."""

    box: Box

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        x0, y0, x1, y1 = self.box
        return y1 - y0, x1 - x0

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Its pixels of an array (H, W, ...), C-contiguous."""
        x0, y0, x1, y1 = self.box
        return np.ascontiguousarray(image[y0:y1, x0:x1])

    def holds(self, x: float, y: float) -> bool:
        """Whether a point in image pixels lies in it, its border included."""
        x0, y0, x1, y1 = self.box
        return x0 <= x <= x1 and y0 <= y <= y1

    def inside(self, prompt: Prompt) -> Prompt:
        """A prompt in image pixels as one in pixels of the view; points outside of it are left out, a box is cut."""
        x0, y0, x1, y1 = self.box
        kept = [(point, label) for point, label in zip(prompt.points, prompt.labels, strict=True) if self.holds(*point)]
        box = prompt.box
        if box is not None:
            box = max(box[0], x0) - x0, max(box[1], y0) - y0, min(box[2], x1) - x0, min(box[3], y1) - y0
        points = [(x - x0, y - y0) for (x, y), _ in kept]
        return replace(prompt, points=points, labels=[label for _, label in kept], box=box)

    def place(self, spans: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Runs of pixels in the view as runs in the image of size (H, W).

        spans: int64 (n, 2), first and end offset of each run, column by column, none longer than a column.
        """
        x0, y0, _, _ = self.box
        height = self.size[0]
        column = spans[:, :1] // height  # of the first pixel; the end may be the head of the next column
        return spans + (column + x0) * size[0] + y0 - column * height

    def inner_sides(self, size: tuple[int, int]) -> tuple[bool, bool, bool, bool]:
        """Of left, top, right and bottom: whether the image of size (H, W) goes on beyond it."""
        x0, y0, x1, y1 = self.box
        return x0 > 0, y0 > 0, x1 < size[1], y1 < size[0]


def placed(mask: Rle, view: View, size: tuple[int, int]) -> Rle:
    """A mask of a view as one of the image of size (H, W)."""
    return Rle(size, run_lengths(view.place(mask.columns(), size), size))


def whole(size: tuple[int, int]) -> View:
    """The view of all of an image of size (H, W)."""
    return View((0, 0, size[1], size[0]))


def views_of(prompt: Prompt, size: tuple[int, int]) -> tuple[View, ...]:
    """The views in which a prompt is looked at, the whole image of size (H, W) first and the closest last.

    They go by what is decoded first: the box, from a view round it; or else the first point, if it is an include point,
    from views at all `ZOOMS`. Other prompts have the whole image alone.
    """
    found = [whole(size)]
    if prompt.box is not None:
        view = _round(prompt.box, size)
        found += [] if view is None else [view]
    elif prompt.points and prompt.labels[0] == 1:
        found += [_at(prompt.points[0], zoom, size) for zoom in ZOOMS if max(size) / zoom >= _LEAST]
    return tuple(found)


def _at(point: tuple[float, float], zoom: float, size: tuple[int, int]) -> View:
    """The view of the lattice of a zoom whose middle is nearest to a point."""
    x0, x1 = _stretch(point[0], size[1], math.ceil(size[1] / zoom))
    y0, y1 = _stretch(point[1], size[0], math.ceil(size[0] / zoom))
    return View((x0, y0, x1, y1))


def _stretch(middle: float, length: int, part: int) -> tuple[int, int]:
    """Of the `part` pixels long stretches of a line at the places of the lattice, the one nearest to a middle."""
    free = length - part
    if free <= 0:
        return 0, length
    places = math.ceil(free * _STEPS / part)
    place = min(max(round((middle - part / 2) * places / free), 0), places)
    first = round(free * place / places)
    return first, first + part


def _round(box: tuple[float, float, float, float], size: tuple[int, int]) -> View | None:
    """The view of `ROOM` times a box's sides round it, in steps of an eighth of them; None if that is no close-up."""
    height, width = size
    x0, y0, x1, y1 = box
    wide, high = (x1 - x0) * ROOM, (y1 - y0) * ROOM
    # the view is no narrower than a third of its length, or the network would see it as a line
    wide, high = max(wide, high / 3, _LEAST), max(high, wide / 3, _LEAST)
    left, right = _outward((x0 + x1) / 2, wide, width)
    top, bottom = _outward((y0 + y1) / 2, high, height)
    if right - left > _CLOSER * width and bottom - top > _CLOSER * height:
        return None
    return View((left, top, right, bottom))


def _outward(middle: float, long: float, length: int) -> tuple[int, int]:
    step = max(1.0, 2.0 ** math.floor(math.log2(long / 8)))
    first = math.floor((middle - long / 2) / step) * step
    last = math.ceil((middle + long / 2) / step) * step
    return max(0, round(first)), min(length, round(last))
