"""What is saved reads back as it was: masks, holes, overlaps, names."""

import contextlib
import io
import json
import stat
import zipfile

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from samui import files, formats
from samui.errors import ExportError
from samui.formats import Annotation, SavedObject, SavedPrompt, coco
from samui.pixels.rle import Rle
from samui.types import Prompt
from tests.unit.pixels.test_rle import random_mask

# pycocotools 2.0.11 does not know the copy keyword of NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZE = (37, 53)
NASTY = {
    "slashes": "../../etc/passwd",
    "backslashes": "..\\..\\windows",
    "script": "<script>alert(1)</script>",
    "emoji": "😀🐈",
    "umlaut": "Größe",
    "chinese": "一只猫",
    "300 characters": "x" * 300,
    "300 wide characters": "猫" * 300,
    "empty": "",
    "dots": "..",
    "device": "CON",
    "null": "a\0b\nc",
    "quotes": "\"a' & b",
}


def annotation(count: int, seed: int = 0, *, label: str = "wing", name: str = "photo.jpg") -> Annotation:
    """An image with `count` random, overlapping objects."""
    objects = [
        SavedObject(
            id=index + 1,
            label=label,
            colour=f"#{index % 256:02x}80c0",
            rle=Rle.encode(random_mask(seed + index, *SIZE)),
            score=0.5 + index / 1000,
            prompt=SavedPrompt.of(Prompt(points=[(3.5, 4)], labels=[1], box=(1, 2, 30, 40.25))),
            model="some/model",
        )
        for index in range(count)
    ]
    return Annotation(name, SIZE, objects)


def pixels() -> np.ndarray:
    return np.random.default_rng(9).integers(1, 255, (*SIZE, 3), dtype=np.uint8)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def encode(name: str, what: Annotation) -> bytes:
    return formats.get(name).encode(what, pixels())


def read_coco(data: bytes, folder) -> COCO:
    path = folder / "masks.json"
    files.write(path, data)
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


@pytest.mark.parametrize("seed", range(20))
def test_pycocotools_reads_back_identical_masks(seed, tmp_path):
    saved = annotation(4, seed * 10)
    api = read_coco(encode("coco", saved), tmp_path)
    assert (api.imgs[1]["height"], api.imgs[1]["width"]) == SIZE
    for entry, one, mask in zip(api.loadAnns(api.getAnnIds(1)), saved.objects, saved.masks(), strict=True):
        np.testing.assert_array_equal(api.annToMask(entry).astype(bool), mask)
        ys, xs = np.nonzero(mask)
        assert entry["bbox"] == [xs.min(), ys.min(), xs.max() - xs.min() + 1, ys.max() - ys.min() + 1]
        assert entry["area"] == mask.sum() == one.rle.area
        assert entry["iscrowd"] == 0
        assert api.cats[entry["category_id"]]["name"] == "wing"


def test_coco_keeps_score_prompt_model_and_colour():
    entry = json.loads(encode("coco", annotation(1)))["annotations"][0]
    assert entry["score"] == 0.5
    assert entry["samui"] == {
        "id": 1,
        "colour": "#0080c0",
        "model": "some/model",
        "predicted_iou": 0.5,
        "prompt": {"points": [[3.5, 4, 1]], "box": [1, 2, 30, 40.25]},
    }


def test_coco_of_an_empty_mask_and_of_no_objects(tmp_path):
    empty = SavedObject(1, "", "#000000", Rle.encode(np.zeros(SIZE, bool)))
    api = read_coco(encode("coco", Annotation("a.png", SIZE, [empty])), tmp_path)
    assert api.annToMask(api.anns[1]).sum() == 0
    assert (api.anns[1]["area"], api.anns[1]["bbox"]) == (0, [0, 0, 0, 0])
    assert "score" not in api.anns[1]
    assert api.cats[1]["name"] == "object"
    api = read_coco(encode("coco", Annotation("a.png", SIZE)), tmp_path)
    assert (len(api.imgs), len(api.anns)) == (1, 0)


def test_coco_of_several_images_counts_its_ids_through(tmp_path):
    several = [annotation(2, label="wing", name="a.jpg"), annotation(1, label="tail", name="b.jpg")]
    api = read_coco(b"".join(coco.join(several, formats.Options())), tmp_path)
    assert [(a["id"], a["image_id"], a["category_id"]) for a in api.anns.values()] == [(1, 1, 1), (2, 1, 1), (3, 2, 2)]
    assert [(c["id"], c["name"]) for c in api.cats.values()] == [(1, "wing"), (2, "tail")]


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_coco_keeps_any_label_and_file_name(text, tmp_path):
    data = encode("coco", annotation(1, label=text, name=text + ".jpg"))
    assert data.isascii()
    api = read_coco(data, tmp_path)
    assert api.imgs[1]["file_name"] == text + ".jpg"
    assert api.cats[1]["name"] == (text or "object")


@pytest.mark.parametrize("name", formats.FORMATS)
def test_equal_input_gives_equal_bytes(name):
    assert encode(name, annotation(3)) == encode(name, annotation(3))


@pytest.mark.parametrize("name", formats.FORMATS)
def test_bytes_are_of_the_type_that_the_format_says(name):
    magic = {
        "image/png": b"\x89PNG",
        "image/jpeg": b"\xff\xd8",
        "image/tiff": b"II*\0",
        "image/svg+xml": b"<?xml",
        "application/zip": b"PK",
        "application/x-npz": b"PK",
        "application/json": (b"{", b"["),
        "application/geo+json": b"{",
        "application/xml": b"<?xml",
        "text/csv": b"image,id,label",
    }
    assert encode(name, annotation(2)).startswith(magic[formats.get(name).media_type])


def test_mask_is_the_union_in_0_and_255():
    saved = annotation(3)
    image = opened(encode("mask", saved))
    first, second, third = saved.masks()
    assert image.mode == "L"
    np.testing.assert_array_equal(np.asarray(image), np.where(first | second | third, 255, 0))


def test_mask_of_one_object_and_of_none():
    saved = annotation(3)
    _, second, _ = saved.masks()
    np.testing.assert_array_equal(np.asarray(opened(encode("mask", saved.only(2)))) == 255, second)
    assert not np.asarray(opened(encode("mask", Annotation("a", SIZE)))).any()


def test_masks_zip_holds_each_object_complete():
    saved = annotation(3)
    with zipfile.ZipFile(io.BytesIO(encode("masks", saved))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["0001-wing.png", "0002-wing.png", "0003-wing.png"]
        for entry in archive.infolist():
            assert (entry.date_time, entry.create_system) == ((1980, 1, 1, 0, 0, 0), 3), "as on every machine and day"
            assert stat.S_IMODE(entry.external_attr >> 16) == 0o644
        for name, mask in zip(archive.namelist(), saved.masks(), strict=True):
            np.testing.assert_array_equal(np.asarray(opened(archive.read(name))) == 255, mask)


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_names_in_a_zip_are_safe_and_unpack(text, tmp_path):
    with zipfile.ZipFile(io.BytesIO(encode("masks", annotation(2, label=text)))) as archive:
        for name in archive.namelist():
            assert not set(name) & set("/\\<>:\"|?*' &") | {c for c in name if not c.isprintable()}
            assert ".." not in name
            assert len(name.encode()) <= 120
        archive.extractall(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_labelmap_has_one_value_an_object_with_later_ones_on_top():
    saved = annotation(3)
    image = opened(encode("labelmap", saved))
    expected = np.zeros(SIZE, np.uint8)
    for value, mask in enumerate(saved.masks(), start=1):
        expected[mask] = value
    assert image.mode == "P"
    np.testing.assert_array_equal(np.asarray(image), expected)
    assert image.getpalette()[:12] == [0, 0, 0, *(part for one in saved.objects for part in one.rgb)]
    assert json.loads(image.text["samui"])[2] == {"value": 3, "id": 3, "label": "wing"}


@pytest.mark.parametrize(("count", "mode"), [(255, "P"), (256, "I;16")])
def test_labelmap_is_indexed_up_to_255_objects_and_16_bit_beyond(count, mode):
    objects = []
    for index in range(count):
        mask = np.zeros((16, 20), bool)
        mask.flat[index] = True
        objects.append(SavedObject(index, "", "#102030", Rle.encode(mask)))
    image = opened(formats.get("labelmap").encode(Annotation("a.png", (16, 20), objects)))
    assert image.mode == mode
    np.testing.assert_array_equal(np.asarray(image).flat[:count], np.arange(1, count + 1))
    assert not np.asarray(image).flat[count:].any()


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_labelmap_table_keeps_any_label(text):
    image = opened(encode("labelmap", annotation(1, label=text)))
    assert json.loads(image.text["samui"])[0]["label"] == text


def test_cutout_has_the_objects_pixels_and_nothing_of_the_background():
    saved = annotation(2)
    full = np.asarray(opened(encode("cutout-full", saved)))
    union = saved.union()
    np.testing.assert_array_equal(full[union], np.dstack([pixels(), np.full(SIZE, 255, np.uint8)])[union])
    assert not full[~union].any()


def test_cutout_is_cropped_to_the_box_of_all_objects():
    masks = [np.zeros(SIZE, bool) for _ in range(2)]
    masks[0][5:9, 10:20] = True
    masks[1][7:30, 15:18] = True
    objects = [SavedObject(i, "", "#ffffff", Rle.encode(m)) for i, m in enumerate(masks)]
    saved = Annotation("a.png", SIZE, objects)
    cut = np.asarray(opened(encode("cutout", saved)))
    np.testing.assert_array_equal(cut, np.asarray(opened(encode("cutout-full", saved)))[5:30, 10:20])


@pytest.mark.parametrize("name", ["overlay", "overlay-png"])
def test_overlay_is_the_image_where_there_is_no_object(name):
    mask = np.zeros(SIZE, bool)
    mask[8:24, 16:40] = True
    saved = Annotation("a.png", SIZE, [SavedObject(1, "", "#ff0000", Rle.encode(mask))])
    image = np.full((*SIZE, 3), 100, np.uint8)
    out = np.asarray(opened(formats.get(name).encode(saved, image)))
    assert np.abs(out[16, 28].astype(int) - [178, 50, 50]).max() < 12
    assert np.abs(out[30:, :].astype(int) - 100).max() < 12


@pytest.mark.parametrize(("name", "width"), [("overlay", 65_500), ("mask", 1_000_000)])
def test_the_longest_pictures_that_a_format_takes_are_written(name, width):
    assert len(wide(name, width)) > 100


def test_format_for_a_file_is_told_by_its_ending(tmp_path):
    endings = {"a.png": "mask", "b.ZIP": "masks", "c.jpeg": "overlay", "d.e.json": "coco", "e.samui.json": "samui"}
    endings |= {"f.tif": "labelmap-tiff", "g.XML": "cvat", "h.svg": "svg", "i.npz": "npz", "j.geojson": "geojson"}
    assert {name: formats.for_file(tmp_path / name).name for name in endings} == endings


def test_a_colour_is_read_as_red_green_and_blue():
    assert [with_object(colour=text).objects[0].rgb for text in ("#1f77b4", "#FFffFF")] == [(31, 119, 180), (255,) * 3]


def test_an_annotation_does_not_change_with_the_lists_that_it_was_made_of():
    objects, size = [*annotation(1).objects], [*SIZE]
    saved = Annotation("a.png", size, objects)
    objects.clear()
    size[0] = 1
    assert (len(saved.objects), saved.size) == (1, SIZE)


def with_object(**changes) -> Annotation:
    fields = {"id": 1, "label": "", "colour": "#000000", "rle": Rle.encode(np.ones(SIZE, bool)), **changes}
    return Annotation("a.png", SIZE, [SavedObject(**fields)])


def crowd() -> Annotation:
    rle = Rle.encode(np.ones((1, 1), bool))
    return Annotation("a.png", (1, 1), [SavedObject(i, "", "#000000", rle) for i in range(65536)])


def wide(name: str, width: int) -> bytes:
    """One row of pixels and an object all over it."""
    one = SavedObject(1, "", "#000000", Rle.encode(np.ones((1, width), bool)))
    return formats.get(name).encode(Annotation("a.png", (1, width), [one]), np.zeros((1, width, 3), np.uint8))


OTHER_SIZE = Rle.encode(np.ones((2, 3), bool))
EMPTY = Rle.encode(np.zeros(SIZE, bool))
MALFORMED = {
    "mask of another size": (
        lambda: with_object(rle=OTHER_SIZE),
        "objects[0].mask: must be 53x37 as its image, got 3x2",
    ),
    "colour by name": (lambda: with_object(colour="red"), "objects[0].colour: must be like #1f77b4, got 'red'"),
    "colour with more": (lambda: with_object(colour="#0000000"), "objects[0].colour: must be like #1f77b4, got '#00"),
    "score of nan": (lambda: with_object(score=float("nan")), "objects[0].score: must be a finite number, got nan"),
    "id of text": (lambda: with_object(id="1"), "objects[0].id: must be a whole number of its own from 0, got '1'"),
    "negative id": (lambda: with_object(id=-1), "objects[0].id: must be a whole number of its own from 0, got -1"),
    "id that comes twice": (
        lambda: Annotation("a.png", SIZE, annotation(1).objects * 2),
        "objects[1].id: must be a whole number of its own from 0, got 1",
    ),
    "object that is not there": (lambda: annotation(2).only(7), "objects: must have an object 7, got [1, 2]"),
    "cutout of nothing": (
        lambda: encode("cutout", with_object(rle=EMPTY)),
        "objects: must cover at least one pixel for the format cutout, got 0",
    ),
    "overlay without the image": (
        lambda: formats.get("overlay").encode(annotation(1)),
        "image: must be RGB uint8 (37, 53, 3) for the format overlay, got none",
    ),
    "cutout of another image": (
        lambda: formats.get("cutout").encode(annotation(1), np.zeros((5, 5, 3), np.uint8)),
        "image: must be RGB uint8 (37, 53, 3) for the format cutout, got uint8 (5, 5, 3)",
    ),
    "too many for a label map": (
        lambda: formats.get("labelmap").encode(crowd()),
        "objects: must be at most 65535 for the format labelmap, got 65536",
    ),
    "too wide for a JPEG": (
        lambda: wide("overlay", 65_501),
        "image: must be at most 65500 pixels a side for .jpg, got 65501x1",
    ),
    **{
        f"too wide for the PNG of {name}": (
            lambda name=name: wide(name, 1_000_001),
            "image: must be at most 1000000 pixels a side for .png, got 1000001x1",
        )
        for name in ("mask", "masks", "labelmap", "cutout", "overlay-png")
    },
    "unknown format": (
        lambda: formats.get("gif"),
        "format: must be one of mask, masks, labelmap, labelmap-tiff, cutout, ",
    ),
    "format of no text": (
        lambda: formats.get([]),
        "format: must be one of mask, masks, labelmap, labelmap-tiff, cutout, ",
    ),
    "unknown ending": (lambda: formats.for_file("a.gif"), "a.gif: must end with one of .samui.json, .png, .zip, .jpg"),
    "no ending": (
        lambda: formats.for_file("mask"),
        ".tiff, .xml, .geojson, .svg, .npz, .csv, got 'no ending'",
    ),
}


@pytest.mark.parametrize(("make", "message"), MALFORMED.values(), ids=MALFORMED)
def test_what_cannot_be_saved_is_refused_with_its_rule(make, message):
    with pytest.raises(ExportError) as caught:
        make()
    assert message in str(caught.value)


@pytest.mark.parametrize(("name", "width"), [("overlay", 65_501), ("overlay-png", 1_000_001)])
def test_a_picture_that_cannot_be_written_is_not_drawn_first(name, width, monkeypatch):
    monkeypatch.setattr("samui.formats.overlay.overlay", lambda *given: pytest.fail("drawn, which takes seconds"))
    with pytest.raises(ExportError, match="pixels a side"):
        wide(name, width)
