"""Boxes of other models, read to become prompts: COCO's `bbox`, YOLO detect, and Pascal VOC's `bndbox`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from samui.errors import FormatError
from samui.formats import coco, voc, yolo
from samui.formats.source import Headers, Source
from samui.types import Box

_RULE = "must be a COCO file, a YOLO data set or VOC's XML to read boxes of"


@dataclass(frozen=True)
class Detection:
    """One box. label: of what; box: (x0, y0, x1, y1) in image pixels, inside of the image; score: of the detector."""

    label: str
    box: Box
    score: float | None = None


@dataclass(frozen=True)
class Detections:
    """The boxes of one image, called so by the file. size: (H, W)."""

    image: str
    size: tuple[int, int]
    boxes: tuple[Detection, ...]


Raw = tuple[str, tuple[float, ...], float | None]


def read_boxes(
    path: Path, *, headers: Headers | None = None, tell: Callable[[str], None] = lambda _: None
) -> Iterator[Detections]:
    """The images of a file, folder or zip with their boxes, one after the other; those without any, too.

    What of a box lies outside of its image is cut off, and boxes that are outside altogether are told. Raises
    FormatError.
    """
    try:
        source = Source(path, headers, tell)
        for image, size, found in _raw(source):
            boxes = [Detection(label, cut, score) for label, box, score in found if (cut := _inside(box, size))]
            if len(boxes) < len(found):
                tell(f"{image}: passed over {len(found) - len(boxes)} boxes outside of the image or without an area")
            yield Detections(image, size, tuple(boxes))
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None


def _raw(source: Source) -> Iterator[tuple[str, tuple[int, int], list[Raw]]]:
    if coco.is_coco(source):
        return coco.boxes(source)
    if yolo.is_yolo(source):
        return yolo.boxes(source)
    if voc.is_voc(source):
        return voc.boxes(source)
    raise FormatError(f"{_RULE}, got {source.path.name!r}")


def _inside(box: tuple[float, ...], size: tuple[int, int]) -> Box | None:
    height, width = size
    x0, y0, x1, y1 = box
    x0, x1 = max(0.0, x0), min(float(width), x1)
    y0, y1 = max(0.0, y0), min(float(height), y1)
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None
