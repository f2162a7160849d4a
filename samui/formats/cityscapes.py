"""`cityscapes`: Cityscapes' folder of `gtFine`, 8-bit PNGs of classes and 16-bit PNGs of objects.

In `*_instanceIds.png` a pixel is class * 1000 + number of the object among those of its class, in `*_labelIds.png`
its class; 0 is unlabelled. Cityscapes' own classes have their own numbers, others those from 34 on; `classes.csv` says
which. Where objects overlap the later one has the pixel.

Read, a value below 1000 is the area of a class without objects of its own, one object here.

Format: https://github.com/mcordts/cityscapesScripts, ``helpers/labels.py``
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import numpy as np

from samui.errors import ExportError, FormatError
from samui.formats import checks, picture
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.extras import name_of
from samui.formats.format import Format, Item, Keeps, Options, PictureOf
from samui.formats.names import OwnNames, ending
from samui.formats.source import Source
from samui.pixels.colours import hex_colour
from samui.pixels.rle import by_value

_NAMES = (
    *("unlabeled", "ego vehicle", "rectification border", "out of roi", "static", "dynamic", "ground", "road"),
    *("sidewalk", "parking", "rail track", "building", "wall", "fence", "guard rail", "bridge", "tunnel", "pole"),
    *("polegroup", "traffic light", "traffic sign", "vegetation", "terrain", "sky", "person", "rider", "car"),
    *("truck", "bus", "caravan", "trailer", "train", "motorcycle", "bicycle"),
)
_EACH = 1000  # objects of a class in an image
_MOST = 64  # classes: 65 * 1000 and more would not go into 16 bits


def pack(annotations: Iterable[Annotation], options: Options) -> Iterator[Item]:
    """The files of a data set; `classes.csv` comes last. Raises ExportError for too many classes or objects."""
    numbers: dict[str, int] = {name: number for number, name in enumerate(_NAMES) if number}
    for label in options.classes:
        numbers.setdefault(name_of(label), len(numbers) + 1)
    names = OwnNames()
    for annotation in annotations:
        subset, own = options.subset(annotation), names.of(annotation.image)
        picture.check_size(".png", annotation.size)
        objects, kinds = np.zeros(annotation.size, np.uint16), np.zeros(annotation.size, np.uint8)
        counts: dict[int, int] = {}
        for one, mask in zip(annotation.objects, annotation.masks(), strict=True):
            number = numbers.setdefault(name_of(one.label), len(numbers) + 1)
            count = counts.get(number, 0)
            if number > _MOST or count >= _EACH:
                rule = f"must be at most {_MOST} labels and {_EACH} objects of each for the format cityscapes"
                raise ExportError(f"objects: {rule}, got label {number} and object {count + 1}")
            counts[number] = count + 1
            objects[mask], kinds[mask] = number * _EACH + count, number
        yield f"leftImg8bit/{subset}/{own}_leftImg8bit{ending(annotation.image)}", PictureOf(annotation.image)
        yield f"gtFine/{subset}/{own}_gtFine_instanceIds.png", picture.encode(".png", objects)
        yield f"gtFine/{subset}/{own}_gtFine_labelIds.png", picture.encode(".png", kinds)
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("id", "name"))
    lines.writerow((0, _NAMES[0]))
    lines.writerows((number, name) for name, number in numbers.items())
    yield "classes.csv", text.getvalue().encode("utf-8", "backslashreplace")


def read(source: Source) -> Iterator[Annotation]:
    """Each image of the PNGs of objects, by name; of a plain file the one. Raises FormatError."""
    classes = _classes(source)
    names = [name for name in source.names(".png") if name.endswith("instanceIds.png")] if source.is_tree else [""]
    if not names:
        raise FormatError("must hold *_instanceIds.png, got none")
    for name in names:
        with checks.inside(name):
            values, _ = picture.decode_values(source.read(name))
        objects = []
        for index, (value, rle) in enumerate(by_value(values).items(), start=1):
            number = value // _EACH if value >= _EACH else value
            if value < _EACH and classes.get(number, "") == _NAMES[0]:
                continue
            objects.append(SavedObject(index, classes.get(number, str(number)), hex_colour(index - 1), rle))
        yield Annotation(_image(source, name or source.path.name), values.shape, objects)


def _image(source: Source, name: str) -> str:
    """The name of the image that a PNG is of."""
    stem = PurePosixPath(name).name
    for end in ("_gtFine_instanceIds.png", "_gtCoarse_instanceIds.png", "_instanceIds.png"):
        stem = stem.removesuffix(end)
    for one in source.names():
        path = PurePosixPath(one)
        if path.stem in (f"{stem}_leftImg8bit", stem) and "leftImg8bit" in path.parts:
            return stem + path.suffix
    parts = PurePosixPath(name).parts
    below = parts[parts.index("gtFine") + 2 : -1] if "gtFine" in parts else ()
    return str(PurePosixPath(*below, stem))


def _classes(source: Source) -> dict[int, str]:
    """Names of the classes, by number: those of `classes.csv`, or `label_colors.txt` in its order, or Cityscapes'."""
    for name in source.names("classes.csv"):
        lines = csv.DictReader(io.StringIO(source.read(name).decode("utf-8-sig", "replace")))
        if not {"id", "name"} <= set(lines.fieldnames or ()):
            raise FormatError(f"{name}: must have the columns id and name, got {checks.short(lines.fieldnames)}")
        return {
            checks.whole_text(line["id"], f"{name}: line {number}"): line["name"] or ""
            for number, line in enumerate(lines, start=2)
        }
    for name in source.names("label_colors.txt"):
        text = source.read(name).decode("utf-8-sig", "replace")
        words = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
        labels = [" ".join(line[3:] if len(line) > 3 else line) for line in words]
        first = 0 if labels and labels[0] in ("background", _NAMES[0]) else 1
        return dict(enumerate(labels, start=first))
    return dict(enumerate(_NAMES))


def is_cityscapes(source: Source) -> bool:
    """Whether a folder, a zip or a file is named as Cityscapes' are."""
    names = source.names(".png") if source.is_tree else [source.path.name]
    return any(name.endswith("instanceIds.png") for name in names)


FORMAT = Format(
    "cityscapes",
    "Cityscapes ids (zip of PNGs)",
    (".zip",),
    "application/zip",
    Keeps(apart=True, holes=True, islands=True, labels=True),
    packer=pack,
    reader=read,
    sniff=is_cityscapes,
    label=name_of,
    version="cityscapesScripts 2",
)
