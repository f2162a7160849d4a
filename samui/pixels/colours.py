"""The colours that objects get: distinct from each other, and visible on dark and on light pictures."""

from __future__ import annotations

import colorsys
import zlib

import cv2
import numpy as np

from samui.pixels.rle import Rle

# Steps of the golden angle never come close to a hue that was used shortly before.
_GOLDEN = 0.618033988749895
_FIRST_HUE, _HUES = 0.66, 0.86  # from violet round to cyan: blue is the mask at work
_RINGS = ((0.85, 0.95), (0.55, 1.0), (0.95, 0.7))  # (saturation, value), one for each turn of the palette
_TURN = 12


def colour(index: int) -> tuple[int, int, int]:
    """(r, g, b), 0..255, of the object with this index from 0; the same at every call."""
    hue = (_FIRST_HUE + _HUES * ((index * _GOLDEN + 0.5) % 1.0)) % 1.0
    saturation, value = _RINGS[index // _TURN % len(_RINGS)]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def hex_colour(index: int) -> str:
    """The same as "#rrggbb", as the page and the session write it."""
    return "#{:02x}{:02x}{:02x}".format(*colour(index))


_CELLS = 128  # cells on each side of the grid on which masks are compared
_FAR = 40.0  # CIE76 difference from which nobody confuses two colours; eight neighbours still leave some
_REACH = np.ones((9, 9), np.uint8)  # four cells to each side: a gap of 2 % of the picture makes no strangers
_CHOICES = _TURN * len(_RINGS)


class NeighbourColours:
    """Colours for many masks of one image; masks that touch or overlap look different.

    A mask's colour follows from its content, chosen among those far from its neighbours' colours: the same masks in the
    same order get the same colours.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        """size: (H, W) of the image."""
        height, width = size
        x, y = (((np.arange(_CELLS) + 0.5) * side / _CELLS).astype(np.int64) for side in (width, height))
        self._samples = (x[:, None] * height + y).ravel()  # column by column, like run lengths
        self._size = size
        self._taken: dict[int, tuple[np.ndarray, int]] = {}
        self._names = [hex_colour(i) for i in range(_CHOICES)]
        rgb = np.array([colour(i) for i in range(_CHOICES)], np.float32)[None] / 255
        lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[0]
        self._difference = np.linalg.norm(lab[:, None] - lab[None], axis=2)

    def pick(self, key: int, rle: Rle, *, like: str | None = None) -> str:
        """The colour, "#rrggbb", of a mask, which from now on counts as a neighbour under this key.

        like: the colour that it gets if that is far from its neighbours' colours, as when it replaces another mask.
        """
        cells = self._cells(rle)
        grown = np.packbits(cv2.dilate(cells, _REACH) > 0)
        touched = {choice for other, choice in self._taken.values() if (other & grown).any()}
        # One of the good ones by the mask's content; if its neighbours leave none, the best of the rest.
        distance = self._difference[:, list(touched)].min(axis=1, initial=_FAR)
        good = np.flatnonzero(distance >= min(_FAR, distance.max()))
        choice = int(good[zlib.crc32(rle.counts.tobytes()) % len(good)])
        if like is not None and self._names.index(like) in good:
            choice = self._names.index(like)
        self._taken[key] = np.packbits(cells), choice
        return self._names[choice]

    def drop(self, key: int) -> None:
        """This mask is no longer anyone's neighbour."""
        self._taken.pop(key, None)

    def _cells(self, rle: Rle) -> np.ndarray:
        """uint8 (_CELLS, _CELLS): 1 where the mask covers the middle of a cell; its box if it is too small."""
        ends = np.cumsum(rle.counts, dtype=np.int64)
        cells = (np.searchsorted(ends, self._samples, side="right") & 1).astype(np.uint8).reshape(_CELLS, _CELLS)
        if not cells.any() and rle.box is not None:
            x0, y0, x1, y1 = np.array(rle.box) * _CELLS // np.array([*self._size[::-1], *self._size[::-1]])
            cells[x0 : x1 + 1, y0 : y1 + 1] = 1
        return cells
