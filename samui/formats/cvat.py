"""`cvat`, `cvat-polygons`: CVAT's XML for images, version 1.1, of any number of images.

A mask's runs go row by row inside of its frame, the background first. A frame may have any size and place; it is tight
here. Polygons are outer outlines along pixel corners, those of one object joined by `group_id`. Later shapes lie on top
(`z_order`). The score is an attribute `score`; CVAT passes over attributes that a task does not have.

Polygons are filled as `pycocotools` does; boxes are filled whole; lines and points, which are no area, are passed over.

Format: https://docs.cvat.ai/docs/manual/advanced/formats/format-cvat/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np

from samui.errors import FormatError, MaskError
from samui.formats import checks, xml
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.extras import name_of
from samui.formats.format import Format, Keeps, Options
from samui.formats.source import Source
from samui.pixels.colours import hex_colour
from samui.pixels.polygons import fill, filled, rings
from samui.pixels.rle import Rle

_SHAPES = ("mask", "polygon", "box")
_OTHERS = ("polyline", "points", "cuboid", "ellipse", "skeleton")


def join(
    annotations: Iterable[Annotation], options: Options, shapes: Callable[[SavedObject, int], Iterator[str]]
) -> Iterator[bytes]:
    """One file of several images, in pieces; each image is asked for once and let go."""
    yield b'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
    for number, annotation in enumerate(annotations):
        height, width = annotation.size
        name = xml.attribute(annotation.image)
        yield f'  <image id="{number}" name={name} width="{width}" height="{height}">\n'.encode("utf-8", "replace")
        for order, one in enumerate(annotation.objects):
            for shape in shapes(one, order):
                yield shape.encode("utf-8", "replace")
        yield b"  </image>\n"
    yield b"</annotations>\n"


def masks(one: SavedObject, order: int) -> Iterator[str]:
    """The one shape of an object's mask."""
    x0, y0, x1, y1 = one.rle.box or (0, 0, 1, 1)
    runs = ", ".join(map(str, _runs(one.rle.decode()[y0:y1, x0:x1])))
    frame = f'left="{x0}" top="{y0}" width="{x1 - x0}" height="{y1 - y0}"'
    yield _shape("mask", one, order, f'rle="{runs}" {frame}')


def polygons(one: SavedObject, order: int) -> Iterator[str]:
    """A shape for each part, joined by a group."""
    for ring in rings(one.rle):
        if not ring.hole:
            points = ";".join(f"{x}.00,{y}.00" for x, y in ring.corners.tolist())
            yield _shape("polygon", one, order, f'points="{points}" group_id="{one.id + 1}"')


def _shape(kind: str, one: SavedObject, order: int, rest: str) -> str:
    label = xml.attribute(name_of(one.label))
    head = f'    <{kind} label={label} source="manual" occluded="0" {rest} z_order="{order}">'
    score = "" if one.score is None else f'\n      <attribute name="score">{float(one.score)!r}</attribute>\n    '
    return f"{head}{score}</{kind}>\n"


def _runs(part: np.ndarray) -> list[int]:
    """Lengths of the runs of a bool (h, w) array, row by row, the background first."""
    flat = part.ravel()
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size)
    lengths = np.diff(ends, prepend=0).tolist()
    return [0, *lengths] if flat[0] else lengths


def read(source: Source) -> Iterator[Annotation]:
    """Each image of a file with its objects, in the file's order. Raises FormatError that says where."""
    number = -1
    for element in xml.elements(source.read(), ("annotations",)):
        if element.tag == "track":
            raise FormatError("track: must be images (CVAT for images 1.1), got a video's tracks")
        if element.tag == "image":
            number += 1
            yield _image(element, f"image[{number}]", source)


def _image(element: xml.Element, where: str, source: Source) -> Annotation:
    name = checks.text(element.attributes.get("name"), f"{where}.name")
    size = checks.size(element.number("height", where), element.number("width", where), where)
    groups: dict[object, list[tuple[str, Rle, xml.Element]]] = {}
    passed: dict[str, int] = {}
    ordered = sorted(enumerate(element.children), key=lambda pair: _order(pair[1], where))
    for index, shape in ordered:
        at = f"{where}.{shape.tag}[{index}]"
        if shape.tag in _OTHERS:
            passed[shape.tag] = passed.get(shape.tag, 0) + 1
        elif shape.tag in _SHAPES:
            label = checks.text(shape.attributes.get("label"), f"{at}.label")
            group = shape.attributes.get("group_id", "0")
            key = index if group in ("", "0") else (group, label)
            groups.setdefault(key, []).append((at, _mask(shape, size, at), shape))
    if passed:
        told = ", ".join(f"{kind} ({count})" for kind, count in sorted(passed.items()))
        source.tell(f"{name}: passed over shapes that are not read: {told}")
    objects = []
    for index, parts in enumerate(groups.values()):
        at, rle, first = parts[0]
        if len(parts) > 1:
            whole = rle.decode()
            for _, other, _ in parts[1:]:
                whole |= other.decode()
            rle = Rle.encode(whole)
        told = next((one.text for one in first.all("attribute") if one.attributes.get("name") == "score"), "")
        score = xml.number(told, f"{at}.score") if told.strip() else None
        objects.append(SavedObject(index + 1, first.attributes["label"], hex_colour(index), rle, score))
    return Annotation(name, size, objects)


def _order(shape: xml.Element, where: str) -> int:
    return xml.whole(shape.attributes.get("z_order") or "0", f"{where}.{shape.tag}.z_order")


def _mask(shape: xml.Element, size: tuple[int, int], where: str) -> Rle:
    if shape.tag == "polygon":
        points = []
        for pair in (shape.attributes.get("points") or "").split(";"):
            x, comma, y = pair.partition(",")
            if not comma:
                raise FormatError(f"{where}.points: must be like 1.00,2.00;3.00,4.00, got {checks.short(pair)}")
            points.append((xml.number(x, f"{where}.points"), xml.number(y, f"{where}.points")))
        try:
            return fill(size, [np.array(points)])
        except MaskError as error:
            raise FormatError(f"{where}.points: {error}") from None
    mask = np.zeros(size, np.bool_)
    if shape.tag == "box":
        sides = [round(shape.number(name, where)) for name in ("xtl", "ytl", "xbr", "ybr")]
        x0, y0, x1, y1 = (max(0, min(side, most)) for side, most in zip(sides, (*size[::-1], *size[::-1]), strict=True))
        mask[y0:y1, x0:x1] = True
        return Rle.encode(mask)
    left, top, width, height = (
        xml.whole(shape.attributes.get(name), f"{where}.{name}") for name in ("left", "top", "width", "height")
    )
    if left < 0 or top < 0 or width < 1 or height < 1 or left + width > size[1] or top + height > size[0]:
        got = f"{width}x{height} at ({left}, {top})"
        raise FormatError(f"{where}: must be a frame inside {size[1]}x{size[0]}, got {got}")
    mask[top : top + height, left : left + width] = _frame(shape.attributes.get("rle"), (height, width), f"{where}.rle")
    return Rle.encode(mask)


def _frame(text: str | None, size: tuple[int, int], where: str) -> np.ndarray:
    words = (text or "").replace(",", " ").split()
    area = size[0] * size[1]
    try:
        lengths = np.array([int(word) for word in words], np.int64)
    except (ValueError, OverflowError):
        raise FormatError(f"{where}: must be whole numbers, got {checks.short(text)}") from None
    return by_rows(lengths, size, area, where)


def by_rows(lengths: np.ndarray, size: tuple[int, int], area: int, where: str) -> np.ndarray:
    """Bool (h, w) of runs that go row by row, the background first. Raises FormatError for a wrong sum."""
    if (lengths < 0).any() or (lengths > area).any() or int(lengths.sum()) != area:
        raise FormatError(f"{where}: must be runs that sum to {area} for {size[1]}x{size[0]}, got {int(lengths.sum())}")
    values = (np.arange(len(lengths)) & 1).astype(np.bool_)
    return np.repeat(values, lengths).reshape(size)


def is_cvat(source: Source) -> bool:
    """Whether an XML file begins as CVAT's do."""
    return not source.is_tree and source.path.suffix.lower() == ".xml" and b"<annotations" in source.read()[:4096]


_ENDINGS = (".xml",), "application/xml"
_KEEPS = Keeps(apart=True, holes=True, islands=True, overlap=True, labels=True, scores=True)


def _label(label: str) -> str:
    return xml.text(name_of(label))


FORMATS = (
    Format(
        "cvat",
        "CVAT with masks (XML 1.1)",
        *_ENDINGS,
        _KEEPS,
        joiner=partial(join, shapes=masks),
        reader=read,
        sniff=is_cvat,
        label=_label,
        version="CVAT for images 1.1",
    ),
    Format(
        "cvat-polygons",
        "CVAT with polygons, holes closed (XML 1.1)",
        *_ENDINGS,
        Keeps(apart=True, islands=True, overlap=True, labels=True, scores=True),
        joiner=partial(join, shapes=polygons),
        reader=read,
        holds=filled,
        label=_label,
        version="CVAT for images 1.1",
    ),
)
