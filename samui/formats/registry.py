"""All formats by name, and which one a file is of."""

from __future__ import annotations

import os
from pathlib import PurePath

from samui.errors import ExportError, FormatError
from samui.formats import (
    cityscapes,
    coco,
    cutout,
    cutouts,
    cvat,
    geojson,
    labelmap,
    labelme,
    labelstudio,
    mask,
    masks,
    measurements,
    npz,
    overlay,
    own,
    panoptic,
    svg,
    voc,
    yolo,
)
from samui.formats.format import Format
from samui.formats.source import Source

FORMATS = {
    one.name: one
    for one in (
        mask.FORMAT,
        masks.FORMAT,
        *labelmap.FORMATS,
        *cutout.FORMATS,
        cutouts.FORMAT,
        *overlay.FORMATS,
        *coco.FORMATS,
        panoptic.FORMAT,
        yolo.FORMAT,
        *labelme.FORMATS,
        voc.FORMAT,
        *cvat.FORMATS,
        labelstudio.FORMAT,
        cityscapes.FORMAT,
        geojson.FORMAT,
        svg.FORMAT,
        npz.FORMAT,
        measurements.FORMAT,
        own.FORMAT,
    )
}
_BY_ENDING = {
    own.ENDING: "samui",
    ".png": "mask",
    ".zip": "masks",
    ".jpg": "overlay",
    ".jpeg": "overlay",
    ".json": "coco",
    ".tif": "labelmap-tiff",
    ".tiff": "labelmap-tiff",
    ".xml": "cvat",
    ".geojson": "geojson",
    ".svg": "svg",
    ".npz": "npz",
    ".csv": "measurements",
}
# Asked in this order, the one whose signs are plainest first.
_SNIFFED = (
    *(own.FORMAT, panoptic.FORMAT, coco.FORMATS[0], geojson.FORMAT, labelstudio.FORMAT, labelme.FORMATS[0]),
    *(cvat.FORMATS[0], cityscapes.FORMAT, yolo.FORMAT, voc.FORMAT, masks.FORMAT, svg.FORMAT, npz.FORMAT),
    labelmap.FORMATS[0],
)


def get(name: str) -> Format:
    """The format of a name. Raises ExportError for another name."""
    try:
        return FORMATS[name]
    except (KeyError, TypeError):
        raise ExportError(f"format: must be one of {', '.join(FORMATS)}, got {name!r}") from None


def for_file(path: str | os.PathLike[str]) -> Format:
    """The format that a file's name asks for: .png mask, .zip masks, .jpg overlay, .json coco, .xml cvat, ...

    Raises ExportError for another ending.
    """
    name = PurePath(path).name.lower()
    for ending, format in _BY_ENDING.items():
        if name.endswith(ending) and name != ending:
            return FORMATS[format]
    suffix = PurePath(path).suffix.lower() or "no ending"
    raise ExportError(f"{os.fspath(path)}: must end with one of {', '.join(_BY_ENDING)}, got {suffix!r}")


def guess(source: Source) -> Format:
    """The format that a file, folder or zip is of, by its ending and its content. Raises FormatError."""
    for one in _SNIFFED:
        if one.sniff is not None and one.sniff(source):
            return one
    if source.path.suffix.lower() == ".png" and not source.is_tree:
        return FORMATS["mask"]
    if source.path.suffix.lower() == ".json" and not source.is_tree:
        return FORMATS["coco"]  # whose reader says what is missing
    if source.is_zip:
        return FORMATS["masks"]
    kind = "a folder" if source.is_folder else repr(source.path.name)
    raise FormatError(f"must be of a kind that its ending and content tell, or its format must be given, got {kind}")
