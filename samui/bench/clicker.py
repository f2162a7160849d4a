"""Prompts as a person would give them, from a known mask; and GrabCut on the same prompts, to compare with."""

from __future__ import annotations

import cv2
import numpy as np

from samui.types import Box, Prompt

JITTER = 0.1  # of the box's side, for each of its sides
# Of the image's sides, round each include click: what GrabCut takes for the object first, and what it may take at most.
# Much hangs on them: one click on ECSSD reaches .63 with these and .70 with the wide ones, which know that photos of
# that set show one large thing.
WINDOWS, WIDE_WINDOWS = (0.3, 0.6), (0.4, 0.8)


def next_click(truth: np.ndarray, mask: np.ndarray) -> tuple[float, float, int]:
    """x, y and label of the click that corrects the largest error of `mask`, at the place deepest inside it.

    As the interactive segmentation papers simulate a person (Sofiiuk, Petrov, Konushin, "Reviving iterative training
    with mask guidance", 2021): the click goes to missed or wrong pixels, whichever reach further from their border.
    """
    missed, wrong = _depth(truth & ~mask), _depth(mask & ~truth)
    depth, label = (missed, 1) if missed.max() >= wrong.max() else (wrong, 0)
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(x) + 0.5, float(y) + 0.5, label


def clicks_inside(truth: np.ndarray, draw: np.random.Generator, count: int) -> list[Prompt]:
    """`count` single clicks as people make them: anywhere inside, the likelier the further from the border.

    Where people click first differs from the innermost pixel, and models answer them less well (Antonov et al.,
    "RClicks: realistic click simulation for benchmarking interactive segmentation", NeurIPS 2024).
    """
    depth = _depth(truth).ravel()
    if not count:
        return []
    places, width = draw.choice(depth.size, size=count, p=depth / depth.sum()), truth.shape[1]
    return [Prompt(points=[(int(at) % width + 0.5, int(at) // width + 0.5)], labels=[1]) for at in places]


def _depth(error: np.ndarray) -> np.ndarray:
    return cv2.distanceTransform(np.pad(error.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]


def tight_box(truth: np.ndarray) -> Box:
    """The smallest box that holds a mask."""
    ys, xs = np.nonzero(truth)
    return float(xs.min()), float(ys.min()), float(xs.max()) + 1, float(ys.max()) + 1


def jittered_box(truth: np.ndarray, draw: np.random.Generator) -> Box:
    """The tight box with each side moved by up to JITTER of the box, inside the image."""
    x0, y0, x1, y1 = tight_box(truth)
    height, width = truth.shape
    moves = draw.uniform(-JITTER, JITTER, 4) * (x1 - x0, y1 - y0, x1 - x0, y1 - y0)
    return max(0.0, x0 + moves[0]), max(0.0, y0 + moves[1]), min(width, x1 + moves[2]), min(height, y1 + moves[3])


def filled_box(box: Box, size: tuple[int, int]) -> np.ndarray:
    """Bool (H, W) of the pixels of a box."""
    mask = np.zeros(size, bool)
    x0, y0, x1, y1 = (round(v) for v in box)
    mask[y0:y1, x0:x1] = True
    return mask


def grab_cut(image: np.ndarray, prompt: Prompt, windows: tuple[float, float] = WINDOWS) -> np.ndarray:
    """Bool (H, W): OpenCV's GrabCut, 5 iterations from the prompt alone, always the same for one input.

    From a box: outside is background for certain. From clicks: a disc round each is certain, the smaller of the
    windows round each include click is probably the object, and what is outside all larger ones is not.
    """
    height, width = image.shape[:2]
    marks = np.full((height, width), cv2.GC_BGD, np.uint8)
    if prompt.box is not None:
        marks[filled_box(prompt.box, (height, width))] = cv2.GC_PR_FGD
    else:
        for share, mark in ((windows[1], cv2.GC_PR_BGD), (windows[0], cv2.GC_PR_FGD)):
            dx, dy = share * width / 2, share * height / 2
            for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
                if label:
                    marks[max(0, int(y - dy)) : int(y + dy) + 1, max(0, int(x - dx)) : int(x + dx) + 1] = mark
    radius = max(2, round(0.02 * max(height, width)))
    for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
        cv2.circle(marks, (int(x), int(y)), radius, cv2.GC_FGD if label else cv2.GC_BGD, -1)
    if np.isin(marks, (cv2.GC_BGD, cv2.GC_PR_BGD)).any() and np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).any():
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.setRNGSeed(0)  # grabCut draws from OpenCV's random state, and each thread has its own
        cv2.grabCut(image, marks, (0, 0, 0, 0), *models, 5, cv2.GC_INIT_WITH_MASK)
    return (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two bool (H, W) masks, 0 to 1; 1 for two empty ones."""
    either = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / either if either else 1.0
