"""`voc`: Pascal VOC's folder, with indexed PNGs of classes and of objects, and an XML of boxes an image.

`SegmentationObject` has a value an object, from 1; `SegmentationClass` the class of each pixel; 0 is the background and
255 void. The n-th object of an image's XML is the one of value n. Where objects overlap the later one has the pixel.
`labelmap.txt` names the classes. Boxes count pixels from 1, both corners inside, as in VOC.

Read, PNGs may be indexed, grey, or in the colours of `labelmap.txt` or VOC's palette. An XML with polygons and no PNG
beside it is read from pixel to pixel (as `supervision` writes it).

Format: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from samui.errors import ExportError, FormatError, MaskError
from samui.formats import checks, picture, xml
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.extras import Classes, name_of
from samui.formats.format import Format, Item, Keeps, Options, PictureOf
from samui.formats.names import OwnNames, ending
from samui.formats.source import Source
from samui.pixels.colours import hex_colour
from samui.pixels.outlines import fill_pixels
from samui.pixels.rle import Rle, by_value

_VOID = 255
_MOST = 254
_BACKGROUND = "background"
_CLASSES = (
    *(_BACKGROUND, "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)


def palette() -> list[tuple[int, int, int]]:
    """VOC's 256 colours: the bits of a number, three at a time, from the top of each channel."""
    colours = []
    for number in range(256):
        red = green = blue = 0
        for bit in range(8):
            triple = number >> (3 * bit)
            red |= (triple & 1) << (7 - bit)
            green |= (triple >> 1 & 1) << (7 - bit)
            blue |= (triple >> 2 & 1) << (7 - bit)
        colours.append((red, green, blue))
    return colours


_PALETTE = palette()


def pack(annotations: Iterable[Annotation], options: Options) -> Iterator[Item]:
    """The files of a data set; lists of images and classes come last, when all are known. Raises ExportError."""
    classes, names = Classes((_BACKGROUND, *(one for one in options.classes if one != _BACKGROUND))), OwnNames()
    lists: dict[str, list[str]] = {}
    for annotation in annotations:
        own = names.of(annotation.image)
        lists.setdefault(options.subset(annotation), []).append(own)
        picture.check_size(".png", annotation.size)
        if len(annotation.objects) > _MOST:
            got = f"{len(annotation.objects)} in {annotation.image}"
            raise ExportError(f"objects: must be at most {_MOST} an image for the format voc, got {got}")
        objects, kinds = np.zeros(annotation.size, np.uint8), np.zeros(annotation.size, np.uint8)
        for value, (one, mask) in enumerate(zip(annotation.objects, annotation.masks(), strict=True), start=1):
            number = classes.number(_label(one.label))
            if number > _MOST:
                raise ExportError(f"labels: must be at most {_MOST} for the format voc, got {number}")
            objects[mask], kinds[mask] = value, number
        yield f"JPEGImages/{own}{ending(annotation.image)}", PictureOf(annotation.image)
        yield f"SegmentationClass/{own}.png", _indexed(kinds)
        yield f"SegmentationObject/{own}.png", _indexed(objects)
        yield f"Annotations/{own}.xml", _described(annotation, own)
    for subset, listed in lists.items():
        yield f"ImageSets/Segmentation/{subset}.txt", "".join(f"{one}\n" for one in listed).encode("utf-8", "replace")
    lines = [
        "# label:color_rgb:parts:actions",
        *(f"{name}:{','.join(map(str, _PALETTE[n]))}::" for n, name in classes.items()),
    ]
    yield "labelmap.txt", ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _label(label: str) -> str:
    """A label as `labelmap.txt` can hold it: its lines end with a line, and its fields with a colon."""
    kept = xml.text(" ".join(name_of(label).split())).replace(":", "_").replace("#", "_")
    return (kept if kept != _BACKGROUND else f"{kept}_") or "_"


def _indexed(values: np.ndarray) -> bytes:
    png = Image.fromarray(values)
    png.putpalette([part for colour in _PALETTE for part in colour])
    buffer = io.BytesIO()
    png.save(buffer, "PNG")
    return buffer.getvalue()


def _described(annotation: Annotation, own: str) -> bytes:
    height, width = annotation.size
    name = PurePosixPath(own).name + ending(annotation.image)
    lines = [
        "<annotation>",
        "  <folder>JPEGImages</folder>",
        f"  <filename>{xml.content(name)}</filename>",
        f"  <size><width>{width}</width><height>{height}</height><depth>3</depth></size>",
        "  <segmented>1</segmented>",
    ]
    for one in annotation.objects:
        x0, y0, x1, y1 = one.rle.box or (0, 0, 0, 0)
        box = f"<xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
        rest = "<pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>"
        lines.append(f"  <object><name>{xml.content(_label(one.label))}</name>{rest}<bndbox>{box}</bndbox></object>")
    return ("\n".join([*lines, "</annotation>"]) + "\n").encode("utf-8", "replace")


def read(source: Source) -> Iterator[Annotation]:
    """Each image that has PNGs of objects or of classes, or an XML with polygons, by name. Raises FormatError."""
    classes = _classes(source)
    found = _by_stem(source, "SegmentationObject", ".png")
    kinds = _by_stem(source, "SegmentationClass", ".png")
    described = _by_stem(source, "Annotations", ".xml") or {
        str(PurePosixPath(name).with_suffix("")): name for name in source.names(".xml")
    }
    if not source.is_tree:
        described = {source.path.stem: ""}
    own = sorted({*found, *kinds, *described})
    if not own:
        raise FormatError("must hold SegmentationObject/*.png or Annotations/*.xml, got none")
    for stem in own:
        named = _named(source, described[stem]) if stem in described else None
        image = _image_name(source, stem, named)
        if stem in found:
            objects, size = _instances(source, found[stem], kinds.get(stem), classes, named)
        elif stem in kinds:
            objects, size = _areas(source, kinds[stem], classes)
        else:
            assert named is not None
            objects, size = _polygons(source, described[stem], named, image)
        yield Annotation(image, size, objects)


def _by_stem(source: Source, folder: str, suffix: str) -> dict[str, str]:
    """Name of each file below a folder of that name, by what lies below it without ending."""
    stems = {}
    for name in source.names(suffix):
        parts = PurePosixPath(name).parts
        if folder in parts[:-1]:
            stems[str(PurePosixPath(*parts[parts.index(folder) + 1 :]).with_suffix(""))] = name
    return stems


def _image_name(source: Source, stem: str, named: xml.Element | None) -> str:
    told = named.first("filename") if named is not None else None
    if told is not None and told.text.strip():
        return str(PurePosixPath(stem).parent / told.text.strip())
    pictures = [one for one in source.names() if "JPEGImages" in PurePosixPath(one).parts]
    return next(
        (
            one.partition("JPEGImages/")[2]
            for one in pictures
            if one.partition("JPEGImages/")[2].rpartition(".")[0] == stem
        ),
        stem,
    )


def _named(source: Source, name: str) -> xml.Element:
    with checks.inside(name):
        return xml.document(source.read(name), "annotation")


def _classes(source: Source) -> dict[str, tuple[int, tuple[int, int, int]]]:
    """Number and colour of each class."""
    name = next((one for one in source.names(".txt") if PurePosixPath(one).name == "labelmap.txt"), None)
    if name is None:
        return {label: (number, _PALETTE[number]) for number, label in enumerate(_CLASSES)}
    found: dict[str, tuple[int, tuple[int, int, int]]] = {}
    for number, line in enumerate(source.read(name).decode("utf-8-sig", "replace").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        label, colour = (*line.split(":"), "")[:2]
        index = len(found)
        shade = _PALETTE[min(index, 255)]
        if colour.strip():
            parts = [checks.whole_text(part, f"{name}: line {number}") for part in colour.split(",")]
            if len(parts) != 3 or not all(0 <= part <= 255 for part in parts):
                raise FormatError(f"{name}: line {number}: must be a colour like 128,0,0, got {checks.short(colour)}")
            shade = parts[0], parts[1], parts[2]
        found[label] = index, shade
    return found


def _values(source: Source, name: str, colours: list[tuple[int, int, int]]) -> np.ndarray:
    """The values of a PNG: its own, or those whose colours it has."""
    with checks.inside(name):
        pixels, own = picture.decode_colours(source.read(name))
    if pixels.ndim == 2:
        return pixels
    del own
    flat = pixels.astype(np.int64) @ (1 << 16, 1 << 8, 1)
    table = {(r << 16) + (g << 8) + b: value for value, (r, g, b) in reversed(list(enumerate(colours)))}
    present, inverse = np.unique(flat, return_inverse=True)
    unknown = [one for one in present.tolist() if one not in table]
    if unknown:
        got = f"#{unknown[0]:06x}"
        raise FormatError(f"{name}: must have colours of labelmap.txt or of VOC's palette alone, got {got}")
    return np.array([table[one] for one in present.tolist()])[inverse].reshape(flat.shape)


def _instances(
    source: Source,
    name: str,
    kinds: str | None,
    classes: dict[str, tuple[int, tuple[int, int, int]]],
    named: xml.Element | None,
) -> tuple[list[SavedObject], tuple[int, int]]:
    values = _values(source, name, _PALETTE)
    by_number = {number: label for label, (number, _) in classes.items()}
    areas = None if kinds is None else _values(source, kinds, [shade for _, shade in classes.values()])
    if areas is not None and areas.shape != values.shape:
        rule = f"must be {values.shape[1]}x{values.shape[0]} as its objects"
        raise FormatError(f"{kinds}: {rule}, got {areas.shape[1]}x{areas.shape[0]}")
    labels = [] if named is None else [one.text_of("name", "object") for one in named.all("object")]
    masks = by_value(values)
    masks.pop(_VOID, None)
    objects = []
    for value in sorted({*masks, *(range(1, len(labels) + 1))}):
        rle = masks.get(value)
        label = labels[value - 1] if value <= len(labels) else ""
        if rle is None:
            rle = Rle.encode(np.zeros(values.shape, np.bool_))  # of an object that others cover altogether
        elif not label and areas is not None:
            inside = areas[rle.decode()]
            inside = inside[inside != _VOID]
            number = int(np.bincount(inside).argmax()) if inside.size else -1
            label = by_number.get(number, str(number) if number > 0 else "")
        objects.append(SavedObject(value, label, hex_colour(value - 1), rle))
    return objects, values.shape


def _areas(
    source: Source, name: str, classes: dict[str, tuple[int, tuple[int, int, int]]]
) -> tuple[list[SavedObject], tuple[int, int]]:
    """An object for each class of an image that has no PNG of objects."""
    values = _values(source, name, [shade for _, shade in classes.values()])
    by_number = {number: label for label, (number, _) in classes.items()}
    masks = by_value(values)
    masks.pop(_VOID, None)
    objects = [
        SavedObject(index, by_number.get(value, str(value)), hex_colour(index - 1), rle)
        for index, (value, rle) in enumerate(masks.items(), start=1)
    ]
    return objects, values.shape


def _polygons(source: Source, name: str, named: xml.Element, image: str) -> tuple[list[SavedObject], tuple[int, int]]:
    where = f"{name}: " if name else ""
    told = named.first("size")
    if told is not None:
        at = f"{where}size"
        size = checks.size(told.number_of("height", at), told.number_of("width", at), at)
    else:
        size = source.size(image, near=name)
    objects: list[SavedObject] = []
    boxes = 0
    for index, one in enumerate(named.all("object")):
        at = f"{where}object[{index}]"
        polygon = one.first("polygon")
        if polygon is None:
            boxes += 1
            continue
        numbers = {child.tag: xml.number(child.text, f"{at}.polygon.{child.tag}") for child in polygon.children}
        points: list[tuple[float, float]] = []
        while f"x{len(points) + 1}" in numbers and f"y{len(points) + 1}" in numbers:
            points.append((numbers[f"x{len(points) + 1}"] - 1, numbers[f"y{len(points) + 1}"] - 1))  # counted from 1
        if len(points) < 3:
            raise FormatError(f"{at}.polygon: must be three points or more, got {len(points)}")
        try:
            rle = fill_pixels(size, [np.rint(points).astype(np.int64)])
        except MaskError as error:
            raise FormatError(f"{at}.polygon: {error}") from None
        objects.append(SavedObject(len(objects) + 1, one.text_of("name", at), hex_colour(len(objects)), rle))
    if boxes:
        source.tell(f"{image}: passed over {boxes} boxes without a mask")
    return objects, size


def boxes(source: Source) -> Iterator[tuple[str, tuple[int, int], list[tuple[str, tuple[float, ...], float | None]]]]:
    """(image, (H, W), (label, (x0, y0, x1, y1), None) of each object) of each XML; VOC counts pixels from 1."""
    for name in source.names(".xml") if source.is_tree else [""]:
        named = _named(source, name)
        where = f"{name}: " if name else ""
        image = _image_name(source, str(PurePosixPath(name or source.path.name).with_suffix("")), named)
        told = named.first("size")
        if told is None:
            size = source.size(image, near=name)
        else:
            size = checks.size(told.number_of("height", f"{where}size"), told.number_of("width", f"{where}size"), where)
        found: list[tuple[str, tuple[float, ...], float | None]] = []
        for index, one in enumerate(named.all("object")):
            at = f"{where}object[{index}]"
            box = one.first("bndbox")
            if box is None:
                raise FormatError(f"{at}.bndbox: must be there, got none")
            x0, y0, x1, y1 = (box.number_of(side, f"{at}.bndbox") for side in ("xmin", "ymin", "xmax", "ymax"))
            found.append((one.text_of("name", at), (x0 - 1, y0 - 1, x1, y1), None))
        yield image, size, found


def is_voc(source: Source) -> bool:
    """Whether a folder or zip has VOC's folders, or a file is an XML of VOC."""
    if source.is_tree:
        folders = {part for name in source.names() for part in PurePosixPath(name).parts[:-1]}
        described = source.names(".xml")
        return bool(folders & {"SegmentationObject", "SegmentationClass"}) or (
            bool(described) and b"<annotation" in source.read(described[0])[:4096]
        )
    return source.path.suffix.lower() == ".xml" and b"<annotation>" in source.read()[:4096]


FORMAT = Format(
    "voc",
    "Pascal VOC (zip of PNGs and XML)",
    (".zip",),
    "application/zip",
    Keeps(apart=True, holes=True, islands=True, labels=True),
    packer=pack,
    reader=read,
    sniff=is_voc,
    label=_label,
    version="VOC 2012",
)
