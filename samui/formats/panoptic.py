"""`coco-panoptic`: COCO's panoptic format, a JSON and a folder of RGB PNGs in which every pixel has one segment.

A segment's id is red + 256 green + 65536 blue; 0 is no segment. Where objects overlap the later one has the pixel. A
segment has `category_id`, `area`, `bbox` and `iscrowd`, and beside them the keys `score` and `samui`, as in
`samui.formats.coco`.

Format: https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from samui.errors import FormatError
from samui.formats import checks, extras, picture
from samui.formats.annotation import Annotation
from samui.formats.format import Format, Item, Keeps, Options, PictureOf
from samui.formats.names import OwnNames, ending
from samui.formats.source import Source
from samui.names import escape, unescape
from samui.pixels.rle import Rle, by_value


def pack(annotations: Iterable[Annotation], options: Options) -> Iterator[Item]:
    """The files of a data set; the JSONs, one a subset, come last, and are in memory until then."""
    classes, names = extras.Classes(options.classes, first=1), OwnNames()
    parts: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {}
    for number, annotation in enumerate(annotations, start=1):
        subset, own = options.subset(annotation), names.of(annotation.image)
        images, entries = parts.setdefault(subset, ([], []))
        picture.check_size(".png", annotation.size)
        values = np.zeros(annotation.size, np.uint32)
        for value, mask in enumerate(annotation.masks(), start=1):
            values[mask] = value
        left = by_value(values)
        height, width = annotation.size
        segments = []
        for value, one in enumerate(annotation.objects, start=1):
            rle = left.get(value)
            x0, y0, x1, y1 = (rle.box if rle is not None else None) or (0, 0, 0, 0)
            score = extras.score_of(one)
            segments.append(
                {
                    "id": value,
                    "category_id": classes.number(one.label),
                    "area": 0 if rle is None else rle.area,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "iscrowd": 0,
                    **({} if score is None else {"score": score}),
                    extras.KEY: extras.describe(one),
                }
            )
        images.append(escape({"id": number, "file_name": annotation.image, "width": width, "height": height}))
        entries.append({"image_id": number, **escape({"file_name": f"{own}.png"}), "segments_info": segments})
        bgr = np.dstack([values >> 16 & 255, values >> 8 & 255, values & 255]).astype(np.uint8)
        yield f"panoptic_{subset}/{own}.png", picture.encode(".png", bgr)
        yield f"{subset}/{own}{ending(annotation.image)}", PictureOf(annotation.image)
    named = [escape({"id": n, "name": name, "isthing": 1}) for n, name in classes.items()]
    for subset, (images, entries) in (parts or {"train": ([], [])}).items():
        whole = {"images": images, "annotations": entries, "categories": named}
        yield f"panoptic_{subset}.json", json.dumps(whole, allow_nan=False).encode("ascii")


def read(source: Source) -> Iterator[Annotation]:
    """Each image of a JSON, or of all panoptic JSONs of a folder or zip, with its segments. Raises FormatError.

    The PNGs lie in the folder of the JSON, in one that is called as the JSON is, or in one called after it.
    """
    for name in _documents(source):
        with checks.inside(name):
            yield from _read(source, name)


def _documents(source: Source) -> list[str]:
    return [name for name in source.names(".json") if _is_panoptic(source, name)] if source.is_tree else [""]


def _read(source: Source, name: str) -> Iterator[Annotation]:
    whole = checks.mapping(source.document(name), "the file")
    images: dict[Any, tuple[str, tuple[int, int] | None]] = {}
    for index, item in enumerate(checks.items(whole.get("images"), "images")):
        where = f"images[{index}]"
        entry = unescape(checks.mapping(item, where))
        id = checks.id(entry.get("id"), f"{where}.id")
        if id in images:
            raise FormatError(f"{where}.id: must be an id of its own, got {checks.short(id)}")
        told = entry.get("height"), entry.get("width")
        size = None if None in told else checks.size(*told, where)
        images[id] = checks.text(entry.get("file_name"), f"{where}.file_name"), size
    names = {}
    for index, item in enumerate(checks.items(whole.get("categories", []), "categories")):
        where = f"categories[{index}]"
        entry = unescape(checks.mapping(item, where))
        names[checks.id(entry.get("id"), f"{where}.id")] = checks.text(entry.get("name"), f"{where}.name")
    for index, item in enumerate(checks.items(whole.get("annotations"), "annotations")):
        where = f"annotations[{index}]"
        entry = unescape(checks.mapping(item, where))
        id = checks.id(entry.get("image_id"), f"{where}.image_id")
        if id not in images:
            raise FormatError(f"{where}.image_id: must be the id of one of the images, got {checks.short(id)}")
        image, size = images.pop(id)
        yield _image(source, name, entry, where, image, size, names)
    for image, size in images.values():
        if size is not None:
            yield Annotation(image, size)


def _image(
    source: Source,
    document: str,
    entry: Mapping[str, Any],
    where: str,
    image: str,
    size: tuple[int, int] | None,
    names: Mapping[Any, str],
) -> Annotation:
    file = checks.text(entry.get("file_name"), f"{where}.file_name")
    values = _values(source, document, file, f"{where}.file_name")
    size = size or values.shape
    if values.shape != size:
        got = f"{values.shape[1]}x{values.shape[0]}"
        raise FormatError(f"{file}: must be {size[1]}x{size[0]} as its image, got {got}")
    masks = by_value(values)
    objects, seen = [], set()
    for index, item in enumerate(checks.items(entry.get("segments_info"), f"{where}.segments_info")):
        at = f"{where}.segments_info[{index}]"
        segment = checks.mapping(item, at)
        value = checks.whole(segment.get("id"), f"{at}.id")
        if value in seen or value < 1:
            raise FormatError(f"{at}.id: must be an id of its own from 1, got {value}")
        seen.add(value)
        category = checks.id(segment.get("category_id"), f"{at}.category_id")
        if category not in names:
            rule = "must be the id of one of the categories"
            raise FormatError(f"{at}.category_id: {rule}, got {checks.short(category)}")
        rle = masks.pop(value, None) or Rle.encode(np.zeros(size, np.bool_))
        objects.append(
            extras.restore(segment, at, names[category], rle, index, id=index + 1, score=segment.get("score"))
        )
    if masks:
        raise FormatError(f"{file}: must have segments of segments_info alone, got the id {min(masks)}")
    return Annotation(image, size, extras.own_ids(objects, f"{where}.segments_info"))


def _values(source: Source, document: str, file: str, where: str) -> np.ndarray:
    path = PurePosixPath(document or source.path.name)
    for folder in (path.with_suffix(""), path.parent, path.parent / "annotations" / path.stem):
        name = str(folder / file)
        there = source.has(name) if source.is_tree else (source.path.parent / name).is_file()
        if ".." not in PurePosixPath(name).parts and there:
            with checks.inside(name):
                pixels, _ = picture.decode_colours(source.read(name))
            return pixels if pixels.ndim == 2 else pixels.astype(np.uint32) @ np.array((1, 1 << 8, 1 << 16), np.uint32)
    raise FormatError(f"{where}: must be a PNG in the folder {path.stem}, got none called {checks.short(file)}")


def is_panoptic(source: Source) -> bool:
    """Whether a JSON file, or one of a folder or zip, has segments."""
    if not source.is_tree and source.path.suffix.lower() != ".json":
        return False
    return bool(_documents(source)) if source.is_tree else _is_panoptic(source, "")


def _is_panoptic(source: Source, name: str) -> bool:
    try:
        whole = source.document(name)
    except FormatError:
        if name:
            return False  # one of many files
        raise
    found = whole.get("annotations") if isinstance(whole, Mapping) else None
    return isinstance(found, list) and bool(found) and isinstance(found[0], Mapping) and "segments_info" in found[0]


FORMAT = Format(
    "coco-panoptic",
    "COCO panoptic (zip of JSON and PNGs)",
    (".zip",),
    "application/zip",
    Keeps(apart=True, ids=True, holes=True, islands=True, labels=True, scores=True, prompts=True),
    packer=pack,
    reader=read,
    sniff=is_panoptic,
    version="COCO 2018",
)
