"""The outline: costs along a picture's edges, and the soft membership that weighs them against evidence.

The energy is GrabCut's; the way to its minimum is the primal-dual one of Chambolle and Pock (2011) on its convex form,
a weighted total variation: a fixed number of steps for any picture, and an answer between 0 and 1.
"""

from __future__ import annotations

import cv2
import numpy as np

Edges = tuple[np.ndarray, np.ndarray]

SMOOTH = 24.0  # log odds of a pixel that are outweighed by one pixel of outline across no edge
_NEAR, _FAR = 1.5, (4.0, 9.0)  # pixels from the outline that are on it, and beside it
_ROUGH, _GOOD = 1.0, 1.4  # edges on the outline over edges beside it: for a guess, for a mask that fits


def signed_depth(inside: np.ndarray) -> np.ndarray:
    """Distance in pixels from the outline of a uint8 mask of 0 and 1, positive inside, negative outside."""
    inner = cv2.distanceTransform(np.pad(inside, 1, mode="edge"), cv2.DIST_L2, 5)
    outer = cv2.distanceTransform(np.pad(1 - inside, 1, mode="edge"), cv2.DIST_L2, 5)
    return (inner - outer)[1:-1, 1:-1]


def trust(edges: Edges, depth: np.ndarray) -> float:
    """How far to trust a mask, 0 to 1, by whether its outline already lies on edges.

    On 50 photos of ECSSD the edges on the outline of the true mask are 1.7 times as strong as a little beside it; of a
    mask of 64 pixels' length 1.35; of a weak model's blobs 1.0.
    """
    across, down = edges
    strength: np.ndarray = np.zeros(depth.shape, np.float32)
    strength[:, 1:] = 1 - across
    strength[1:] = np.maximum(strength[1:], 1 - down)
    strength = cv2.GaussianBlur(strength, (0, 0), 1.0)
    distance = np.abs(depth)
    on, beside = strength[distance < _NEAR], strength[(distance > _FAR[0]) & (distance < _FAR[1])]
    if not on.size or not beside.size:
        return 1.0
    ratio = float(on.mean()) / (float(beside.mean()) + 0.02)
    return float(np.clip((ratio - _ROUGH) / (_GOOD - _ROUGH), 0, 1))


def edge_costs(image: np.ndarray) -> Edges:
    """Cost of an outline between neighbours, (h, w - 1) and (h - 1, w): 1 on flat ground, towards 0 on edges."""
    colours = image.astype(np.float32)
    across = np.square(colours[:, 1:] - colours[:, :-1]).sum(axis=2)
    down = np.square(colours[1:] - colours[:-1]).sum(axis=2)
    mean = max((float(across.sum()) + float(down.sum())) / max(1, across.size + down.size), 1e-3)
    return np.exp(across / (-2 * mean)), np.exp(down / (-2 * mean))


def minimise(
    odds: np.ndarray,
    edges: Edges,
    inside: np.ndarray,
    dual: Edges | None,
    steps: int,
    tau: float = 1.0,
) -> tuple[np.ndarray, Edges]:
    """Minimise outline cost - <odds / SMOOTH, inside> over 0 <= inside <= 1 by primal-dual steps from the given start.

    Chambolle and Pock, "A first-order primal-dual algorithm", 2011, algorithm 1; 8 bounds the squared norm of the
    difference operator in two dimensions. Returns `inside` and the dual values, for a later warm start.
    """
    cost_x, cost_y = edges
    sigma = 1 / (8 * tau)
    pull = odds * np.float32(tau / SMOOTH)
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
