"""An annotation as a file that a person saves: its name and its bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath

import numpy as np

from samui.errors import ExportError
from samui.formats.annotation import Annotation
from samui.formats.format import Format
from samui.names import safe_name


def download(
    annotation: Annotation, format: Format, pixels: Callable[[], np.ndarray], *, only: int | None = None
) -> tuple[str, bytes]:
    """(file name, bytes) of an annotation; `only` one object's id, or all.

    pixels: called for the formats that draw on the image, RGB uint8 (H, W, 3). Raises ExportError, without an object
    too.
    """
    if not annotation.objects:
        raise ExportError("save: there must be at least one object; accept a mask first")
    stem = safe_name(PurePath(annotation.image).stem) or "image"
    if only is not None:
        annotation = annotation.only(only)
        stem = f"{stem}-{safe_name(annotation.objects[0].label) or 'object'}-{only}"
    data = format.encode(annotation, pixels() if format.needs_image else None)
    return f"{stem}-{format.name}{format.suffix}", data
