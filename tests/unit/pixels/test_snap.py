"""`snap_to_edges` on pictures whose right answer is known to the pixel."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from samui.errors import ImageError, PromptError, SamuiError
from samui.pixels import snap
from samui.pixels.snap import snap_to_edges
from samui.pixels.snap.outline import edge_costs, signed_depth, trust
from samui.types import Prompt

pytestmark = pytest.mark.slow  # many, and together they take seconds

H, W = 240, 320


def disc(x: float, y: float, radius: float, shape: tuple[int, int] = (H, W)) -> np.ndarray:
    ys, xs = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
    return (xs - x) ** 2 + (ys - y) ** 2 < radius**2


def picture(thing: np.ndarray, seed: int = 0, inner=(190, 120, 60), outer=(60, 110, 90)) -> np.ndarray:
    """A soft-edged thing of one texture on ground of another."""
    rng = np.random.default_rng(seed)
    cover = cv2.GaussianBlur(thing.astype(np.float32), (0, 0), 1.2)[..., None]
    colours = cover * np.array(inner) + (1 - cover) * np.array(outer)
    grain = cv2.GaussianBlur(rng.normal(0, 30, (*thing.shape, 3)), (0, 0), 1.5)
    return np.clip(colours + grain, 0, 255).astype(np.uint8)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


def blocky(mask: np.ndarray, step: int = 16) -> np.ndarray:
    small = mask[step // 2 :: step, step // 2 :: step].astype(np.uint8)
    return cv2.resize(small, mask.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0


THING = disc(160, 120, 60)
RING = THING & ~disc(160, 120, 25)


@pytest.mark.parametrize(
    ("thing", "rough"),
    [
        pytest.param(THING, disc(170, 112, 60), id="offset"),
        pytest.param(THING, disc(160, 120, 50), id="eroded"),
        pytest.param(THING, disc(160, 120, 71), id="too large"),
        pytest.param(THING, blocky(THING), id="blocky"),
        pytest.param(RING, disc(165, 116, 62) & ~disc(165, 116, 20), id="ring"),
        pytest.param(RING, blocky(RING), id="blocky ring"),
    ],
)
def test_a_rough_mask_moves_to_the_edge_of_the_thing(thing, rough):
    assert iou(rough, thing) < 0.9
    assert iou(snap_to_edges(picture(thing), rough), thing) > 0.95


def test_a_mask_that_fits_stays_where_it_is():
    assert iou(snap_to_edges(picture(THING), THING), THING) > 0.98


def test_a_hole_that_the_image_supports_is_kept_and_one_that_it_does_not_is_not_made():
    around = disc(160, 120, 18)
    assert not (snap_to_edges(picture(RING), RING) & around).any()
    assert (snap_to_edges(picture(THING), THING) & around).sum() == around.sum()


def test_what_lies_beyond_the_band_stays():
    twin = disc(60, 60, 28)
    thing = disc(250, 180, 28)
    snapped = snap_to_edges(picture(twin | thing), disc(254, 176, 26))
    assert iou(snapped, thing) > 0.95
    assert not (snapped & twin).any()


def test_an_island_of_the_same_colours_is_not_added():
    thing, island = disc(140, 120, 50), disc(212, 120, 12)
    snapped = snap_to_edges(picture(thing | island), disc(143, 118, 47))
    assert not (snapped & disc(212, 120, 9)).any()
    assert iou(snapped, thing) > 0.95


def test_parts_of_a_mask_in_two_pieces_are_both_kept():
    both = disc(90, 120, 45) | disc(230, 120, 45)
    rough = disc(94, 117, 44) | disc(226, 122, 46)
    assert iou(snap_to_edges(picture(both), rough), both) > 0.95


@pytest.mark.parametrize("box", [(110, 70, 210, 170), (100.5, 60.5, 190.5, 180.5), (120.2, 20.7, 300.0, 121.4)])
def test_nothing_lies_outside_the_box(box):
    snapped = snap_to_edges(picture(THING), disc(160, 120, 66), Prompt(box=box))
    ys, xs = np.nonzero(snapped)
    assert len(xs) > 1000
    assert box[0] <= xs.min() + 0.5
    assert xs.max() + 0.5 < box[2]
    assert box[1] <= ys.min() + 0.5
    assert ys.max() + 0.5 < box[3]


def test_an_include_point_stays_inside_and_an_exclude_point_outside():
    # points against the colours: the clicks win
    keep, leave = (233.0, 120.0), (160.0, 75.0)
    image, rough = picture(THING), disc(165, 120, 64)
    free = snap_to_edges(image, rough)
    assert not free[120, 233]
    assert free[75, 160]
    held = snap_to_edges(image, rough, Prompt(points=[keep, leave], labels=[1, 0]))
    assert held[119:122, 232:235].all()
    assert not held[74:77, 159:162].any()


def test_points_hold_to_the_pixel_where_an_include_and_an_exclude_click_are_close():
    shape = (600, 800)
    thing = disc(400, 300, 150, shape)
    prompt = Prompt(points=[(546.5, 300.5), (552.5, 300.5)], labels=[1, 0])
    snapped = snap_to_edges(picture(thing), thing, prompt)
    assert snapped[300, 546]
    assert not snapped[300, 552]


def test_the_box_wins_over_an_include_point_outside_it():
    prompt = Prompt(points=[(250, 120)], labels=[1], box=(100, 60, 220, 180))
    assert not snap_to_edges(picture(THING), THING, prompt)[:, 220:].any()


def _pictures():
    across = np.linspace(0, 255, 80, dtype=np.float32)[None, :, None].repeat(60, 0).repeat(3, 2)
    grain = np.random.default_rng(4)
    return {
        "flat": np.full((60, 80, 3), 127, np.uint8),
        "one colour": np.full((60, 80, 3), (200, 30, 40), np.uint8),
        "nearly flat": (127 + grain.integers(-1, 2, (60, 80, 3))).astype(np.uint8),
        "gradient": across.astype(np.uint8),
        "grain": grain.integers(0, 256, (60, 80, 3), dtype=np.uint8),
        "a thing": picture(disc(40, 30, 15, (60, 80))),
    }


def _masks():
    line = np.zeros((60, 80), bool)
    line[30, 5:75] = True
    return {"disc": disc(40, 30, 22, (60, 80)), "line": line, "full": np.ones((60, 80), bool)}


PROMPTS = {
    "box": Prompt(box=(30.5, 20.2, 52.5, 38.9)),
    "include": Prompt(points=[(40.5, 30.5), (70.2, 8.7)], labels=[1, 1]),
    "exclude": Prompt(points=[(44.5, 30.5), (8.5, 30.9)], labels=[0, 0]),
    "all of them": Prompt(points=[(40, 30), (44.5, 30.5), (33, 25)], labels=[1, 0, 1], box=(30, 20, 52, 39)),
    "include outside of the box": Prompt(points=[(70.5, 30.5), (40, 25)], labels=[1, 0], box=(30, 20, 52, 39)),
    "both at one pixel": Prompt(points=[(40.2, 30.2), (40.7, 30.7)], labels=[0, 1]),
    "both at one pixel, the other way round": Prompt(points=[(40.2, 30.2), (40.7, 30.7)], labels=[1, 0]),
}


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
@pytest.mark.parametrize("mask", _masks().values(), ids=_masks())
@pytest.mark.parametrize("image", _pictures().values(), ids=_pictures())
def test_box_and_points_hold_whatever_the_picture_is(image, mask, prompt):
    before = mask.copy()
    found = snap_to_edges(image, mask, prompt)
    x0, y0, x1, y1 = prompt.box or (0, 0, 80, 60)
    xs, ys = np.arange(80) + 0.5, np.arange(60) + 0.5
    allowed = ((ys >= y0) & (ys < y1))[:, None] & ((xs >= x0) & (xs < x1))[None]
    assert not (found & ~allowed).any()
    out = {(int(x), int(y)) for (x, y), label in zip(prompt.points, prompt.labels, strict=True) if not label}
    for x, y in ((int(x), int(y)) for x, y in prompt.points):
        assert found[y, x] == (allowed[y, x] and (x, y) not in out)
    assert np.array_equal(mask, before)


@pytest.mark.parametrize("name", ["flat", "one colour", "nearly flat"])
@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_box_and_points_change_nothing_else_where_there_is_nothing_to_snap_to(name, prompt):
    mask = disc(40, 30, 22, (60, 80))
    expected = mask.copy()
    for label in (1, 0):  # an exclude click outweighs an include click
        for x, y in (point for point, kind in zip(prompt.points, prompt.labels, strict=True) if kind == label):
            expected[int(y), int(x)] = label
    if prompt.box is not None:
        x0, y0, x1, y1 = prompt.box
        ys, xs = np.mgrid[0:60, 0:80] + 0.5
        expected &= (xs >= x0) & (xs < x1) & (ys >= y0) & (ys < y1)
    assert np.array_equal(snap_to_edges(_pictures()[name], mask, prompt), expected)


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_an_empty_mask_stays_empty(prompt):
    assert not snap_to_edges(_pictures()["a thing"], np.zeros((60, 80), bool), prompt).any()


def test_a_mask_stays_where_there_is_nothing_to_snap_to():
    rough = blocky(THING)
    flat = np.full((H, W, 3), 127, np.uint8)
    grain = np.random.default_rng(1).integers(0, 256, (H, W, 3), dtype=np.uint8)
    for image in (flat, grain):
        assert np.array_equal(snap_to_edges(image, rough), rough)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (1, 3000), (2, 2), (H, W)])
@pytest.mark.parametrize("value", [False, True])
def test_an_empty_or_full_mask_comes_back_as_it_was(shape, value):
    image = np.random.default_rng(2).integers(0, 256, (*shape, 3), dtype=np.uint8)
    mask = np.full(shape, value)
    snapped = snap_to_edges(image, mask)
    assert np.array_equal(snapped, mask)
    assert snapped is not mask


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (1, 3000), (3000, 1), (2, 2), (5, 4000)])
def test_an_image_of_a_line_of_pixels_is_no_fault(shape):
    image = np.random.default_rng(3).integers(0, 256, (*shape, 3), dtype=np.uint8)
    mask = np.zeros(shape, bool)
    mask.ravel()[: mask.size // 2] = True
    snapped = snap_to_edges(image, mask)
    assert snapped.shape == shape
    assert snapped.dtype == bool


def test_a_mask_of_one_pixel_in_a_large_photo_does_not_vanish_or_explode():
    mask = np.zeros((900, 1200), bool)
    mask[450, 600] = True
    image = picture(disc(600, 450, 200, (900, 1200)))
    assert 1 <= snap_to_edges(image, mask).sum() < 30


@pytest.mark.parametrize(
    ("mask", "low", "high"),
    [
        pytest.param(THING, 0.9, 1.0, id="on the edges"),
        pytest.param(disc(172, 108, 52), 0.0, 0.2, id="beside them"),
    ],
)
def test_a_mask_is_trusted_as_far_as_it_lies_on_edges(mask, low, high):
    assert low <= trust(edge_costs(picture(THING)), signed_depth(mask.astype(np.uint8))) <= high


def test_a_mask_on_edges_outweighs_what_else_is_in_its_box():
    pair = disc(130, 120, 40) | disc(190, 120, 40)
    image = picture(pair)
    image[:, 160:163] = (20, 20, 20)
    left = pair.copy()
    left[:, 160:] = False
    assert iou(snap_to_edges(image, left, Prompt(box=(85, 75, 235, 165))), left) > 0.95


def test_a_rough_mask_gives_way_to_its_box():
    thing = disc(160, 120, 50)
    image = picture(thing)
    image[:, 175:][thing[:, 175:]] = (200, 180, 220)  # a part of another colour, which the mask leaves out
    rough = disc(146, 118, 44)
    assert iou(snap_to_edges(image, rough), thing) < 0.8
    assert iou(snap_to_edges(image, rough, Prompt(box=(110, 70, 210, 170))), thing) > 0.95


@pytest.mark.parametrize(
    ("rows", "box", "kept"),
    [(0.4, None, False), (0.6, None, True), (0.4, (100, 60, 220, 100), True), (0.0, None, False)],
    ids=["too little", "enough", "the box cuts off the rest", "nothing"],
)
def test_a_mask_that_would_lose_half_of_itself_stays(monkeypatch, rows, box, kept):
    """As with a thing in the colours of what is round it."""
    mask = np.zeros((240, 320), bool)
    mask[60:160, 110:210] = True

    def upper_part(_image, _mask, _prompt, crop):
        soft = np.zeros((crop[3] - crop[1], crop[2] - crop[0]), np.float32)
        soft[60 - crop[1] : round(60 + 100 * rows) - crop[1], 110 - crop[0] : 210 - crop[0]] = 1
        return soft

    monkeypatch.setattr("samui.pixels.snap._solve", upper_part)
    found = snap_to_edges(picture(mask), mask, Prompt(box=box))
    assert found.sum() == (rows * 10000 if kept else 10000)


@pytest.mark.parametrize(
    ("mask", "solved", "kept"),
    [(disc(170, 112, 60), THING, False), (THING, disc(150, 112, 66), True)],
    ids=["onto the edge", "off the edge"],
)
def test_a_mask_stays_unless_colours_differ_more_across_the_snapped_outline(monkeypatch, mask, solved, kept):
    ys, xs = np.nonzero(mask)
    x0, y0 = (max(0, int(v.min() - 0.5 * (np.ptp(v) + 1) - 2)) for v in (xs, ys))  # of the crop that is looked at

    def crop_of(inside, _known):
        return solved[y0:, x0:][: inside.shape[0], : inside.shape[1]].astype(np.float32)

    monkeypatch.setattr("samui.pixels.snap._without_islands", crop_of)
    found = snap_to_edges(picture(THING), mask)
    assert np.array_equal(found, mask) is kept
    if not kept:
        assert iou(found, solved) > 0.95


def test_inputs_are_not_written_to():
    image, mask = picture(THING), disc(170, 112, 60)
    copies = image.copy(), mask.copy()
    image.setflags(write=False)
    mask.setflags(write=False)
    snap_to_edges(image, mask)
    assert np.array_equal(image, copies[0])
    assert np.array_equal(mask, copies[1])


def test_a_view_that_is_not_contiguous_is_as_good_as_a_copy():
    image, mask = picture(THING), disc(170, 112, 60)
    flipped = snap_to_edges(image[:, ::-1], mask[:, ::-1])
    copied = snap_to_edges(image[:, ::-1].copy(), mask[:, ::-1].copy())
    assert np.array_equal(flipped, copied)


def test_the_outline_is_smooth_at_full_size():
    shape = (1200, 1600)
    thing = disc(800, 600, 350, shape)
    snapped = snap_to_edges(picture(thing), blocky(thing, 50))
    assert iou(snapped, thing) > 0.985
    # a staircase of working pixels (3.5 image pixels each) would make rows of one length and jumps between them
    ends = snapped.shape[1] - np.argmax(snapped[450:750, ::-1], axis=1)
    assert np.abs(np.diff(ends)).max() <= 3


def test_same_input_same_mask_in_every_thread_and_after_other_random_draws():
    image, mask = picture(THING), disc(170, 112, 60)
    first = snap_to_edges(image, mask)
    cv2.setRNGSeed(99)
    with ThreadPoolExecutor(4) as pool:
        for other in pool.map(lambda _: snap_to_edges(image, mask), range(8)):
            assert np.array_equal(other, first)


@pytest.mark.parametrize("shape", [(1500, 2000), (200, 4500), (H, W)])
def test_work_is_bounded_by_the_two_sizes_whatever_the_photo(shape, monkeypatch):
    seen = []
    minimise = snap.minimise

    def watched(odds, edges, inside, dual, steps, *rest):
        seen.append((max(odds.shape), steps))
        return minimise(odds, edges, inside, dual, steps, *rest)

    monkeypatch.setattr(snap, "minimise", watched)
    height, width = shape
    thing = disc(width / 2, height / 2, 0.3 * height, shape)
    ground = np.full((*shape, 3), 90, np.uint8)
    ground[thing] = (200, 40, 40)
    assert iou(snap_to_edges(ground, thing), thing) > 0.95
    assert [side <= 200 for side, _ in seen[:-1]] == [True] * 4
    assert seen[-1][0] <= 400
    assert sum(steps for _, steps in seen) <= 265


@pytest.mark.parametrize(
    ("image", "mask", "error", "text"),
    [
        pytest.param(
            np.zeros((4, 5, 3), np.uint8),
            np.zeros((5, 4), bool),
            SamuiError,
            "mask: must be bool of shape (4, 5), as the image is, got bool (5, 4)",
            id="mask of another shape",
        ),
        pytest.param(
            np.zeros((4, 5, 3), np.uint8),
            np.zeros((4, 5), np.uint8),
            SamuiError,
            "mask: must be bool of shape (4, 5), as the image is, got uint8 (4, 5)",
            id="mask of bytes",
        ),
        pytest.param(
            np.zeros((4, 5), np.uint8),
            np.zeros((4, 5), bool),
            ImageError,
            "image: must be uint8 of shape (H, W, 3), got uint8 (4, 5)",
            id="grey image",
        ),
        pytest.param(
            None,
            np.zeros((4, 5), bool),
            ImageError,
            "image: must be uint8 of shape (H, W, 3), got NoneType",
            id="no image",
        ),
    ],
)
def test_a_wrong_image_or_mask_is_named(image, mask, error, text):
    with pytest.raises(error) as caught:
        snap_to_edges(image, mask)
    assert str(caught.value) == text


def test_a_prompt_outside_the_image_is_named():
    with pytest.raises(PromptError, match=r"prompt.points\[0\]: must lie inside 320x240, got \(700, 20\)"):
        snap_to_edges(picture(THING), THING, Prompt(points=[(700, 20)], labels=[1]))


def test_a_line_of_one_pixel_in_a_large_photo_stays():
    """Only some rows of a large photo are looked at; what lies between them must not get lost."""
    for row in range(1500, 1506):
        image = np.full((3000, 4000, 3), 120, np.uint8)
        mask = np.zeros((3000, 4000), bool)
        mask[row, 100:3900] = True
        image[mask] = (250, 20, 20)
        found = snap_to_edges(image, mask, Prompt(points=[(2000, row)], labels=[1]))
        assert found[row, 2000]
        assert np.count_nonzero(found & mask) > 0.9 * mask.sum()
