"""Floats in TIFF open by the rule for floats; what nothing can read is told by its true reason."""

import numpy as np
import pytest

from samui.errors import ImageError
from samui.pixels.images import read_image
from tests.pictures import tiff

GREY = np.array([[-1000, 0, np.nan], [2000, 3000, np.inf]])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [32, 64])
def test_grey_floats_are_stretched(order, bits):
    picture = read_image(tiff(GREY.astype(f"{order}f{bits // 8}")))
    assert picture.pixels[:, :, 0].tolist() == [[0, 64, 0], [191, 255, 0]]
    assert (picture.pixels == picture.pixels[:, :, :1]).all()
    assert picture.notes == (f"{bits}-bit grey: -1000 to 3000 shown as 0 to 255",)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [32, 64])
def test_floats_in_colours_are_stretched_together(order, bits):
    values = np.array([[[0, 1, 4], [2, np.nan, 3]]], f"{order}f{bits // 8}")
    picture = read_image(tiff(values))
    assert picture.pixels.tolist() == [[[0, 64, 255], [128, 0, 191]]]
    assert picture.notes == (f"{bits}-bit colour: 0 to 4 shown as 0 to 255",)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_floats_are_turned(kind, orientation):
    plain = read_image(tiff(np.arange(6, dtype=np.uint8).reshape(2, 3) * 51, orientation=orientation))
    picture = read_image(tiff(np.arange(6, dtype=kind).reshape(2, 3), orientation=orientation))
    np.testing.assert_array_equal(picture.pixels, plain.pixels)


KINDS = {
    "5 bands": (tiff(np.zeros((2, 3, 5), np.uint8), light=1), "5 samples of 8 bits a pixel, as grey"),
    "half floats": (tiff(np.zeros((2, 3), np.float16)), "1 float sample of 16 bits a pixel, as grey"),
    "floats with alpha": (tiff(np.zeros((2, 3, 4), np.float32)), "4 float samples of 32 bits a pixel, as RGB"),
    "signed colours": (tiff(np.zeros((2, 3, 3), np.int16)), "3 signed samples of 16 bits a pixel, as RGB"),
    "WebP inside": (tiff(np.zeros((2, 3), np.uint8), compression=50001), "WebP compression"),
    "unknown compression": (tiff(np.zeros((2, 3), np.uint8), compression=34712), "compression 34712"),
}


@pytest.mark.parametrize(("data", "reason"), KINDS.values(), ids=KINDS)
def test_kind_that_cannot_be_read_is_told(data, reason, capfd):
    with pytest.raises(ImageError) as caught:
        read_image(data)
    assert str(caught.value) == f"image: must be a TIFF of a kind that can be read, got {reason}"
    assert capfd.readouterr().err == ""


def test_cut_floats_are_damaged(capfd):
    with pytest.raises(ImageError, match="must be a whole, undamaged file of its format"):
        read_image(tiff(np.zeros((50, 50)))[:-500])
    assert capfd.readouterr().err == ""
