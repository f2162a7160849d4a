"""Image pixels to model frame, the one conversion of coordinates, and full-size masks from small logits.

A model sees an image in a square: SAM with its shape kept and zeros at the right and the bottom, SAM 2 and 3 stretched
to fill it. `Frame` knows the sizes involved; everything else is a function of it. Sizes are (height, width),
coordinates (x, y).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from samui.pixels.rle import Rle


@dataclass(frozen=True)
class Frame:
    """How one image lies in a model's square, and how its logits come back from there.

    image: (H, W) of the image. resized: (h, w) of the image inside the square, at its top left; coordinates scale by
    it. field: (h, w) to which logits are scaled first. crop: (h, w) of the part of the field, at its top left, that
    shows the image; the last step goes from there to the image.
    """

    image: tuple[int, int]
    resized: tuple[int, int]
    field: tuple[int, int]
    crop: tuple[int, int]

    @classmethod
    def fit(cls, height: int, width: int, *, longest: int) -> Frame:
        """The frame of an image of height x width pixels whose longest side becomes `longest`, the square's side.

        Logits go through the whole square. Sides are rounded as in transformers'
        `SamImageProcessorPil._get_preprocess_shape`, but are never shorter than one pixel (there, an image of 1x30000
        fails).
        """
        scale = longest * 1.0 / max(height, width)
        resized = max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))
        return cls((height, width), resized, (longest, longest), resized)

    @classmethod
    def stretch(cls, height: int, width: int, *, side: int, low: int) -> Frame:
        """The frame of an image that is stretched to side x side; logits of low x low go straight to the image.

        The same as `post_process_masks` of transformers' `Sam2Processor`.
        """
        return cls((height, width), (side, side), (low, low), (low, low))

    @property
    def turned(self) -> Frame:
        """The frame of the transposed image."""
        return Frame(self.image[::-1], self.resized[::-1], self.field[::-1], self.crop[::-1])

    @property
    def covered(self) -> tuple[float, float]:
        """(height, width): the share of the logits, from their top left, that shows the image; each up to 1."""
        return self.crop[0] / self.field[0], self.crop[1] / self.field[1]

    def to_model(self, xy: np.ndarray, dtype: type[np.floating] = np.float64) -> np.ndarray:
        """Image pixels (..., 2) to pixels of the model's square. The two axes scale by their own factor.

        dtype: in which coordinates and factors are taken and multiplied.
        """
        scale = np.array([self.resized[1] / self.image[1], self.resized[0] / self.image[0]])
        return np.asarray(xy, dtype) * scale.astype(dtype)

    def mask(self, logits: np.ndarray) -> np.ndarray:
        """Bool (H, W) at image size of finite float32 (h, w) logits: where they are above 0 after upscaling.

        The same as transformers' `post_process_masks` (bilinear to the field, crop, bilinear to the image, > 0) except
        for pixels whose interpolated logit is within float32 rounding of 0. A few milliseconds at 12 megapixels.
        """
        return Rle(self.image, self.runs(logits)).decode()

    def runs(self, logits: np.ndarray) -> np.ndarray:
        """Run lengths of `mask(logits)` as in `Rle`, int64; no array of the image's size is made on the way."""
        return run_lengths(self._boundaries(logits), self.image)

    def spans(self, logits: np.ndarray) -> np.ndarray:
        """int64 (n, 2): first and end offset of each run of `mask(logits)`, column by column as COCO counts pixels.

        Sorted; no span is empty, and none goes on from one column to the next.
        """
        pairs = self._boundaries(logits).reshape(-1, 2)
        filled = pairs[:, 0] < pairs[:, 1]
        return pairs if filled.all() else pairs[filled]

    def _boundaries(self, logits: np.ndarray) -> np.ndarray:
        # The boundaries run along rows and COCO's runs along columns, so everything is done on the transposed picture.
        return mask_boundaries(np.ascontiguousarray(logits.T), self.turned)


def run_lengths(changes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Run lengths as in `Rle`, int64, of a mask in an image of size (H, W).

    changes: sorted offsets where it begins and ends in turn, as `mask_boundaries` gives them, or spans (n, 2).
    """
    total = size[0] * size[1]
    changes = changes.reshape(-1)
    changes = changes[: np.searchsorted(changes, total)]
    counts = np.diff(changes, prepend=0, append=total)
    if not counts[1:-1].all():
        # Two changes at one place cancel: an empty run, or one that continues at the top of the next column.
        first = np.flatnonzero(np.diff(changes, prepend=-1))
        odd = np.diff(first, append=len(changes)) % 2 == 1
        counts = np.diff(changes[first[odd]], prepend=0, append=total)
    return counts


def mask_boundaries(logits: np.ndarray, frame: Frame) -> np.ndarray:
    """Where the full-size mask of float32 (h, w) logits changes, as sorted offsets into its pixels in row-major order.

    int64 (2n,): the mask holds from offset [0] to before [1], from [2] to before [3] and so on; equal offsets are
    empty runs. The work grows with the length of the outline, not with the area: a bilinear surface
    is positive between four positive samples and not positive between four others, so only cells of the frame's field
    with both kinds are looked at. Along one pixel row the surface is linear inside a cell, so it changes sign at most
    once.
    """
    height, width = frame.image
    field = _in_field(logits, frame)
    rows, columns = _source(height, field.shape[0]), _source(width, field.shape[1])

    # The sign changes inside mixed cells: one candidate for each pixel row that crosses the cell.
    cell_y, cell_x = _mixed_cells(field)
    first_row = np.searchsorted(rows.cell, np.arange(field.shape[0]))
    count = (first_row[1:] - first_row[:-1])[cell_y]
    y = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - first_row[cell_y], count)
    corner = np.repeat(cell_y * field.shape[1] + cell_x, count)
    flat, part = field.reshape(-1), rows.part[y]
    left = _between(flat[corner], flat[corner + field.shape[1]], part)
    right = _between(flat[corner + 1], flat[corner + field.shape[1] + 1], part)
    crosses = np.flatnonzero((left > 0) != (right > 0))
    left, right, y = left[crosses], right[crosses], y[crosses]
    at = corner[crosses] % field.shape[1] + left / (left - right)
    inner = y * width + columns.first_beyond(at, left > 0)

    # Rows that are positive at their first or last sample begin or end a run there.
    begins = _positive_rows(field[:, 0], rows) * width
    ends = (_positive_rows(field[:, -1], rows) + 1) * width
    return np.sort(np.concatenate([inner, begins, ends]))


@dataclass(frozen=True)
class _Source:
    """Where each pixel of one axis samples: `at`, float64, not decreasing; in `cell`, at `part` (0 to 1) of its length.

    scale: samples per pixel.
    """

    at: np.ndarray
    cell: np.ndarray
    part: np.ndarray
    scale: float

    def first_beyond(self, at: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Index of the first pixel whose position is at or, where not `inside`, beyond each of some positions.

        A pixel exactly on a crossing has the value 0 and stays outside, so it belongs to the side that is not positive.
        Nearly every answer is computed; the two borders, and positions that float32 has moved, are looked up.
        """
        x = np.ceil((at + 0.5) / self.scale - 0.5).astype(np.int64)
        np.clip(x, 0, len(self.at), out=x)
        fenced = np.concatenate(([-np.inf], self.at, [np.inf]))
        before, here = fenced[x], fenced[x + 1]
        right = np.where(inside, (before < at) & (at <= here), (before <= at) & (at < here))
        sides: tuple[tuple[Literal["left", "right"], np.ndarray], ...]
        sides = ("left", ~right & inside), ("right", ~right & ~inside)
        for side, wrong in sides:
            (again,) = np.nonzero(wrong)
            x[again] = np.searchsorted(self.at, at[again], side)
        return x


def _source(length: int, samples: int) -> _Source:
    """torch's `align_corners=False` source positions, in its precision.

    torch computes float32(scale * (index + 0.5) - 0.5) with a fused multiply-add; float64 holds that product exactly,
    so one rounding at the end gives the same bits. A float64 scale would differ by up to 1e-4 of a sample.
    """
    scale = np.float64(np.float32(samples) / np.float32(length))
    at = (scale * (np.arange(length) + 0.5) - 0.5).astype(np.float32).astype(np.float64)
    # Beyond the centres of the outermost samples their value continues.
    if samples == 1:
        return _Source(np.zeros(length), np.zeros(length, np.int64), np.zeros(length), float(scale))
    at = np.clip(at, 0, samples - 1)
    cell = np.minimum(at.astype(np.int64), samples - 2)
    return _Source(at, cell, at - cell, float(scale))


def _in_field(logits: np.ndarray, frame: Frame) -> np.ndarray:
    """Logits at the resolution of the frame's field, cropped to the image; contiguous, 2 samples or more an axis."""
    height, width = frame.crop
    field = cv2.resize(logits, frame.field[::-1], interpolation=cv2.INTER_LINEAR)[:height, :width]
    if min(height, width) == 1:
        field = np.pad(field, ((0, int(height == 1)), (0, int(width == 1))), mode="edge")
    return np.ascontiguousarray(field)


def _mixed_cells(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices (y, x) of the cells between four samples of which some are positive and some are not."""
    positive = field > 0
    # Mixed cells lie only in rows and columns that hold a positive sample, and one on either side.
    rows, columns = (_around(np.asarray(positive.any(axis=axis))) for axis in (1, 0))
    near = positive[rows, columns]
    across = near[:, 1:] != near[:, :-1]
    down = near[1:] != near[:-1]
    mixed = np.flatnonzero(across[1:] | across[:-1] | down[:, 1:])
    y, x = np.divmod(mixed, max(1, near.shape[1] - 1))
    return y + rows.start, x + columns.start


def _around(holds: np.ndarray) -> slice:
    """From the place before the first True to the one after the last; empty if there is none."""
    (found,) = np.nonzero(holds)
    return slice(max(0, found[0] - 1), found[-1] + 2) if len(found) else slice(0, 0)


def _positive_rows(column: np.ndarray, rows: _Source) -> np.ndarray:
    """The pixel rows in which one column of samples is positive."""
    if not (column > 0).any():
        return np.empty(0, np.int64)
    return np.flatnonzero(_between(column[rows.cell], column[rows.cell + 1], rows.part) > 0)


def _between(above: np.ndarray, below: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Values between two samples; float64, so that no product of small numbers becomes 0."""
    return above * (1 - part) + below * part
