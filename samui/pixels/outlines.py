"""`Rle` to outlines through the middles of pixels, and back: as OpenCV, Pillow and what is built on them draw polygons.

A polygon from pixel to pixel covers the pixels on it too, which polygons along pixel corners (`samui.pixels.polygons`)
do not: the same numbers mean other masks to other readers.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from samui.errors import MaskError
from samui.pixels.rle import Rle

_REACH = 1 << 20  # pixels that a corner may lie outside, as in `samui.pixels.polygons`
_MANY = 20_000  # corners of parts from which on only their outermost ones are looked at for a bridge


def outer_contours(rle: Rle) -> list[np.ndarray]:
    """The outer outline of each part that hangs together by sides or corners: int (n, 2) of (x, y), pixel indices.

    Drawn by OpenCV or Pillow, each covers exactly its part with its holes closed. n may be 1 or 2.
    """
    return [ring for ring, is_hole in _contours(rle, cv2.CHAIN_APPROX_SIMPLE) if not is_hole]


def bridged(rle: Rle) -> np.ndarray:
    """One outline for a whole mask, int (n, 2) of (x, y), pixel indices: its rings joined by ways there and back.

    A hole hangs on its part by a way that runs inside of it, which costs no pixel. Parts are joined at their nearest
    corners by a line that is one pixel wide, and part of the mask for whoever draws the outline. Empty for no pixel.
    """
    rings = _contours(rle, cv2.CHAIN_APPROX_NONE)
    if not rings:
        return np.zeros((0, 2), np.int64)
    parts = [_straightened(one) for one in _with_holes(rings)]
    return _joined(parts)


def fill_pixels(size: tuple[int, int], polygons: Sequence[np.ndarray]) -> Rle:
    """The mask of size (H, W) of polygons from pixel to pixel: the union of what `cv2.fillPoly` covers of each.

    polygons: int (n, 2) of (x, y). Raises MaskError for corners far outside.
    """
    height, width = size
    mask = np.zeros(size, np.uint8)
    for index, polygon in enumerate(polygons):
        if len(polygon) == 0:
            continue
        wrong = np.abs(polygon - (width // 2, height // 2)) > (width + _REACH, height + _REACH)
        if wrong.any():
            value = polygon[wrong][0]
            raise MaskError(
                f"polygons[{index}]: must lie at most {_REACH} pixels outside {width}x{height}, got {value}"
            )
        cv2.fillPoly(mask, [np.ascontiguousarray(polygon, np.int32)], 1)
    return Rle.encode(mask.view(np.bool_))


def _contours(rle: Rle, how: int) -> list[tuple[np.ndarray, bool]]:
    """(outline, whether it goes round a hole) of each ring; those of a hole lie on the pixels round it."""
    box = rle.box
    if box is None:
        return []
    x0, y0, x1, y1 = box
    part = np.ascontiguousarray(rle.decode()[y0:y1, x0:x1]).view(np.uint8)
    found, tree = cv2.findContours(part, cv2.RETR_CCOMP, how, offset=(x0, y0))
    assert tree is not None, "there is a pixel"
    return [
        (ring.reshape(-1, 2).astype(np.int64), parent >= 0)
        for ring, parent in zip(found, tree.reshape(-1, 4)[:, 3], strict=True)
    ]


def _with_holes(rings: list[tuple[np.ndarray, bool]]) -> list[np.ndarray]:
    """The outer rings, with each hole hung in. rings: all of their pixels, in order."""
    owner: dict[tuple[int, int], list[int]] = {}
    ways: list[list[tuple[int, int]]] = []
    for number, (ring, _) in enumerate(rings):
        ways.append([(x, y) for x, y in ring.tolist()])
        for at in set(ways[-1]):
            owner.setdefault(at, []).append(number)
    holes = sorted((min(ways[number]), number) for number, (_, is_hole) in enumerate(rings) if is_hole)
    rank = {number: place for place, (_, number) in enumerate(holes)}
    hangs = []
    for place, (start, hole) in enumerate(holes):
        at = start
        while True:  # to the left, over pixels of the part, up to its outer ring or a hole that begins further left
            onto = [n for n in owner.get(at, ()) if n != hole and rank.get(n, -1) < place]
            if onto:
                break
            at = at[0] - 1, at[1]
        hangs.append((hole, start, at, onto[0]))
    for hole, start, at, parent in reversed(hangs):  # what hangs on a hole is there before the hole is hung
        first, place = ways[hole].index(start), ways[parent].index(at)
        round_it = [*ways[hole][first:], *ways[hole][:first], start, at]
        ways[parent][place + 1 : place + 1] = round_it
    return [np.array(way, np.int64) for way, (_, is_hole) in zip(ways, rings, strict=True) if not is_hole]


def _straightened(way: np.ndarray) -> np.ndarray:
    """Without the points between the ends of a straight piece."""
    if len(way) < 3:
        return way
    before, after = way - np.roll(way, 1, axis=0), np.roll(way, -1, axis=0) - way
    return way[
        (np.sign(before) != np.sign(after)).any(axis=1) | (np.abs(before).max(axis=1) != np.abs(after).max(axis=1))
    ]


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """One way of several: each is joined to those before it where they are nearest, the nearest one first."""
    if len(parts) == 1:
        return parts[0]
    corners = parts
    if sum(map(len, parts)) > _MANY:
        corners = [one[np.unique([*one.argmin(axis=0), *one.argmax(axis=0)])] for one in parts]
    flat = np.concatenate(corners)
    part_of = np.repeat(np.arange(len(corners)), [len(one) for one in corners])
    nearest = np.full(len(flat), np.inf)
    partner = np.zeros((len(flat), 2), np.int64)
    free = np.ones(len(flat), bool)
    way = [(x, y) for x, y in parts[0].tolist()]
    added = 0
    for _ in range(len(parts) - 1):
        free[part_of == added] = False
        for corner in corners[added]:
            distance = ((flat - corner) ** 2).sum(axis=1)
            closer = free & (distance < nearest)
            nearest[closer], partner[closer] = distance[closer], corner
        best = int(np.argmin(np.where(free, nearest, np.inf)))
        added = int(part_of[best])
        points = [(x, y) for x, y in parts[added].tolist()]
        x, y = partner[best].tolist()
        place, first = way.index((x, y)), points.index((int(flat[best][0]), int(flat[best][1])))
        way[place + 1 : place + 1] = [*points[first:], *points[:first], points[first], way[place]]
    return np.array(way, np.int64)
