"""Preprocessing in bands against Pillow in one piece, to the bit."""

import json

import numpy as np
import PIL.Image
import pytest
import torch
from torch.nn import functional

from samui.errors import ModelError
from samui.models import preprocess
from samui.models.preprocess import PADDED, SQUARE, Preprocessing


@pytest.mark.parametrize("resample", list(PIL.Image.Resampling), ids=lambda r: r.name)
@pytest.mark.parametrize(
    "size", [(1, 1), (700, 900), (129, 3), (2000, 11), (3, 1500), (128, 128), (64, 200), (1300, 12), (257, 64)]
)
def test_bands_give_the_bits_of_the_whole(size, resample):
    image = np.random.default_rng(sum(size)).integers(0, 256, (*size, 3), np.uint8)
    levels = np.arange(768, dtype=np.float32).reshape(3, 256)
    preprocessing = Preprocessing(64, resample, levels)
    height, width = preprocessing.frame(*size).resized
    small = np.asarray(PIL.Image.fromarray(image).resize((width, height), resample))
    pixels = preprocessing(image)
    for channel in range(3):
        assert np.array_equal(pixels[channel, :height, :width], levels[channel][small[:, :, channel]])
    assert not pixels[:, height:].any()
    assert not pixels[:, :, width:].any()


def test_no_band_is_copied_larger_than_a_cache(monkeypatch):
    copied = []
    fromarray = PIL.Image.fromarray

    def counted(array):
        copied.append(array.shape)
        return fromarray(array)

    monkeypatch.setattr(preprocess.PIL.Image, "fromarray", counted)
    image = np.zeros((1000, 2000, 3), np.uint8)
    Preprocessing(64, PIL.Image.Resampling.BILINEAR, np.zeros((3, 256), np.float32))(image)
    assert max(height for height, width, _ in copied if width == 2000) <= 128
    assert sum(height for height, width, _ in copied if width == 2000) == 1000


def settings(folder, name="preprocessor_config.json", **content):
    (folder / name).write_text(json.dumps(content))
    return folder


MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def test_sam_multiplies_first_and_normalises_then(tmp_path):
    levels = Preprocessing.read(tmp_path, 64, PADDED).levels
    values = (np.arange(256) * (1 / 255)).astype(np.float32)
    for channel in range(3):
        expected = (values - np.float32(MEAN[channel])) / np.float32(STD[channel])
        assert np.array_equal(levels[channel], expected)


@pytest.mark.parametrize("given", [{}, {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}])
def test_a_square_is_normalised_at_once_as_torch_computes_it(tmp_path, given):
    levels = Preprocessing.read(settings(tmp_path, **given), 64, SQUARE, low=16).levels
    mean = torch.tensor(given.get("image_mean", MEAN)) * (1.0 / (1 / 255))
    std = torch.tensor(given.get("image_std", STD)) * (1.0 / (1 / 255))
    expected = ((torch.arange(256).float()[:, None] - mean) / std).T
    assert np.array_equal(levels, expected.numpy())
    assert not np.array_equal(levels, Preprocessing.read(tmp_path, 64, PADDED).levels)


@pytest.mark.parametrize("size", [(64, 64), (1, 1), (30, 200), (701, 303), (5, 4000)])
@pytest.mark.parametrize(("resample", "mode"), [(2, "bilinear"), (3, "bicubic")])
def test_a_square_is_stretched_as_torch_does_it_antialiased(tmp_path, size, resample, mode):
    """What torchvision's `resize` of uint8 comes down to; transformers calls that."""
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    preprocessing = Preprocessing.read(settings(tmp_path, resample=resample), 64, SQUARE, low=16)
    rows = torch.from_numpy(image).permute(2, 0, 1)[None].contiguous()
    small = functional.interpolate(rows, (64, 64), mode=mode, align_corners=False, antialias=True)[0].numpy()
    if size == (64, 64):
        assert np.array_equal(small.transpose(1, 2, 0), image)
    expected = np.stack([preprocessing.levels[channel][small[channel]] for channel in range(3)])
    assert np.array_equal(preprocessing(image), expected)
    assert preprocessing.frame(*size).field == (16, 16)


def test_without_avx2_the_stretched_image_is_off_by_rounding_alone(tmp_path, monkeypatch):
    image = np.random.default_rng(2).integers(0, 256, (301, 97, 3), np.uint8)
    preprocessing = Preprocessing(64, PIL.Image.Resampling.BILINEAR, np.arange(768.0).reshape(3, 256), low=16)
    usual = preprocessing(image)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    assert np.abs(preprocessing(image) - usual).max() <= 1


SIDES = {"number": 64, "longest edge": {"longest_edge": 64}, "both": {"height": 64, "width": 64}}


@pytest.mark.parametrize("size", SIDES.values(), ids=SIDES)
@pytest.mark.parametrize(("rule", "low"), [(PADDED, None), (SQUARE, 16)], ids=["padded", "square"])
def test_a_size_may_stand_in_three_forms(tmp_path, size, rule, low):
    assert Preprocessing.read(settings(tmp_path, size=size), 64, rule, low=low).side == 64


WRONG = {
    "number": (32, "size must be config.json's image_size 64, got 32"),
    "longest edge": ({"longest_edge": 32}, "size.longest_edge must be config.json's image_size 64, got 32"),
    "both": ({"height": 32, "width": 32}, "size.height and size.width must be config.json's image_size 64, got 32"),
    "two": (
        {"height": 64, "width": 32},
        "size.height and size.width must be config.json's image_size 64, got (64, 32)",
    ),
    "text": ("64", "size must be config.json's image_size 64, got '64'"),
    "nothing known": ({"shortest_edge": 64}, "size.longest_edge must be config.json's image_size 64, got None"),
}


@pytest.mark.parametrize(("size", "message"), WRONG.values(), ids=WRONG)
def test_another_size_is_refused(tmp_path, size, message):
    with pytest.raises(ModelError) as caught:
        Preprocessing.read(settings(tmp_path, size=size), 64, SQUARE, low=16)
    assert str(caught.value) == f"{tmp_path / 'preprocessor_config.json'}: {message}"


def test_a_square_is_resized_as_torch_can(tmp_path):
    with pytest.raises(ModelError, match=r"resample must be 2 \(bilinear\) or 3 \(bicubic\), got 1"):
        Preprocessing.read(settings(tmp_path, resample=1), 64, SQUARE, low=16)
    assert Preprocessing.read(tmp_path, 64, PADDED).resample == PIL.Image.Resampling.LANCZOS
