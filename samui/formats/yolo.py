"""`yolo`: YOLO segment, a folder or zip with `data.yaml`, an `images` folder, and a text file an image.

A line an object: the number of its class, then x and y of its outline, each divided by the image's width or height.
A point is the middle of a pixel, (index + 0.5) / size: of all that readers make of these numbers (ultralytics cuts
off the fraction and fills with OpenCV, pixels on the line included) this gives the mask whatever they round. A line has
one outline, so holes and parts of an object hang together by ways there and back (`samui.pixels.outlines.bridged`):
what that costs is told in numbers. Labels beside each other share the number of their class; there are no ids and no
scores.

A file is read as ultralytics reads it. An image's text file has the image's path, with the last `images` in it become
`labels`, and its ending `.txt`.

Format: https://docs.ultralytics.com/datasets/segment/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import yaml

from samui.errors import FormatError, MaskError
from samui.formats import checks
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.extras import Classes, name_of
from samui.formats.format import Format, Item, Keeps, Options, PictureOf
from samui.formats.names import OwnNames, ending
from samui.formats.source import PICTURES, Source
from samui.pixels.colours import hex_colour
from samui.pixels.outlines import bridged, fill_pixels
from samui.pixels.rle import Rle

_DIGITS = 6  # after the point: a hundredth of a pixel at 10,000 pixels
_YAML = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_MAX_YAML = 10_000_000  # bytes
_NEARLY = 0.02  # of a pixel: what five digits after the point leave of a whole number, at 4,000 pixels
_UNPRINTED = re.compile("[\x7f-\x9f\ud800-\udfff\ufeff\u2028\u2029]")


def pack(annotations: Iterable[Annotation], options: Options) -> Iterator[Item]:
    """The files of a data set; `data.yaml` comes last, when all classes are known."""
    classes, names, subsets = Classes(options.classes), OwnNames(), dict[str, None]()
    for annotation in annotations:
        subset, own = options.subset(annotation), names.of(annotation.image)
        subsets[subset] = None
        yield f"images/{subset}/{own}{ending(annotation.image)}", PictureOf(annotation.image)
        lines = []
        height, width = annotation.size
        for one in annotation.objects:
            outline = bridged(one.rle)
            number = classes.number(one.label)
            if len(outline):
                outline = np.concatenate([outline, np.repeat(outline[-1:], max(0, 3 - len(outline)), axis=0)])
                flat = ((outline + 0.5) / (width, height)).reshape(-1).tolist()
                lines.append(f"{number} {' '.join(f'{value:.{_DIGITS}f}' for value in flat)}\n")
        yield f"labels/{subset}/{own}.txt", "".join(lines).encode()
    yield "data.yaml", _described(classes, list(subsets) or ["train"])


def _described(classes: Classes, subsets: list[str]) -> bytes:
    places = {"train": subsets[0], "val": subsets[-1], **{one: one for one in subsets}}
    lines = ["path: .", *(f"{name}: images/{place}" for name, place in places.items()), f"nc: {len(classes.items())}"]
    lines += ["names:", *(f"  {number}: {_quoted(name)}" for number, name in classes.items())]
    return ("\n".join(lines) + "\n").encode()


def _quoted(name: str) -> str:
    """A text of YAML. JSON's are, but for characters that YAML does not print."""
    return _UNPRINTED.sub(lambda match: f"\\u{ord(match[0]):04X}", json.dumps(name, ensure_ascii=False))


def holds(rle: Rle) -> Rle:
    """Of a mask what its one outline covers."""
    return fill_pixels(rle.size, [bridged(rle)])


def read(source: Source) -> Iterator[Annotation]:
    """Each image of a data set that has a text file, by name. Raises FormatError, also without its size."""
    classes = _classes(source)
    texts = _texts(source)
    if not texts:
        raise FormatError("must hold text files in a folder 'labels', got none")
    for name in texts:
        image, size = _image_of(source, name)
        objects = []
        for index, (where, line) in enumerate(_lines(source, name)):
            number = checks.whole_text(line[0], where)
            label = _label(classes, number, where)
            if len(line) == 5:
                raise FormatError(
                    f"{where}: must be an outline of three points or more, got a box; import it with --boxes"
                )
            objects.append(SavedObject(index + 1, label, hex_colour(index), _mask(line[1:], size, where)))
        yield Annotation(image, size, objects)


def boxes(source: Source) -> Iterator[tuple[str, tuple[int, int], list[tuple[str, tuple[float, ...], float | None]]]]:
    """(image, (H, W), (label, (x0, y0, x1, y1), score or None) of each line) of a data set of boxes or outlines.

    A sixth number of a line is a detector's confidence.
    """
    classes = _classes(source)
    for name in _texts(source):
        image, (height, width) = _image_of(source, name)
        found: list[tuple[str, tuple[float, ...], float | None]] = []
        for where, line in _lines(source, name):
            label = _label(classes, checks.whole_text(line[0], where), where)
            values = np.array([_number(text, where) for text in line[1:]])
            if len(values) in (4, 5):
                x, y, w, h = values[:4] * (width, height, width, height)
                found.append((label, (x - w / 2, y - h / 2, x + w / 2, y + h / 2), *([*values[4:].tolist(), None][:1])))
            else:
                points = _points(values, where) * (width, height)
                found.append((label, (*points.min(axis=0).tolist(), *points.max(axis=0).tolist()), None))
        yield image, (height, width), found


def is_yolo(source: Source) -> bool:
    """Whether a folder or zip has text files in a folder `labels`."""
    return source.is_tree and bool(_texts(source))


def _texts(source: Source) -> list[str]:
    return [name for name in source.names(".txt") if "labels" in PurePosixPath(name).parts[:-1]]


def _lines(source: Source, name: str) -> Iterator[tuple[str, list[str]]]:
    try:
        text = source.read(name).decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"{name}: must be text in UTF-8, got: {error.reason}") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if words := line.split():
            yield f"{name}: line {number}", words


def _image_of(source: Source, name: str) -> tuple[str, tuple[int, int]]:
    """(name, size) of the image that a text file is of."""
    parts = list(PurePosixPath(name).with_suffix("").parts)
    at = len(parts) - 2 - parts[:-1][::-1].index("labels")
    parts[at] = "images"
    whole = "/".join(parts)
    present = [one for one in source.names(*PICTURES) if str(PurePosixPath(one).with_suffix("")) == whole]
    below = "/".join(parts[at + 1 :])
    if present:
        return present[0][len(whole) - len(below) :], source.picture(present[0]).size
    return below, source.size(below, near=name)


def _classes(source: Source) -> dict[int, str]:
    """Number and name of each class; none without a `data.yaml`."""
    name = next((one for one in source.names(".yaml", ".yml") if PurePosixPath(one).name in _YAML), None)
    if name is None:
        return {}
    data = source.read(name)
    if len(data) > _MAX_YAML:
        raise FormatError(f"{name}: must be at most {_MAX_YAML} bytes, got {len(data)}")
    try:
        whole = yaml.load(data.decode(), _Loader)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise FormatError(f"{name}: must be YAML, got: {' '.join(str(error).split())[:100]}") from None
    named = whole.get("names") if isinstance(whole, Mapping) else None
    if isinstance(named, list):
        named = dict(enumerate(named))
    if not isinstance(named, Mapping):
        raise FormatError(f"{name}: names: must be a list of names or numbers with names, got {checks.short(named)}")
    found: dict[int, str] = {}
    for key, value in named.items():
        if isinstance(value, (list, Mapping)) or value is None:
            raise FormatError(f"{name}: names[{checks.short(key)}]: must be text, got {checks.short(value)}")
        found[checks.whole_text(key, f"{name}: names")] = str(value)
    return found


class _Loader(yaml.SafeLoader):
    """YAML without references: a few lines of them stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("a reference, which is not taken")
        return super().compose_node(parent, index)


def _label(classes: Mapping[int, str], number: int, where: str) -> str:
    if not classes:
        return str(number)
    if number not in classes:
        raise FormatError(f"{where}: must be of one of the {len(classes)} classes of data.yaml, got {number}")
    return classes[number]


def _mask(words: list[str], size: tuple[int, int], where: str) -> Rle:
    height, width = size
    points = _points(np.array([_number(text, where) for text in words]), where) * (width, height)
    # Whole numbers that lost digits on the way would be cut off to the pixel before.
    whole = np.round(points)
    cut = np.where(np.abs(points - whole) < _NEARLY, whole, np.floor(points)).astype(np.int64)
    try:
        return fill_pixels(size, [cut])
    except MaskError as error:
        raise FormatError(f"{where}: {error}") from None


def _points(values: np.ndarray, where: str) -> np.ndarray:
    if len(values) < 6 or len(values) % 2:
        raise FormatError(f"{where}: must be x, y of three points or more, got {len(values)} numbers")
    if (values < -1).any() or (values > 2).any():
        raise FormatError(
            f"{where}: must be parts of the image's size, from 0 to 1, got {values[np.abs(values - 0.5) > 1.5][0]:g}"
        )
    return values.reshape(-1, 2)


def _number(text: str, where: str) -> float:
    try:
        return checks.number(float(text), where)
    except ValueError:
        raise FormatError(f"{where}: must be a finite number, got {checks.short(text)}") from None


FORMAT = Format(
    "yolo",
    "YOLO segment (zip with data.yaml)",
    (".zip",),
    "application/zip",
    Keeps(apart=True, holes=True, overlap=True, labels=True),
    packer=pack,
    reader=read,
    sniff=is_yolo,
    holds=holds,
    label=name_of,
    version="ultralytics 8",
)
