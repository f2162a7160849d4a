"""Where everything mode clicks: the grid of points on an image or a crop of it, and the crops themselves.

Sources: `build_point_grid` and `generate_crop_boxes` of segment-anything's ``utils/amg.py``; transformers has the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from samui.everything.parameters import Parameters
from samui.pixels.views import View

_GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class Crop(View):
    """A view of everything mode. layer: 0 is the image."""

    layer: int


def crops(height: int, width: int, parameters: Parameters) -> list[Crop]:
    """The whole image, then for each layer n its 2^n x 2^n overlapping crops, column by column."""
    found = [Crop((0, 0, width, height), 0)]
    for layer in range(1, parameters.crops_n_layers + 1):
        count = 2**layer
        overlap = int(parameters.crop_overlap_ratio * min(height, width) * (2 / count))
        crop_width, crop_height = (math.ceil((overlap * (count - 1) + side) / count) for side in (width, height))
        for i in range(count):
            for j in range(count):
                x0, y0 = (crop_width - overlap) * i, (crop_height - overlap) * j
                box = x0, y0, min(x0 + crop_width, width), min(y0 + crop_height, height)
                if box[0] < box[2] and box[1] < box[3]:  # a tiny image has fewer pixels than crops
                    found.append(Crop(box, layer))
    return found


def points(crop: Crop, parameters: Parameters) -> np.ndarray:
    """float64 (n*n, 2): (x, y) in pixels of the crop, row by row, each in the middle of its field of the grid."""
    count = parameters.layer_points(crop.layer)
    offset = 1 / (2 * count)
    side = np.linspace(offset, 1 - offset, count)
    x, y = np.meshgrid(side, side)
    return np.stack([x.ravel(), y.ravel()], axis=1) * np.array(crop.size[::-1])


def order(count: int) -> np.ndarray:
    """A permutation of `count` points of a grid whose every stretch is spread over all of the image.

    So the first masks show up everywhere at once, and a cancelled run has looked at the whole image, if coarsely.
    Steps of the golden ratio never come close to a place that was visited shortly before.
    """
    return np.argsort(np.argsort(np.arange(count) * _GOLDEN % 1.0, kind="stable"), kind="stable")
