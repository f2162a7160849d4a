"""Files that others wrote are read as they mean it, and no broken one does harm: where, which rule, which value."""

import contextlib
import copy
import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from samui import formats
from samui.errors import ExportError, FormatError
from samui.formats import checks
from samui.pixels.rle import Rle
from tests.unit.pixels.test_rle import random_mask

# pycocotools 2.0.11 does not know the copy keyword of NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SIZE = (40, 30)
MASK = random_mask(3, *SIZE)
RLE = Rle.encode(MASK)
SQUARE = [3, 4, 13, 4, 13, 24, 3, 24]


def coco(segmentation=SQUARE, **changes):
    """A COCO file of one image with one annotation; changes: of the whole, or (part__key) of its first entry."""
    whole = {
        "images": [{"id": 7, "file_name": "a.jpg", "height": SIZE[0], "width": SIZE[1]}],
        "categories": [{"id": 5, "name": "wing"}],
        "annotations": [{"id": 9, "image_id": 7, "category_id": 5, "segmentation": segmentation}],
    }
    for name, value in changes.items():
        part, _, key = name.partition("__")
        if key:
            whole[part][0] = {**whole[part][0], key: value}
        else:
            whole[part] = value
    return whole


def read(tmp_path, content, name="a.json", format=None):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return list(formats.read(path, format))


def filled(outlines):
    rles = coco_mask.frPyObjects([list(map(float, one)) for one in outlines], *SIZE)
    return coco_mask.decode(coco_mask.merge(rles)).astype(bool)


INSIDE = [20, 5, 28.4, 5, 28.4, 11.7, 20, 11.7]
MASKS = {
    "compressed": ({"size": [*SIZE], "counts": RLE.to_string()}, MASK),
    "as numbers": ({"size": [*SIZE], "counts": RLE.counts.tolist()}, MASK),
    "size as floats": ({"size": [40.0, 30.0], "counts": RLE.counts.tolist()}, MASK),
    "a polygon": ([SQUARE], filled([SQUARE])),
    "several polygons": ([SQUARE, INSIDE], filled([SQUARE, INSIDE])),
    "a flat list": (INSIDE, filled([INSIDE])),
    "a polygon over the border": ([[-5, -5, 50, -5, 50, 60]], filled([[-5, -5, 50, -5, 50, 60]])),
    "no polygon": ([], np.zeros(SIZE, bool)),
}


@pytest.mark.parametrize("crowd", [0, 1])
@pytest.mark.parametrize(("segmentation", "mask"), MASKS.values(), ids=MASKS)
def test_a_coco_file_of_others_is_read_whatever_its_masks_are(segmentation, mask, crowd, tmp_path):
    (back,) = read(tmp_path, coco(segmentation, annotations__iscrowd=crowd))
    assert (back.image, back.size) == ("a.jpg", SIZE)
    (one,) = back.objects
    np.testing.assert_array_equal(one.rle.decode(), mask)
    assert (one.id, one.label, one.score, one.prompt.is_empty, one.model) == (9, "wing", None, True, "")
    assert one.colour.startswith("#")


FORGIVEN = {
    "ids as text": coco(images__id="x", annotations__image_id="x", categories__id="c", annotations__category_id="c"),
    "no category": coco(annotations__category_id=None),
    "no ids of annotations": coco(annotations__id="a1"),
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(coco()).encode(),
    "UTF-16": json.dumps(coco()).encode("utf-16"),
    "a score": coco(annotations__score=1),
    "unknown keys": coco(annotations__samui={"x": [[]], "prompt": {"y": 1}}, licenses=4),
}


@pytest.mark.parametrize("content", FORGIVEN.values(), ids=FORGIVEN)
def test_what_is_unusual_and_clear_is_read(content, tmp_path):
    (back,) = read(tmp_path, content)
    np.testing.assert_array_equal(back.objects[0].rle.decode(), filled([SQUARE]))


def test_images_without_annotations_and_annotations_in_any_order_are_read(tmp_path):
    whole = coco()
    whole["images"].append({"id": 2, "file_name": "b.jpg", "height": 5, "width": 6})
    whole["images"].insert(0, {"id": 1, "file_name": "c.jpg", "height": 40, "width": 30})
    whole["annotations"].insert(0, {"id": 1, "image_id": 1, "segmentation": SQUARE})
    found = read(tmp_path, whole)
    assert [(one.image, len(one.objects)) for one in found] == [("c.jpg", 1), ("a.jpg", 1), ("b.jpg", 0)]
    del whole["annotations"]
    assert [len(one.objects) for one in read(tmp_path, whole)] == [0, 0, 0]


PROMPT = "annotations[0].samui.prompt"
BROKEN = {
    "no JSON": (b"{", "must be JSON, got: Expecting property name"),
    "nothing": (b"", "must be JSON, got: Expecting value"),
    "bytes of no text": (b"\xff\xfe\xff", "must be JSON, got: "),
    "nested without end": (b"[" * 200_000, "must be JSON of some levels, got one nested too deep"),
    "a number of 5000 digits": (b"[" + b"9" * 5000 + b"]", "must be JSON, got: "),
    "NaN": (b'{"images": [NaN]}', "must be JSON, got: NaN, which is no number of JSON"),
    "a list": ([1], "the file: must be an object, got [1]"),
    "no images": ({}, "images: must be a list, got None"),
    "images of another kind": (coco(images={"id": 1}), "images: must be a list, got {'id': 1}"),
    "an image of another kind": (coco(images=["x"]), "images[0]: must be an object, got 'x'"),
    "an image without a name": (coco(images__file_name=None), "images[0].file_name: must be text, got None"),
    "an image without a size": (coco(images__width=None), "images[0].width: must be a finite number, got None"),
    "an image of no pixels": (coco(images__width=0), "images[0]: must have 1 to 100000000 pixels, got 0x40"),
    "an image of a negative size": (coco(images__width=-3), "images[0]: must have 1 to 100000000 pixels, got -3x40"),
    "an image of 10^18 pixels": (
        coco(images__width=10**9, images__height=10**9),
        "images[0]: must have 1 to 100000000 pixels, got 1000000000x1000000000",
    ),
    "an image of 400 digits": (coco(images__width=10**400), "images[0].width: must be a finite number, got 1000"),
    "an image of a fraction": (coco(images__width=1.5), "images[0].width: must be a whole number, got 1.5"),
    "an id that is a list": (coco(images__id=[]), "images[0].id: must be a whole number or text, got []"),
    "an id that comes twice": (
        coco(images=coco()["images"] * 2),
        "images[1].id: must be an id of its own, got 7",
    ),
    "an image that is not there": (
        coco(annotations__image_id=8),
        "annotations[0].image_id: must be the id of one of the images, got 8",
    ),
    "an annotation that comes twice": (
        coco(annotations=coco()["annotations"] * 2),
        "annotations[1].id: must be an id of its own in its image, got 9",
    ),
    "a negative id": (coco(annotations__id=-1), "annotations[0].id: must be a whole number from 0, got -1"),
    "a category that is not there": (
        coco(annotations__category_id=6),
        "annotations[0].category_id: must be the id of one of the categories, got 6",
    ),
    "a category without a name": (coco(categories__name=3), "categories[0].name: must be text, got 3"),
    "no mask": (coco(None), "annotations[0].segmentation: must be run lengths or polygons, got None"),
    "a mask of text": (coco("x"), "annotations[0].segmentation: must be run lengths or polygons, got 'x'"),
    "run lengths of another size": (
        coco({"size": [30, 40], "counts": [1200]}),
        "annotations[0].segmentation.size: must be [40, 30] as its image, got [30, 40]",
    ),
    "run lengths without a size": (
        coco({"counts": [1200]}),
        "annotations[0].segmentation.size: must be a list, got None",
    ),
    "no run lengths": (coco({"size": [*SIZE]}), "annotations[0].segmentation.counts: must be a list, got None"),
    "run lengths of a wrong sum": (
        coco({"size": [*SIZE], "counts": [1, 2]}),
        "annotations[0].segmentation: rle.counts: must sum to 1200 for 30x40, got 3",
    ),
    "run lengths that wrap round": (
        coco({"size": [*SIZE], "counts": [2**63, 2**63, 1200]}),
        "annotations[0].segmentation.counts[0]: must be a whole number from 0 to 1200, got 9223372036854775808",
    ),
    "run lengths of text": (
        coco({"size": [*SIZE], "counts": ["1200"]}),
        "annotations[0].segmentation.counts[0]: must be a whole number from 0 to 1200, got '1200'",
    ),
    "a string of wrong characters": (
        coco({"size": [*SIZE], "counts": "é"}),
        "annotations[0].segmentation: rle.counts: must be a string of ASCII characters, got 'é'",
    ),
    "a polygon of two corners": (
        coco([[1, 2, 3, 4]]),
        "annotations[0].segmentation[0]: must be x, y of three corners or more, got 4 numbers",
    ),
    "a polygon of half a corner": (
        coco([[1, 2, 3, 4, 5, 6, 7]]),
        "annotations[0].segmentation[0]: must be x, y of three corners or more, got 7 numbers",
    ),
    "a polygon of text": (
        coco([[1, 2, 3, 4, 5, "6"]]),
        "annotations[0].segmentation[0]: must be a finite number, got '6'",
    ),
    "polygons and numbers": (coco([SQUARE, 3]), "annotations[0].segmentation[1]: must be a list, got 3"),
    "a polygon at infinity": (
        json.dumps(coco([[1, 2, 3, 4, 5, 6]])).replace("[1, 2,", "[1e999, 2,").encode(),
        "annotations[0].segmentation[0]: must be a finite number, got inf",
    ),
    "a polygon far away": (
        coco([[1, 2, 3, 4, 5, 1e9]]),
        "annotations[0].segmentation: polygons[0]: must lie at most 1048576 pixels outside 30x40, got 1e+09",
    ),
    "a score of text": (coco(annotations__score="1"), "annotations[0].score: must be a finite number, got '1'"),
    "a colour by name": (
        coco(annotations__samui={"colour": "red"}),
        "annotations[0].samui.colour: must be like #1f77b4, got 'red'",
    ),
    "a prompt that is a list": (
        coco(annotations__samui={"prompt": []}),
        f"{PROMPT}: must be an object, got []",
    ),
    "a point of two numbers": (
        coco(annotations__samui={"prompt": {"points": [[1, 2]]}}),
        f"{PROMPT}.points[0]: must be 3 finite numbers, got [1, 2]",
    ),
    "a label of its own": (
        coco(annotations__samui={"prompt": {"points": [[1, 2, 3]]}}),
        f"{PROMPT}.labels[0]: must be 1 (include) or 0 (exclude), got 3",
    ),
    "a coordinate of 400 digits": (
        coco(annotations__samui={"prompt": {"points": [[10**400, 2, 1]]}}),
        f"{PROMPT}.points[0][0]: must be a finite number, got 1000",
    ),
    "a box inside out": (
        coco(annotations__samui={"prompt": {"box": [5, 5, 1, 9]}}),
        f"{PROMPT}.box: must have x0 < x1 and y0 < y1, got (5, 5, 1, 9)",
    ),
    "a candidate of text": (
        coco(annotations__samui={"prompt": {"candidate": "best"}}),
        f"{PROMPT}.candidate: must be a whole number from 0, got 'best'",
    ),
    "snapped by 1": (
        coco(annotations__samui={"prompt": {"snapped": 1}}),
        f"{PROMPT}.snapped: must be true or false, got 1",
    ),
    "a crop of fractions": (
        coco(annotations__samui={"prompt": {"crop": [0, 0, 1.5, 2]}}),
        f"{PROMPT}.crop: must be a whole number, got 1.5",
    ),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_coco_file_is_told_in_one_short_line(content, message, tmp_path):
    with pytest.raises(FormatError) as caught:
        read(tmp_path, content)
    assert str(caught.value).startswith(f"{tmp_path / 'a.json'}: {message}")
    assert len(str(caught.value)) < len(str(tmp_path)) + 250
    assert "\n" not in str(caught.value)


def test_a_file_that_is_too_large_or_none_is_told_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "MAX_BYTES", 100)
    with pytest.raises(FormatError, match=r"a\.json: must be at most 100 bytes, got 101"):
        read(tmp_path, b" " * 101)
    with pytest.raises(FormatError, match=r"b\.json: must be a readable file, got: No such file or directory"):
        list(formats.read(tmp_path / "b.json"))
    (tmp_path / "c.json").mkdir()
    with pytest.raises(FormatError, match=r"c\.json: must be of a kind that .* must be given, got a folder"):
        list(formats.read(tmp_path / "c.json"))
    with pytest.raises(FormatError, match=r"null: must be a file, got a device"):
        list(formats.read("/dev/null", "coco"))


def test_a_format_that_cannot_be_read_or_is_none_is_told(tmp_path):
    with pytest.raises(FormatError, match=r"must be of a format that can be read \(mask, .*got overlay"):
        list(formats.read(tmp_path / "a.jpg", "overlay"))
    with pytest.raises(ExportError, match="format: must be one of mask"):
        formats.read(tmp_path / "a.json", "gif")


@pytest.mark.parametrize("seed", range(30))
def test_a_coco_file_with_any_value_changed_is_read_or_told(seed, tmp_path):
    """Whatever stands in the place of a value: a list of annotations or a FormatError, nothing else."""
    rng = np.random.default_rng(seed)
    odd = [None, True, -1, 0, 2**70, 1e300, "", "x", [], {}, [[]], {"a": 1}, [None], "\ud800", -0.5, [[1, 2, 3]]]
    path = tmp_path / "b.json"
    saved = {"id": 1, "colour": "#102030", "model": "m", "predicted_iou": 0.5, "escaped": ["model"]}
    saved["prompt"] = {
        "points": [[1, 2, 1]],
        "box": [1, 2, 3, 4],
        "candidate": 1,
        "snapped": True,
        "crop": [0, 0, 9, 9],
    }
    for _ in range(40):
        whole = coco([SQUARE, INSIDE] if rng.random() < 0.5 else {"size": [*SIZE], "counts": RLE.counts.tolist()})
        whole["annotations"][0] |= {"samui": json.loads(json.dumps(saved)), "score": 0.5, "iscrowd": 0}
        places = list(containers(whole))
        holder, key = places[rng.integers(len(places))]
        holder[key] = copy.deepcopy(odd[rng.integers(len(odd))])
        path.write_text(json.dumps(whole))
        with contextlib.suppress(FormatError):
            assert all(isinstance(one, formats.Annotation) for one in formats.read(path))


def containers(value):
    """(container, key) of every value in it, however deep."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from containers(inner)
