"""Small pictures of photos, prompts and masks, and the sheet that they are put on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from samui.errors import SamuiError
from samui.pixels.overlay import overlay
from samui.types import Prompt

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_TEXT, _GAP = 22, 6  # pixels: the line under a picture, and between pictures
_PAPER, _INK = (255, 255, 255), (40, 40, 40)
_MASK, _INCLUDE, _EXCLUDE = (30, 120, 255), (20, 200, 60), (230, 40, 40)


def shrunk(image: np.ndarray, side: int) -> np.ndarray:
    """RGB uint8 or one-channel uint8 with `side` pixels on its longer side."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def painted(image: np.ndarray, mask: np.ndarray, side: int) -> np.ndarray:
    """A small picture with a bool (H, W) mask in blue."""
    return overlay(shrunk(image, side), [shrunk(mask.view(np.uint8) * np.uint8(255), side) > 127], [_MASK])


def marked(picture: np.ndarray, prompt: Prompt, size: tuple[int, int]) -> np.ndarray:
    """A small picture of an image of `size` (H, W) with the box and the points of a prompt on it."""
    picture = picture.copy()
    scale = picture.shape[1] / size[1]
    if prompt.box is not None:
        x0, y0, x1, y1 = (int(v * scale) for v in prompt.box)
        cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), _INCLUDE, 2)
    for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
        place = int(x * scale), int(y * scale)
        cv2.circle(picture, place, 5, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(picture, place, 4, _INCLUDE if label else _EXCLUDE, -1, cv2.LINE_AA)
    return picture


def framed(things: Sequence[Sequence[tuple[np.ndarray, str]]], *, side: int, columns: int) -> np.ndarray:
    """RGB uint8 of all things, `columns` side by side: each one's pictures in a line, with their words below."""
    each = max(map(len, things))
    width, height = each * (side + _GAP) + 2 * _GAP, side + _TEXT + 2 * _GAP
    sheet = np.full((-(-len(things) // columns) * height + _GAP, columns * width, 3), _PAPER, np.uint8)
    for k, pictures in enumerate(things):
        row, column = divmod(k, columns)
        top, left = row * height + _GAP, column * width + _GAP
        for n, (picture, words) in enumerate(pictures):
            x = left + n * (side + _GAP)
            sheet[top : top + picture.shape[0], x : x + picture.shape[1]] = picture
            place = (x, top + picture.shape[0] + 16)
            cv2.putText(sheet, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)
    return sheet


def check_name(out: Path) -> None:
    """Raises SamuiError for a file whose ending names no format of pictures: to be asked before the work."""
    if out.suffix.lower() not in SUFFIXES:
        raise SamuiError(f"--out: must end in .png, .jpg or .webp, got {out.name!r}")


def write_picture(out: Path, picture: np.ndarray) -> None:
    """Write RGB uint8 to a file whose ending says the format. Raises SamuiError where it cannot."""
    check_name(out)
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(out.suffix.lower(), bgr, [cv2.IMWRITE_WEBP_QUALITY, 80])
    try:
        out.write_bytes(data.tobytes())
    except OSError as error:
        raise SamuiError(f"--out: must be writable, got {error}") from error
