"""Files that other software wrote, each with its own writer, give the masks that they hold: see samples/README.md."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samui import formats
from samui.pixels.images import Header

SAMPLES = Path(__file__).parent / "samples"
RING, BOX, ELLIPSE = "ring", "box", "ring"
ALL = [RING, BOX, ELLIPSE]

# path: (format, folder of the expected masks, labels)
FILES = {
    "coco/rle_compressed.json": ("coco", "expected", ALL),
    "coco/rle_uncompressed_crowd.json": ("coco", "expected", ALL),
    "coco/polygons_outer_only.json": ("coco", "coco/polygons_outer_only.expected", ALL),
    "supervision/coco.json": ("coco", "expected", ALL),
    "datumaro/coco_instances_mask": ("coco", "expected", ALL),
    "datumaro/coco_instances_mask/annotations/instances_train.json": ("coco", "expected", ALL),
    "datumaro/coco_panoptic_mask": ("coco-panoptic", "datumaro/coco_panoptic_mask/expected", ALL),
    "datumaro/coco_panoptic_mask/annotations/panoptic_train.json": (
        "coco-panoptic",
        "datumaro/coco_panoptic_mask/expected",
        ALL,
    ),
    "yolo_ultralytics": ("yolo", "yolo_ultralytics/expected", ALL),
    "labelme/masks.json": ("labelme", "expected", ALL),
    "labelme/polygons.json": ("labelme", "labelme/polygons.expected", ALL),
    "cvat/annotations.xml": ("cvat", "expected", ALL),
    "datumaro/cvat_mask/train.xml": ("cvat", "expected", ALL),
    "datumaro/voc_mask": ("voc", "datumaro/voc_mask/expected", ALL),
    "label_studio/tasks.json": ("label-studio", "expected", ALL),
    "geojson/qupath_like.geojson": ("geojson", "expected", ALL),
    "napari/labels.tif": ("labelmap", "napari/expected", ["", "", ""]),
}


def masks(folder):
    return [np.asarray(Image.open(file)) > 0 for file in sorted((SAMPLES / folder).glob("*.png"))]


def read(path):
    return list(formats.read(SAMPLES / path, headers=lambda _: Header((48, 64))))


@pytest.mark.parametrize("path", FILES)
def test_a_file_of_other_software_gives_its_very_masks_and_labels(path):
    name, expected, labels = FILES[path]
    assert formats.guess(formats.Source(SAMPLES / path)).name == name
    (found,) = read(path)
    assert found.size == (48, 64)
    assert [one.label for one in found.objects] == labels
    for mask, other in zip(found.masks(), masks(expected), strict=True):
        np.testing.assert_array_equal(mask, other)


@pytest.mark.parametrize("path", ["supervision/yolo", "supervision/voc", "supervision/voc/photo.xml"])
def test_supervision_makes_an_island_an_object_of_its_own(path):
    (found,) = read(path)
    ring, box, ellipse = masks("expected")
    island = np.zeros_like(ring)
    island[38:45, 4:10] = True
    parts = [ring & island, ring & ~island, box, ellipse]
    assert [one.label for one in found.objects] == ["ring", "ring", "box", "ring"]
    for mask, part in zip(found.masks(), parts, strict=True):
        np.testing.assert_array_equal(mask, part)


def test_datumaro_s_cityscapes_of_masks_have_classes_alone():
    (found,) = read("datumaro/cityscapes_mask")
    ring, box, ellipse = masks("expected")
    assert [one.label for one in found.objects] == ["ring", "box"]
    for mask, part in zip(found.masks(), [(ring | ellipse) & ~box, box], strict=True):
        np.testing.assert_array_equal(mask, part)


def test_datumaro_s_cvat_polygons_are_joined_by_their_group():
    (found,) = read("datumaro/cvat_poly/train.xml")
    assert [one.label for one in found.objects] == ALL
    outer = masks("coco/polygons_outer_only.expected")  # the same outlines, which both fill as pycocotools does
    for mask, part in zip(found.masks(), outer, strict=True):
        np.testing.assert_array_equal(mask, part)


def test_every_sample_is_read():
    told = {path.partition("/")[0] for path in FILES} | {"supervision", "expected", "datumaro", "README.md"}
    assert {one.name for one in SAMPLES.iterdir()} == told
    datumaro = {path.split("/")[1] for path in FILES if path.startswith("datumaro")} | {"cityscapes_mask", "cvat_poly"}
    assert {one.name for one in (SAMPLES / "datumaro").iterdir()} == datumaro
