"""`measurements`: a CSV with a line an object: area, box, perimeter, circularity, mean colour. It cannot be read.

Lengths are in pixels. The perimeter is that of the outlines along pixel corners, with each run of steps measured as
OpenCV measures a polygon through the middles of its sides, so that a disc has nearly its true one; holes count.
Circularity is 4 pi area / perimeter^2, 1 for a disc. The colour is the mean of the image's red, green and blue in the
mask, empty where the image is not at hand.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator

import numpy as np

from samui.formats.annotation import Annotation, SavedObject
from samui.formats.format import Format, Options
from samui.pixels.polygons import rings
from samui.pixels.rle import Rle

_COLUMNS = (
    *("image", "id", "label", "score", "area", "x0", "y0", "x1", "y1", "centre_x", "centre_y"),
    *("perimeter", "circularity", "parts", "holes", "red", "green", "blue"),
)


def join(annotations: Iterable[Annotation], options: Options) -> Iterator[bytes]:
    """The file in pieces, one an image."""
    yield _line(_COLUMNS)
    for annotation in annotations:
        image = None if options.image is None or not annotation.objects else options.image(annotation)
        for one in annotation.objects:
            yield _line([annotation.image, one.id, one.label, *_measured(one, image)])


def _line(values: Iterable[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([_safe(one) for one in values])
    return text.getvalue().encode("utf-8", "backslashreplace")


def _safe(value: object) -> object:
    """A text that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "@", "\t", "\r") else value


def _measured(one: SavedObject, image: np.ndarray | None) -> list[object]:
    rle, score = one.rle, "" if one.score is None else f"{one.score:.6f}"
    box = rle.box
    if box is None:
        return [score, 0, *[""] * 6, "0.000", "", 0, 0, "", "", ""]
    x0, y0, x1, y1 = box
    part = rle.decode()[y0:y1, x0:x1]
    ys, xs = np.nonzero(part)
    outlines = rings(rle)
    length = sum(_length(ring.corners) for ring in outlines)
    colour: list[str] = ["", "", ""]
    if image is not None:
        colour = [f"{value:.3f}" for value in image[y0:y1, x0:x1][part].mean(axis=0)]
    holes = sum(ring.hole for ring in outlines)
    return [
        *(score, rle.area, *box, f"{x0 + xs.mean() + 0.5:.3f}", f"{y0 + ys.mean() + 0.5:.3f}", f"{length:.3f}"),
        *(f"{4 * math.pi * rle.area / length**2:.4f}", len(outlines) - holes, holes, *colour),
    ]


def _length(corners: np.ndarray) -> float:
    """Of the outline through the middles of its unit sides."""
    sides = np.diff(corners, axis=0, append=corners[:1])
    lengths = np.abs(sides).sum(axis=1)
    # Along a side of n pixels lie n - 1 whole steps, and at each corner half a diagonal one.
    return float((lengths - 1).sum() + len(corners) * math.sqrt(0.5))


def perimeter(rle: Rle) -> float:
    """Length of a mask's outlines in pixels, as the format gives it."""
    return sum(_length(ring.corners) for ring in rings(rle))


FORMAT = Format(
    "measurements",
    "Measurements (CSV)",
    (".csv",),
    "text/csv",
    joiner=join,
    looks=True,
    version="RFC 4180",
)
