"""Preprocessing in bands against Pillow in one piece, to the bit."""

import numpy as np
import PIL.Image
import pytest

from samui.models import preprocess
from samui.models.preprocess import Preprocessing


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
