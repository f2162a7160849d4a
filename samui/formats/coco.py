"""`coco`, `coco-uncompressed`, `coco-polygons`: COCO JSON of one image or many; any COCO JSON with masks is read.

`coco` has compressed run lengths, which ``pycocotools`` reads back to the identical masks; `coco-uncompressed` has the
same as lists of numbers, for readers that know no compressed ones. Both keep holes. `coco-polygons` has the outer
outlines of each part along pixel corners, which ``pycocotools`` fills to exactly the mask with its holes closed;
``area`` and ``bbox`` are of that.

Overlapping objects are kept as they are. Each annotation has ``area`` (pixels of the mask) and ``bbox`` ([x, y, width,
height] of the mask), ``score`` (predicted IoU) where a model gave one, and ``samui``: the object's id, colour, model,
predicted IoU and prompt. ``iscrowd`` is 0: these are single objects, and trainers leave crowds out; pycocotools reads
run lengths with either. There are no dates: equal input gives equal bytes. The text is ASCII, since pycocotools opens
files in the system's own encoding, and strict JSON whatever a file is called (`samui.names.escape`).

Format: https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from samui.errors import FormatError, MaskError
from samui.formats import checks
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.format import Format, Keeps
from samui.formats.prompt import SavedPrompt
from samui.names import escape, unescape
from samui.pixels.colours import hex_colour
from samui.pixels.polygons import fill, filled, rings
from samui.pixels.rle import Rle

_UNLABELLED = "object"  # COCO has no annotation without a category
Outline = Callable[[Rle], tuple[Any, Rle]]  # what stands for a mask, and the mask that this is


def compressed(rle: Rle) -> tuple[Any, Rle]:
    """Run lengths as COCO's text."""
    return {"size": list(rle.size), "counts": rle.to_string()}, rle


def uncompressed(rle: Rle) -> tuple[Any, Rle]:
    """Run lengths as numbers."""
    return {"size": list(rle.size), "counts": rle.counts.tolist()}, rle


def polygons(rle: Rle) -> tuple[Any, Rle]:
    """One outline for each part that hangs together, without holes."""
    return [ring.corners.reshape(-1).tolist() for ring in rings(rle) if not ring.hole], filled(rle)


def join(annotations: Iterable[Annotation], outline: Outline = compressed) -> Iterator[bytes]:
    """One file of several images in pieces: ids of images, categories and annotations count from 1 in the order given.

    Each annotation is asked for once and let go, so that memory holds one image's objects, and a line an image.
    """
    images: list[dict[str, Any]] = []
    categories: dict[str, int] = {}
    count = 0
    yield _text({"info": {"description": "masks made with samui", "version": "1"}})[:-1] + b', "annotations": ['
    for image_id, annotation in enumerate(annotations, start=1):
        height, width = annotation.size
        images.append(escape({"id": image_id, "file_name": annotation.image, "width": width, "height": height}))
        for one in annotation.objects:
            count += 1
            category = categories.setdefault(one.label or _UNLABELLED, len(categories) + 1)
            entry = _entry(one, outline, id=count, image_id=image_id, category_id=category)
            yield (b", " if count > 1 else b"") + _text(entry)
    named = [escape({"id": id, "name": name}) for name, id in categories.items()]
    yield b"], " + _text({"images": images, "categories": named})[1:]


def _text(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False).encode("ascii")


def _entry(one: SavedObject, outline: Outline, **ids: int) -> dict[str, Any]:
    segmentation, covered = outline(one.rle)
    x0, y0, x1, y1 = covered.box or (0, 0, 0, 0)
    score = None if one.score is None else float(one.score)
    own: dict[str, Any] = {"id": one.id, "colour": one.colour, "model": one.model, "predicted_iou": score}
    own["prompt"] = one.prompt.describe()
    if not one.label:
        own["labelled"] = False  # told apart from a label that is called as unlabelled objects are
    return {
        **ids,
        "segmentation": segmentation,
        "area": covered.area,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "iscrowd": 0,
        **({} if score is None else {"score": score}),
        "samui": escape(own),
    }


def read(path: Path) -> Iterator[Annotation]:
    """Each image of a COCO file with its objects, in the file's order; images without objects too.

    Masks may be run lengths, compressed or not, or polygons, `iscrowd` either. What samui wrote beside them comes back;
    in files of others, ids are those of the annotations, and colours samui's own. Raises FormatError that says where
    in the file what is wrong; the whole file is in memory.
    """
    whole = checks.mapping(checks.document(checks.file_bytes(path)), "the file")
    images = _images(whole)
    names = _categories(whole)
    entries: dict[Any, list[tuple[str, Mapping[str, Any]]]] = {id: [] for id in images}
    for index, item in enumerate(checks.items(whole.get("annotations", []), "annotations")):
        where = f"annotations[{index}]"
        entry = checks.mapping(item, where)
        image_id = _id(entry.get("image_id"), f"{where}.image_id")
        if image_id not in entries:
            raise FormatError(f"{where}.image_id: must be the id of one of the images, got {checks.short(image_id)}")
        entries[image_id].append((where, entry))
    for id, (name, size) in images.items():
        objects, seen = [], set()
        for index, (where, entry) in enumerate(entries.pop(id)):
            one = _object(entry, where, size, names, index)
            if one.id in seen:
                raise FormatError(f"{where}.id: must be an id of its own in its image, got {one.id}")
            seen.add(one.id)
            objects.append(one)
        yield Annotation(name, size, objects)


def _images(whole: Mapping[str, Any]) -> dict[Any, tuple[str, tuple[int, int]]]:
    images = {}
    for index, item in enumerate(checks.items(whole.get("images"), "images")):
        where = f"images[{index}]"
        entry = unescape(checks.mapping(item, where))
        id = _id(entry.get("id"), f"{where}.id")
        if id in images:
            raise FormatError(f"{where}.id: must be an id of its own, got {checks.short(id)}")
        name = checks.text(entry.get("file_name"), f"{where}.file_name")
        images[id] = name, checks.size(entry.get("height"), entry.get("width"), where)
    return images


def _categories(whole: Mapping[str, Any]) -> dict[Any, str]:
    names = {}
    for index, item in enumerate(checks.items(whole.get("categories", []), "categories")):
        where = f"categories[{index}]"
        entry = unescape(checks.mapping(item, where))
        names[_id(entry.get("id"), f"{where}.id")] = checks.text(entry.get("name"), f"{where}.name")
    return names


def _id(value: Any, where: str) -> int | str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise FormatError(f"{where}: must be a whole number or text, got {checks.short(value)}")
    return value


def _object(
    entry: Mapping[str, Any], where: str, size: tuple[int, int], names: Mapping[Any, str], index: int
) -> SavedObject:
    own = unescape(checks.mapping(entry.get("samui", {}), f"{where}.samui"))
    label = ""
    if entry.get("category_id") is not None:
        category = _id(entry["category_id"], f"{where}.category_id")
        if category not in names:
            rule = "must be the id of one of the categories"
            raise FormatError(f"{where}.category_id: {rule}, got {checks.short(category)}")
        label = names[category]
    if own.get("labelled") is False and label == _UNLABELLED:
        label = ""
    given = own.get("id", entry.get("id", index + 1))
    id = checks.whole(given, f"{where}.id") if not isinstance(given, str) else index + 1
    if id < 0:
        raise FormatError(f"{where}.id: must be a whole number from 0, got {id}")
    score = entry.get("score", own.get("predicted_iou"))
    return SavedObject(
        id=id,
        label=label,
        colour=checks.colour(own.get("colour", hex_colour(index)), f"{where}.samui.colour"),
        rle=_mask(entry.get("segmentation"), f"{where}.segmentation", size),
        score=None if score is None else checks.number(score, f"{where}.score"),
        prompt=SavedPrompt.from_dict(own.get("prompt", {}), f"{where}.samui.prompt"),
        model=checks.text(own.get("model", ""), f"{where}.samui.model"),
    )


def _mask(value: Any, where: str, size: tuple[int, int]) -> Rle:
    try:
        if isinstance(value, list):
            return fill(size, _corners(value, where))
        if not isinstance(value, Mapping):
            raise FormatError(f"{where}: must be run lengths or polygons, got {checks.short(value)}")
        told = tuple(checks.numbers(value.get("size"), f"{where}.size", 2))
        if told != size:
            raise FormatError(f"{where}.size: must be {list(size)} as its image, got {checks.short(value['size'])}")
        counts = value.get("counts")
        if isinstance(counts, str):
            return Rle.from_string(size, counts)
        return Rle(size, _counts(counts, f"{where}.counts", size[0] * size[1]))
    except MaskError as error:
        raise FormatError(f"{where}: {error}") from None


def _counts(value: Any, where: str, most: int) -> np.ndarray:
    counts = checks.items(value, where)
    for index, count in enumerate(counts):
        if type(count) is not int or not 0 <= count <= most:
            raise FormatError(f"{where}[{index}]: must be a whole number from 0 to {most}, got {checks.short(count)}")
    return np.array(counts, np.int64)


def _corners(value: list[Any], where: str) -> list[np.ndarray]:
    """The polygons of a list of them; of a flat list of numbers, as some programs write it, the one."""
    lists = [value] if value and not isinstance(value[0], list) else value
    found = []
    for index, polygon in enumerate(lists):
        at = f"{where}[{index}]" if lists is value else where
        flat = [checks.number(one, at) for one in checks.items(polygon, at)]
        if len(flat) < 6 or len(flat) % 2:
            raise FormatError(f"{at}: must be x, y of three corners or more, got {len(flat)} numbers")
        found.append(np.array(flat).reshape(-1, 2))
    return found


_ALL = Keeps(apart=True, holes=True, islands=True, overlap=True, labels=True, scores=True, prompts=True)
_JSON = (".json",), "application/json"
FORMATS = (
    Format("coco", "COCO with run lengths (JSON)", *_JSON, _ALL, joiner=join, reader=read),
    Format(
        "coco-uncompressed",
        "COCO with run lengths as numbers (JSON)",
        *_JSON,
        _ALL,
        joiner=partial(join, outline=uncompressed),
        reader=read,
    ),
    Format(
        "coco-polygons",
        "COCO with polygons, holes closed (JSON)",
        *_JSON,
        replace(_ALL, holes=False),
        joiner=partial(join, outline=polygons),
        reader=read,
    ),
)
