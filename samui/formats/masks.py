"""`masks`: a zip with one `mask` PNG of full image size for each object, each complete where objects overlap.

A file is named by the object's id and label: ``0003-wing.png``. Labels become safe file names (`samui.names`).
"""

from __future__ import annotations

import io
import zipfile

import numpy as np

from samui.formats.annotation import Annotation
from samui.formats.mask import encode_png
from samui.names import safe_name

_NO_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that zip can say: equal masks give equal bytes


def encode(annotation: Annotation, image: np.ndarray | None = None) -> bytes:
    """The zip file, empty without objects; image is not used."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:  # PNGs do not get any smaller
        for one, mask in zip(annotation.objects, annotation.masks(), strict=True):
            label = safe_name(one.label)
            entry = zipfile.ZipInfo(f"{one.id:04d}-{label}.png" if label else f"{one.id:04d}.png", _NO_DATE)
            entry.create_system = 3  # Unix, whatever the machine
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, encode_png(mask))
    return buffer.getvalue()
