"""What is written and read again is equal in all that the format says it keeps; what it loses is told in numbers."""

import json
import os
from dataclasses import fields, replace

import numpy as np
import orjson
import pytest
from pycocotools import mask as coco_mask

from samui import formats
from samui.errors import ExportError
from samui.formats import Annotation, Format, Keeps, Lost, SavedObject, SavedPrompt
from samui.formats.names import Index
from samui.pixels.images import Header
from samui.pixels.rle import Rle
from samui.types import Prompt
from tests.unit.pixels.test_rle import random_mask

pytestmark = pytest.mark.slow  # many, and together they take seconds

READABLE = [name for name, one in formats.FORMATS.items() if one.reader is not None]
DROP_EMPTY = ("yolo", "labelme-polygons", "cvat-polygons", "cityscapes")  # what has no pixel has no place in them
PROMPTS = [
    SavedPrompt(((3.5, 4.25), (1, 0)), (1, 0), (1, 2, 30, 40.25), candidate=2, snapped=True),
    SavedPrompt(((3.5, 4.25),), (1,), candidate=0, crop=(0, 0, 20, 30), stability=0.96875),
    SavedPrompt(),
]


def annotation(seed: int, count: int = 4, size: tuple[int, int] = (41, 37)) -> Annotation:
    """Random objects with holes, islands, single pixels, overlaps, cut by the border; labels of all kinds."""
    labels = ("wing", "", "object", "Größe/😀", "猫 1")
    return Annotation(
        f"photo {seed}.jpg",
        size,
        [
            SavedObject(
                id=3 * index + seed % 3,
                label=labels[(seed + index) % len(labels)],
                colour=f"#{(seed * 37 + index * 5) % 256:02x}80c0",
                rle=Rle.encode(random_mask(seed * 10 + index, *size)),
                score=None if index == 1 else 0.5 + index / 7,
                prompt=PROMPTS[index % len(PROMPTS)],
                model="some/model" if index else "",
            )
            for index in range(count)
        ],
    )


def expected(saved: Annotation, format: Format) -> list[SavedObject]:
    """The objects as a format gives them back."""
    found = []
    for index, one in enumerate(saved.objects):
        mask = (one.rle if format.holds is None else format.holds(one.rle)).decode()
        if not format.keeps.overlap:
            for later in saved.objects[index + 1 :]:
                mask &= ~later.rle.decode()
        found.append(replace(one, rle=Rle.encode(mask)))
    return found


def kept(one: SavedObject, format: Format, label: str) -> tuple:
    keeps = format.keeps
    id = one.id if keeps.ids else None
    return id, label, one.rle, one.score if keeps.scores else None, one.prompt if keeps.prompts else None


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", [name for name in READABLE if name != "mask"])
def test_objects_come_back_as_the_format_says(name, seed, tmp_path):
    saved, format = annotation(seed), formats.get(name)
    path = tmp_path / f"a{format.suffix}"
    formats.write(saved, path, name)
    (back,) = formats.read(path, name, headers=lambda _: Header(saved.size))
    assert back.size == saved.size
    there = [one for one in expected(saved, format) if name not in DROP_EMPTY or one.rle.area]
    assert [kept(one, format, one.label) for one in back.objects] == [
        kept(one, format, format.kept_label(one.label)) for one in there
    ]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", [n for n, one in formats.FORMATS.items() if one.takes_many and one.keeps.overlap])
def test_of_many_images_with_none_and_with_objects_each_comes_back(name, seed, tmp_path):
    format = formats.get(name)
    saved = [annotation(seed), Annotation("empty.png", (5, 6)), annotation(seed + 50, size=(20, 90))]
    formats.write(iter(saved), tmp_path / f"a{format.suffix}", name)
    sizes, index = {one.image: one.size for one in saved}, Index(one.image for one in saved)
    back = formats.read(
        tmp_path / f"a{format.suffix}", name, headers=lambda image: Header(sizes[index.find(image).name])
    )
    order = {index.find(one.image).name: one for one in back}
    for one in saved:
        found = order[one.image]
        assert found.size == one.size
        there = [item for item in expected(one, format) if name not in DROP_EMPTY or item.rle.area]
        assert [item.rle for item in found.objects] == [item.rle for item in there]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["coco", "coco-uncompressed"])
def test_coco_gives_back_the_very_same_annotation(name, seed, tmp_path):
    saved = [annotation(seed), Annotation("empty.png", (5, 6)), annotation(seed + 50, size=(20, 90))]
    assert formats.write(saved, tmp_path / "a.json", name) == Lost(8)
    assert list(formats.read(tmp_path / "a.json")) == saved
    assert orjson.loads((tmp_path / "a.json").read_bytes()) == json.loads((tmp_path / "a.json").read_bytes())


def test_a_mask_comes_back_as_one_object(tmp_path):
    saved = annotation(3)
    told = formats.write(saved, tmp_path / "a.png")
    (back,) = formats.read(tmp_path / "a.png")
    assert [one.rle for one in back.objects] == [Rle.encode(saved.union())]
    assert (told.objects, told.melted) == (4, 4)
    formats.write(saved.only(saved.objects[0].id), tmp_path / "one.png")
    (back,) = formats.read(tmp_path / "one.png")
    assert [one.rle for one in back.objects] == [saved.objects[0].rle]
    formats.write(Annotation("a", (4, 5)), tmp_path / "none.png")
    (back,) = formats.read(tmp_path / "none.png")
    assert (back.size, back.objects) == ((4, 5), ())


@pytest.mark.parametrize("count", [1, 3, 300])
def test_a_label_map_is_known_by_its_content_and_keeps_its_colours(count, tmp_path):
    size = (20, 30)
    masks = [np.arange(600).reshape(size) == 2 * index for index in range(count)]
    objects = [SavedObject(i + 7, f"l{i}", f"#{i % 256:02x}3040", Rle.encode(m)) for i, m in enumerate(masks)]
    formats.write(Annotation("a.jpg", size, objects), tmp_path / "a.png", "labelmap")
    (back,) = formats.read(tmp_path / "a.png")
    assert list(back.objects) == objects


def test_an_object_that_others_cover_altogether_stays_in_a_label_map_s_table(tmp_path):
    rle = Rle.encode(np.ones((3, 4), bool))
    saved = Annotation("a", (3, 4), [SavedObject(1, "a", "#000001", rle), SavedObject(2, "b", "#000002", rle)])
    assert str(formats.write(saved, tmp_path / "a.png", "labelmap")) == (
        "1 of 2 objects lost what lies beneath others; lowest IoU 0.000"
    )
    (back,) = formats.read(tmp_path / "a.png")
    assert [(one.id, one.rle.area) for one in back.objects] == [(1, 0), (2, 12)]


def many() -> list[Annotation]:
    names = ["b.png", "a.jpg", "B.jpg"]
    return [replace(annotation(i), image=f"folder/{image}") for i, image in enumerate(names)]


@pytest.mark.parametrize("name", [name for name in READABLE if not formats.get(name).takes_many])
def test_many_images_have_a_file_each_in_a_folder(name, tmp_path):
    saved, format = many(), formats.get(name)
    formats.write(iter(saved), tmp_path, name)
    suffix = format.suffix
    files = {f"b{suffix}", f"a{suffix}", f"B.jpg{suffix}"}
    if format.beside is not None:
        files |= {"b.csv", "a.csv", "B.jpg.csv"}
    assert set(os.listdir(tmp_path)) == files
    for one, file in zip(saved, ("b", "a", "B.jpg"), strict=True):
        (back,) = formats.read(tmp_path / f"{file}{suffix}", name)
        assert back.size == one.size


@pytest.mark.parametrize("name", [name for name in READABLE if formats.get(name).joiner])
def test_many_images_are_in_one_file(name, tmp_path):
    path = tmp_path / f"all{formats.get(name).suffix}"
    formats.write(iter(many()), path, name)
    assert [one.image for one in formats.read(path, name)] == [one.image for one in many()]


@pytest.mark.parametrize("place", ["all.zip", "all"])
@pytest.mark.parametrize("name", [name for name in READABLE if formats.get(name).packer])
def test_many_images_are_in_one_zip_or_folder_which_is_known_by_its_content(name, place, tmp_path):
    saved = many()
    formats.write(iter(saved), tmp_path / place, name)
    assert os.listdir(tmp_path) == [place]
    back = list(formats.read(tmp_path / place, headers=lambda _: Header(saved[0].size)))
    assert formats.guess(formats.Source(tmp_path / place)).name == name
    assert [one.size for one in back] == [saved[0].size] * 3
    index = Index([one.image for one in saved if one.image != "folder/B.jpg"])
    found = [index.find(one.image).name for one in back]
    assert {"folder/b.png", "folder/a.jpg"} <= set(found)


@pytest.mark.parametrize("image", ["../../up.png", "/abs/up.png", "..\\..\\up.png", "C:\\up.png"])
def test_no_image_s_name_leads_out_of_the_folder(image, tmp_path):
    (tmp_path / "in").mkdir()
    formats.write([replace(annotation(1), image=image)], tmp_path / "in", "labelmap")
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.png")] == ["in/up.png"]


@pytest.mark.parametrize("image", ["", "..", ".", "a/..", "\0", " "])
def test_an_image_without_a_name_has_no_file_in_a_folder(image, tmp_path):
    with pytest.raises(ExportError, match="image: must have a file name of its own among the images, got"):
        formats.write([replace(annotation(1), image=image)], tmp_path, "labelmap")
    assert os.listdir(tmp_path) == []


def test_many_images_are_written_one_at_a_time(tmp_path):
    alive = []

    class Held(Annotation):
        def __del__(self):
            alive.remove(self.image)

    def each():
        for number in range(6):
            one = annotation(number)
            alive.append(str(number))
            assert len(alive) <= 2, "the next one is made before the last one is let go, and no more"
            yield Held(str(number), one.size, one.objects)

    formats.write(each(), tmp_path / "a.json", "coco")
    assert len(list(formats.read(tmp_path / "a.json"))) == 6


def test_a_file_name_that_is_not_utf_8_is_strict_json_and_comes_back(tmp_path):
    name = os.fsdecode(b"gr\xff%41.png")
    (tmp_path / name).write_bytes(b"")
    one = SavedObject(1, "a\udc80", "#000000", Rle.encode(np.ones((2, 3), bool)), model="models/\udcff")
    formats.write(Annotation(os.listdir(tmp_path)[0], (2, 3), [one]), tmp_path / "a.json")
    told = orjson.loads((tmp_path / "a.json").read_bytes())
    assert told["images"][0]["file_name"] == "gr%FF%2541.png"
    (back,) = formats.read(tmp_path / "a.json")
    assert (tmp_path / back.image).is_file()
    assert back.objects == (one,)
    formats.write(Annotation(name, (2, 3), [one]), tmp_path / "a.png", "labelmap")
    (back,) = formats.read(tmp_path / "a.png")
    assert back.objects[0].label == "a\udc80"


def test_coordinates_are_rounded_to_what_a_click_means():
    long = Prompt([(180.00000857636857, 99.994999)], [1], (0.123456, 0.5, 10.129, 20))
    saved = SavedPrompt.of(long, candidate=1)
    assert saved.describe() == {"points": [[180.0, 99.99, 1]], "box": [0.12, 0.5, 10.13, 20.0], "candidate": 1}
    assert SavedPrompt(box=(1.001, 2, 1.002, 3)).prompt.box == (1.001, 2, 1.002, 3), "a box stays one"


def test_a_prompt_is_given_back_without_its_logits():
    prompt = Prompt([(1, 2), (3.5, 4)], [1, 0], (0, 0, 9, 9), np.zeros((4, 4)))
    back = SavedPrompt.from_dict(json.loads(json.dumps(SavedPrompt.of(prompt).describe())), "prompt").prompt
    assert (back.points, back.labels, back.box, back.mask_logits) == (prompt.points, prompt.labels, prompt.box, None)


def test_holes_that_polygons_close_are_told_in_numbers(tmp_path):
    ring = np.zeros((20, 30), bool)
    ring[2:12, 2:12] = True
    whole = ring.copy()
    ring[4:8, 4:9] = False
    objects = [SavedObject(i, "a", "#000000", Rle.encode(m), 0.5) for i, m in enumerate([ring, whole, ring])]
    told = formats.write(Annotation("a", (20, 30), objects), tmp_path / "a.json", "coco-polygons")
    assert told == Lost(objects=3, holes=2, lowest_iou=0.8)
    assert str(told) == "2 of 3 objects lost a hole; lowest IoU 0.800"
    (entry, _, _) = json.loads((tmp_path / "a.json").read_bytes())["annotations"]
    assert (entry["segmentation"], entry["area"]) == ([[2, 2, 12, 2, 12, 12, 2, 12]], 100)


def test_what_a_zip_of_masks_and_a_label_map_lose_is_told():
    saved = annotation(4)
    zipped = formats.lost(saved, formats.get("masks"))
    assert [one.label for one in saved.objects] == ["猫 1", "wing", "", "object"]
    assert zipped == formats.Lost(objects=4, labels=1, scores=3, prompts=3), "a label that is a safe name stays"
    flat = formats.lost(saved, formats.get("labelmap"))
    left = [one.rle.area for one in expected(saved, formats.get("labelmap"))]
    ratios = [area / one.rle.area for area, one in zip(left, saved.objects, strict=True)]
    assert (flat.covered, flat.lowest_iou) == (sum(ratio < 1 for ratio in ratios), min(ratios))
    both = zipped + flat
    assert (both.objects, both.scores, both.covered, both.lowest_iou) == (8, 6, flat.covered, flat.lowest_iou)
    assert not formats.lost(saved, formats.get("overlay"))
    assert str(formats.lost(saved, formats.get("coco"))) == "nothing lost"


def test_readers_without_compressed_run_lengths_have_formats_of_their_own(tmp_path):
    saved = annotation(6)
    for name in ("coco-uncompressed", "coco-polygons"):
        formats.write(saved, tmp_path / "a.json", name)
        for entry, one in zip(
            json.loads((tmp_path / "a.json").read_bytes())["annotations"],
            expected(saved, formats.get(name)),
            strict=True,
        ):
            rles = coco_mask.frPyObjects(entry["segmentation"], *saved.size)
            read = coco_mask.decode(coco_mask.merge(rles) if isinstance(rles, list) else rles)
            np.testing.assert_array_equal(read.astype(bool), one.rle.decode())
            assert entry["area"] == one.rle.area


@pytest.mark.parametrize("name", formats.FORMATS)
def test_a_path_s_ending_fits_its_format_alone(name):
    format = formats.get(name)
    assert all(format.fits(f"a{ending}") and format.fits(f"b/a{ending.upper()}") for ending in format.endings)
    assert not format.fits("a")
    format.check_ending(f"a{format.suffix}")
    with pytest.raises(ExportError) as caught:
        format.check_ending("out/x.gif")
    rule = f"must end with {' or '.join(format.endings)} for the format {name}"
    assert str(caught.value) == f"out/x.gif: {rule}, got '.gif'"


def test_what_cannot_be_read_keeps_nothing():
    for one in formats.FORMATS.values():
        assert (one.reader is None) == (not any(getattr(one.keeps, field.name) for field in fields(Keeps)))
