"""`overlay`: masks drawn on their image, for looking at."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np


def overlay(
    image: np.ndarray, masks: Iterable[np.ndarray], colours: Iterable[tuple[int, int, int]], *, opacity: float = 0.5
) -> np.ndarray:
    """RGB uint8 (H, W, 3): the image with each bool (H, W) mask tinted and outlined in its RGB colour.

    opacity: share of the tint, 0 to 1; the outline is always opaque, inside the mask, about 1/500 of the long side
    wide. Where masks overlap, the tints mix in the given order, and the last outline is on top. The image is not
    changed. Only one mask at a time is held, so `masks` may be a generator over any number.
    """
    result = image.copy()
    thickness = max(1, round(max(image.shape[:2]) / 500))
    kernel = np.ones((2 * thickness + 1, 2 * thickness + 1), np.uint8)
    outlines = []
    for mask, colour in zip(masks, colours, strict=True):
        x, y, w, h = cv2.boundingRect(mask.view(np.uint8))
        if w == 0:
            continue
        inside = np.ascontiguousarray(mask[y : y + h, x : x + w])
        crop = inside.view(np.uint8)
        # The border counts as outside, so that an object cut by the picture's edge is outlined there too.
        core = cv2.erode(crop, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        rows, columns = np.divmod(np.flatnonzero(crop > core), w)
        outlines.append((rows + y, columns + x, colour))
        view = result[y : y + h, x : x + w]
        tinted = cv2.addWeighted(view, 1 - opacity, np.full_like(view, colour), opacity, 0)
        np.copyto(view, tinted, where=inside[:, :, None])
    for rows, columns, colour in outlines:
        result[rows, columns] = colour
    return result
