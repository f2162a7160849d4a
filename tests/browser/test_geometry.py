"""The page's pure geometry, in Chromium, against Python."""

import math
import random

import pytest

pytestmark = pytest.mark.browser


def call(page, name, *arguments):
    return page.evaluate(f"values => {name}(...values)", list(arguments))


def random_view(rng):
    return {"scale": math.exp(rng.uniform(-4, 4)), "x": rng.uniform(-5000, 5000), "y": rng.uniform(-5000, 5000)}


def test_image_to_screen_and_back_is_exact_to_a_millionth_of_a_pixel(pure):
    rng = random.Random(1)
    cases = [(random_view(rng), rng.uniform(0, 8000), rng.uniform(0, 6000)) for _ in range(500)]
    back = pure.evaluate(
        "cases => cases.map(([view, x, y]) => { const s = toScreen(view, x, y); return toImage(view, s.x, s.y); })",
        cases,
    )
    for (_, x, y), at in zip(cases, back, strict=True):
        assert at["x"] == pytest.approx(x, abs=1e-6)
        assert at["y"] == pytest.approx(y, abs=1e-6)


def test_to_image_is_the_inverse_of_scale_and_offset(pure):
    view = {"scale": 4, "x": 10, "y": -30}
    assert call(pure, "toImage", view, 12, 0) == {"x": 0.5, "y": 7.5}


def test_zoom_keeps_the_image_point_under_the_pointer(pure):
    rng = random.Random(2)
    for _ in range(200):
        view = random_view(rng)
        sx, sy, factor = rng.uniform(0, 1200), rng.uniform(0, 800), math.exp(rng.uniform(-2, 2))
        before = call(pure, "toImage", view, sx, sy)
        zoomed = call(pure, "zoomView", view, factor, sx, sy, [1e-9, 1e9])
        after = call(pure, "toImage", zoomed, sx, sy)
        assert zoomed["scale"] == pytest.approx(view["scale"] * factor)
        assert after["x"] == pytest.approx(before["x"], abs=1e-6)
        assert after["y"] == pytest.approx(before["y"], abs=1e-6)


def test_zoom_stops_at_the_ends_of_its_range(pure):
    view = {"scale": 1, "x": 0, "y": 0}
    assert call(pure, "zoomView", view, 1000, 5, 5, [0.1, 8])["scale"] == 8
    assert call(pure, "zoomView", view, 1e-6, 5, 5, [0.1, 8])["scale"] == 0.1


@pytest.mark.parametrize(
    ("image", "size"),
    [((4000, 3000), (1200, 800)), ((300, 4000), (390, 500)), ((1, 1), (800, 600)), ((30000, 1), (800, 600))],
)
def test_fit_shows_the_whole_image_in_the_middle(pure, image, size):
    width, height = image
    view = call(pure, "fitView", {"width": width, "height": height}, {"width": size[0], "height": size[1]}, 12)
    left, right = view["x"], size[0] - view["x"] - width * view["scale"]
    top, bottom = view["y"], size[1] - view["y"] - height * view["scale"]
    assert left == pytest.approx(right)
    assert top == pytest.approx(bottom)
    assert min(left, top) >= 12 - 1e-9
    assert view["scale"] <= 8


@pytest.mark.parametrize("ratio", [1, 1.25, 1.5, 2, 3])
def test_a_snapped_view_starts_on_a_whole_device_pixel_less_than_one_away(pure, ratio):
    rng = random.Random(3)
    for _ in range(50):
        view = random_view(rng)
        snapped = call(pure, "snapView", view, ratio)
        assert (snapped["x"] * ratio) == pytest.approx(round(snapped["x"] * ratio), abs=1e-6)
        assert abs(snapped["x"] - view["x"]) <= 0.5 / ratio + 1e-9
        assert snapped["scale"] == view["scale"]


def test_two_fingers_hold_the_two_image_points_under_them(pure):
    view = {"scale": 0.5, "x": 40, "y": 20}
    a, b, c, d = {"x": 100, "y": 100}, {"x": 200, "y": 200}, {"x": 80, "y": 90}, {"x": 330, "y": 340}
    pinched = call(pure, "pinchView", view, a, b, c, d, [0.01, 100])
    assert pinched["scale"] == pytest.approx(0.5 * 2.5)
    for before, after in ((a, c), (b, d)):
        start = call(pure, "toImage", view, before["x"], before["y"])
        end = call(pure, "toImage", pinched, after["x"], after["y"])
        assert (end["x"], end["y"]) == pytest.approx((start["x"], start["y"]))


def test_zoom_steps_go_through_whole_numbers(pure):
    steps, scale = [], 0.9
    for _ in range(8):
        scale = call(pure, "zoomStep", scale, 1)
        steps.append(scale)
    assert steps == [1, 1.5, 2, 3, 4, 6, 8, 12]
    assert call(pure, "zoomStep", 8, -1) == 6


def test_a_box_between_two_points_is_ordered_and_inside_the_image(pure):
    image = {"width": 100, "height": 50}
    assert call(pure, "boxBetween", image, {"x": 120, "y": 40}, {"x": -3, "y": 10}) == [0, 10, 100, 40]


def test_a_box_handle_that_crosses_over_turns_the_box(pure):
    image = {"width": 100, "height": 100}
    assert call(pure, "resizeBox", image, [20, 20, 40, 40], "e", {"x": 10, "y": 99}) == [10, 20, 20, 40]
    assert call(pure, "resizeBox", image, [20, 20, 40, 40], "nw", {"x": 60, "y": 50}) == [40, 40, 60, 50]


def test_a_moved_box_keeps_its_size_at_the_border(pure):
    image = {"width": 100, "height": 100}
    assert call(pure, "moveBox", image, [20, 20, 40, 50], 500, -500) == [80, 0, 100, 30]


@pytest.mark.parametrize(
    ("screen", "hit"),
    [((20, 20), "nw"), ((60, 22), "n"), ((101, 99), "se"), ((60, 60), "body"), ((150, 60), ""), ((19, 61), "w")],
)
def test_the_box_is_hit_at_handles_before_its_body(pure, screen, hit):
    view = {"scale": 2, "x": 0, "y": 0}
    assert call(pure, "hitBox", [10, 10, 50, 50], view, *screen, 8) == hit


def test_the_nearest_point_is_hit(pure):
    points = [[10, 10, 1], [12, 10, 0], [90, 90, 1]]
    view = {"scale": 1, "x": 0, "y": 0}
    assert call(pure, "hitPoint", points, view, 11.5, 10, 8) == 1
    assert call(pure, "hitPoint", points, view, 50, 50, 8) == -1


@pytest.mark.parametrize(
    ("box", "scale", "meant"),
    [([0, 0, 10, 10], 1, True), ([0, 0, 2, 10], 1, False), ([0, 0, 2, 2], 8, True), ([0, 0, 0.5, 9], 8, False)],
)
def test_a_box_must_have_three_screen_pixels_and_one_image_pixel(pure, box, scale, meant):
    assert call(pure, "boxIsMeant", box, scale) is meant
