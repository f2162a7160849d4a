"""What samui writes is read by the programs that it is written for: by their own packages, or by their rules in full.

Packages that are GPL or AGPL, or weigh hundreds of megabytes, are no extras of the tests; what their readers do with
the numbers of a file stands here instead, a few lines each.
"""

import base64
import contextlib
import io
import json
import re
import xml.etree.ElementTree as ET
import zipfile

import cv2
import numpy as np
import pytest
import shapely
import tifffile
import yaml
from cvat_sdk.masks import decode_mask
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from samui import formats
from samui.formats import Annotation, SavedObject
from samui.pixels.rle import Rle
from tests.unit.formats.test_round_trip import annotation, expected

pytestmark = [
    pytest.mark.slow,
    # pycocotools 2.0.11 does not know the copy keyword of NumPy 2.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
SEEDS = pytest.mark.parametrize("seed", range(4))


def written(saved: Annotation, name: str) -> bytes:
    return formats.get(name).encode(saved)


def same(read, saved: Annotation, name: str, labels=None) -> None:
    wanted = [one for one in expected(saved, formats.get(name)) if one.rle.area]
    for mask, one in zip(read, wanted, strict=True):
        np.testing.assert_array_equal(np.asarray(mask, bool), one.rle.decode())
    if labels is not None:
        assert labels == [formats.get(name).kept_label(one.label) for one in wanted]


def inside(outlines, size):
    """The pixels whose middle lies in outlines, by shapely."""
    height, width = size
    ys, xs = np.mgrid[:height, :width] + 0.5
    return shapely.contains_xy(outlines, xs.ravel(), ys.ravel()).reshape(size)


@SEEDS
def test_shapely_and_qupath_s_properties(seed):
    saved = annotation(seed)
    whole = json.loads(written(saved, "geojson"))
    assert whole["type"] == "FeatureCollection"
    read = []
    for feature, one in zip(whole["features"], saved.objects, strict=True):
        geometry = shapely.from_geojson(json.dumps(feature["geometry"]))
        assert geometry.is_valid
        assert geometry.area == one.rle.area
        read.append(inside(geometry, saved.size))
        assert feature["properties"]["objectType"] == "annotation"
        assert feature["properties"]["classification"] == {"name": one.label or "object", "color": list(one.rgb)}
    same(read, saved, "geojson")
    assert len({feature["id"] for feature in whole["features"]}) == len(saved.objects)


@SEEDS
def test_a_browser_s_even_odd_rule_fills_an_svg(seed):
    saved = annotation(seed)
    root = ET.fromstring(written(saved, "svg"))
    height, width = saved.size
    assert root.attrib["viewBox"] == f"0 0 {width} {height}"
    read = []
    for path in root:
        assert path.attrib["fill-rule"] == "evenodd"
        crossings = np.zeros(saved.size, int)
        for ring in re.findall(r"M([^MZ]+)Z", path.attrib["d"]):
            start, *rest = re.findall(r"[HV]?-?\d+(?: -?\d+)?", ring)
            x, y = map(int, start.split())
            corners = [(x, y)]
            for step in rest:
                x, y = (int(step[1:]), y) if step[0] == "H" else (x, int(step[1:]))
                corners.append((x, y))
            crossings += inside(shapely.Polygon(corners), saved.size)
        read.append(crossings % 2 == 1)
    same(read, saved, "svg")
    assert [path.attrib["data-label"] for path in root] == [one.label or "object" for one in saved.objects]


@SEEDS
def test_tifffile_reads_the_values(seed):
    saved = annotation(seed)
    values = tifffile.imread(io.BytesIO(written(saved, "labelmap-tiff")))
    assert values.dtype == np.uint16
    same([values == value for value in range(1, 5) if (values == value).any()], saved, "labelmap-tiff")


@SEEDS
def test_cvat_s_own_package_decodes_masks(seed):
    saved = annotation(seed)
    root = ET.fromstring(written(saved, "cvat"))
    (image,) = root.findall("image")
    height, width = saved.size
    assert (image.attrib["width"], image.attrib["height"]) == (str(width), str(height))
    read = []
    for mask in image:
        runs = [int(number) for number in mask.attrib["rle"].split(",")]
        left, top, w, h = (int(mask.attrib[name]) for name in ("left", "top", "width", "height"))
        points = [*runs, left, top, left + w - 1, top + h - 1]
        read.append(decode_mask(points, image_width=width, image_height=height))
    same(read, saved, "cvat", [mask.attrib["label"] for mask in image])


@SEEDS
def test_cvat_s_polygons_are_what_pycocotools_fills(seed):
    saved = annotation(seed)
    (image,) = ET.fromstring(written(saved, "cvat-polygons")).findall("image")
    groups = {}
    for polygon in image:
        points = [float(number) for pair in polygon.attrib["points"].split(";") for number in pair.split(",")]
        groups.setdefault(polygon.attrib["group_id"], []).append(points)
    read = [coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(one, *saved.size))) for one in groups.values()]
    same(read, saved, "cvat-polygons")


@SEEDS
def test_labelme_s_loader(seed):
    """LabelFile.load and shape_to_mask of labelme 6.3.1."""
    saved = annotation(seed)
    for name in ("labelme", "labelme-polygons"):
        whole = json.loads(written(saved, name))
        assert {"version", "flags", "shapes", "imagePath", "imageData", "imageHeight", "imageWidth"} == set(whole)
        masks = {}
        for index, shape in enumerate(whole["shapes"]):
            assert {"label", "points", "group_id", "description", "shape_type", "flags", "mask"} <= set(shape)
            mask = np.zeros(saved.size, bool)
            if shape["shape_type"] == "mask":
                (x0, y0), (x1, y1) = shape["points"]
                mask[y0 : y1 + 1, x0 : x1 + 1] = np.array(Image.open(io.BytesIO(base64.b64decode(shape["mask"])))) > 0
            else:
                picture = Image.fromarray(mask.astype(np.uint8))
                points = [tuple(point) for point in shape["points"]]
                assert len(points) > 2, "Polygon must have points more than 2"
                ImageDraw.Draw(picture).polygon(xy=points, outline=1, fill=1)
                mask = np.array(picture, bool)
            key = index if shape["group_id"] is None else ("group", shape["group_id"])
            masks[key] = masks.get(key, False) | mask
        same(masks.values(), saved, name)


def ultralytics(line, size):
    """verify_image_label and polygon2mask of ultralytics 8.4: fractions are cut off, then OpenCV fills."""
    height, width = size
    number, *values = np.array(line.split(), np.float32)
    assert len(values) >= 6
    assert 0 <= min(values) <= max(values) <= 1
    points = np.array(values, np.float32).reshape(-1, 2) * (width, height)
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.asarray(points, np.int32)], 1)
    return int(number), mask


@SEEDS
def test_ultralytics_rules_for_yolo(seed):
    saved = annotation(seed)
    with zipfile.ZipFile(io.BytesIO(written(saved, "yolo"))) as archive:
        described = yaml.safe_load(archive.read("data.yaml"))
        (name,) = [one for one in archive.namelist() if one.endswith(".txt")]
        lines = archive.read(name).decode().splitlines()
    image = "/d/images/train/photo.jpg"  # img2label_paths: the last /images/, and the ending
    assert (
        f"/d/{name}"
        == "/labels/".join(image.rsplit("/images/", 1))
        .rsplit(".", 1)[0]
        .replace("photo", saved.image.rsplit(".", 1)[0])
        + ".txt"
    )
    assert {"path", "train", "val", "names", "nc"} == set(described)
    assert described["nc"] == len(described["names"])
    read = [ultralytics(line, saved.size) for line in lines]
    same([mask for _, mask in read], saved, "yolo", [described["names"][number] for number, _ in read])
    bad = [one.rle.decode() & ~mask.astype(bool) for one, (_, mask) in zip(saved.objects, read, strict=True)]
    assert not np.any(bad), "a bridge adds pixels, and takes none"


def test_ultralytics_rules_at_twelve_megapixels():
    ys, xs = np.mgrid[:3000, :4000]
    ring = np.hypot(ys - 1500, xs - 2000)
    mask = (ring < 1111) & (ring > 300)
    saved = Annotation("a.jpg", mask.shape, [SavedObject(1, "ring", "#102030", Rle.encode(mask))])
    with zipfile.ZipFile(io.BytesIO(written(saved, "yolo"))) as archive:
        _, read = ultralytics(archive.read("labels/train/a.txt").decode(), mask.shape)
    np.testing.assert_array_equal(read.astype(bool), mask)


@SEEDS
def test_label_studio_s_decoder(seed):
    """decode_rle of label_studio_converter 0.0.59, bit by bit, and its mask: the alpha of RGBA."""
    saved = annotation(seed)
    read = []
    ((task),) = json.loads(written(saved, "label-studio"))
    for result in task["annotations"][0]["result"]:
        bits = "".join(f"{byte:08b}" for byte in result["value"]["rle"])
        at = 0

        def take(count, bits=bits):
            nonlocal at
            at += count
            return int(bits[at - count : at], 2)

        total, word = take(32), take(5) + 1
        sizes = [take(4) + 1 for _ in range(4)]
        values = []
        while len(values) < total:
            repeats = take(1)
            count = take(sizes[take(2)]) + 1
            values += [take(word)] * count if repeats else [take(word) for _ in range(count)]
        assert len(values) == total
        height, width = result["original_height"], result["original_width"]
        read.append(np.array(values).reshape(height, width, 4)[:, :, 3])
    same(read, saved, "label-studio")


@pytest.mark.parametrize("channel", range(4))
def test_label_studio_s_masks_are_alpha_alone_in_runs_and_in_values_one_by_one(channel, tmp_path):
    values = [255 * (n % 4 == channel and n // 4 in (1, 2, 5)) for n in range(8 * 4)]
    head = f"{len(values):032b}" + f"{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    one_by_one = head + "010" + f"{len(values) - 1:08b}" + "".join(f"{value:08b}" for value in values)
    in_runs = head + "".join("100" + "000" + f"{value:08b}" for value in values)
    for bits in (one_by_one, in_runs):
        rle = [int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8)]
        result = {"original_width": 4, "original_height": 2, "value": {"rle": rle, "brushlabels": ["x"]}}
        task = {"data": {"image": "a.png"}, "annotations": [{"result": [result]}]}
        (tmp_path / "a.json").write_text(json.dumps([task]))
        ((one,),) = ([item.rle for item in found.objects] for found in formats.read(tmp_path / "a.json"))
        assert one.decode().ravel().nonzero()[0].tolist() == ([1, 2, 5] if channel == 3 else [])


@SEEDS
def test_panoptic_ids_are_red_green_and_blue(seed):
    saved = annotation(seed)
    with zipfile.ZipFile(io.BytesIO(written(saved, "coco-panoptic"))) as archive:
        whole = json.loads(archive.read("panoptic_train.json"))
        (entry,) = whole["annotations"]
        pixels = np.array(Image.open(archive.open(f"panoptic_train/{entry['file_name']}"))).astype(int)
    ids = pixels[..., 0] + 256 * pixels[..., 1] + 65536 * pixels[..., 2]  # rgb2id of panopticapi
    names = {one["id"]: one["name"] for one in whole["categories"]}
    segments = [one for one in entry["segments_info"] if one["area"]]
    for one in segments:
        ys, xs = np.nonzero(ids == one["id"])
        assert one["area"] == len(ys)
        assert one["bbox"] == [xs.min(), ys.min(), xs.max() - xs.min() + 1, ys.max() - ys.min() + 1]
    assert {one["id"] for one in segments} == set(np.unique(ids)) - {0}
    labels = [names[one["category_id"]] for one in segments]
    same([ids == one["id"] for one in segments], saved, "coco-panoptic")
    assert labels == [one.label or "object" for one in saved.objects if one.rle.area][: len(labels)]


@SEEDS
def test_pascal_voc_s_pngs_have_its_palette_and_its_boxes_count_from_1(seed):
    saved = annotation(seed)
    with zipfile.ZipFile(io.BytesIO(written(saved, "voc"))) as archive:
        stem = saved.image.rsplit(".", 1)[0]
        objects = Image.open(archive.open(f"SegmentationObject/{stem}.png"))
        kinds = np.array(Image.open(archive.open(f"SegmentationClass/{stem}.png")))
        root = ET.fromstring(archive.read(f"Annotations/{stem}.xml"))
        lines = archive.read("labelmap.txt").decode().splitlines()[1:]
        assert archive.read("ImageSets/Segmentation/train.txt").decode() == f"{stem}\n"
    assert objects.mode == "P"
    assert objects.getpalette()[:12] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]
    names = [line.split(":")[0] for line in lines]
    assert lines[0] == "background:0,0,0::"
    values = np.array(objects)
    same([values == value for value in np.unique(values) if value], saved, "voc")
    for number, (one, told) in enumerate(zip(saved.objects, root.findall("object"), strict=True), start=1):
        box = [int(told.find(f"bndbox/{side}").text) for side in ("xmin", "ymin", "xmax", "ymax")]
        x0, y0, x1, y1 = one.rle.box
        assert box == [x0 + 1, y0 + 1, x1, y1]
        assert {names[kind] for kind in np.unique(kinds[values == number])} <= {told.find("name").text}


@SEEDS
def test_cityscapes_ids_are_a_thousand_for_each_class(seed):
    saved = annotation(seed)
    with zipfile.ZipFile(io.BytesIO(written(saved, "cityscapes"))) as archive:
        stem = f"gtFine/train/{saved.image.rsplit('.', 1)[0]}_gtFine"
        ids = np.array(Image.open(archive.open(f"{stem}_instanceIds.png")))
        kinds = np.array(Image.open(archive.open(f"{stem}_labelIds.png")))
        lines = archive.read("classes.csv").decode().splitlines()
    assert {"26,car", "24,person", "7,road"} <= set(lines)
    np.testing.assert_array_equal(ids // 1000, kinds)
    left = [one.rle.decode() for one in expected(saved, formats.get("cityscapes")) if one.rle.area]
    found = [ids == value for value in np.unique(ids) if value]
    assert sorted(one.tobytes() for one in left) == sorted(one.tobytes() for one in found)


@SEEDS
def test_numpy_loads_an_npz_without_a_pickle(seed):
    saved = annotation(seed)
    with np.load(io.BytesIO(written(saved, "npz")), allow_pickle=False) as arrays:
        masks = np.unpackbits(arrays["masks"], axis=2, count=saved.size[1])
        same(masks, saved, "npz", arrays["labels"].tolist())
        assert arrays["ids"].tolist() == [one.id for one in saved.objects]
        assert arrays["boxes"].tolist() == [list(one.rle.box) for one in saved.objects]
        assert np.isnan(arrays["scores"]).tolist() == [one.score is None for one in saved.objects]


def test_five_thousand_annotations_go_out_through_pycocotools_and_come_in_again(tmp_path):
    small = [Rle.encode(np.roll(annotation(n).objects[0].rle.decode(), n, axis=1)) for n in range(10)]
    saved = []
    for number in range(50):
        objects = [
            SavedObject(i + 1, f"label {i % 7}", f"#{i:02x}80c0", small[(number + i) % 10], i / 100) for i in range(100)
        ]
        saved.append(Annotation(f"folder/{number:03d}.jpg", small[0].size, objects))
    formats.write(iter(saved), tmp_path / "a.json")
    with contextlib.redirect_stdout(io.StringIO()):
        api = COCO(str(tmp_path / "a.json"))
    assert len(api.anns) == 5000
    for image, one in zip(api.loadImgs(api.getImgIds()), saved, strict=True):
        assert image["file_name"] == one.image
        for entry, item in zip(api.loadAnns(api.getAnnIds(image["id"])), one.objects, strict=True):
            assert coco_mask.area(entry["segmentation"]) == entry["area"] == item.rle.area
            assert api.cats[entry["category_id"]]["name"] == item.label
    decoded = coco_mask.decode([entry["segmentation"] for entry in api.loadAnns(api.getAnnIds(7))])
    for plane, item in zip(np.moveaxis(decoded, 2, 0), saved[6].objects, strict=True):
        np.testing.assert_array_equal(plane.astype(bool), item.rle.decode())
    assert list(formats.read(tmp_path / "a.json")) == saved
