"""`coco`: COCO JSON with compressed run lengths, which ``pycocotools`` reads back to the identical masks.

Overlapping objects and holes are kept as they are. Each annotation has ``area`` (pixels of the mask) and ``bbox``
([x, y, width, height] of the mask), ``score`` (predicted IoU) where a model gave one, and ``samui``: the object's id,
colour, model, predicted IoU and prompt, all that it takes to make the mask again. ``iscrowd`` is 0: these are single
objects, and trainers leave crowds out; pycocotools reads run lengths with either. There are no dates: equal input gives
equal bytes. The text is ASCII, since pycocotools opens files in the system's own encoding.

Format: https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from samui.errors import ExportError
from samui.formats.annotation import Annotation, SavedObject

_UNLABELLED = "object"  # COCO has no annotation without a category


def encode(annotation: Annotation, image: np.ndarray | None = None) -> bytes:
    """The file of one image; its pixels are not used. Raises ExportError for a prompt that JSON cannot hold."""
    return encode_all([annotation])


def encode_all(annotations: Sequence[Annotation]) -> bytes:
    """One file of several images: ids of images, categories and annotations count from 1 in the order given."""
    images, found = [], []
    categories: dict[str, int] = {}
    for image_id, annotation in enumerate(annotations, start=1):
        height, width = annotation.size
        images.append({"id": image_id, "file_name": annotation.image, "width": width, "height": height})
        for one in annotation.objects:
            category = categories.setdefault(one.label or _UNLABELLED, len(categories) + 1)
            found.append(_entry(one, id=len(found) + 1, image_id=image_id, category_id=category))
    document = {
        "info": {"description": "masks made with samui", "version": "1"},
        "images": images,
        "categories": [{"id": id, "name": name} for name, id in categories.items()],
        "annotations": found,
    }
    return json.dumps(document, allow_nan=False).encode("ascii")


def _entry(one: SavedObject, **ids: int) -> dict[str, Any]:
    x0, y0, x1, y1 = one.rle.box or (0, 0, 0, 0)
    entry: dict[str, Any] = {
        **ids,
        "segmentation": {"size": list(one.rle.size), "counts": one.rle.to_string()},
        "area": one.rle.area,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "iscrowd": 0,
    }
    if one.score is not None:
        entry["score"] = float(one.score)
    entry["samui"] = {
        "id": one.id,
        "colour": one.colour,
        "model": one.model,
        "predicted_iou": None if one.score is None else float(one.score),
        "prompt": dict(one.prompt),
    }
    try:
        json.dumps(entry["samui"], allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ExportError(f"object {one.id}.prompt: must be what JSON can hold, got: {error}") from None
    return entry
