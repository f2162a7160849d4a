"""The page's masks, in Chromium, against numpy."""

import numpy as np
import pytest

from samui.pixels.rle import Rle

pytestmark = pytest.mark.browser

TINT, OUTLINE = 0x80FF0000, 0xFF00FF00
PAINT = """([wire, view, width, height, style]) => {
  const frame = {pixels: new Uint32Array(width * height), width, height};
  const dirty = paintMask(frame, view, readMask(wire), style);
  return {pixels: Array.from(frame.pixels), dirty};
}"""


def wire(mask):
    rle = Rle.encode(mask)
    return {"size": list(rle.size), "counts": rle.to_string(), "box": rle.box, "area": rle.area}


def blobs(rng, height, width):
    """A mask with holes, islands and single pixels."""
    ys, xs = np.mgrid[0:height, 0:width]
    mask = np.zeros((height, width), bool)
    for _ in range(4):
        y, x, r = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(1, max(2, min(height, width) / 2))
        mask ^= (ys - y) ** 2 + (xs - x) ** 2 < r * r
    for _ in range(5):
        mask[rng.integers(height), rng.integers(width)] ^= True
    return mask


def cases():
    rng = np.random.default_rng(7)
    shapes = [(1, 1), (1, 40), (40, 1), (7, 5), (33, 64), (90, 61)]
    masks = [blobs(rng, *shape) for shape in shapes for _ in range(3)]
    masks += [rng.random((23, 31)) < share for share in (0.05, 0.5, 0.95)]
    masks += [np.ones((9, 12), bool), np.eye(17, dtype=bool), np.indices((8, 8)).sum(axis=0) % 2 == 0]
    return [mask for mask in masks if mask.any()]


def expected(mask, view, width, height, thickness):
    """Nearest sampling: 0 outside, 1 inside, 2 where the outside is within `thickness` device px up, down or aside."""
    xs = np.floor((np.arange(-thickness, width + thickness) + 0.5 - view["x"]) / view["scale"]).astype(int)
    ys = np.floor((np.arange(-thickness, height + thickness) + 0.5 - view["y"]) / view["scale"]).astype(int)
    inside = (ys >= 0) & (ys < mask.shape[0]), (xs >= 0) & (xs < mask.shape[1])
    shown = mask[np.clip(ys, 0, mask.shape[0] - 1)][:, np.clip(xs, 0, mask.shape[1] - 1)]
    shown &= inside[0][:, None] & inside[1][None, :]
    inner = shown.copy()
    for axis in (0, 1):
        for shift in range(-thickness, thickness + 1):
            inner &= np.roll(shown, shift, axis)
    middle = slice(thickness, -thickness or None)
    return np.where(inner, 1, np.where(shown, 2, 0))[middle, middle]


def paint(page, mask, view, width, height, thickness=2, tint=TINT):
    style = {"tint": tint, "outline": OUTLINE, "thickness": thickness}
    painted = page.evaluate(PAINT, [wire(mask), view, width, height, style])
    return np.array(painted["pixels"], np.uint32).reshape(height, width), painted["dirty"]


@pytest.mark.parametrize("mask", cases(), ids=lambda mask: "x".join(map(str, mask.shape[::-1])))
def test_every_pixel_is_covered_as_in_the_mask(pure, mask):
    height, width = mask.shape
    covered = pure.evaluate(
        """([wire, height, width]) => {
          const mask = readMask(wire), found = [];
          for (let y = 0; y < height; y++)
            for (let x = 0; x < width; x++) found.push(maskCovers(mask, x + 0.5, y + 0.5));
          return found;
        }""",
        [wire(mask), height, width],
    )
    assert np.array_equal(np.array(covered).reshape(height, width), mask)


def test_nothing_outside_of_the_image_is_covered(pure):
    inside = wire(np.ones((4, 6), bool))
    places = [[-0.01, 1], [6, 1], [1, -0.01], [1, 4], [5.99, 3.99]]
    covers = (
        "([wire, places]) => { const mask = readMask(wire); return places.map(([x, y]) => maskCovers(mask, x, y)); }"
    )
    assert pure.evaluate(covers, [inside, places]) == [False, False, False, False, True]


def test_counts_of_a_large_mask_are_those_of_coco(pure):
    rng = np.random.default_rng(3)
    mask = np.zeros((3000, 4000), bool)
    mask[200:2900, 300:3700] = blobs(rng, 2700, 3400)
    counts = pure.evaluate("text => Array.from(parseCounts(text))", Rle.encode(mask).to_string())
    assert counts == Rle.encode(mask).counts.tolist()


@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_painting_samples_the_nearest_pixel_at_any_view(pure, thickness):
    rng = np.random.default_rng(11)
    for mask in cases():
        scale = float(np.exp(rng.uniform(-1.5, 2.5)))
        view = {"scale": scale, "x": int(rng.integers(-30, 40)), "y": int(rng.integers(-30, 40))}
        pixels, _ = paint(pure, mask, view, 70, 50, thickness)
        want = np.array([0, TINT, OUTLINE], np.uint32)[expected(mask, view, 70, 50, thickness)]
        assert np.array_equal(pixels, want), (mask.shape, view)


def test_at_eight_times_each_pixel_is_a_square_of_eight(pure):
    mask = np.eye(6, dtype=bool)
    pixels, dirty = paint(pure, mask, {"scale": 8, "x": 3, "y": 5}, 60, 60)
    assert np.array_equal(pixels[5:53, 3:51] != 0, np.kron(mask, np.ones((8, 8), bool)))
    assert np.count_nonzero(pixels) == 6 * 64
    assert dirty == [3, 5, 51, 53]


def test_a_mask_cut_by_the_canvas_has_no_outline_there(pure):
    mask = np.ones((20, 20), bool)
    pixels, _ = paint(pure, mask, {"scale": 10, "x": -50, "y": -50}, 40, 30)
    assert (pixels == TINT).all()


def test_without_a_tint_only_the_outline_is_painted_and_the_rest_left_alone(pure):
    mask = np.ones((6, 6), bool)
    pixels, _ = paint(pure, mask, {"scale": 4, "x": 4, "y": 4}, 32, 32, thickness=1, tint=0)
    ring = np.zeros((32, 32), bool)
    ring[4:28, 4:28] = True
    ring[5:27, 5:27] = False
    assert np.array_equal(pixels == OUTLINE, ring)
    assert (pixels[~ring] == 0).all()


def test_a_mask_out_of_sight_paints_nothing(pure):
    pixels, dirty = paint(pure, np.ones((5, 5), bool), {"scale": 2, "x": 100, "y": 0}, 40, 40)
    assert dirty is None
    assert not pixels.any()


def test_colours_are_packed_as_an_image_holds_them(pure):
    assert pure.evaluate("packColour(parseColour('#102030'), 1)") == 0xFF302010
    bytes_of = "Array.from(new Uint8Array(new Uint32Array([packColour([1, 2, 3], 0.5)]).buffer))"
    assert pure.evaluate(bytes_of) == [1, 2, 3, 128]
