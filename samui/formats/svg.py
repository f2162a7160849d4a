"""`svg`: an SVG of an image's size with a path an object, along pixel corners, filled by the even-odd rule.

A path has its colour, its label as `data-label` and title, and `data-samui` with id, model, score and prompt in JSON.
So it opens in every drawing program and browser.

Read, a path may have moves and straight lines alone, in absolute or relative numbers; curves and transformations are
refused, since a mask that is guessed is worse than none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from samui.errors import FormatError, MaskError
from samui.formats import checks, extras, xml
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.format import Format, Keeps
from samui.formats.source import Source
from samui.pixels.polygons import fill, rings
from samui.pixels.rle import Rle

_WORD = re.compile(r"([A-Za-z])|([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|[\s,]+|(.)", re.DOTALL)
_TAKES = {"M": 2, "L": 2, "H": 1, "V": 1, "Z": 0}  # numbers of a command
_DEEP = 30


def encode(annotation: Annotation) -> bytes:
    """The SVG, in UTF-8."""
    height, width = annotation.size
    name = xml.attribute(annotation.image)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        f" data-image={name}>",
    ]
    for one in annotation.objects:
        label = extras.name_of(one.label)
        own = xml.attribute(json.dumps(extras.describe(one), allow_nan=False))
        lines.append(
            f'  <path id="object-{one.id}" data-label={xml.attribute(label)} data-{extras.KEY}={own}'
            f' fill="{one.colour}" fill-opacity="0.5" fill-rule="evenodd" d="{_path(one.rle)}">'
            f"<title>{xml.content(label)}</title></path>"
        )
    return ("\n".join([*lines, "</svg>"]) + "\n").encode("utf-8", "replace")


def _path(rle: Rle) -> str:
    """The outlines, each a move and then sides in turn along x and y."""
    words = []
    for ring in rings(rle):
        (x, y), *rest = ring.corners.tolist()
        words.append(f"M{x} {y}")
        for nx, ny in rest:
            words.append(f"H{nx}" if ny == y else f"V{ny}")
            x, y = nx, ny
        words.append("Z")
    return "".join(words)


def read(source: Source) -> Iterator[Annotation]:
    """The one image, with an object for each path or polygon, in their order. Raises FormatError."""
    root, *children = xml.elements(source.read(), ("svg", "svg:svg"))
    size = _size(root)
    objects: list[SavedObject] = []
    passed = 0
    for where, element in _shapes(children, "svg", 0):
        rle = _mask(element, size, where)
        if rle is None:
            passed += 1
            continue
        told = element.attributes.get(f"data-{extras.KEY}")
        entry: dict[str, Any] = {}
        if told is not None:
            entry = {extras.KEY: checks.document(told.encode())}
        fill_colour = element.attributes.get("fill", "")
        if told is None and re.fullmatch("#[0-9a-fA-F]{6}", fill_colour):
            entry = {extras.KEY: {"colour": fill_colour}}
        title = element.first("title")
        label = element.attributes.get("data-label") or (title.text if title is not None else "")
        label = label or element.attributes.get("class", "") or element.attributes.get("id", "")
        objects.append(extras.restore(entry, where, label, rle, len(objects)))
    if passed:
        source.tell(f"{source.path.name}: passed over {passed} elements that are no path or polygon")
    image = root.attributes.get("data-image") or source.path.name
    yield Annotation(image, size, extras.own_ids(objects, "svg"))


def _shapes(elements: list[xml.Element], where: str, depth: int) -> Iterator[tuple[str, xml.Element]]:
    """Every drawn element, those of groups too."""
    for index, one in enumerate(elements):
        tag = one.tag.removeprefix("svg:")
        at = f"{where}.{tag}[{index}]"
        if one.attributes.get("transform"):
            raise FormatError(f"{at}.transform: must be none, got {checks.short(one.attributes['transform'])}")
        if tag == "g":
            yield from _shapes(one.children, at, depth + 1)
        elif tag not in ("title", "desc", "defs", "metadata", "style", "image"):
            yield at, one


def _size(root: xml.Element) -> tuple[int, int]:
    box = (root.attributes.get("viewBox") or "").replace(",", " ").split()
    if len(box) == 4:
        x, y, width, height = (xml.number(one, "svg.viewBox") for one in box)
        if (x, y) != (0, 0):
            raise FormatError(f"svg.viewBox: must begin at 0 0, got {checks.short(root.attributes['viewBox'])}")
    else:
        width, height = (
            xml.number((root.attributes.get(n) or "").removesuffix("px"), f"svg.{n}") for n in ("width", "height")
        )
    return checks.size(height, width, "svg")


def _mask(element: xml.Element, size: tuple[int, int], where: str) -> Rle | None:
    tag = element.tag.removeprefix("svg:")
    if tag == "path":
        polygon = _rings(element.attributes.get("d") or "", f"{where}.d")
    elif tag == "polygon":
        words = (element.attributes.get("points") or "").replace(",", " ").split()
        numbers = [xml.number(one, f"{where}.points") for one in words]
        if len(numbers) % 2 or len(numbers) < 6:
            raise FormatError(f"{where}.points: must be x, y of three corners or more, got {len(numbers)} numbers")
        polygon = [np.array(numbers).reshape(-1, 2)]
    else:
        return None
    nonzero = element.attributes.get("fill-rule", "nonzero") != "evenodd"
    try:
        # Without "evenodd" rings that run the same way are one area.
        if nonzero and len(polygon) > 1:
            raise FormatError(f"{where}.fill-rule: must be evenodd for several outlines, got nonzero")
        return fill(size, [polygon])
    except MaskError as error:
        raise FormatError(f"{where}: {error}") from None


def _rings(path: str, where: str) -> list[np.ndarray]:
    """The closed outlines of a path's moves and straight lines."""
    found: list[list[tuple[float, float]]] = []
    command = ""
    numbers: list[float] = []
    x = y = 0.0

    def done() -> None:
        nonlocal x, y, numbers
        kind, relative = command.upper(), command.islower()
        takes = _TAKES[kind]
        if takes == 0:
            if numbers:
                raise FormatError(f"{where}: must have no number after Z, got {numbers[0]:g}")
            if found:
                x, y = found[-1][0]
            return
        if not numbers or len(numbers) % takes:
            raise FormatError(f"{where}: must have {takes} numbers after each {command}, got {len(numbers)}")
        for at in range(0, len(numbers), takes):
            group = numbers[at : at + takes]
            dx, dy = (x, y) if relative else (0.0, 0.0)
            if kind == "H":
                x = group[0] + dx
            elif kind == "V":
                y = group[0] + dy
            else:
                x, y = group[0] + dx, group[1] + dy
            if kind == "M" and at == 0:
                found.append([])
            elif not found:
                raise FormatError(f"{where}: must begin with M, got {command}")
            found[-1].append((x, y))
        numbers = []

    for match in _WORD.finditer(path):
        if match[1]:
            if command:
                done()
            command, numbers = match[1], []
            if command.upper() not in _TAKES:
                raise FormatError(f"{where}: must be straight lines (M, L, H, V, Z), got {command}")
        elif match[2]:
            if not command:
                raise FormatError(f"{where}: must begin with M, got {match[2]}")
            numbers.append(xml.number(match[2], where))
        elif match[3]:
            raise FormatError(f"{where}: must be commands and numbers, got {match[3]!r}")
    if command:
        done()
    return [np.array(ring) for ring in found if len(ring) > 2]


def is_svg(source: Source) -> bool:
    """Whether a file ends as an SVG does."""
    return not source.is_tree and source.path.suffix.lower() == ".svg"


FORMAT = Format(
    "svg",
    "SVG, a path an object",
    (".svg",),
    "image/svg+xml",
    Keeps(apart=True, ids=True, holes=True, islands=True, overlap=True, labels=True, scores=True, prompts=True),
    encoder=encode,
    reader=read,
    sniff=is_svg,
    label=xml.text,
    version="SVG 1.1",
)
