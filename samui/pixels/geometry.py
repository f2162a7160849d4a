"""Image pixels to model frame and back: the one conversion of coordinates, and full-size masks from small logits.

SAM sees an image whose longest side is scaled to `Frame.longest` and which is then padded at the right and the bottom
to a square. `Frame` knows the sizes involved; everything else is a function of it. Sizes are (height, width),
coordinates (x, y).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from samui.pixels.rle import Rle


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
        total = self.image[0] * self.image[1]
        changes = changes[: np.searchsorted(changes, total)]
        counts = np.diff(changes, prepend=0, append=total)
        if not counts[1:-1].all():
            # Two changes at one place are none: an empty run, or one that goes on at the head of the next column.
            first = np.flatnonzero(np.diff(changes, prepend=-1))
            odd = np.diff(first, append=len(changes)) % 2 == 1
            counts = np.diff(changes[first[odd]], prepend=0, append=total)
        return counts


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
    """Where each pixel of one axis samples: `at`, float64, not decreasing; in `cell` at `part` 0..1 of its length.

    scale: samples a pixel.
    """

    at: np.ndarray
    cell: np.ndarray
    part: np.ndarray
    scale: float

    def first_beyond(self, at: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Index of the first pixel whose position is at or, where not `inside`, beyond each of some positions.

        A pixel exactly on a crossing has the value 0 and stays outside, so it belongs to the side that is not positive.
        Nearly every answer can be computed; what float32 has moved, and the two borders, are looked up.
        """
        x = np.ceil((at + 0.5) / self.scale - 0.5).astype(np.int64)
        np.clip(x, 0, len(self.at), out=x)
        fenced = np.concatenate(([-np.inf], self.at, [np.inf]))
        before, here = fenced[x], fenced[x + 1]
        right = np.where(inside, (before < at) & (at <= here), (before <= at) & (at < here))
        for side, wrong in (("left", ~right & inside), ("right", ~right & ~inside)):
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
    # Past the centres of the outermost samples the value stays theirs.
    if samples == 1:
        return _Source(np.zeros(length), np.zeros(length, np.int64), np.zeros(length), float(scale))
    at = np.clip(at, 0, samples - 1)
    cell = np.minimum(at.astype(np.int64), samples - 2)
    return _Source(at, cell, at - cell, float(scale))


def _in_square(logits: np.ndarray, frame: Frame) -> np.ndarray:
    """Logits at the resolution of the model's square, cropped to the image; contiguous, 2 samples or more an axis."""
    height, width = frame.resized
    square = cv2.resize(logits, frame.padded[::-1], interpolation=cv2.INTER_LINEAR)[:height, :width]
    if min(height, width) == 1:
        square = np.pad(square, ((0, height == 1), (0, width == 1)), mode="edge")
    return np.ascontiguousarray(square)


def _mixed_cells(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices (y, x) of the cells between four samples of which some are positive and some are not."""
    positive = field > 0
    # Beyond the rows and columns that hold a positive sample, and one on either side, no cell is mixed.
    rows, columns = (_around(positive.any(axis=axis)) for axis in (1, 0))
    near = positive[rows, columns]
    across = near[:, 1:] != near[:, :-1]
    down = near[1:] != near[:-1]
    mixed = np.flatnonzero(across[1:] | across[:-1] | down[:, 1:])
    y, x = np.divmod(mixed, max(1, near.shape[1] - 1))
    return y + rows.start, x + columns.start


def _around(holds: np.ndarray) -> slice:
    """From the one before the first that is True to the one after the last; empty if none is."""
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
