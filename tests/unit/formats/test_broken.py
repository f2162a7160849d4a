"""No broken file does harm, in any format: one sentence with file, place, rule and value, and nothing else."""

import base64
import contextlib
import io
import json
import os
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from numpy.lib import format as npy
from PIL import Image

from samui import formats
from samui.errors import FormatError
from samui.formats import Annotation, SavedObject
from samui.pixels.images import Header
from samui.pixels.rle import Rle

SIZE = (12, 16)
READABLE = [name for name, one in formats.FORMATS.items() if one.reader is not None]


def saved():
    mask = np.zeros(SIZE, bool)
    mask[2:8, 3:11] = True
    return Annotation("a.png", SIZE, [SavedObject(1, "ring", "#102030", Rle.encode(mask), 0.5)])


def read(path, name=None):
    return list(formats.read(path, name, headers=lambda _: Header(SIZE)))


def refused(path, name=None):
    """The sentence of a file that is not taken; nothing of it was."""
    with pytest.raises(FormatError) as caught:
        read(path, name)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    assert len(text) < len(str(path)) + 330
    return text.removeprefix(f"{path}: ")


def changed(name, part, change):
    """A format's file as samui writes it, with one JSON value, or one text of it, changed."""
    data = formats.get(name).encode(saved())
    if isinstance(part, str):
        text = data.decode()
        assert part in text, text
        return text.replace(part, change, 1).encode()
    whole = json.loads(data)
    holder = whole
    for key in part[:-1]:
        holder = holder[key]
    holder[part[-1]] = change
    return json.dumps(whole).encode()


def repacked(name, file, change):
    """A format's zip with one file in it changed; change: its bytes, or what makes them, None to leave it out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(formats.get(name).encode(saved()))) as old, zipfile.ZipFile(buffer, "w") as new:
        assert file in old.namelist()
        for entry in old.namelist():
            data = old.read(entry)
            data = (change(data) if callable(change) else change) if entry == file else data
            if data is not None:
                new.writestr(entry, data)
    return buffer.getvalue()


def zipped(**entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def png(values):
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def huge_png(width=50_000, height=50_000):
    """The header of a PNG of 2.5 gigapixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\0IDAT"
    )


def array(descr, shape, data=b""):
    buffer = io.BytesIO()
    npy.write_array_header_1_0(buffer, {"descr": descr, "fortran_order": False, "shape": shape})
    return buffer.getvalue() + data


LAUGHS = (
    '<!DOCTYPE annotations [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
SHAPE = ["shapes", 0]
RESULT = [0, "annotations", 0, "result", 0]
FEATURE = ["features", 0]
OBJECT = ["images", 0, "objects", 0]
MASKS = {"size": array("<i8", (2,), np.array(SIZE).tobytes()), "ids": array("<i8", (1,), b"\1" + b"\0" * 7)}

# format: {what: (content, sentence)}
BROKEN = {
    "samui": {
        "a newer version": (changed("samui", ["samui"], 2), "samui: must be version 1, got 2"),
        "images of another kind": (changed("samui", ["images"], {}), "images: must be a list, got {}"),
        "a negative size": (changed("samui", ["images", 0, "size"], [-1, 5]), "images[0].size: must have 1 to 1000"),
        "10^18 pixels": (changed("samui", ["images", 0, "size"], [10**9, 10**9]), "images[0].size: must have 1 to"),
        "a mask of another size": (
            changed("samui", [*OBJECT, "mask", "size"], [5, 5]),
            "images[0].objects[0].mask.size: must be 16x12 as the image, got 5x5",
        ),
        "a uid that is a path": (
            changed("samui", [*OBJECT, "uid"], "../../etc"),
            "images[0].objects[0].uid: must be 32 hexadecimal digits, got '../../etc'",
        ),
        "an unknown gesture": (
            changed("samui", [*OBJECT, "gestures"], [{"wave": 1}]),
            "images[0].objects[0].gestures[0]: must be one of point, box, choice, stroke, mask",
        ),
        "a stroke of text": (
            changed("samui", [*OBJECT, "gestures"], [{"stroke": [["a", 1]], "width": 1, "add": True}]),
            "images[0].objects[0].gestures[0].stroke[0][0]: must be a finite number, got 'a'",
        ),
        "an id twice": (
            changed(
                "samui",
                ["images", 0, "objects"],
                json.loads(formats.get("samui").encode(saved()))["images"][0]["objects"] * 2,
            ),
            "images[0].objects[1].id: must be an id of its own in its image, got 1",
        ),
        "a digest of text": (
            changed("samui", ["images", 0, "digest"], "x"),
            "images[0].digest: must be 64 hexadecimal",
        ),
    },
    "labelme": {
        "no shapes": (changed("labelme", ["shapes"], None), "shapes: must be a list, got None"),
        "a label that is a number": (changed("labelme", [*SHAPE, "label"], 3), "shapes[0].label: must be text, got 3"),
        "no base64": (changed("labelme", [*SHAPE, "mask"], "%%%"), "shapes[0].mask: must be base64, got '%%%'"),
        "no PNG": (
            changed("labelme", [*SHAPE, "mask"], base64.b64encode(b"x").decode()),
            "shapes[0].mask: must be a PNG or TIFF, got",
        ),
        "a PNG of 2.5 gigapixels": (
            changed("labelme", [*SHAPE, "mask"], base64.b64encode(huge_png()).decode()),
            "shapes[0].mask: image: must have 1 to 100000000 pixels, got 50000x50000",
        ),
        "a box of another size": (
            changed("labelme", [*SHAPE, "points"], [[0, 0], [3, 3]]),
            "shapes[0].mask: must be 4x4 as its points say, got 8x6",
        ),
        "a box outside": (
            changed("labelme", [*SHAPE, "points"], [[13, 2], [20, 7]]),
            "shapes[0].points: must lie inside 16x12, got [[13.0, 2.0], [20.0, 7.0]]",
        ),
        "points far away": (
            changed("labelme", [*SHAPE, "points"], [[1e9, 2], [20, 7]]),
            "shapes[0].points: must lie at most 1048576 pixels outside, got",
        ),
        "an unknown shape": (
            changed("labelme", [*SHAPE, "shape_type"], "blob"),
            "shapes[0].shape_type: must be a mask",
        ),
        "no size": (changed("labelme", ["imageHeight"], 0), "image: must have 1 to 100000000 pixels, got 16x0"),
        "NaN": (changed("labelme", '"imageHeight": 12', '"imageHeight": NaN'), "must be JSON, got: NaN"),
    },
    "cvat": {
        "billion laughs": (
            changed("cvat", "<annotations>", LAUGHS + "<annotations>&i;"),
            "must be XML without a document type, got one",
        ),
        "an external entity": (
            changed("cvat", "<annotations>", '<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotations>'),
            "must be XML without a document type, got one",
        ),
        "nesting without end": (
            b"<annotations>" + b"<image>" * 10_000,
            "'image': must be XML of at most 50 levels, got more",
        ),
        "another root": (b"<html><annotations/></html>", "the root: must be annotations, got 'html'"),
        "an unknown encoding": (
            b'<?xml version="1.0" encoding="x"?><annotations/>',
            "must be XML, got: unknown encoding",
        ),
        "a video": (b"<annotations><track/></annotations>", "track: must be images (CVAT for images 1.1), got a video"),
        "no name": (changed("cvat", 'name="a.png"', ""), "image[0].name: must be text, got None"),
        "a negative width": (changed("cvat", 'width="16"', 'width="-16"'), "image[0]: must have 1 to 100000000 pixels"),
        "a width of NaN": (
            changed("cvat", 'width="16"', 'width="NaN"'),
            "image[0].width: must be a finite number, got nan",
        ),
        "a frame outside": (changed("cvat", 'left="3"', 'left="13"'), "image[0].mask[0]: must be a frame inside 16x12"),
        "runs of text": (changed("cvat", 'rle="0, 48"', 'rle="0, x"'), "image[0].mask[0].rle: must be whole numbers"),
        "runs of a wrong sum": (
            changed("cvat", 'rle="0, 48"', 'rle="0, 47"'),
            "image[0].mask[0].rle: must be runs that sum to 48 for 8x6, got 47",
        ),
        "runs that wrap round": (
            changed("cvat", 'rle="0, 48"', f'rle="{2**63 - 1}, {2**63 - 1}, 50"'),
            "image[0].mask[0].rle: must be runs that sum to 48 for 8x6, got 48",
        ),
        "runs of 100 digits": (
            changed("cvat", 'rle="0, 48"', f'rle="{"9" * 100}"'),
            "image[0].mask[0].rle: must be whole",
        ),
        "a polygon of one number": (
            changed("cvat-polygons", "3.00,2.00;", "3.00;"),
            "image[0].polygon[0].points: must be like 1.00,2.00;3.00,4.00, got '3.00'",
        ),
        "a polygon far away": (
            changed("cvat-polygons", "3.00,2.00;", "3e9,2.00;"),
            "image[0].polygon[0].points: polygons[0]: must lie at most 1048576 pixels outside 16x12, got 3e+09",
        ),
        "a score of text": (changed("cvat", ">0.5<", ">good<"), "image[0].mask[0].score: must be a finite number"),
    },
    "label-studio": {
        "no list": (b'{"data": 1}', "the file: must be a list, got {'data': 1}"),
        "no image": (changed("label-studio", [0, "data"], {}), "[0].data.image: must be text, got None"),
        "bytes over 255": (
            changed("label-studio", [*RESULT, "value", "rle", 9], 256),
            "[0].annotations[0].result[0].value.rle: must be bytes from 0 to 255, got 256",
        ),
        "a claim of 2 GB": (
            changed("label-studio", [*RESULT, "value", "rle", 0], 255),
            "[0].annotations[0].result[0].value.rle: must hold 768 values for 16x12, got 4278190848",
        ),
        "an end too early": (
            changed("label-studio", [*RESULT, "value", "rle"], [0, 0, 3, 0, 57, 27]),
            "[0].annotations[0].result[0].value.rle: must hold 768 values for 16x12, got 768",
        ),
        "no end": (
            changed("label-studio", [*RESULT, "value", "rle"], [0, 0, 3, 0, 57, 27, 128]),
            "[0].annotations[0].result[0].value.rle: must go on to its last value, got 0 of 768",
        ),
        "a size of nothing": (
            changed("label-studio", [*RESULT, "original_width"], 0),
            "[0].annotations[0].result[0]: must have 1 to 100000000 pixels, got 0x12",
        ),
    },
    "geojson": {
        "features of another kind": (changed("geojson", ["features"], 1), "features: must be a list, got 1"),
        "no geometry": (changed("geojson", [*FEATURE, "geometry"], None), "features[0].geometry: must be an object"),
        "two corners": (
            changed("geojson", [*FEATURE, "geometry", "coordinates"], [[[0, 0], [1, 1], [0, 0]]]),
            "features[0].geometry.coordinates[0][0]: must be four corners or more",
        ),
        "corners of one number": (
            changed("geojson", [*FEATURE, "geometry", "coordinates"], [[[0], [1, 1], [0, 0], [0]]]),
            "features[0].geometry.coordinates[0][0]: must be x, y of each corner, got [0]",
        ),
        "a corner of NaN": (
            changed("geojson", '"coordinates": [[[3, 2]', '"coordinates": [[[NaN, 2]'),
            "must be JSON, got: NaN, which is no number of JSON",
        ),
        "a corner far away": (
            changed("geojson", [*FEATURE, "geometry", "coordinates"], [[[0, 0], [1e8, 1], [0, 9], [0, 0]]]),
            "features[0].geometry.coordinates: polygons[0]: must lie at most 1048576 pixels outside 16x12",
        ),
    },
    "svg": {
        "billion laughs": (changed("svg", "<svg", LAUGHS + "<svg"), "must be XML without a document type, got one"),
        "no size": (changed("svg", 'viewBox="0 0 16 12"', 'viewBox="0 0 0 0"'), "svg: must have 1 to 100000000 pixels"),
        "a size of text": (changed("svg", 'viewBox="0 0 16 12"', 'viewBox="0 0 a b"'), "svg.viewBox: must be a finite"),
        "a curve": (
            changed("svg", "H11", "C1 2 3 4 5 6"),
            "svg.path[0].d: must be straight lines (M, L, H, V, Z), got C",
        ),
        "no move": (changed("svg", "M3 2", ""), "svg.path[0].d: must begin with M, got H"),
        "half a corner": (changed("svg", "M3 2", "M3"), "svg.path[0].d: must have 2 numbers after each M, got 1"),
        "a word": (changed("svg", "M3 2", "M3 ?"), "svg.path[0].d: must be commands and numbers, got '?'"),
        "a transformation": (
            changed("svg", "<path", '<path transform="scale(2)"'),
            "svg.path[0].transform: must be none, got 'scale(2)'",
        ),
        "a corner far away": (changed("svg", "M3 2", "M3e9 2"), "svg.path[0]: polygons[0]: must lie at most 1048576"),
    },
    "npz": {
        "a pickle": (
            zipped(**{"size.npy": array("|O", (2,), b"\x80\x04."), "ids.npy": MASKS["ids"]}),
            "size: must be an array of kind i or u, got object",
        ),
        "no arrays": (zipped(x=b""), "size: must be an array of the archive, got none"),
        "a header of code": (
            zipped(**{"size.npy": b"\x93NUMPY\1\0\x20\0__import__('os').system('touch x') \n"}),
            "size: must be an array of NumPy's, got: ",
        ),
        "a claim of 2 GB": (
            zipped(
                **{
                    "size.npy": array("<i8", (2,), np.array([10_000, 10_000]).tobytes()),
                    "ids.npy": array("<i8", (200,), b"".join(n.to_bytes(8, "little") for n in range(200))),
                    "masks.npy": array("|u1", (200, 10_000, 1250)),
                }
            ),
            "masks: must be at most 2000000000 bytes, got 2500000000",
        ),
        "masks of another shape": (
            zipped(**{f"{n}.npy": v for n, v in MASKS.items()}, **{"masks.npy": array("|u1", (1, 3, 3), b"123456789")}),
            "masks: must be uint8 (1, 12, 2) or bool (1, 12, 16), got uint8 (1, 3, 3)",
        ),
        "half of the masks": (
            zipped(**{f"{n}.npy": v for n, v in MASKS.items()}, **{"masks.npy": array("|u1", (1, 12, 2), b"123")}),
            "masks[0]: must be whole, got 3 of 24 bytes",
        ),
    },
    "yolo": {
        "a class that is none": (
            repacked("yolo", "labels/train/a.txt", b"7 0 0 1 0 1 1\n"),
            "labels/train/a.txt: line 1: must be of one of the 1 classes of data.yaml, got 7",
        ),
        "a class of text": (
            repacked("yolo", "labels/train/a.txt", b"x 0 0 1 0 1 1\n"),
            "labels/train/a.txt: line 1: must be a whole number, got 'x'",
        ),
        "half a point": (
            repacked("yolo", "labels/train/a.txt", b"\n0 0 0 1 0 1 1 1\n"),
            "labels/train/a.txt: line 2: must be x, y of three points or more, got 7 numbers",
        ),
        "pixels": (
            repacked("yolo", "labels/train/a.txt", b"0 0 0 100 0 100 100\n"),
            "labels/train/a.txt: line 1: must be parts of the image's size, from 0 to 1, got 100",
        ),
        "NaN": (
            repacked("yolo", "labels/train/a.txt", b"0 0 0 nan 0 1 1\n"),
            "labels/train/a.txt: line 1: must be a finite number, got nan",
        ),
        "bytes of no text": (
            repacked("yolo", "labels/train/a.txt", b"\xff\xfe"),
            "labels/train/a.txt: must be text in UTF-8",
        ),
        "a box": (
            repacked("yolo", "labels/train/a.txt", b"0 0.5 0.5 0.1 0.1\n"),
            "labels/train/a.txt: line 1: must be an outline of three points or more, got a box",
        ),
        "YAML of references": (
            repacked("yolo", "data.yaml", b"a: &a [x]\nb: &b [*a,*a]\nnames: [*b,*b]\n"),
            "data.yaml: must be YAML, got: a reference, which is not taken",
        ),
        "YAML that makes objects": (
            repacked("yolo", "data.yaml", b"names: !!python/object/apply:os.system ['touch x']\n"),
            "data.yaml: must be YAML, got: could not determine a constructor",
        ),
        "no names": (repacked("yolo", "data.yaml", b"nc: 3\n"), "data.yaml: names: must be a list of names or numbers"),
        "a name that is a list": (
            repacked("yolo", "data.yaml", b"names: [[1]]\n"),
            "data.yaml: names[0]: must be text",
        ),
    },
    "voc": {
        "billion laughs": (
            repacked("voc", "Annotations/a.xml", LAUGHS.encode() + b"<annotation/>"),
            "Annotations/a.xml: must be XML without a document type, got one",
        ),
        "a PNG that is none": (
            repacked("voc", "SegmentationObject/a.png", b"x"),
            "SegmentationObject/a.png: must be a PNG or TIFF, got",
        ),
        "2.5 gigapixels": (
            repacked("voc", "SegmentationObject/a.png", huge_png()),
            "SegmentationObject/a.png: image: must have 1 to 100000000 pixels, got 50000x50000",
        ),
        "two sizes": (
            repacked("voc", "SegmentationClass/a.png", png(np.zeros((3, 3), np.uint8))),
            "SegmentationClass/a.png: must be 16x12 as its objects, got 3x3",
        ),
        "colours of nobody": (
            repacked("voc", "SegmentationObject/a.png", png(np.full((*SIZE, 3), 7, np.uint8))),
            "SegmentationObject/a.png: must have colours of labelmap.txt or of VOC's palette alone, got #070707",
        ),
        "a colour of text": (
            repacked("voc", "labelmap.txt", b"ring:a,b,c::\n"),
            "labelmap.txt: line 1: must be a whole number, got 'a'",
        ),
    },
    "coco-panoptic": {
        "no PNG": (
            repacked("coco-panoptic", "panoptic_train/a.png", None),
            "panoptic_train.json: annotations[0].file_name: must be a PNG in the folder panoptic_train, got none",
        ),
        "a PNG elsewhere": (
            repacked(
                "coco-panoptic", "panoptic_train.json", lambda d: d.replace(b'"a.png", "seg', b'"../../a.png", "seg')
            ),
            "panoptic_train.json: annotations[0].file_name: must be a PNG in the folder panoptic_train, got none",
        ),
        "a PNG of another size": (
            repacked("coco-panoptic", "panoptic_train/a.png", png(np.zeros((3, 4, 3), np.uint8))),
            "panoptic_train.json: a.png: must be 16x12 as its image, got 4x3",
        ),
        "a segment of nobody": (
            repacked("coco-panoptic", "panoptic_train/a.png", png(np.full((*SIZE, 3), 9, np.uint8))),
            "panoptic_train.json: a.png: must have segments of segments_info alone, got the id 592137",
        ),
        "a category of nobody": (
            repacked(
                "coco-panoptic", "panoptic_train.json", lambda d: d.replace(b'"category_id": 1', b'"category_id": 8')
            ),
            "panoptic_train.json: annotations[0].segments_info[0].category_id: must be the id of one of the categories",
        ),
    },
    "cityscapes": {
        "no PNG": (
            repacked("cityscapes", "gtFine/train/a_gtFine_instanceIds.png", b"x"),
            "gtFine/train/a_gtFine_instanceIds.png: must be a PNG or TIFF, got",
        ),
        "colours": (
            repacked("cityscapes", "gtFine/train/a_gtFine_instanceIds.png", png(np.zeros((*SIZE, 3), np.uint8))),
            "gtFine/train/a_gtFine_instanceIds.png: must be a PNG of one channel (grey or indexed), got RGB",
        ),
        "classes of text": (
            repacked("cityscapes", "classes.csv", b"id,name\nx,y\n"),
            "classes.csv: line 2: must be a whole",
        ),
        "no columns": (
            repacked("cityscapes", "classes.csv", b"a,b\n1,2\n"),
            "classes.csv: must have the columns id and name",
        ),
    },
}
CASES = [(name, what) for name, faults in BROKEN.items() for what in faults]


@pytest.mark.parametrize(("name", "what"), CASES, ids=[f"{name}: {what}" for name, what in CASES])
def test_a_broken_file_is_told_in_one_sentence_and_leaves_nothing(name, what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content, sentence = BROKEN[name][what]
    path = tmp_path / f"a{formats.get(name).suffix}"
    path.write_bytes(content)
    assert refused(path, name).startswith(sentence)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("name", READABLE)
def test_a_cut_file_is_told_wherever_it_is_cut(name, tmp_path):
    format = formats.get(name)
    whole = format.encode(saved())
    path = tmp_path / f"a{format.suffix}"
    for length in sorted({0, 1, len(whole) // 3, len(whole) // 2, len(whole) - 25}):
        path.write_bytes(whole[:length])
        assert refused(path, name)


@pytest.mark.parametrize("name", READABLE)
def test_a_file_with_bytes_changed_is_read_or_told(name, tmp_path):
    """Whatever stands in the place of some bytes: images or a FormatError, nothing else."""
    format, rng = formats.get(name), np.random.default_rng(3)
    whole = np.frombuffer(format.encode(saved()), np.uint8)
    path = tmp_path / f"a{format.suffix}"
    for _ in range(60):
        data = whole.copy()
        at = rng.integers(0, len(data), rng.integers(1, 4))
        data[at] = (
            rng.integers(0, 256, len(at)) if rng.random() < 0.5 else rng.choice([34, 45, 48, 57, 91, 125], len(at))
        )
        path.write_bytes(data.tobytes())
        with contextlib.suppress(FormatError):
            assert all(isinstance(one, Annotation) for one in read(path, name))
        with contextlib.suppress(FormatError):
            assert all(isinstance(one, Annotation) for one in read(path))


@pytest.mark.parametrize("name", [name for name in READABLE if formats.get(name).packer or name == "masks"])
@pytest.mark.parametrize(
    "entry", ["../../evil.png", "/evil.png", "C:\\evil.png", "labels/../../evil.txt", "a\\..\\b.png"]
)
def test_names_that_lead_out_of_a_zip_are_refused(name, entry, tmp_path):
    buffer = io.BytesIO(formats.get(name).encode(saved()))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(entry, b"x")
    (tmp_path / "a.zip").write_bytes(buffer.getvalue())
    assert "must be a path inside the folder, got one that leads out of it" in refused(tmp_path / "a.zip", name)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_in_a_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", png(np.ones(SIZE, np.uint8)))
        archive.writestr("a.png", png(np.ones(SIZE, np.uint8)))
    assert refused(tmp_path / "a.zip") == "'a.png': must be a name of its own in the zip, got it twice"


def test_billion_laughs_take_no_memory(tmp_path):
    (tmp_path / "a.xml").write_bytes(BROKEN["cvat"]["billion laughs"][0])
    tracemalloc.start()
    try:
        refused(tmp_path / "a.xml")
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_zip_that_unpacks_to_gigabytes_is_refused_before_it_does(tmp_path, monkeypatch):
    monkeypatch.setattr("samui.formats.source.MAX_ENTRY", 1_000_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels/a.txt", b"\0" * 50_000_000)
    assert refused(tmp_path / "a.zip") == "labels/a.txt: must have at most 1000000 bytes, got 50000000"
