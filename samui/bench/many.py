"""Photos with many masks each, as things of every size are measured on them.

A folder that holds an `index.json` holds photos `NAME.jpg` with either `NAME.png`, a map of objects 1 to 254 where 0 is
not labelled and 255 is neither object nor background; or `NAME.json`, `{"objects": [{"segmentation": {"size": [H, W],
"counts": "..."}}]}`, COCO's run lengths of objects that may overlap.
"""

from __future__ import annotations

import io
import json
import re
import zlib
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
import PIL.Image

from samui.errors import ImageError, SamuiError
from samui.pixels.rle import Rle

INDEX = "index.json"
NEITHER = 255
SHARES = (0.002, 0.8)  # of the photo that a thing fills
SIZES = (0.01, 0.08)  # of the photo: where small things end and large ones begin
NAMES = ("under 1 %", "1 to 8 %", "over 8 %")
THINGS = 4  # of one photo; more tell little new


def is_held_out(name: str) -> bool:
    """Whether a name belongs to the fixed tenth that is never trained on; frames of a film (`swan-00012`) together."""
    return zlib.crc32(re.sub(r"-\d+$", "", PurePosixPath(name).name).encode()) % 10 == 0


def size_of(share: float) -> int:
    """0 for small, 1 for medium and 2 for large things, by the share of the photo that they fill."""
    return int(np.searchsorted(SIZES, share, side="right"))


def objects(data: bytes, name: str, size: tuple[int, int]) -> tuple[list[np.ndarray], np.ndarray]:
    """Bool (H, W) of each object of a map, in order, and of what is to be ignored."""
    try:
        # Of an indexed PNG the numbers are wanted, and OpenCV gives the colours.
        values = np.array(PIL.Image.open(io.BytesIO(data)))
    except (OSError, ValueError) as error:
        raise ImageError(f"{name}: must be a PNG with a number for each pixel, got {error}") from error
    if values.shape != size or values.dtype != np.uint8:
        got = f"{values.shape} of {values.dtype}"
        raise ImageError(f"{name}: must have a number from 0 to 255 for each pixel of its photo, {size}, got {got}")
    count = int(values[values < NEITHER].max(initial=0))
    return [values == k for k in range(1, count + 1)], values == NEITHER


def run_lengths(data: bytes, name: str, size: tuple[int, int]) -> tuple[list[np.ndarray], None]:
    """Bool (H, W) of each object of a file with run lengths; there is nothing to ignore."""
    try:
        found = [each["segmentation"] for each in json.loads(data)["objects"]]
        masks = [Rle.from_string((each["size"][0], each["size"][1]), each["counts"]).decode() for each in found]
    except (ValueError, KeyError, TypeError, IndexError, SamuiError) as error:
        raise ImageError(f"{name}: must hold objects with their run lengths, got {error!r}") from error
    for mask in masks:
        if mask.shape != size:
            raise ImageError(f"{name}: must be as large as its photo, {size}, got {mask.shape}")
    return masks, None


def choose(name: str, shares: Sequence[float], limits: tuple[float, float], count: int = THINGS) -> list[int]:
    """Numbers of up to `count` things: of each size by turns, drawn by the photo's name, always the same."""
    draw = np.random.default_rng(zlib.crc32(name.encode()))
    sizes: list[list[int]] = [[], [], []]
    for k in draw.permutation(len(shares)):
        if limits[0] <= shares[k] <= limits[1]:
            sizes[size_of(shares[k])].append(int(k))
    chosen: list[int] = []
    while len(chosen) < count and any(sizes):
        chosen += [waiting.pop() for waiting in sizes if waiting]
    return chosen[:count]
