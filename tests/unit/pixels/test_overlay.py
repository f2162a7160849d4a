"""Masks drawn on their image."""

import numpy as np

from samui.pixels.overlay import overlay


def test_overlay_tints_inside_outlines_the_border_and_leaves_the_rest():
    image = np.full((40, 60, 3), 100, np.uint8)
    mask = np.zeros((40, 60), bool)
    mask[10:30, 0:30] = True
    out = overlay(image, [mask], [(200, 0, 0)], opacity=0.5)
    assert out[20, 15].tolist() == [150, 50, 50]
    assert out[10, 15].tolist() == [200, 0, 0]
    assert out[20, 0].tolist() == [200, 0, 0], "an object cut by the picture's border is outlined there too"
    assert (out[~mask] == 100).all()
    assert (image == 100).all()


def test_overlay_of_an_empty_mask_is_the_image():
    image = np.random.default_rng(0).integers(0, 255, (9, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(overlay(image, [np.zeros((9, 8), bool)], [(1, 2, 3)]), image)
