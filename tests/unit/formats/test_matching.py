"""Files call images by many names: each is found by path, name or content, or not at all, and none is guessed."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from samui import formats
from samui.formats import Annotation, SavedObject
from samui.formats.matching import ImageFolder, match
from samui.formats.names import Index
from samui.pixels.images import read_image
from samui.pixels.rle import Rle

NAMES = ["cat.jpg", "a/dog.jpg", "b/dog.jpg", "a/bird.png", "deep/er/fish.tif", "Größe 1.JPG", "root.jpg", "x/root.jpg"]
FOUND = {
    "cat.jpg": ("cat.jpg", "path"),
    "./cat.jpg": ("cat.jpg", "path"),
    "/home/anna/photos/cat.jpg": ("cat.jpg", "name"),
    "C:\\photos\\a\\dog.jpg": ("a/dog.jpg", "path"),
    "..\\..\\b\\dog.jpg": ("b/dog.jpg", "path"),
    "bird.png": ("a/bird.png", "path"),
    "images/train/er/fish.tif": ("deep/er/fish.tif", "path"),
    "CAT.JPG": ("cat.jpg", "path"),
    "cat.png": ("cat.jpg", "stem"),
    "cat": ("cat.jpg", "stem"),
    "/data/upload/1/cat.jpg": ("cat.jpg", "name"),
    "/data/upload/1/0f3a9c1b-cat.jpg": ("cat.jpg", "name"),
    "/data/local-files/?d=somewhere/a/bird.png": ("a/bird.png", "path"),
    "https://example.com/files/Gr%C3%B6%C3%9Fe%201.JPG?x=1": ("Größe 1.JPG", "name"),
    "other/root.jpg": ("root.jpg", "name"),
    "x/root.jpg": ("x/root.jpg", "path"),
}


@pytest.mark.parametrize("told", FOUND)
def test_an_image_is_found_by_what_files_call_it(told):
    found = Index(NAMES).find(told)
    assert (found.name, found.how) == FOUND[told]


@pytest.mark.parametrize(
    ("told", "several"), [("dog.jpg", 2), ("c/dog.jpg", 2), ("dog", 2), ("horse.jpg", 0), ("", 0), ("..", 0)]
)
def test_where_several_fit_or_none_no_image_is_taken(told, several):
    found = Index(NAMES).find(told)
    assert (found.name, len(found.several)) == (None, several)


def annotation(image, size, **more):
    mask = np.zeros(size, bool)
    mask[:2, :3] = True
    return Annotation(image, size, [SavedObject(1, "", "#000000", Rle.encode(mask))], **more)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_of_a_picture_that_was_not_turned_is_turned(orientation, tmp_path):
    raw = np.zeros((20, 30, 3), np.uint8)
    raw[:2, :3] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(raw).save(tmp_path / "a.png", exif=exif)
    found = match(annotation("a.png", (20, 30)), ImageFolder(tmp_path))
    assert found.turned == (orientation >= 5)
    if orientation >= 5:
        white = read_image(tmp_path / "a.png").pixels[..., 0] > 0
        np.testing.assert_array_equal(next(found.annotation.masks()), white)


def test_another_size_is_refused_with_both(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    found = match(annotation("a.png", (30, 20)), ImageFolder(tmp_path))
    assert (found.name, found.why) == (None, "a.png: must be 30x20 as the image a.png, got 20x30")


def test_an_image_is_found_by_content_where_the_file_has_it(tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(buffer, "PNG")
    (tmp_path / "renamed.png").write_bytes(buffer.getvalue())
    Image.new("RGB", (30, 20), "blue").save(tmp_path / "other.png")
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    found = match(annotation("once.png", (20, 30), digest=digest), ImageFolder(tmp_path))
    assert (found.name, found.how) == ("renamed.png", "content")
    assert match(annotation("once.png", (20, 30), digest="0" * 64), ImageFolder(tmp_path)).name is None


def test_an_old_labelme_file_holds_its_image(tmp_path):
    import base64
    import json

    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(buffer, "PNG")
    (tmp_path / "renamed.png").write_bytes(buffer.getvalue())
    whole = {"shapes": [], "imagePath": "once.png", "imageHeight": 20, "imageWidth": 30}
    whole["imageData"] = base64.b64encode(buffer.getvalue()).decode()
    (tmp_path / "x.json").write_text(json.dumps(whole))
    (one,) = formats.read(tmp_path / "x.json")
    assert match(one, ImageFolder(tmp_path)).name == "renamed.png"


def test_a_broken_picture_is_told_and_left_out(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    assert match(annotation("a.png", (20, 30)), ImageFolder(tmp_path)).why.startswith("a.png: must be a JPEG, PNG")
