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
from typing import Any

import numpy as np

from samui.errors import FormatError, MaskError
from samui.formats import checks, extras
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.format import Format, Keeps, Options
from samui.formats.source import Source
from samui.names import escape, unescape
from samui.pixels.outlines import fill_pixels
from samui.pixels.polygons import fill, filled, rings
from samui.pixels.rle import Rle

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


def join(annotations: Iterable[Annotation], options: Options, outline: Outline = compressed) -> Iterator[bytes]:
    """One file of several images in pieces: ids of images, categories and annotations count from 1 in the order given.

    Each annotation is asked for once and let go, so that memory holds one image's objects, and a line an image.
    """
    images: list[dict[str, Any]] = []
    classes = extras.Classes(options.classes, first=1)
    count = 0
    yield _text({"info": {"description": "masks made with samui", "version": "1"}})[:-1] + b', "annotations": ['
    for image_id, annotation in enumerate(annotations, start=1):
        height, width = annotation.size
        images.append(escape({"id": image_id, "file_name": annotation.image, "width": width, "height": height}))
        for one in annotation.objects:
            count += 1
            entry = _entry(one, outline, id=count, image_id=image_id, category_id=classes.number(one.label))
            yield (b", " if count > 1 else b"") + _text(entry)
    named = [escape({"id": id, "name": name}) for id, name in classes.items()]
    yield b"], " + _text({"images": images, "categories": named})[1:]


def _text(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False).encode("ascii")


def _entry(one: SavedObject, outline: Outline, **ids: int) -> dict[str, Any]:
    segmentation, covered = outline(one.rle)
    x0, y0, x1, y1 = covered.box or (0, 0, 0, 0)
    score = extras.score_of(one)
    return {
        **ids,
        "segmentation": segmentation,
        "area": covered.area,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "iscrowd": 0,
        **({} if score is None else {"score": score}),
        extras.KEY: extras.describe(one),
    }


def read(source: Source) -> Iterator[Annotation]:
    """Each image of a COCO file with its objects, in the file's order; images without objects too. Of a folder or zip
    those of all its COCO files.

    Masks may be run lengths, compressed or not, or polygons, `iscrowd` either. What samui wrote beside them comes back;
    in files of others, ids are those of the annotations, and colours samui's own. Raises FormatError that says where
    in the file what is wrong; a whole file is in memory.
    """
    for name in _documents(source):
        with checks.inside(name):
            yield from _read(source.document(name))


def _documents(source: Source) -> list[str]:
    return [name for name in source.names(".json") if _is_coco(source, name)] if source.is_tree else [""]


def _read(document: Any) -> Iterator[Annotation]:
    whole = checks.mapping(document, "the file")
    images = _images(whole)
    names = _categories(whole)
    entries: dict[Any, list[tuple[str, Mapping[str, Any]]]] = {id: [] for id in images}
    for index, item in enumerate(checks.items(whole.get("annotations", []), "annotations")):
        where = f"annotations[{index}]"
        entry = checks.mapping(item, where)
        image_id = checks.id(entry.get("image_id"), f"{where}.image_id")
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


def boxes(source: Source) -> Iterator[tuple[str, tuple[int, int], list[tuple[str, tuple[float, ...], float | None]]]]:
    """(image, (H, W), (label, (x0, y0, x1, y1), score or None) of each annotation with a `bbox`) of each image."""
    for name in _documents(source):
        with checks.inside(name):
            whole = checks.mapping(source.document(name), "the file")
            images, names = _images(whole), _categories(whole)
            found: dict[Any, list[tuple[str, tuple[float, ...], float | None]]] = {id: [] for id in images}
            for index, item in enumerate(checks.items(whole.get("annotations", []), "annotations")):
                where = f"annotations[{index}]"
                entry = checks.mapping(item, where)
                id = checks.id(entry.get("image_id"), f"{where}.image_id")
                if id not in found:
                    raise FormatError(f"{where}.image_id: must be the id of one of the images, got {checks.short(id)}")
                x, y, width, height = checks.numbers(entry.get("bbox"), f"{where}.bbox", 4)
                score = entry.get("score")
                label = _label(entry, where, names)
                told = None if score is None else checks.number(score, f"{where}.score")
                found[id].append((label, (x, y, x + width, y + height), told))
            for id, (image, size) in images.items():
                yield image, size, found[id]


def _images(whole: Mapping[str, Any]) -> dict[Any, tuple[str, tuple[int, int]]]:
    images = {}
    for index, item in enumerate(checks.items(whole.get("images"), "images")):
        where = f"images[{index}]"
        entry = unescape(checks.mapping(item, where))
        id = checks.id(entry.get("id"), f"{where}.id")
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
        names[checks.id(entry.get("id"), f"{where}.id")] = checks.text(entry.get("name"), f"{where}.name")
    return names


def _object(
    entry: Mapping[str, Any], where: str, size: tuple[int, int], names: Mapping[Any, str], index: int
) -> SavedObject:
    label = _label(entry, where, names)
    rle = _mask(entry.get("segmentation"), f"{where}.segmentation", size, entry.get("area"))
    return extras.restore(entry, where, label, rle, index, id=entry.get("id"), score=entry.get("score"))


def _label(entry: Mapping[str, Any], where: str, names: Mapping[Any, str]) -> str:
    if entry.get("category_id") is None:
        return ""
    category = checks.id(entry["category_id"], f"{where}.category_id")
    if category not in names:
        rule = "must be the id of one of the categories"
        raise FormatError(f"{where}.category_id: {rule}, got {checks.short(category)}")
    return names[category]


def is_coco(source: Source) -> bool:
    """Whether a JSON file, or one of a folder or zip, has images and annotations as COCO has them."""
    if source.is_tree:
        return bool(_documents(source))
    return source.path.suffix.lower() == ".json" and _is_coco(source, "")


def _is_coco(source: Source, name: str) -> bool:
    try:
        whole = source.document(name)
    except FormatError:
        if name:
            return False  # one of many files
        raise
    return isinstance(whole, Mapping) and isinstance(whole.get("images"), list) and "categories" in whole


def _mask(value: Any, where: str, size: tuple[int, int], area: Any = None) -> Rle:
    try:
        if isinstance(value, list):
            return _filled(value, where, size, area)
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


def _filled(value: list[Any], where: str, size: tuple[int, int], area: Any) -> Rle:
    """The mask of polygons as pycocotools fills them.

    `supervision` writes polygons of whole numbers from pixel to pixel, with the area of the mask. Where that area is
    the one of such a drawing and not of COCO's, it is what the writer meant.
    """
    corners = _corners(value, where)
    rle = fill(size, corners)
    if isinstance(area, (int, float)) and area > rle.area:
        flat = [number for one in value for number in (one if isinstance(one, list) else [one])]
        if all(type(number) is int for number in flat):
            drawn = fill_pixels(size, [one.astype(np.int64) for one in corners])
            return drawn if drawn.area == area else rle
    return rle


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


_ALL = Keeps(apart=True, ids=True, holes=True, islands=True, overlap=True, labels=True, scores=True, prompts=True)
_JSON = (".json",), "application/json"
_VERSION = "COCO 2017, pycocotools 2.0"
FORMATS = (
    Format(
        "coco",
        "COCO with run lengths (JSON)",
        *_JSON,
        _ALL,
        joiner=join,
        reader=read,
        sniff=is_coco,
        version=_VERSION,
    ),
    Format(
        "coco-uncompressed",
        "COCO with run lengths as numbers (JSON)",
        *_JSON,
        _ALL,
        joiner=partial(join, outline=uncompressed),
        reader=read,
        version=_VERSION,
    ),
    Format(
        "coco-polygons",
        "COCO with polygons, holes closed (JSON)",
        *_JSON,
        replace(_ALL, holes=False),
        joiner=partial(join, outline=polygons),
        reader=read,
        holds=filled,
        version=_VERSION,
    ),
)
