"""`cutouts`: a zip or folder with an RGBA PNG for each object, cropped to it, the rest transparent; for looking at.

A file is named by the image, and the object's id and label: ``photo/0003-wing.png``. Transparent pixels are black.
Objects without a pixel have none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from samui.errors import ExportError
from samui.formats import cutout
from samui.formats.annotation import Annotation
from samui.formats.format import Format, Item, Options
from samui.formats.names import OwnNames
from samui.names import safe_name


def pack(annotations: Iterable[Annotation], options: Options) -> Iterator[Item]:
    """The files of several images. Raises ExportError where an image's pixels are not given."""
    names = OwnNames()
    for annotation in annotations:
        own = names.of(annotation.image)
        if options.image is None:
            raise ExportError("image: must be given for the format cutouts, got none")
        image = options.image(annotation) if annotation.objects else np.zeros((0, 0, 3), np.uint8)
        if annotation.objects and image.shape != (*annotation.size, 3):
            raise ExportError(
                f"image: must be RGB uint8 {(*annotation.size, 3)} for the format cutouts, got {image.shape}"
            )
        for one in annotation.objects:
            box = one.rle.box
            if box is None:
                continue
            x0, y0, x1, y1 = box
            label = safe_name(one.label)
            name = f"{one.id:04d}-{label}" if label else f"{one.id:04d}"
            yield f"{own}/{name}.png", cutout.encode_part(one.rle.decode()[y0:y1, x0:x1], image[y0:y1, x0:x1])


FORMAT = Format(
    "cutouts",
    "Cut-outs, one PNG an object (zip)",
    (".zip",),
    "application/zip",
    packer=pack,
    looks=True,
    version="PNG",
)
