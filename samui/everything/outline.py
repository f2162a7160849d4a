"""From a candidate's small logits to its full-size run lengths, area and stability, without a full-size array.

`samui.pixels.geometry.mask_boundaries` gives a mask as runs along pixel rows. Run lengths as COCO has them go along
columns, so everything here works on the transposed picture: what comes out is already in their order.
"""

from __future__ import annotations

import numpy as np

from samui.everything.grid import Crop
from samui.pixels.geometry import Frame, mask_boundaries
from samui.pixels.rle import Rle


def stability(logits: np.ndarray, frame: Frame, offset: float) -> float:
    """Area above +offset by area above -offset, of (h, w) logits at image size; NaN if nothing is above -offset.

    The IoU of the two masks, since one lies in the other (segment-anything, `calculate_stability_score`).
    """
    below = _area(runs(logits + np.float32(offset), frame))
    return _area(runs(logits - np.float32(offset), frame)) / below if below else float("nan")


def runs(logits: np.ndarray, frame: Frame) -> np.ndarray:
    """int64 (n, 2): first and end offset of each run of the mask `logits > 0` at image size, column by column.

    No run is empty, and none goes on from one column to the next.
    """
    turned = Frame(frame.image[::-1], frame.resized[::-1], frame.padded[::-1])
    pairs = mask_boundaries(np.ascontiguousarray(logits.T), turned).reshape(-1, 2)
    return pairs[pairs[:, 0] < pairs[:, 1]]


def place(pairs: np.ndarray, crop: Crop, size: tuple[int, int]) -> np.ndarray:
    """Runs in a crop as runs in the image of size (H, W)."""
    x0, y0, _, _ = crop.box
    column = pairs[:, :1] // crop.size[0]  # of the first pixel; the end may be the head of the next column
    return pairs + (column + x0) * size[0] + y0 - column * crop.size[0]


def to_rle(pairs: np.ndarray, size: tuple[int, int]) -> Rle:
    """The mask of sorted runs in an image of size (H, W)."""
    # Where one run ends at the foot of a column and the next begins at the head of the following one, it is one run.
    joined = pairs[1:, 0] == pairs[:-1, 1]
    firsts = pairs[np.concatenate(([True], ~joined)), 0] if len(pairs) else pairs[:, 0]
    ends = pairs[np.concatenate((~joined, [True])), 1] if len(pairs) else pairs[:, 1]
    changes = np.stack([firsts, ends], axis=1).ravel()
    counts = np.diff(changes, prepend=0, append=size[0] * size[1])
    return Rle(size, counts[:-1] if counts[-1] == 0 else counts)


def _area(pairs: np.ndarray) -> int:
    return int((pairs[:, 1] - pairs[:, 0]).sum())
