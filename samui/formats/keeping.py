"""What the formats keep, measured: `python -m samui.formats.keeping` prints docs/formats.md."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from samui.formats import FORMATS, Annotation, Format, SavedObject, SavedPrompt, read, write
from samui.pixels.images import Header
from samui.pixels.rle import Rle

_SIZE = (24, 32)
_IMAGES, _OBJECTS = 500, 4
_READERS = {
    "mask": "any",
    "masks": "any",
    "labelmap": "any",
    "labelmap-tiff": "tifffile",
    "coco": "pycocotools",
    "coco-uncompressed": "pycocotools",
    "coco-polygons": "pycocotools",
    "coco-panoptic": "panopticapi's rule",
    "yolo": "ultralytics' rules",
    "labelme": "labelme's rules",
    "labelme-polygons": "labelme's rules",
    "voc": "VOC's palette and counting",
    "cvat": "cvat-sdk",
    "cvat-polygons": "pycocotools",
    "label-studio": "label_studio_converter's rule",
    "cityscapes": "cityscapesScripts' rule",
    "geojson": "shapely",
    "svg": "shapely, even-odd",
    "npz": "NumPy",
    "samui": "samui",
}
_HEAD = """# Formats

Made by `python -m samui.formats.keeping > docs/formats.md`, which writes {count} random masks in each format, reads
them and compares: blobs with holes, islands, single pixels and rows, overlaps, cut by the border. IoU is the mean and,
in brackets, the lowest of a mask as it was with what comes back; where overlaps are lost the later object has the
pixel, and that counts. The last two columns: which reader that is not ours the tests hold it to
(`tests/unit/formats/test_readers.py`), and what the format's own version is.

| format | files | holes | islands | overlap | labels | scores | prompts | strokes | IoU | reader | version |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""
_TAIL = """
## Outlines
The same numbers mean other masks to other readers. Outlines run along pixel corners for COCO, CVAT, GeoJSON and SVG;
through the middles of pixels, (index + 0.5) / size, for YOLO; from pixel index to pixel index for Labelme. Each is
exact in the readers named. Read, a polygon is filled as the format's own reader fills it.

`yolo` has one outline a line: a hole hangs on it by a way there and back inside of the object, which costs no pixel;
parts are joined by a line one pixel wide, which does ("joined" in what is told after the export). Random masks have
many parts; of a mask of one part nothing is lost.

## Read from others
- COCO: run lengths as text or numbers, polygons, `iscrowd` of either; whole folders of them.
- Panoptic: JSON beside its PNGs. YOLO: `data.yaml` with a list or numbers, images beside the labels or in `--images`.
- Labelme: masks, polygons, rectangles, circles, groups; `\\` in `imagePath`. A folder of them, too.
- VOC: PNGs indexed, grey or in colours; XML with polygons. CVAT: masks in frames of any size, polygons, boxes.
- Label Studio: brush masks of the newest annotation that was not cancelled.
- Cityscapes: with or without classes of its own.
- GeoJSON of QuPath needs the image beside it. SVG: straight lines alone.

Images are found by relative path, whose leading folders may be missing on either side; then by a base name that only
one has; then by one without its ending; then by content, where a file has it. Where several fit none is taken, and the
report says so. Sizes that differ are refused with both; those of a picture that was not turned by its EXIF orientation
are turned.

## Never
A broken file is one sentence: file, place, rule, value; nothing is written. XML with a document type, YAML with
references, pickles, absolute paths, `..`, and claims of more than a file may hold are refused before they cost
anything.
"""


def page(measure: Callable[[Format], str] | None = None) -> str:
    """docs/formats.md. measure: gives the IoU of a format, by default with `measured`, which takes a minute in all."""
    if measure is None:
        saved = list(samples())
        measure = lambda format: measured(format, saved)  # noqa: E731
    rows = []
    for format in FORMATS.values():
        keeps = format.keeps
        cells = [f"`{format.name}`", _files(format)]
        if format.reader is None:
            rows.append([*cells, *["-"] * 7, "cannot be read", "-", format.version])
            continue
        flags = (keeps.holes, keeps.islands, keeps.overlap, keeps.labels, keeps.scores, keeps.prompts, keeps.gestures)
        told = ["yes" if flag else "no" for flag in flags]
        if format.name == "yolo":
            told[1] = "joined"
        if format.name == "masks":
            told[3] = "as file names"
        rows.append([*cells, *told, measure(format), _READERS[format.name], format.version])
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return _HEAD.format(count=f"{_IMAGES * _OBJECTS:,}") + table + _TAIL


def samples() -> Iterator[Annotation]:
    """Images with random masks, the same at every call."""
    rng = np.random.default_rng(14)
    for number in range(_IMAGES):
        objects = []
        for index in range(_OBJECTS):
            rle = Rle.encode(random_mask(rng))
            prompt = SavedPrompt(((3.5, 4.25),), (1,))
            objects.append(SavedObject(index + 1, f"label {index % 2}", "#4080c0", rle, 0.5, prompt, "model"))
        yield Annotation(f"photo {number:03d}.jpg", _SIZE, objects)


def random_mask(rng: np.random.Generator) -> np.ndarray:
    """Bool (24, 32): discs with holes, boxes, rows one pixel high, single pixels, some cut by the border."""
    height, width = _SIZE
    ys, xs = np.mgrid[:height, :width]
    mask = np.zeros(_SIZE, np.bool_)
    for _ in range(rng.integers(1, 3)):
        x, y, radius = rng.integers(-4, width + 4), rng.integers(-4, height + 4), rng.integers(2, 9)
        distance = np.hypot(ys - y, xs - x)
        mask |= (distance < radius) & (distance >= (radius // 2 if rng.random() < 0.4 else 0))
    if rng.random() < 0.4:
        x, y = rng.integers(0, width - 6), rng.integers(0, height - 6)
        mask[y : y + rng.integers(1, 6), x : x + rng.integers(1, 6)] ^= True
    if rng.random() < 0.3:
        mask[rng.integers(0, height), rng.integers(0, width // 2) :][: rng.integers(1, 20)] = True
    mask[rng.integers(0, height), rng.integers(0, width)] = True
    return mask


def measured(format: Format, saved: Sequence[Annotation]) -> str:
    """IoU of masks as they were with what comes back, mean and lowest: "1", or like "0.956 (0.702)"."""
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        for one, back in _written_and_read(format, saved, Path(folder)):
            if format.keeps.apart:
                pairs = list(zip(one.masks(), _masks(back, one, format), strict=True))
            else:
                pairs = [(one.union(), back.union())]
            ratios += [float((a & b).sum() / (a | b).sum()) for a, b in pairs]
    mean, lowest = float(np.mean(ratios)), min(ratios)
    return "1" if lowest == 1 else f"{mean:.3f} ({lowest:.3f})"


def _written_and_read(
    format: Format, saved: Sequence[Annotation], folder: Path
) -> Iterator[tuple[Annotation, Annotation]]:
    path = folder / f"a{format.suffix}"
    if format.takes_many:
        write(saved, path, format.name)
        yield from zip(saved, read(path, format.name, headers=lambda _: Header(_SIZE)), strict=True)
        return
    for one in saved:
        path.write_bytes(format.encode(one))  # without waiting for the disk five hundred times
        (back,) = read(path, format.name)
        yield one, back


def _masks(back: Annotation, one: Annotation, format: Format) -> list[np.ndarray]:
    """The masks of the same objects, in their order."""
    found = list(back.masks())
    if format.keeps.overlap or format.keeps.ids:
        return found
    # Objects that others cover altogether are missing, and some formats have an order of their own.
    top = np.zeros(_SIZE, np.int32)
    for number, mask in enumerate(one.masks(), start=1):
        top[mask] = number
    by_number = {int(top[mask].max()): mask for mask in found if mask.any()}
    return [by_number.get(number, np.zeros(_SIZE, np.bool_)) for number in range(1, len(one.objects) + 1)]


def _files(format: Format) -> str:
    if format.packer is not None:
        return "a zip or folder"
    return f"{format.suffix}, {'all images' if format.joiner is not None else 'one an image'}"


if __name__ == "__main__":
    print(page(), end="")
