"""Views: where they lie, which clicks share them, and that masks and prompts come through them unchanged."""

import numpy as np
import pytest

from samui.pixels.rle import Rle
from samui.pixels.views import ZOOMS, View, placed, views_of, whole
from samui.types import Prompt

SIZE = (400, 600)


def click(x, y, label=1):
    return Prompt([(x, y)], [label])


@pytest.mark.parametrize("size", [(400, 600), (60, 90), (33, 900), (3000, 4000)])
def test_views_lie_in_the_image_hold_the_click_and_get_closer(size):
    draw = np.random.default_rng(0)
    for _ in range(50):
        x, y = draw.uniform(0, size[1]), draw.uniform(0, size[0])
        views = views_of(click(x, y), size)
        areas = [view.size[0] * view.size[1] for view in views]
        assert views[0] == whole(size)
        assert areas == sorted(areas, reverse=True)
        assert len(set(areas)) == len(areas)
        for view in views:
            x0, y0, x1, y1 = view.box
            assert 0 <= x0 < x1 <= size[1]
            assert 0 <= y0 < y1 <= size[0]
            assert view.holds(x, y)


def test_away_from_the_borders_a_click_is_near_the_middle_of_every_view():
    for x in range(200, 400, 7):
        for view in views_of(click(x, 200), SIZE)[1:]:
            x0, _, x1, _ = view.box
            assert abs((x0 + x1) / 2 - x) <= (x1 - x0) / 8 + 1


def test_clicks_nearby_share_their_views():
    views = {views_of(click(x, y), SIZE) for x in range(296, 304) for y in range(196, 204)}
    closest = {v[-1] for v in views}
    assert len(closest) <= 4  # 8 x 8 clicks, and the lattice of the closest view has steps of 25 and 17 pixels
    assert len({v[1] for v in views}) == 1


def test_only_an_include_point_or_a_box_is_looked_at_closer():
    assert len(views_of(click(300, 200), SIZE)) == 1 + len(ZOOMS)
    assert views_of(click(300, 200, 0), SIZE) == (whole(SIZE),)
    assert views_of(Prompt(), SIZE) == (whole(SIZE),)


def test_a_small_image_has_no_views_of_a_few_pixels():
    assert views_of(click(20, 20), (40, 40)) == (whole((40, 40)),)
    assert max(view.size for view in views_of(click(50, 30), (60, 100))[-1:]) >= (20, 32)


def test_a_box_is_looked_at_with_as_much_again_round_it():
    _, view = views_of(Prompt(box=(302, 201, 340, 219)), SIZE)
    x0, y0, x1, y1 = view.box
    assert 272 <= x0 <= 283
    assert 359 <= x1 <= 368
    assert 184 <= y0 <= 192
    assert 228 <= y1 <= 236
    nearly = views_of(Prompt(box=(302.5, 201.5, 340, 219)), SIZE)[1]
    assert nearly == view  # steps of the lattice
    assert views_of(Prompt(box=(50, 50, 500, 380)), SIZE) == (whole(SIZE),)


def test_a_prompt_is_moved_into_a_view_and_what_lies_outside_is_left_out():
    view = View((100, 50, 300, 150))
    inside = view.inside(Prompt([(150, 60), (20, 20)], [1, 0], (90, 60, 200, 170)))
    assert inside.points == ((50, 10),)
    assert inside.labels == (1,)
    assert inside.box == (0, 10, 100, 100)


def test_a_mask_of_a_view_lies_in_the_image_as_its_pixels_do():
    draw = np.random.default_rng(1)
    for density in (0.0, 0.1, 0.5, 0.9, 1.0) * 8:
        height, width = draw.integers(1, 9, 2)
        x0, y0, right, bottom = draw.integers(0, 4, 4)
        mask = draw.random((height, width)) < density
        expected = np.zeros((y0 + height + bottom, x0 + width + right), bool)
        expected[y0 : y0 + height, x0 : x0 + width] = mask
        view = View((x0, y0, x0 + width, y0 + height))
        assert placed(Rle.encode(mask), view, expected.shape) == Rle.encode(expected)
        assert np.array_equal(view.cut(expected), mask)
