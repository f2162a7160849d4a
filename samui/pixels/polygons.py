"""`Rle` to the outlines of its parts along pixel corners, and polygons back to pixels as COCO's own reader does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from samui.errors import MaskError
from samui.pixels.rle import Rle

_FINER = 5  # COCO's reader walks an outline on a grid of fifths of a pixel
_STEPS = 1 << 20  # of an outline that are walked at once
_MAX_STEPS = 1 << 27  # of all outlines of a mask: enough for 100 megapixels of single pixels; takes seconds
_REACH = 1 << 20  # pixels by which a corner may lie outside; in editors a hand may slip over the border


@dataclass(frozen=True, eq=False)
class Ring:
    """One closed outline along pixel corners. corners: int (n, 2) of (x, y) in image pixels, n at least 4, without the
    first one repeated; turns of 90 degrees only. hole: whether it encloses pixels that are not set."""

    corners: np.ndarray
    hole: bool


def rings(rle: Rle) -> list[Ring]:
    """The outlines of a mask, holes among them, by their topmost, then leftmost corner; exact.

    Pixels that touch only at a corner are not joined there: each part that is connected by sides has one outer
    outline, and no outline crosses itself or another. About a microsecond for each corner.
    """
    box = rle.box
    if box is None:
        return []
    x0, y0, x1, y1 = box
    mask = np.pad(rle.decode()[y0:y1, x0:x1], 1)
    above_left, above, left, here = mask[:-1, :-1], mask[:-1, 1:], mask[1:, :-1], mask[1:, 1:]
    # An outline turns where an odd number of the four pixels round a corner is set, and twice where two meet there.
    crossing = (above_left == here) & (above == left) & (above != here)
    ys, xs = np.nonzero(above_left ^ above ^ left ^ here)
    doubled_y, doubled_x = np.nonzero(crossing)
    xs, ys = np.concatenate((xs, doubled_x, doubled_x)), np.concatenate((ys, doubled_y, doubled_y))
    # Of the two at a crossing, "first" belongs to the side on the left. The one round a set pixel goes upwards.
    second = np.concatenate((np.zeros(len(xs) - len(doubled_x), np.int64), np.ones(len(doubled_x), np.int64)))
    order = np.lexsort((second, xs, ys))
    xs, ys, second = xs[order], ys[order], second[order]
    swapped = np.zeros(len(xs), bool)
    at_crossing = crossing[ys, xs]
    swapped[at_crossing] = above[ys, xs][at_crossing]
    # Corners in the order of rows are joined two by two by horizontal sides, in the order of columns by vertical ones.
    beside = np.arange(len(xs)) ^ 1
    columns = np.lexsort((second ^ swapped, ys, xs))
    over = np.empty(len(xs), np.int64)
    over[columns] = columns[np.arange(len(xs)) ^ 1]
    chains = _chains(beside.tolist(), over.tolist())
    corners = np.column_stack((xs + x0, ys + y0))
    return [Ring(corners[chain], hole=not here[ys[chain[0]], xs[chain[0]]]) for chain in chains]


def _chains(beside: list[int], over: list[int]) -> list[list[int]]:
    seen = bytearray(len(beside))
    chains = []
    for start in range(len(beside)):
        if seen[start]:
            continue
        chain, at = [], start
        while not seen[at]:
            following = beside[at]
            seen[at] = seen[following] = True
            chain += [at, following]
            at = over[following]
        chains.append(chain)
    return chains


def with_holes(rle: Rle) -> list[list[np.ndarray]]:
    """The parts of a mask that hang together by sides: of each its outer outline, then those of its holes.

    Each outline is int (n, 2) as in `Ring`, and passes no corner twice, as simple features ask: where one of `rings`
    does, it is cut there.
    """
    parts: list[list[np.ndarray]] = []
    holes: list[np.ndarray] = []
    for ring in rings(rle):
        loops = _loops(ring.corners)
        if not ring.hole:
            # What lies inside of the longest way round is open to the outside at a corner alone.
            areas = [abs(_area(loop)) for loop in loops]
            parts.append([loops.pop(int(np.argmax(areas)))])
        holes += loops
    if len(parts) == 1:
        return [parts[0] + holes]
    box = rle.box
    if box is None or not holes:
        return parts
    x0, y0, x1, y1 = box
    mask = np.ascontiguousarray(rle.decode()[y0:y1, x0:x1]).view(np.uint8)
    _, regions = cv2.connectedComponents(mask, connectivity=4, ltype=cv2.CV_32S)
    owner = {}
    for number, (outer,) in enumerate(parts):  # the pixel below the topmost, then leftmost corner belongs to the part
        x, y = _first(outer)
        owner[int(regions[y - y0, x - x0])] = number
    for hole in holes:  # the pixel above that corner of a hole belongs to the part round it
        x, y = _first(hole)
        parts[owner[int(regions[y - 1 - y0, x - x0])]].append(hole)
    return parts


def _first(corners: np.ndarray) -> tuple[int, int]:
    """The topmost, then leftmost corner."""
    x, y = corners[np.lexsort((corners[:, 0], corners[:, 1]))[0]].tolist()
    return x, y


def _area(corners: np.ndarray) -> float:
    x, y = corners.T.astype(np.float64)
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _loops(corners: np.ndarray) -> list[np.ndarray]:
    """An outline, cut at the corners that it passes twice."""
    if len(np.unique(corners, axis=0)) == len(corners):
        return [corners]
    loops: list[np.ndarray] = []
    way: list[tuple[int, int]] = []
    at: dict[tuple[int, int], int] = {}
    for x, y in corners.tolist():
        place = at.get((x, y))
        if place is not None:
            loops.append(np.array(way[place:]))
            for passed in way[place + 1 :]:
                del at[passed]
            del way[place + 1 :]
        else:
            at[x, y] = len(way)
            way.append((x, y))
    return [*loops, np.array(way)]


def filled(rle: Rle) -> Rle:
    """The mask with its holes closed: what remains of it in a format with outer outlines only. Pixels that are not set
    belong to the outside if a path leads there, even past a corner."""
    box = rle.box
    if box is None:
        return rle
    x0, y0, x1, y1 = box
    mask = rle.decode()
    part = np.pad(mask[y0:y1, x0:x1], 1)
    _, regions = cv2.connectedComponents((~part).view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    mask[y0:y1, x0:x1] = (regions != regions[0, 0])[1:-1, 1:-1]
    return Rle.encode(mask)


def fill(size: tuple[int, int], polygons: Sequence[np.ndarray | Sequence[np.ndarray]]) -> Rle:
    """The mask of size (H, W) that COCO's reader makes of polygons: the union of their insides, by the even-odd rule.

    polygons: float (n, 2) of (x, y) in image pixels, pixel corners being whole numbers; or several such rings that are
    one polygon, as an outline with its holes. Pixel for pixel that of ``pycocotools`` (format: cocoapi
    ``common/maskApi.c``, ``rleFrPoly``): an outline is walked on a grid of fifths of a pixel, and a column's pixel
    changes sides where the outline passes the column's middle above it.

    Raises MaskError for fewer than three corners, numbers far outside the image, and outlines too long to walk.
    """
    height, width = size
    budget = _MAX_STEPS
    begins, ends = [], []
    for index, polygon in enumerate(polygons):
        where = f"polygons[{index}]"
        changes = []
        for ring in [polygon] if isinstance(polygon, np.ndarray) else polygon:
            fine, steps = _walk(size, ring, where)
            budget -= int(steps.sum())
            if budget < 0:
                raise MaskError(f"{where}: must be outlines of at most {_MAX_STEPS // _FINER} pixels in all, got more")
            changes += _all_changes(size, fine, steps)
        runs = _runs(size, changes)
        begins.append(runs[::2])
        ends.append(runs[1::2])
    # The union of all runs: a place belongs to it if more runs have begun than ended.
    at = np.concatenate([*begins, *ends]) if begins else np.zeros(0, np.int64)
    step = np.repeat((1, -1), len(at) // 2)
    order = np.lexsort((-step, at))
    at, inside = at[order], np.cumsum(step[order]) > 0
    bounds = at[np.flatnonzero(np.diff(inside, prepend=False))]
    bounds = bounds[bounds < height * width]
    return Rle(size, np.diff(bounds, prepend=0, append=height * width))


def _walk(size: tuple[int, int], ring: np.ndarray, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Corners on the finer grid, and the points of each side. Raises MaskError."""
    height, width = size
    if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3:
        raise MaskError(f"{where}: must have at least three corners (x, y), got shape {ring.shape}")
    wrong = ~(np.abs(ring - (width / 2, height / 2)) <= (width / 2 + _REACH, height / 2 + _REACH))
    if wrong.any():  # not a number, too
        value = ring[wrong][0]
        raise MaskError(f"{where}: must lie at most {_REACH} pixels outside {width}x{height}, got {value:g}")
    fine = (_FINER * ring + 0.5).astype(np.int64)
    return fine, np.abs(np.diff(fine, axis=0, append=fine[:1])).max(axis=1) + 1


def _runs(size: tuple[int, int], changes: list[np.ndarray]) -> np.ndarray:
    """Begin and end, in turn, of the runs of one polygon, from the places where its rings change sides."""
    if not changes:
        return np.zeros(0, np.int64)
    places, times = np.unique(np.concatenate(changes), return_counts=True)
    places = places[times % 2 == 1]
    return np.append(places, size[0] * size[1]) if len(places) % 2 else places


def _all_changes(size: tuple[int, int], corners: np.ndarray, steps: np.ndarray) -> list[np.ndarray]:
    """Where one ring changes sides, in blocks. corners: on the finer grid; steps: points of each side."""
    starts = np.concatenate(([0], np.cumsum(steps)))
    changes = []
    first = 0
    while first < len(steps):
        # As many whole sides as fit one block; a single side may be longer, as far as the reach allows.
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + _STEPS, "right")) - 1)
        changes.append(_changes(size, corners, np.arange(first, last), steps))
        first = last
    return changes


def _changes(size: tuple[int, int], corners: np.ndarray, sides: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Where, counted column by column, the pixels change from outside to inside or back at these sides."""
    height, width = size
    a, b = corners[sides], corners[(sides + 1) % len(corners)]
    flat = np.abs(b - a)[:, 0] >= np.abs(b - a)[:, 1]
    along, across = np.where(flat, 0, 1), np.where(flat, 1, 0)
    rows = np.arange(len(sides))
    backward = a[rows, along] > b[rows, along]
    a, b = np.where(backward[:, None], b, a), np.where(backward[:, None], a, b)
    length = b[rows, along] - a[rows, along]
    slope = (b[rows, across] - a[rows, across]) / np.maximum(length, 1)
    count = steps[sides]
    side = np.repeat(rows, count)
    t = np.arange(len(side)) - np.repeat(np.cumsum(count) - count, count)
    main = a[side, along[side]] + t
    other = (a[side, across[side]] + slope[side] * t + 0.5).astype(np.int64)
    u, v = np.where(flat[side], main, other), np.where(flat[side], other, main)
    # Between two points of one side the walk passes the middle of a column where u goes from 5x + 2 to 5x + 3 or back.
    passes = np.flatnonzero((u[1:] != u[:-1]) & (side[1:] == side[:-1]))
    lower = np.minimum(u[passes], u[passes + 1])
    in_middle = (lower % _FINER == _FINER // 2) & (lower >= 0) & (lower < _FINER * width)
    passes, lower = passes[in_middle], lower[in_middle]
    above = np.minimum(v[passes], v[passes + 1])
    y = np.ceil(np.clip((above + 0.5) / _FINER - 0.5, 0, height)).astype(np.int64)
    return lower // _FINER * height + y
