"""Procedural pictures: a few textured blobs, stars and rings on a textured ground, with exact masks.

They teach what photos of one main object cannot: holes, thin parts, and that a thing is whatever the prompt names.
"""

import cv2
import numpy as np


def draw_shapes(generator: np.random.Generator, *, size: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """A picture RGB uint8 `(size, size, 3)` and the visible 0/255 mask of each shape, at least one."""
    image = draw_texture(generator, size=size)
    masks: list[np.ndarray] = []
    for _ in range(int(generator.integers(1, 5))):
        mask = draw_outline(generator, size=size)
        texture = draw_texture(generator, size=size)
        image[mask > 0] = texture[mask > 0]
        masks = [np.where(mask > 0, np.uint8(0), earlier) for earlier in masks] + [mask]
    return image, [mask for mask in masks if np.count_nonzero(mask) >= 16] or masks[-1:]


def draw_outline(generator: np.random.Generator, *, size: int) -> np.ndarray:
    """One closed shape whose radius is a random Fourier series of the angle, sometimes with a hole."""
    angles = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    radius = np.ones_like(angles)
    for order in range(2, 7):
        radius += generator.normal(0, 0.35 / order) * np.cos(order * angles + generator.uniform(0, 2 * np.pi))
    radius = np.clip(radius, 0.2, 2) * size * generator.uniform(0.08, 0.3)
    stretch, turn = generator.uniform(0.5, 1), generator.uniform(0, np.pi)
    x, y = radius * np.cos(angles), stretch * radius * np.sin(angles)
    x, y = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
    centre = generator.uniform(0.15 * size, 0.85 * size, 2)
    outline = np.stack([x, y], axis=1)
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round(outline + centre).astype(np.int32)], 255)
    if generator.random() < 0.2:
        cv2.fillPoly(mask, [np.round(0.5 * outline + centre).astype(np.int32)], 0)
    if not mask.any():
        cv2.circle(mask, (size // 2, size // 2), size // 6, 255, -1)
    return mask


def draw_texture(generator: np.random.Generator, *, size: int) -> np.ndarray:
    """Smooth noise between two colours, RGB uint8 `(size, size, 3)`."""
    cells = int(generator.integers(2, 24))
    noise = cv2.resize(generator.random((cells, cells), np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    noise = np.clip(noise, 0, 1)[..., None]
    colours = generator.uniform(0, 255, (2, 3))
    spread = generator.uniform(0.1, 0.6)
    mixed = colours[0] + spread * noise * (colours[1] - colours[0])
    return np.clip(mixed + generator.normal(0, 6, mixed.shape), 0, 255).astype(np.uint8)
