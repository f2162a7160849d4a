"""Pixels of any kind to RGB, in bands of rows, so that no second copy of a large picture is ever made."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import cv2
import numpy as np
from PIL import Image, ImageCms

_BAND = 1 << 18  # pixels: a band that stays in a processor's cache
_DEEP_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
_SPACES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK", "Lab": "LAB"}  # of profiles, as modes
# The mode in which a colour profile takes the pixels of a mode; all others are converted to RGB first.
_COLOURS = {"1": "L", "L": "L", "LA": "L", "La": "L", "CMYK": "CMYK", "LAB": "LAB"}
_FLIPS = {2: 1, 3: -1, 4: 0, 7: -1}  # 1 swaps left and right, 0 top and bottom, -1 both; 7 after a transposition
_ROTATIONS = {6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}


class Source(Protocol):
    """A decoded picture.

    size: (W, H). mode: as in Pillow. info: its colour profile and transparency, as in Pillow. is_grey: whether it is
    grey but kept in a colour mode. holes: bool (H, W), True where it is transparent in addition.
    """

    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def mode(self) -> str: ...
    @property
    def info(self) -> dict[Any, Any]: ...
    @property
    def is_grey(self) -> bool: ...
    @property
    def holes(self) -> np.ndarray | None: ...

    def band(self, top: int, bottom: int) -> Image.Image:
        """The rows from top to before bottom, as a picture of their own."""
        ...


def to_rgb(source: Source, notes: list[str]) -> np.ndarray:
    """RGB uint8 (H, W, 3) of a picture of any mode; adds to notes what a person should know."""
    width, height = source.size
    if source.mode in _DEEP_MODES:
        depth = "16-bit" if source.mode.startswith("I;16") else "32-bit"
        key = source.info.get("transparency")
        if key is not None:
            notes.append("transparent: shown on white")
        return stretch(
            lambda top, bottom: np.asarray(source.band(top, bottom)), (height, width), f"{depth} grey", notes, key
        )
    convert = _converter(source, notes)
    has_alpha = source.mode in _ALPHA_MODES or "transparency" in source.info
    result = np.empty((height, width, 3), np.uint8)
    on_white = False
    for top, bottom in bands(height, width):
        band = source.band(top, bottom)
        alpha = None
        if has_alpha:
            band = band.convert("RGBA")
            alpha = band.getchannel("A")
        elif source.holes is not None:
            alpha = Image.fromarray(np.where(source.holes[top:bottom], 0, 255).astype(np.uint8))
        is_ready = band.mode == "RGB" and convert is _plain and alpha is None
        colours = band if is_ready else convert(band)
        if alpha is not None and np.asarray(alpha).min() < 255:
            colours.putalpha(alpha)
            colours = Image.alpha_composite(Image.new("RGBA", colours.size, "white"), colours).convert("RGB")
            on_white = True
        result[top:bottom] = np.asarray(colours)
    if on_white:
        notes.append("transparent: shown on white")
    return result


def stretch(
    rows: Callable[[int, int], np.ndarray],
    shape: tuple[int, ...],
    kind: str,
    notes: list[str],
    key: float | None = None,
) -> np.ndarray:
    """RGB uint8 (H, W, 3): the smallest finite value becomes 0, the largest 255, others 0; `key` becomes white.

    rows: from the first row and the one after the last to their values, grey (h, W) or RGB (h, W, 3). shape: of the
    whole. kind: what the note calls it.
    """
    height, width = shape[:2]
    low, high = np.inf, -np.inf
    for top, bottom in bands(height, width):
        values = rows(top, bottom)
        counted = np.isfinite(values) if key is None else values != key
        if counted.any():
            low = min(low, float(values.min(where=counted, initial=_largest(values.dtype))))
            high = max(high, float(values.max(where=counted, initial=_smallest(values.dtype))))
    if low > high:  # no finite value at all
        low = high = 0.0
    notes.append(f"{kind}: {low:g} to {high:g} shown as 0 to 255")
    result = np.zeros((height, width, 3), np.uint8)
    for top, bottom in bands(height, width):
        values = rows(top, bottom)
        shown = np.zeros(values.shape, np.uint8)
        if high > low:
            known = np.isfinite(values) if key is None else values != key
            # Halves, so that even the width of the widest range of floats is finite.
            scaled = np.where(known, values, low).astype(np.float64) / 2 - low / 2
            scaled *= 255 / (high / 2 - low / 2)
            shown = np.where(known, scaled.round(), 0).astype(np.uint8)
        if key is not None:
            shown[values == key] = 255
        result[top:bottom] = cv2.cvtColor(shown, cv2.COLOR_GRAY2RGB) if shown.ndim == 2 else shown
    return result


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels (H, W, 3) turned by an EXIF orientation of 1 to 8; may be the same array, changed."""
    # cv2, since numpy takes ten times as long for pixels of three bytes.
    if orientation in _ROTATIONS:
        return cv2.rotate(pixels, _ROTATIONS[orientation])
    if orientation in (5, 7):
        pixels = cv2.transpose(pixels)
    if orientation in _FLIPS:
        cv2.flip(pixels, _FLIPS[orientation], dst=pixels)
    return pixels


def bands(height: int, width: int) -> Iterator[tuple[int, int]]:
    """First row and the one after the last of each band of a picture."""
    rows = max(1, _BAND // width)
    for top in range(0, height, rows):
        yield top, min(height, top + rows)


def _plain(band: Image.Image) -> Image.Image:
    return band.convert("RGB")


def _converter(source: Source, notes: list[str]) -> Callable[[Image.Image], Image.Image]:
    """From a band to RGB, by the picture's colour profile if it has one that fits."""
    if "icc_profile" not in source.info:
        return _plain
    mode = "L" if source.is_grey else _COLOURS.get(source.mode, "RGB")
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(source.info["icc_profile"] or b""))
        if ImageCms.getProfileDescription(profile).startswith("sRGB"):
            return _plain
        if _SPACES.get(profile.profile.xcolor_space.strip()) != mode:
            raise ValueError("another colour space")
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        # Many files carry a profile of another colour space than their own; without it they still show well.
        notes.append("colour profile left out: it does not fit the picture")
        return _plain

    def by_profile(band: Image.Image) -> Image.Image:
        result = transform.apply(band if band.mode == mode else band.convert(mode))
        assert result is not None
        return result

    return by_profile


def _largest(kind: np.dtype) -> Any:
    return np.inf if kind.kind == "f" else np.iinfo(kind).max


def _smallest(kind: np.dtype) -> Any:
    return -np.inf if kind.kind == "f" else np.iinfo(kind).min
