"""Image pixels to model frame and back: the one conversion of coordinates, and full-size masks from small logits.

SAM sees an image whose longest side is scaled to `Frame.longest` and which is then padded at the right and the bottom
to a square. `Frame` knows the sizes involved; everything else is a function of it. Sizes are (height, width),
coordinates (x, y).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from samui.masks import Rle


@dataclass(frozen=True)
class Frame:
    """How one image lies in a model's square.

    image: (H, W) of the image. resized: (h, w) of the image inside the square, at its top left. padded: (height, width)
    of the square.
    """

    image: tuple[int, int]
    resized: tuple[int, int]
    padded: tuple[int, int]

    @classmethod
    def fit(cls, height: int, width: int, *, longest: int, padded: tuple[int, int] | None = None) -> Frame:
        """The frame of an image of height x width pixels whose longest side becomes `longest`.

        Rounding is that of transformers' `SamImageProcessorPil._get_preprocess_shape`, but a side is never shorter than
        one pixel (there, an image of 1x30000 fails).
        """
        scale = longest * 1.0 / max(height, width)
        resized = max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))
        return cls((height, width), resized, padded or (longest, longest))

    @property
    def _scale(self) -> np.ndarray:
        return np.array([self.resized[1] / self.image[1], self.resized[0] / self.image[0]])

    def to_model(self, xy: np.ndarray) -> np.ndarray:
        """Image pixels (..., 2) to pixels of the model's square; float64. The two axes scale by their own factor."""
        return np.asarray(xy, np.float64) * self._scale

    def to_image(self, xy: np.ndarray) -> np.ndarray:
        """Pixels of the model's square (..., 2) to image pixels; float64, the inverse of `to_model`."""
        return np.asarray(xy, np.float64) / self._scale

    def mask(self, logits: np.ndarray) -> np.ndarray:
        """Bool (H, W) at image size of finite float32 (h, w) logits: where they are above 0 after upscaling.

        The same as transformers' `post_process_masks` (bilinear to the square, crop, bilinear to the image, > 0) but
        for pixels whose interpolated logit is within float32 rounding of 0. A few milliseconds at 12 megapixels.
        """
        return Rle(self.image, self.runs(logits)).decode()

    def runs(self, logits: np.ndarray) -> np.ndarray:
        """Run lengths of `mask(logits)` as `Rle` has them, int64; nothing of the image's size is made on the way."""
        # The boundaries run along rows and COCO's runs along columns, so all of it is done on the turned picture.
        turned = Frame(self.image[::-1], self.resized[::-1], self.padded[::-1])
        changes = mask_boundaries(np.ascontiguousarray(logits.T), turned)
        # Two changes at one place are none: an empty run, or one that goes on at the head of the next column.
        first = np.flatnonzero(np.diff(changes, prepend=-1))
        odd = np.diff(first, append=len(changes)) % 2 == 1
        total = self.image[0] * self.image[1]
        changes = changes[first[odd]]
        changes = changes[changes < total]
        return np.diff(changes, prepend=0, append=total)


def mask_boundaries(logits: np.ndarray, frame: Frame) -> np.ndarray:
    """Where the full-size mask of float32 (h, w) logits changes, as sorted offsets into its pixels in row-major order.

    int64 (2n,): the mask holds from offset [0] to before [1], from [2] to before [3] and so on; equal offsets are
    empty runs. The work grows with the length of the outline, not with the area: between four positive samples a
    bilinear surface is positive and between four others it is not, so only cells of the model's square with both kinds
    are looked at; along one pixel row the surface is linear inside a cell, so it changes sign at one place at most.
    """
    height, width = frame.image
    field = _in_square(logits, frame)
    rows, columns = _source(height, field.shape[0]), _source(width, field.shape[1])

    # The sign changes inside mixed cells: one candidate a pixel row that crosses the cell.
    cell_y, cell_x = _mixed_cells(field)
    first_row = np.searchsorted(rows.cell, np.arange(field.shape[0]))
    count = (first_row[1:] - first_row[:-1])[cell_y]
    y = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - first_row[cell_y], count)
    cell_x = np.repeat(cell_x, count)
    left = _down(field, rows, y, cell_x)
    right = _down(field, rows, y, cell_x + 1)
    crosses = (left > 0) != (right > 0)
    left, right, cell_x, y = left[crosses], right[crosses], cell_x[crosses], y[crosses]
    at = cell_x + left / (left - right)
    # A pixel exactly on the crossing has the value 0 and stays outside, so it belongs to the side that is not positive.
    x = np.where(left > 0, np.searchsorted(columns.at, at, "left"), np.searchsorted(columns.at, at, "right"))

    # Rows that are positive at their first or last sample begin or end a run there.
    every = np.arange(height)
    begins = every[_down(field, rows, every, 0) > 0] * width
    ends = (every[_down(field, rows, every, field.shape[1] - 1) > 0] + 1) * width
    return np.sort(np.concatenate([y * width + x, begins, ends]))


@dataclass(frozen=True)
class _Source:
    """Where each pixel of one axis samples: `at`, float64, not decreasing; in `cell` at `part` 0..1 of its length."""

    at: np.ndarray
    cell: np.ndarray
    part: np.ndarray


def _source(length: int, samples: int) -> _Source:
    """torch's `align_corners=False` source positions, in its precision.

    torch computes float32(scale * (index + 0.5) - 0.5) with a fused multiply-add; float64 holds that product exactly,
    so one rounding at the end gives the same bits. A float64 scale would differ by up to 1e-4 of a sample.
    """
    scale = np.float64(np.float32(samples) / np.float32(length))
    at = (scale * (np.arange(length) + 0.5) - 0.5).astype(np.float32).astype(np.float64)
    # Past the centres of the outermost samples the value stays theirs.
    if samples == 1:
        return _Source(np.zeros(length), np.zeros(length, np.int64), np.zeros(length))
    at = np.clip(at, 0, samples - 1)
    cell = np.minimum(at.astype(np.int64), samples - 2)
    return _Source(at, cell, at - cell)


def _in_square(logits: np.ndarray, frame: Frame) -> np.ndarray:
    """Logits at the resolution of the model's square, cropped to the image; at least 2 samples on each axis."""
    height, width = frame.resized
    square = cv2.resize(logits, frame.padded[::-1], interpolation=cv2.INTER_LINEAR)
    return np.pad(square[:height, :width], ((0, height == 1), (0, width == 1)), mode="edge")


def _mixed_cells(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices (y, x) of the cells between four samples of which some are positive and some are not."""
    positive = field > 0
    across = positive[:, 1:] != positive[:, :-1]
    down = positive[1:] != positive[:-1]
    mixed = np.flatnonzero(across[1:] | across[:-1] | down[:, 1:])
    return np.divmod(mixed, field.shape[1] - 1)


def _down(field: np.ndarray, rows: _Source, y: np.ndarray, column: np.ndarray | int) -> np.ndarray:
    """Values on pixel rows `y` at sample columns `column`; float64, so that no product of small numbers becomes 0."""
    cell, part = rows.cell[y], rows.part[y]
    return field[cell, column] * (1 - part) + field[cell + 1, column] * part
