"""`labelme`, `labelme-polygons`: Labelme's JSON, a file an image, with shapes of masks or of polygons.

A shape of a mask has the corners of its box, both inside, and a PNG of what lies between, so holes and islands are
kept. Polygons run from pixel to pixel, as Labelme's own drawing takes them: the outer outline of each part, those of
one object joined by their `group_id`. The key `samui` of a shape holds id, colour, model, score and prompt; Labelme
keeps keys that it does not know.

Shapes are drawn as Labelme draws them: masks, polygons, rectangles and circles. Lines and points, which are no area,
are passed over.

Format: https://github.com/wkentaro/labelme, version 6
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from samui.errors import FormatError
from samui.formats import checks, extras
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.format import Format, Keeps
from samui.formats.mask import encode_png
from samui.formats.picture import decode_values
from samui.formats.source import Source
from samui.names import escape, unescape
from samui.pixels.outlines import fill_pixels, outer_contours
from samui.pixels.rle import Rle

_VERSION = "6.3.1"  # of Labelme, whose files these are
_NO_AREA = ("point", "points", "line", "linestrip")


def encode(annotation: Annotation, shapes: Callable[[SavedObject], Iterator[dict[str, Any]]]) -> bytes:
    """The JSON, in ASCII, which every version of Labelme reads on every system."""
    whole = {
        "version": _VERSION,
        "flags": {},
        "shapes": [shape for one in annotation.objects for shape in shapes(one)],
        **escape({"imagePath": annotation.image}),
        "imageData": None,
        "imageHeight": annotation.size[0],
        "imageWidth": annotation.size[1],
    }
    return json.dumps(whole, indent=2, allow_nan=False).encode("ascii")


def masks(one: SavedObject) -> Iterator[dict[str, Any]]:
    """The one shape of an object's mask; of no pixel, a mask of one pixel that is not set."""
    x0, y0, x1, y1 = one.rle.box or (0, 0, 1, 1)
    png = encode_png(np.ascontiguousarray(one.rle.decode()[y0:y1, x0:x1]))
    points = [[x0, y0], [x1 - 1, y1 - 1]]
    yield _shape(one, "mask", points, mask=base64.b64encode(png).decode())


def polygons(one: SavedObject) -> Iterator[dict[str, Any]]:
    """A shape for each part of an object, joined by a group."""
    for ring in outer_contours(one.rle):
        corners = ring.tolist() + [ring[-1].tolist()] * max(0, 3 - len(ring))
        yield _shape(one, "polygon", corners, group=one.id)


def _shape(one: SavedObject, kind: str, points: list, *, group: int | None = None, mask: str | None = None) -> dict:
    return {
        **escape({"label": extras.name_of(one.label)}),
        "points": points,
        "group_id": group,
        "description": "",
        "shape_type": kind,
        "flags": {},
        "mask": mask,
        extras.KEY: extras.describe(one),
    }


def read(source: Source) -> Iterator[Annotation]:
    """The image of a file, or those of all JSON files of a folder or zip, by name. Raises FormatError."""
    for name in source.names(".json") if source.is_tree else [""]:
        with checks.inside(name):
            yield _read(source, name)


def _read(source: Source, name: str) -> Annotation:
    whole = unescape(checks.mapping(source.document(name), "the file"))
    shapes = checks.items(whole.get("shapes"), "shapes")
    image = checks.text(whole.get("imagePath") or name or f"{source.path.stem}", "imagePath")
    if whole.get("imageHeight") is None or whole.get("imageWidth") is None:
        size = source.size(image, near=name)
    else:
        size = checks.size(whole["imageHeight"], whole["imageWidth"], "image")
    groups: dict[Any, list[tuple[str, Mapping[str, Any]]]] = {}
    passed: dict[str, int] = {}
    for index, item in enumerate(shapes):
        where = f"shapes[{index}]"
        shape = unescape(checks.mapping(item, where))
        kind = checks.text(shape.get("shape_type") or "polygon", f"{where}.shape_type")
        if kind in _NO_AREA:
            passed[kind] = passed.get(kind, 0) + 1
            continue
        group, label = shape.get("group_id"), checks.text(shape.get("label"), f"{where}.label")
        key = index if group is None else (str(group), label)
        groups.setdefault(key, []).append((where, shape))
    if passed:
        told = ", ".join(f"{kind} ({count})" for kind, count in sorted(passed.items()))
        source.tell(f"{name or source.path.name}: passed over shapes without an area: {told}")
    objects = []
    for index, parts in enumerate(groups.values()):
        where, first = parts[0]
        rle = _union([_mask(shape, size, at) for at, shape in parts])
        objects.append(extras.restore(first, where, str(first["label"]), rle, index))
    return Annotation(image, size, extras.own_ids(objects, "shapes"), digest=_digest(whole.get("imageData")))


def _digest(data: Any) -> str:
    """SHA-256 of the image's file, which older versions of Labelme put into theirs."""
    if not isinstance(data, str):
        return ""
    try:
        return hashlib.sha256(base64.b64decode(data, validate=True)).hexdigest()
    except binascii.Error:
        return ""


def _union(masks: list[Rle]) -> Rle:
    if len(masks) == 1:
        return masks[0]
    whole = masks[0].decode()
    for one in masks[1:]:
        whole |= one.decode()
    return Rle.encode(whole)


def _mask(shape: Mapping[str, Any], size: tuple[int, int], where: str) -> Rle:
    kind = shape.get("shape_type") or "polygon"
    points = [checks.numbers(one, f"{where}.points", 2) for one in checks.items(shape.get("points"), f"{where}.points")]
    least = {"mask": 2, "rectangle": 2, "circle": 2, "polygon": 3}.get(str(kind))
    if least is None:
        raise FormatError(f"{where}.shape_type: must be a mask, polygon, rectangle or circle, got {checks.short(kind)}")
    if len(points) < least or (least == 2 and len(points) != 2):
        raise FormatError(
            f"{where}.points: must be {least}{' or more' if least == 3 else ''} points, got {len(points)}"
        )
    far = 1 << 20
    if any(not -far <= number <= far for point in points for number in point):
        raise FormatError(f"{where}.points: must lie at most {far} pixels outside, got {checks.short(points)}")
    if kind == "mask":
        return _pasted(shape.get("mask"), points, size, where)
    xs, ys = zip(*points, strict=True)
    x0, y0 = max(0, math.floor(min(xs))), max(0, math.floor(min(ys)))
    if kind == "circle":
        (cx, cy), (px, py) = points
        radius = math.hypot(cx - px, cy - py)
        x0, y0 = max(0, math.floor(cx - radius)), max(0, math.floor(cy - radius))
        x1, y1 = min(size[1], math.ceil(cx + radius) + 1), min(size[0], math.ceil(cy + radius) + 1)
    else:
        x1, y1 = min(size[1], math.ceil(max(xs)) + 1), min(size[0], math.ceil(max(ys)) + 1)
    mask = np.zeros(size, np.bool_)
    if x0 < x1 and y0 < y1:
        part = Image.new("L", (x1 - x0, y1 - y0))
        draw, moved = ImageDraw.Draw(part), [(x - x0, y - y0) for x, y in points]
        if kind == "polygon":
            draw.polygon(moved, fill=1, outline=1)
        elif kind == "rectangle":
            (ax, ay), (bx, by) = moved
            draw.rectangle([min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)], fill=1, outline=1)
        else:
            cx, cy = moved[0]
            draw.ellipse([cx - radius, cy - radius, cx + radius, cy + radius], fill=1, outline=1)
        mask[y0:y1, x0:x1] = np.asarray(part, np.bool_)
    return Rle.encode(mask)


def _pasted(text: Any, points: list[list[float]], size: tuple[int, int], where: str) -> Rle:
    """The mask of a PNG that lies between two corners, both inside."""
    try:
        data = base64.b64decode(checks.text(text, f"{where}.mask"), validate=True)
    except (binascii.Error, ValueError):
        raise FormatError(f"{where}.mask: must be base64, got {checks.short(text)}") from None
    try:
        values, _ = decode_values(data)
    except FormatError as error:
        raise FormatError(f"{where}.mask: {error}") from None
    x0, y0, x1, y1 = (checks.whole(round(number), where) for point in points for number in point)
    if values.shape != (y1 - y0 + 1, x1 - x0 + 1):
        got = f"{values.shape[1]}x{values.shape[0]}"
        raise FormatError(f"{where}.mask: must be {x1 - x0 + 1}x{y1 - y0 + 1} as its points say, got {got}")
    if x0 < 0 or y0 < 0 or x1 >= size[1] or y1 >= size[0]:
        raise FormatError(f"{where}.points: must lie inside {size[1]}x{size[0]}, got {checks.short(points)}")
    mask = np.zeros(size, np.bool_)
    mask[y0 : y1 + 1, x0 : x1 + 1] = values != 0
    return Rle.encode(mask)


def holds_polygons(rle: Rle) -> Rle:
    """Of a mask what its outer outlines cover."""
    return fill_pixels(rle.size, outer_contours(rle))


def is_labelme(source: Source) -> bool:
    """Whether a JSON file, or all of a folder or zip, have shapes."""
    names = source.names(".json") if source.is_tree else [""]
    if not source.is_tree and source.path.suffix.lower() != ".json":
        return False
    return bool(names) and all(_has_shapes(source, name) for name in names)


def _has_shapes(source: Source, name: str) -> bool:
    whole = source.document(name)
    return isinstance(whole, Mapping) and "shapes" in whole


_ALL = Keeps(apart=True, ids=True, holes=True, islands=True, overlap=True, labels=True, scores=True, prompts=True)
FORMATS = (
    Format(
        "labelme",
        "Labelme with masks (JSON)",
        (".json",),
        "application/json",
        _ALL,
        encoder=partial(encode, shapes=masks),
        reader=read,
        sniff=is_labelme,
        version=f"Labelme {_VERSION}",
    ),
    Format(
        "labelme-polygons",
        "Labelme with polygons, holes closed (JSON)",
        (".json",),
        "application/json",
        Keeps(apart=True, ids=True, islands=True, overlap=True, labels=True, scores=True, prompts=True),
        encoder=partial(encode, shapes=polygons),
        reader=read,
        holds=holds_polygons,
        version=f"Labelme {_VERSION}",
    ),
)
