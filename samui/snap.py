"""`snap_to_edges`: a mask moved to the edges of its image, within a band round its outline.

A pixel belongs to the object or not by three kinds of evidence: how far inside the given mask it lies, whether its
colour is rather that of the object or of what is round it, and whether its neighbours across no edge belong. That is
GrabCut's energy (Rother, Kolmogorov, Blake 2004) with the mask as a soft prior. Two things differ. The colour models
are smoothed histograms, and the energy is minimised in its convex form, a total variation weighted by the edges, with
the primal-dual steps of Chambolle and Pock (2011). Both draw no random numbers, so one mask and image give one result
in any thread (cv2.grabCut seeds its colours from a random state), the work is the same for every picture, and the
answer is soft, which gives a smooth outline when it is enlarged.

All of it happens on a crop that is made small first: about 200 pixels for the colours, then 400 for the outline.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from samui.errors import ImageError, SamuiError
from samui.types import Box, Prompt

COARSE_SIDE = 200  # longest side in pixels of the crop on which the colours are learned
FINE_SIDE = 400  # and of the one on which the outline is placed
MARGIN = 0.5  # of the mask's longer side, kept round it: room to grow, and what the background looks like

_BAND = 0.75  # half the band's width in units of the mask's size, the square root of its area
_PRIOR = 8.0  # log odds that the mask's word is worth, for each of that unit from its outline
_COLOUR = 4.0  # log odds that a colour can be worth at most
_SMOOTH = 16.0  # log odds of a pixel that one pixel of outline across no edge outweighs
_ROUNDS, _STEPS, _FINE_STEPS = 4, 30, 25
_FEWEST = 5e-5  # share of pixels in a colour cell that counts as none
_SPREAD = 0.7  # blur of the histograms, in cells
_CONTRAST = 0.1  # least difference of the two histograms (0 same, 1 disjoint) that is worth snapping to
_CELLS = (16, 32, 32)  # of L, a, b
_DISC = 0.015  # radius of what a click is sure of, of the crop's longer side
_SURE = 50.0  # log odds that nothing outweighs


@dataclass(frozen=True, eq=False)
class _Window:
    """A crop (x0, y0, x1, y1) in whole image pixels, seen at `size` (height, width) pixels."""

    crop: tuple[int, int, int, int]
    size: tuple[int, int]

    def shrink(self, picture: np.ndarray) -> np.ndarray:
        x0, y0, x1, y1 = self.crop
        return cv2.resize(picture[y0:y1, x0:x1], self.size[::-1], interpolation=cv2.INTER_AREA)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Image pixels to pixels of the window."""
        x0, y0, x1, y1 = self.crop
        return (x - x0) * self.size[1] / (x1 - x0), (y - y0) * self.size[0] / (y1 - y0)


def snap_to_edges(image: np.ndarray, mask: np.ndarray, prompt: Prompt | None = None) -> np.ndarray:
    """Return bool (H, W): `mask` moved to the edges of the image; the input is never written to.

    image: RGB uint8 (H, W, 3). mask: bool (H, W). prompt: what made the mask. Nothing of the result lies outside its
    box, pixels under include points are in (unless the box forbids it) and those under exclude points are out. Pixels
    further from the mask's outline than three quarters of the root of its area stay as they are, holes of the mask
    that differ from it in colour stay, and islands that the mask does not touch are not added. A mask that is empty or
    full, or of the same colours as what is round it, comes back as it was. No random state; safe in threads. Work is
    bounded: COARSE_SIDE and FINE_SIDE pixels squared, and three passes over the crop at full size.

    Raises ImageError or SamuiError for a wrong shape or dtype, PromptError for a prompt outside the image.
    """
    _check(image, mask)
    prompt = prompt or Prompt()
    prompt.check_inside(*mask.shape)
    bounds = _bounds(mask)
    if bounds is None or mask.all():
        return mask.copy()
    crop = _crop(bounds, prompt, mask.shape)
    soft = _solve(image, mask, prompt, crop)
    if soft is None:
        return mask.copy()
    return _full_size(soft, mask, prompt, crop)


def _check(image: np.ndarray, mask: np.ndarray) -> None:
    if not (isinstance(image, np.ndarray) and image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8):
        raise ImageError(f"image: must be uint8 of shape (H, W, 3), got {_kind(image)}")
    if not (isinstance(mask, np.ndarray) and mask.dtype == bool and mask.shape == image.shape[:2]):
        raise SamuiError(f"mask: must be bool of shape {image.shape[:2]}, as the image is, got {_kind(mask)}")


def _kind(value: object) -> str:
    return f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__


def _bounds(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """The smallest (x0, y0, x1, y1) that holds the mask, None for an empty one."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _crop(bounds: Box, prompt: Prompt, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part of the image that is looked at: mask, box and include points with a margin."""
    x0, y0, x1, y1 = bounds
    if prompt.box is not None:
        bx0, by0, bx1, by1 = prompt.box
        x0, y0, x1, y1 = min(x0, bx0), min(y0, by0), max(x1, bx1), max(y1, by1)
    for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
        if label:
            x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x), max(y1, y)
    margin = MARGIN * max(x1 - x0, y1 - y0) + 2
    height, width = shape
    left, top = max(0, int(x0 - margin)), max(0, int(y0 - margin))
    return left, top, min(width, int(np.ceil(x1 + margin))), min(height, int(np.ceil(y1 + margin)))


def _window(crop: tuple[int, int, int, int], side: int) -> _Window:
    width, height = crop[2] - crop[0], crop[3] - crop[1]
    scale = min(1.0, side / max(width, height))
    return _Window(crop, (max(1, round(height * scale)), max(1, round(width * scale))))


def _solve(image: np.ndarray, mask: np.ndarray, prompt: Prompt, crop: tuple[int, int, int, int]) -> np.ndarray | None:
    """Return float32 (h, w) in 0 to 1 over the crop, at most FINE_SIDE long, or None with nothing to snap to."""
    fine = _window(crop, FINE_SIDE)
    coarse = _window(crop, COARSE_SIDE)
    fine_image, fine_mask = fine.shrink(image), fine.shrink(mask.view(np.uint8) * np.uint8(255))
    whole = _Window((0, 0, fine.size[1], fine.size[0]), coarse.size)
    small, covered = whole.shrink(fine_image), whole.shrink(fine_mask)

    # the colours, learned and used in turns
    cells, fixed, prior = _cells(small), _fixed(prompt, coarse), _prior(covered)
    edges = _edges(small)
    share = _pinned(1 / (1 + np.exp(-prior)), fixed, 0.0, 1.0)
    if _difference(_histogram(cells, share), _histogram(cells, 1 - share)) < _CONTRAST:
        return None
    inside, dual = (share > 0.5).astype(np.float32), None
    for _ in range(_ROUNDS):
        odds = _colour_odds(cells, share)
        inside, dual = _minimise(_pinned(prior + odds[cells], fixed), edges, inside, dual, _STEPS)
        share = inside

    # the outline, at twice the size
    odds = _colour_odds(cells, share)
    if fine.size != coarse.size:
        fixed = _fixed(prompt, fine)
        inside = cv2.resize(inside, fine.size[::-1], interpolation=cv2.INTER_LINEAR)
        evidence = _pinned(_prior(fine_mask) + odds[_cells(fine_image)], fixed)
        inside = _minimise(evidence, _edges(fine_image), inside, None, _FINE_STEPS)[0]
    return _without_islands(inside, (fine_mask > 0) | (fixed > 0))


def _prior(covered: np.ndarray) -> np.ndarray:
    """Log odds from the mask alone: rising with the distance inside its outline; sure beyond the band."""
    inside = (covered > 127).astype(np.uint8)
    if not inside.any():
        inside = (covered > 0).astype(np.uint8)  # a mask of few pixels of a long crop
    size = np.sqrt(max(1, int(inside.sum())))
    outside = 1 - inside
    depth = cv2.distanceTransform(np.pad(inside, 1, mode="edge"), cv2.DIST_L2, 5)
    depth = (depth - cv2.distanceTransform(np.pad(outside, 1, mode="edge"), cv2.DIST_L2, 5))[1:-1, 1:-1] / size
    return np.where(np.abs(depth) > _BAND, np.sign(depth) * _SURE, _PRIOR * depth).astype(np.float32)


def _fixed(prompt: Prompt, window: _Window) -> np.ndarray:
    """int8 (h, w): 1 must be inside, -1 must be outside, 0 open, by the prompt."""
    fixed = np.zeros(window.size, np.int8)
    if prompt.box is not None:
        # a pixel of the window is out if most of it is
        x0, y0 = (round(v) for v in window.place(prompt.box[0], prompt.box[1]))
        x1, y1 = (round(v) for v in window.place(prompt.box[2], prompt.box[3]))
        fixed[:] = -1
        fixed[max(0, y0) : max(y0 + 1, y1), max(0, x0) : max(x0 + 1, x1)] = 0
    sure = np.zeros(window.size, np.uint8)
    radius = max(1, round(_DISC * max(window.size)))
    for (x, y), label in sorted(zip(prompt.points, prompt.labels, strict=True), key=lambda p: -p[1]):
        x, y = window.place(x, y)
        cv2.circle(sure, (int(x), int(y)), radius, 1 if label else 2, -1)
    fixed[(sure == 1) & (fixed == 0)] = 1
    fixed[sure == 2] = -1
    return fixed


def _pinned(values: np.ndarray, fixed: np.ndarray, low: float = -_SURE, high: float = _SURE) -> np.ndarray:
    return np.where(fixed < 0, low, np.where(fixed > 0, high, values)).astype(np.float32)


def _cells(image: np.ndarray) -> np.ndarray:
    """Index of each pixel's colour cell, int32 (h, w): 16 steps of L, 32 of a and b each."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.int32)
    return ((lab[..., 0] >> 4) * _CELLS[1] + (lab[..., 1] >> 3)) * _CELLS[2] + (lab[..., 2] >> 3)


def _histogram(cells: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Share of `weight` in each colour cell, blurred along L, a and b, float32."""
    counts = np.bincount(cells.ravel(), weight.ravel(), minlength=int(np.prod(_CELLS)))
    counts = (counts / max(float(counts.sum()), 1e-6)).astype(np.float32)
    kernel = cv2.getGaussianKernel(5, _SPREAD, cv2.CV_32F)
    one = np.ones((1, 1), np.float32)
    levels, reds, blues = _CELLS
    counts = cv2.sepFilter2D(counts.reshape(levels, reds * blues), -1, one, kernel)
    counts = cv2.sepFilter2D(counts.reshape(levels * reds, blues), -1, kernel, one)
    swapped = np.ascontiguousarray(counts.reshape(_CELLS).transpose(0, 2, 1)).reshape(levels * blues, reds)
    swapped = cv2.sepFilter2D(swapped, -1, kernel, one)
    return swapped.reshape(levels, blues, reds).transpose(0, 2, 1).ravel()


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    """How far two histograms differ: 0 the same, 1 no colour in common."""
    return float(np.abs(one - other).sum()) / 2


def _colour_odds(cells: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Log odds of each colour cell, for the object's colours weighted by `share` against the rest's."""
    ratio = (_histogram(cells, share) + _FEWEST) / (_histogram(cells, 1 - share) + _FEWEST)
    return np.clip(np.log(ratio), -_COLOUR, _COLOUR)


def _edges(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cost of an outline between neighbours, (h, w - 1) and (h - 1, w): 1 on flat ground, towards 0 on edges."""
    colours = image.astype(np.float32)
    across = np.square(colours[:, 1:] - colours[:, :-1]).sum(axis=2)
    down = np.square(colours[1:] - colours[:-1]).sum(axis=2)
    mean = max((float(across.sum()) + float(down.sum())) / max(1, across.size + down.size), 1e-3)
    return np.exp(across / (-2 * mean)), np.exp(down / (-2 * mean))


def _minimise(
    odds: np.ndarray,
    edges: tuple[np.ndarray, np.ndarray],
    inside: np.ndarray,
    dual: tuple[np.ndarray, np.ndarray] | None,
    steps: int,
    tau: float = 1.0,
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Minimise outline cost - <odds / _SMOOTH, inside> over 0 <= inside <= 1 by primal-dual steps from the given start.

    Chambolle and Pock, "A first-order primal-dual algorithm", 2011, algorithm 1; 8 bounds the squared norm of the
    difference operator in two dimensions. Returns `inside` and the dual values, for a later warm start.
    """
    cost_x, cost_y = edges
    sigma = 1 / (8 * tau)
    pull = odds * np.float32(tau / _SMOOTH)
    dual_x, dual_y = (np.zeros_like(cost_x), np.zeros_like(cost_y)) if dual is None else dual
    low_x, low_y = -cost_x, -cost_y
    step_x, step_y = np.empty_like(cost_x), np.empty_like(cost_y)
    inside, new, ahead = inside.copy(), np.empty_like(inside), inside.copy()
    for _ in range(steps):  # in place: new arrays would cost as much as the sums
        np.subtract(ahead[:, 1:], ahead[:, :-1], out=step_x)
        np.subtract(ahead[1:], ahead[:-1], out=step_y)
        for part, step, low, high in ((dual_x, step_x, low_x, cost_x), (dual_y, step_y, low_y, cost_y)):
            step *= sigma
            part += step
            np.maximum(part, low, out=part)
            np.minimum(part, high, out=part)
        np.add(inside, pull, out=new)
        np.multiply(dual_x, tau, out=step_x)
        np.multiply(dual_y, tau, out=step_y)
        new[:, :-1] += step_x
        new[:, 1:] -= step_x
        new[:-1] += step_y
        new[1:] -= step_y
        np.clip(new, 0, 1, out=new)
        np.multiply(new, 2, out=ahead)
        ahead -= inside
        inside, new = new, inside
    return inside, (dual_x, dual_y)


def _without_islands(inside: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Clear the parts of `inside` that no known pixel of the object touches."""
    count, parts = cv2.connectedComponents((inside > 0.5).astype(np.uint8), connectivity=8)
    touched = np.zeros(count, bool)
    touched[parts[known]] = True
    touched[0] = True  # what is outside anyway
    return np.where(touched[parts], inside, np.float32(0))


def _full_size(soft: np.ndarray, mask: np.ndarray, prompt: Prompt, crop: tuple[int, int, int, int]) -> np.ndarray:
    """Bool (H, W) from soft values over the crop: smooth at full size, true to the prompt."""
    x0, y0, x1, y1 = crop
    if soft.shape != (y1 - y0, x1 - x0):
        soft = cv2.GaussianBlur(soft, (0, 0), 0.8)  # steps of the small pixels would show in the large picture
    values = np.rint(soft * 255).astype(np.uint8)  # bytes: the enlargement is what costs with a large photo
    result = np.zeros_like(mask)
    result[y0:y1, x0:x1] = cv2.resize(values, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR) > 127
    height, width = mask.shape
    for (x, y), label in sorted(zip(prompt.points, prompt.labels, strict=True), key=lambda p: -p[1]):
        result[min(int(y), height - 1), min(int(x), width - 1)] = label  # clicks closer than the small pixels
    if prompt.box is not None:
        # pixels whose centre lies in the box
        left, top, right, bottom = (int(np.ceil(v - 0.5)) for v in prompt.box)
        result[:top] = result[bottom:] = False
        result[:, :left] = result[:, right:] = False
    return result
