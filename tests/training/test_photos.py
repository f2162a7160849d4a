from pathlib import Path

import numpy as np
import pytest

from training.__main__ import open_held_out_sets, open_training_sets
from training.photos import is_held_out, open_set, rasterise


def test_held_out_photos_never_appear_in_training_lists(data: Path):
    training = open_training_sets(data, None)
    assert "ecssd" not in training
    assert sorted(training["bsds"].names()) == ["61", "62", "64", "65"]
    held_out = open_held_out_sets(data, None)
    assert sorted(held_out["bsds"].names()) == ["60", "63"]
    assert len(held_out["ecssd"]) == 4
    for name, store in training.items():
        assert not [photo for photo in store.names() if is_held_out(name, photo)]


def test_parts_of_a_set_are_read_in_order(data: Path):
    assert open_set(data, set_name="duts", cache=None, held_out=False).names() == [f"{n:04d}" for n in range(10)]


def test_a_photo_comes_with_its_mask_in_place(data: Path):
    photo = open_set(data, set_name="human", cache=None, held_out=False)[0]
    assert photo.image.shape == (48, 64, 3)
    inside = photo.maps[0] > 0
    assert photo.image[inside].mean() > photo.image[~inside].mean() + 15


def test_photos_are_shrunk_to_the_working_size(data: Path):
    photo = open_set(data, set_name="duts", cache=None, held_out=False, longest=32)[0]
    assert photo.image.shape == (24, 32, 3)
    assert set(np.unique(photo.maps[0])) == {0, 255}


def test_a_cached_set_is_equal_to_the_decoded_one(data: Path, tmp_path: Path):
    decoded = open_set(data, set_name="bsds", cache=tmp_path, held_out=False)
    mapped = open_set(data, set_name="bsds", cache=tmp_path, held_out=False)
    assert isinstance(mapped.flat, np.memmap)
    for number in range(len(decoded)):
        assert np.array_equal(decoded[number].image, mapped[number].image)
        assert all(np.array_equal(*pair) for pair in zip(decoded[number].maps, mapped[number].maps, strict=True))


def test_every_instance_of_a_polygon_file_is_a_mask(data: Path):
    photo = open_set(data, set_name="coco128", cache=None, held_out=False)[0]
    assert photo.kind == "instances"
    assert [bool(each[20, 50]) for each in photo.maps] == [False, True]


def test_an_instance_may_have_several_polygons():
    (mask,) = rasterise([[[[0, 0], [3, 0], [3, 3]], [[6, 6], [9, 6], [9, 9]]]], 10, 10)
    assert mask[1, 2]
    assert mask[7, 8]
    assert not mask[5, 5]


def test_a_missing_set_names_the_folder(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"must hold duts\.zip or duts-\*\.zip"):
        next(iter(open_set(tmp_path, set_name="duts", cache=None, held_out=False)))
