"""What colours say: the log odds of each that it belongs to the object, from mixtures of five Gaussians on either side.

As in GrabCut, made cheap: the pixels are put into cells of alike colour once, and all fitting is on the cells. The
mixtures start from splits along the widest axis (Orchard and Bouman 1991), so nothing is drawn at random.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_CELLS = (16, 32, 32)  # of L, a, b
_COUNT = 16 * 32 * 32
_BAND = 0.08  # width of the bands along an outline, of the root of the area inside
_PARTS = 5  # Gaussians of a mixture
_LEAST = 40.0  # variance that is added to each: a colour's width is never nothing
_WORTH, _MOST = 0.6, 5.0  # of the log odds: pixels are not independent of their neighbours; and no colour is certain


@dataclass(frozen=True, eq=False)
class Colours:
    """A picture's pixels by colour cell. cells: int (h, w), index of each pixel's cell in `means`; means: (n, 3)."""

    cells: np.ndarray
    means: np.ndarray
    places: np.ndarray  # (n, 3), of each cell in the grid of L, a and b

    def weights(self, share: np.ndarray) -> np.ndarray:
        """Sum of a (h, w) array in each cell."""
        return np.bincount(self.cells.ravel(), share.ravel(), minlength=len(self.means))


def by_colour(image: np.ndarray) -> Colours:
    """The cells of an RGB uint8 picture."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.int32)
    index = (((lab[..., 0] >> 4) * _CELLS[1] + (lab[..., 1] >> 3)) * _CELLS[2] + (lab[..., 2] >> 3)).ravel()
    counts = np.bincount(index, minlength=_COUNT)
    found = np.flatnonzero(counts)
    pixels = image.reshape(-1, 3).T.astype(np.float64)
    means = np.stack([np.bincount(index, channel, minlength=_COUNT)[found] for channel in pixels], axis=1)
    order = np.zeros(_COUNT, np.int32)
    order[found] = np.arange(len(found))
    places = np.stack(np.unravel_index(found, _CELLS), axis=1)
    return Colours(order[index].reshape(image.shape[:2]), means / counts[found, None], places)


def difference(colours: Colours, share: np.ndarray) -> float:
    """How far the colours weighted by `share` differ from the rest's: 0 the same, 1 no colour in common."""
    grids = []
    for weights in (colours.weights(share), colours.weights(1 - share)):
        grid = np.zeros(_CELLS, np.float32)
        grid[tuple(colours.places.T)] = weights / max(float(weights.sum()), 1e-6)
        grids.append(grid)
    # blurred along a and b, and L by turns, so that noise within one colour is no difference
    gap: np.ndarray = (grids[0] - grids[1]).reshape(_CELLS[0], -1)
    kernel, one = cv2.getGaussianKernel(5, 0.7, cv2.CV_32F), np.ones((1, 1), np.float32)
    gap = cv2.sepFilter2D(gap, -1, one, kernel, borderType=cv2.BORDER_CONSTANT)
    gap = np.stack([cv2.sepFilter2D(level, -1, kernel, kernel) for level in gap.reshape(_CELLS)])
    return float(np.abs(gap).sum()) / 2


def contrast(colours: Colours, depth: np.ndarray) -> float:
    """How far the colours just inside an outline differ from those just outside: 0 the same, 1 none in common.

    depth: (h, w), the distance inside the outline, negative outside. The bands are a twelfth of the root of the area.
    """
    width = max(2.0, _BAND * float(np.sqrt(max(1, int(np.count_nonzero(depth > 0))))))
    inside = colours.weights(((depth > 0) & (depth <= width)).astype(np.float32))
    outside = colours.weights(((depth <= 0) & (depth >= -width)).astype(np.float32))
    if not inside.any() or not outside.any():
        return 0.0
    return 0.5 * float(np.abs(inside / inside.sum() - outside / outside.sum()).sum())


class Mixtures:
    """The object's and the rest's mixture, fitted to soft membership `share` (h, w) in 0 to 1."""

    def __init__(self, colours: Colours, share: np.ndarray) -> None:
        self._sides = []
        for weights in _pure(colours, share):
            self._sides.append(_fit(colours.means, weights, _split(colours.means, weights)))
        for _ in range(2):
            self.refit(colours, share)

    def refit(self, colours: Colours, share: np.ndarray) -> None:
        """One step towards a new membership, each colour given to the likeliest Gaussian of its side."""
        self._sides = [
            _fit(colours.means, weights, _log(colours.means, side).argmax(axis=0))
            for weights, side in zip(_pure(colours, share), self._sides, strict=True)
        ]

    def odds(self, colours: Colours) -> np.ndarray:
        """Log odds of each pixel, float32 (h, w)."""
        inside, outside = (np.logaddexp.reduce(_log(colours.means, side), axis=0) for side in self._sides)
        return np.clip(_WORTH * (inside - outside), -_MOST, _MOST).astype(np.float32)[colours.cells]


def _pure(colours: Colours, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of each cell on both sides, without the pixels on the outline: theirs are colours of neither side."""
    inside = (share > 0.5).astype(np.uint8)
    square = np.ones((3, 3), np.uint8)
    off = cv2.dilate(inside, square) == cv2.erode(inside, square)
    return colours.weights(share * off), colours.weights((1 - share) * off)


def _split(means: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Index of a part for each colour: the part that is widest along one axis is cut at its mean, four times."""
    parts = np.zeros(len(means), int)
    for new in range(1, _PARTS):
        widest = None
        for part in range(new):
            chosen = parts == part
            total = weights[chosen].sum()
            if total <= 1e-6:
                continue
            middle = weights[chosen] @ means[chosen] / total
            apart = means[chosen] - middle
            spread, axes = np.linalg.eigh((apart * weights[chosen, None]).T @ apart)
            if widest is None or spread[-1] > widest[0]:
                widest = spread[-1], part, middle, axes[:, -1]
        if widest is None:
            break
        _, part, middle, axis = widest
        parts[(parts == part) & ((means - middle) @ axis > 0)] = new
    return parts


def _fit(means: np.ndarray, weights: np.ndarray, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares (5,), centres (5, 3) and covariances (5, 3, 3) of the parts."""
    member = np.zeros((_PARTS, len(means)))
    member[parts, np.arange(len(means))] = weights
    total = member.sum(axis=1)
    centres = member @ means / np.maximum(total, 1e-9)[:, None]
    squares = (means[:, :, None] * means[:, None, :]).reshape(-1, 9)
    moments = (member @ squares / np.maximum(total, 1e-9)[:, None]).reshape(-1, 3, 3)
    spreads = moments - centres[:, :, None] * centres[:, None, :] + _LEAST * np.eye(3)
    return total / max(total.sum(), 1e-9), centres, spreads


def _log(means: np.ndarray, mixture: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """Log density of each colour under each part, (5, n), up to one constant."""
    shares, centres, spreads = mixture
    apart = means - centres[:, None]
    distance = ((apart @ np.linalg.inv(spreads)) * apart).sum(axis=2)
    return np.log(np.maximum(shares, 1e-12))[:, None] - (distance + np.log(np.linalg.det(spreads))[:, None]) / 2
