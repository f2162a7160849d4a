"""The formats in which masks are saved, by name. Page, command line and Python write through these alone.

    data = formats.get("coco").encode(annotation)
    files.write("photo.json", data)

All are in the pixels of the image as `samui.pixels.images` reads it, and keep holes. With equal input the bytes are
equal.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from samui.errors import ExportError
from samui.formats import coco, cutout, labelmap, mask, masks, overlay
from samui.formats.annotation import Annotation, SavedObject, describe

__all__ = [
    "FORMATS",
    "Annotation",
    "Format",
    "SavedObject",
    "describe",
    "for_file",
    "get",
]


@dataclass(frozen=True)
class Format:
    """One way of saving. title: for people. suffix: of its files, with the dot. needs_image: pixels must be given."""

    name: str
    title: str
    suffix: str
    media_type: str
    function: Callable[[Annotation, np.ndarray | None], bytes]
    needs_image: bool = False

    def encode(self, annotation: Annotation, image: np.ndarray | None = None) -> bytes:
        """The bytes of the file. image: RGB uint8 (H, W, 3), for the formats that need it.

        Raises ExportError where the format cannot hold the annotation, or the image is missing or of another size.
        """
        if self.needs_image:
            shape = (*annotation.size, 3)
            if image is None or image.dtype != np.uint8 or image.shape != shape:
                got = "none" if image is None else f"{image.dtype} {image.shape}"
                raise ExportError(f"image: must be RGB uint8 {shape} for the format {self.name}, got {got}")
        return self.function(annotation, image)


FORMATS = {
    one.name: one
    for one in (
        Format("mask", "Mask, all objects in one (PNG)", ".png", "image/png", mask.encode),
        Format("masks", "Masks, one PNG an object (zip)", ".zip", "application/zip", masks.encode),
        Format("labelmap", "Label map, one value an object (PNG)", ".png", "image/png", labelmap.encode),
        Format("cutout", "Cut-out, cropped to the objects (PNG)", ".png", "image/png", cutout.encode_cropped, True),
        Format("cutout-full", "Cut-out, as large as the image (PNG)", ".png", "image/png", cutout.encode_full, True),
        Format("overlay", "Overlay picture (JPEG)", ".jpg", "image/jpeg", overlay.encode_jpeg, True),
        Format("overlay-png", "Overlay picture (PNG)", ".png", "image/png", overlay.encode_png, True),
        Format("coco", "COCO with run lengths (JSON)", ".json", "application/json", coco.encode),
    )
}


def get(name: str) -> Format:
    """The format of a name. Raises ExportError for another name."""
    try:
        return FORMATS[name]
    except (KeyError, TypeError):
        raise ExportError(f"format: must be one of {', '.join(FORMATS)}, got {name!r}") from None


def for_file(path: str | os.PathLike[str]) -> Format:
    """The format that a file's name asks for: .png mask, .zip masks, .jpg or .jpeg overlay, .json coco."""
    suffix = PurePath(path).suffix.lower()
    by_suffix = {".png": "mask", ".zip": "masks", ".jpg": "overlay", ".jpeg": "overlay", ".json": "coco"}
    if suffix not in by_suffix:
        raise ExportError(
            f"{os.fspath(path)}: must end with one of {', '.join(by_suffix)}, got {suffix or 'no ending'!r}"
        )
    return FORMATS[by_suffix[suffix]]
