"""`snap_to_edges`: a mask moved to the edges of its image, within a band round its outline.

A pixel belongs to the object or not by three kinds of evidence: how far inside the given mask it lies, whether its
colour is rather that of the object or of what is round it, and whether its neighbours across no edge belong. That is
GrabCut's energy (Rother, Kolmogorov, Blake 2004) with the mask as a soft prior. Where there is a box, the prior weighs
less the worse the mask already lies on edges. `colours` and `outline` tell how it is minimised. Nothing there draws
random numbers, so one mask and image give one result in any thread (cv2.grabCut starts from OpenCV's random state),
the work is the same for every picture, and the answer is soft, which gives a smooth outline when it is enlarged.

All of it happens on a crop that is made small first: about 200 pixels for the colours, then 400 for the outline.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from samui.errors import ImageError, SamuiError
from samui.pixels.snap.colours import Colours, Mixtures, by_colour, contrast, difference
from samui.pixels.snap.outline import edge_costs, minimise, signed_depth, trust
from samui.types import Box, Prompt

COARSE_SIDE = 200  # longest side in pixels of the crop on which the colours are learned
FINE_SIDE = 400  # and of the one on which the outline is placed
MARGIN = 0.5  # of the mask's longer side, kept round it: room to grow, and what the background looks like

_BAND = 0.75  # half the band's width in units of the mask's size, the square root of its area
_PRIOR = 18.0  # log odds that a good mask adds for each such unit of distance from its outline
_LEAST_IN_BOX = 0.5  # share of the prior that is left for a mask off all edges that has a box
_FULL_BOX = 0.5  # how far such a mask gives way to a box that is full
_ROUNDS, _STEPS, _FINE_STEPS = 4, 60, 25
_CONTRAST = 0.1  # least difference of colours, 0 the same to 1 disjoint, that is worth snapping to
_GAIN = 0.03  # by which the contrast along the outline must rise, 0 the same colours on both sides to 1 none in common
_DISC = 0.015  # radius of what a click is sure of, as a share of the crop's longer side
_LEAST_LEFT = 0.5  # share of a mask, without what its box cuts off; where less would be left, the mask stays
_THIN = 1.5  # pixels of the fine picture: half the width of a mask that smoothing would wipe out
_SURE = 50.0  # log odds that nothing outweighs
_ROWS = 4  # fewest rows of a photo that a small pixel is the mean of


@dataclass(frozen=True, eq=False)
class _Window:
    """A crop (x0, y0, x1, y1) in whole image pixels, seen at `size` (height, width) pixels."""

    crop: tuple[int, int, int, int]
    size: tuple[int, int]

    def shrink(self, picture: np.ndarray) -> np.ndarray:
        """A picture, uint8 or bool, at this size; a bool one becomes 0 to 255."""
        x0, y0, x1, y1 = self.crop
        # Four rows tell the mean of a pixel's rows well enough; a large photo has twenty.
        view = picture[y0 : y1 : max(1, (y1 - y0) // (_ROWS * self.size[0])), x0:x1]
        if view.dtype == bool:
            view = view.view(np.uint8) * np.uint8(255)
        return cv2.resize(view, self.size[::-1], interpolation=cv2.INTER_AREA)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Image pixels to pixels of the window."""
        x0, y0, x1, y1 = self.crop
        return (x - x0) * self.size[1] / (x1 - x0), (y - y0) * self.size[0] / (y1 - y0)


def snap_to_edges(image: np.ndarray, mask: np.ndarray, prompt: Prompt | None = None) -> np.ndarray:
    """Return bool (H, W): `mask` moved to the edges of the image; the input is never written to.

    image: RGB uint8 (H, W, 3). mask: bool (H, W). prompt: what made the mask. Nothing of the result lies outside its
    box, pixels under include points are in (unless the box forbids it) and those under exclude points are out. Pixels
    further from the mask's outline than three quarters of the root of its area stay as they are, holes of the mask
    that differ from it in colour stay, and islands that the mask does not touch are not added. But for what box and
    points settle a mask comes back as it was if it is full, a thin line at FINE_SIDE pixels, of the same colours as
    what is round it, would lose half of itself, or if colours do not differ more across the snapped outline than
    across its own; an empty one stays empty. No random state; safe in threads. Work is bounded: COARSE_SIDE and
    FINE_SIDE pixels squared, four rows of the photo for each of the latter's, and one pass over the crop at full size.

    Raises ImageError or SamuiError for a wrong shape or dtype, PromptError for a prompt outside the image.
    """
    _check(image, mask)
    prompt = prompt or Prompt()
    prompt.check_inside(*mask.shape)
    bounds = _bounds(mask)
    if bounds is None:
        return mask.copy()
    crop = _crop(bounds, prompt, mask.shape)
    soft = None if mask.all() else _solve(image, mask, prompt, crop)
    held = _held(mask.copy(), prompt)
    if soft is None:
        return held
    result = _held(_full_size(soft, mask.shape, crop), prompt)
    left = np.count_nonzero(result)
    return held if not left or left < _LEAST_LEFT * np.count_nonzero(held) else result


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
    fine_image, fine_mask = fine.shrink(image), fine.shrink(mask)
    fine_depth = signed_depth(_solid(fine_mask))
    if fine_depth.max() < _THIN:
        return None
    whole = _Window((0, 0, fine.size[1], fine.size[0]), coarse.size)
    small, covered = whole.shrink(fine_image), whole.shrink(fine_mask)

    depth, edges = signed_depth(_solid(covered)), edge_costs(small)
    prior, fixed, colours = _prior(depth), _fixed(prompt, coarse), by_colour(small)
    held = _pinned(_solid(covered), fixed, 0.0, 1.0).astype(np.uint8)
    share = 1 / (1 + np.exp(-prior))
    if difference(colours, _pinned(share, fixed, 0.0, 1.0)) < _CONTRAST:
        return None

    # a mask off all edges is a rough one: where there is a box, less is to be learned from the mask and more from it
    worth = 1.0
    if prompt.box is not None:
        doubt = 1 - trust(edges, depth)
        worth -= doubt * (1 - _LEAST_IN_BOX)
        share = share + doubt * _FULL_BOX * (1 - share)
    share = _pinned(share, fixed, 0.0, 1.0)

    # the colours, learned and used in turns
    inside: np.ndarray = (share > 0.5).astype(np.float32)
    dual, mixtures = None, Mixtures(colours, share)
    for turn in range(_ROUNDS):
        if turn:
            mixtures.refit(colours, inside)
        evidence = _pinned(_weighed(prior, worth) + mixtures.odds(colours), fixed)
        inside, dual = minimise(evidence, edges, inside, dual, _STEPS)

    # the outline, at twice the size
    if fine.size != coarse.size:
        prior, fixed = _prior(fine_depth), _fixed(prompt, fine)
        evidence = _pinned(_weighed(prior, worth) + mixtures.odds(by_colour(fine_image)), fixed)
        inside = cv2.resize(inside, fine.size[::-1], interpolation=cv2.INTER_LINEAR)
        inside = minimise(evidence, edge_costs(fine_image), inside, None, _FINE_STEPS)[0]
    inside = _without_islands(inside, (fine_mask > 0) | (fixed > 0))
    snapped = cv2.resize(inside, coarse.size[::-1], interpolation=cv2.INTER_AREA) > 0.5
    return inside if _is_clearer(colours, held, snapped.astype(np.uint8)) else None


def _is_clearer(colours: Colours, before: np.ndarray, after: np.ndarray) -> bool:
    """Whether colours differ more across one outline than across another: else they do not tell where it is.

    before, after: uint8 (h, w), 0 or 1.
    """
    return contrast(colours, signed_depth(after)) > contrast(colours, signed_depth(before)) + _GAIN


def _solid(covered: np.ndarray) -> np.ndarray:
    """uint8 0 or 1 of coverage 0 to 255; a mask of few pixels in a large crop stays at all."""
    return (covered > (127 if (covered > 127).any() else 0)).astype(np.uint8)


def _prior(depth: np.ndarray) -> np.ndarray:
    """Log odds from the mask alone: rising with the distance inside its outline; sure beyond the band."""
    depth = depth / np.sqrt(max(1, int(np.count_nonzero(depth > 0))))
    return np.where(np.abs(depth) > _BAND, np.sign(depth) * _SURE, _PRIOR * depth).astype(np.float32)


def _weighed(prior: np.ndarray, worth: float) -> np.ndarray:
    return np.where(np.abs(prior) < _SURE, worth * prior, prior)


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


def _without_islands(inside: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Clear the parts of `inside` that no known pixel of the object touches."""
    count, parts = cv2.connectedComponents((inside > 0.5).astype(np.uint8), connectivity=8)
    touched = np.zeros(count, bool)
    touched[parts[known]] = True
    touched[0] = True  # what is outside anyway
    return np.where(touched[parts], inside, np.float32(0))


def _full_size(soft: np.ndarray, shape: tuple[int, int], crop: tuple[int, int, int, int]) -> np.ndarray:
    """Bool (H, W) from soft values over the crop, with an outline that is smooth at full size."""
    x0, y0, x1, y1 = crop
    if soft.shape != (y1 - y0, x1 - x0):
        soft = cv2.GaussianBlur(soft, (0, 0), 0.8)  # steps of the small pixels would show in the large picture
    values = np.rint(soft * 255).astype(np.uint8)  # bytes: the enlargement is what costs with a large photo
    result = np.zeros(shape, bool)
    result[y0:y1, x0:x1] = cv2.resize(values, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR) > 127
    return result


def _held(result: np.ndarray, prompt: Prompt) -> np.ndarray:
    """`result`, changed in place where the prompt is more exact than the small pixels."""
    height, width = result.shape
    for (x, y), label in sorted(zip(prompt.points, prompt.labels, strict=True), key=lambda p: -p[1]):
        result[min(int(y), height - 1), min(int(x), width - 1)] = label
    if prompt.box is not None:
        # pixels whose centre lies in the box
        left, top, right, bottom = (int(np.ceil(v - 0.5)) for v in prompt.box)
        result[:top] = result[bottom:] = False
        result[:, :left] = result[:, right:] = False
    return result
