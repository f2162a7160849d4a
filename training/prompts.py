"""Prompts as people give them: a click inside, a box drawn by hand, and clicks where the mask is wrong."""

import cv2
import numpy as np


def inner_distance(region: np.ndarray) -> np.ndarray:
    """Distance in pixels of every pixel of `region` to its outside, the picture's border counted as outside."""
    padded = cv2.copyMakeBorder(region.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]


def click_centre(region: np.ndarray) -> tuple[float, float]:
    """The innermost pixel (x, y) of a non-empty region: where a careful person clicks, and where benchmarks do."""
    y, x = np.unravel_index(int(inner_distance(region).argmax()), region.shape)
    return float(x), float(y)


def click_inside(generator: np.random.Generator, region: np.ndarray) -> tuple[float, float]:
    """A pixel (x, y) inside a non-empty region: one time in three anywhere, else well inside, sometimes the centre."""
    if generator.random() < 0.33:
        places = np.flatnonzero(region)
    else:
        distance = inner_distance(region)
        places = np.flatnonzero(distance >= generator.choice([0.5, 0.999]) * distance.max())
    y, x = np.unravel_index(int(places[generator.integers(len(places))]), region.shape)
    return float(x), float(y)


def box_round(region: np.ndarray) -> np.ndarray:
    """The tight box x0, y0, x1, y1 of a non-empty region, corners at its outermost pixel edges."""
    x, y, width, height = cv2.boundingRect(region.astype(np.uint8))
    return np.array([x, y, x + width, y + height], np.float32)


def jitter_box(generator: np.random.Generator, box: np.ndarray, *, part: float, size: int) -> np.ndarray:
    """Move each side by up to `part` of the box's own width or height, inside a picture of `size` pixels."""
    width, height = box[2] - box[0], box[3] - box[1]
    moved = box + generator.uniform(-part, part, 4).astype(np.float32) * (width, height, width, height)
    moved = np.clip(moved, 0, size)
    return np.where(moved[[2, 3, 0, 1]] - moved[[0, 1, 2, 3]] == 0, box, moved).astype(np.float32)


def corrective_clicks(
    generator: np.random.Generator | None, *, predicted: np.ndarray, target: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Points `(count, 2)` (x, y) and labels `(count,)` where `predicted` is wrong, the innermost error first.

    A label is 1 where the mask lacks a pixel and 0 where it has one too many. Without a generator, every click is
    the innermost pixel of the errors (what benchmarks do); with one, places are drawn near it. Where nothing is
    wrong, a click inside the target confirms it.
    """
    missing, excess = target & ~predicted, predicted & ~target
    depth = np.maximum(inner_distance(missing), inner_distance(excess))
    points, labels = np.zeros((count, 2), np.float32), np.ones(count, np.int64)
    rows, columns = np.ogrid[: depth.shape[0], : depth.shape[1]]
    for k in range(count):
        if depth.max() <= 0:
            points[k] = click_centre(target) if generator is None else click_inside(generator, target)
            continue
        wanted = depth if generator is None else depth * generator.random(depth.shape, np.float32) ** 0.5
        y, x = np.unravel_index(int(wanted.argmax()), depth.shape)
        points[k], labels[k] = (x, y), int(target[y, x])
        radius = max(2.0, 1.5 * depth[y, x])
        depth = np.where((columns - x) ** 2 + (rows - y) ** 2 <= radius**2, 0, depth)
    return points, labels
