"""Run lengths against pycocotools, both ways, and the rules that a malformed one breaks."""

import numpy as np
import pytest
from pycocotools import mask as coco

from samui.errors import SamuiError
from samui.pixels.rle import MaskError, Rle


def random_mask(seed: int, height: int, width: int) -> np.ndarray:
    """A blob with holes, islands, single pixels set and unset, cut by the border."""
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[:height, :width]
    mask = np.zeros((height, width), bool)
    for value in (True, True, False, False, True):  # blobs, holes in them, an island in a hole
        cy, cx = rng.uniform(0, height), rng.uniform(0, width)
        ry, rx = rng.uniform(0.5, height / 2 + 1), rng.uniform(0.5, width / 2 + 1)
        mask[((ys - cy) / ry) ** 2 + ((xs - cx) / rx) ** 2 < 1] = value
    mask[rng.integers(height), rng.integers(width)] ^= True
    mask[rng.random((height, width)) < 0.01] ^= True
    return mask


def single(height: int, width: int, y: int, x: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[y, x] = True
    return mask


MASKS = {
    "empty": np.zeros((5, 7), bool),
    "full": np.ones((5, 7), bool),
    "1x1 set": np.ones((1, 1), bool),
    "1x1 unset": np.zeros((1, 1), bool),
    "one row": random_mask(1, 1, 90),
    "one column": random_mask(2, 90, 1),
    "first pixel": single(6, 9, 0, 0),
    "last pixel": single(6, 9, 5, 8),
    "checkerboard": np.indices((13, 17)).sum(axis=0) % 2 == 0,
    "noise": np.random.default_rng(3).random((64, 65)) < 0.5,
    "ring": random_mask(4, 41, 43) & ~single(41, 43, 20, 21),
    "columns joined over the border": np.arange(48).reshape(6, 8) % 8 < 4,
    "wider than one block": np.random.default_rng(5).random((3, 700_001)) < 0.001,
    **{f"blobs {seed}": random_mask(seed, 20 + 7 * seed, 90 - 5 * seed) for seed in range(12)},
}
every_mask = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)


def coco_string(mask: np.ndarray) -> str:
    return coco.encode(np.asfortranarray(mask.view(np.uint8)))["counts"].decode()


def split_counts(mask: np.ndarray) -> np.ndarray:
    """Run lengths with an empty run in the middle of each longer one."""
    counts = Rle.encode(mask).counts.tolist()
    return np.array([part for n in counts for part in ((n // 2, 0, n - n // 2) if n > 3 else (n,))])


@every_mask
def test_string_is_byte_identical_to_pycocotools(mask):
    assert Rle.encode(mask).to_string() == coco_string(mask)


@every_mask
def test_string_of_pycocotools_decodes_to_the_same_mask(mask):
    decoded = Rle.from_string(mask.shape, coco_string(mask)).decode()
    assert decoded.dtype == bool
    assert decoded.flags.c_contiguous
    np.testing.assert_array_equal(decoded, mask)


@every_mask
def test_area_and_box_need_no_decoding(mask):
    rle = Rle.encode(mask)
    assert rle.area == mask.sum()
    ys, xs = np.nonzero(mask)
    expected = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) if len(xs) else None
    assert rle.box == expected


def test_a_view_that_is_not_contiguous_encodes_like_its_copy():
    mask = random_mask(7, 40, 60)
    for view in (mask[::2, 5:31], mask.T, mask[::-1]):
        assert Rle.encode(view) == Rle.encode(view.copy())


def test_first_count_is_of_zeros():
    assert Rle.encode(np.ones((2, 3), bool)).counts.tolist() == [0, 6]
    assert Rle.encode(np.array([[0, 1], [0, 1]], bool)).counts.tolist() == [2, 2]


def test_runs_of_millions_keep_their_length():
    mask = np.zeros((3000, 4000), bool)
    mask[:, 1500:3900] = True
    text = coco_string(mask)
    assert Rle.encode(mask).to_string() == text
    assert Rle.from_string((3000, 4000), text).area == 3000 * 2400


def test_a_run_of_no_pixels_moves_neither_box_nor_mask():
    rle = Rle((2, 4), np.array([1, 0, 3, 2, 2, 0]))
    assert rle.box == (2, 0, 3, 2)
    np.testing.assert_array_equal(np.argwhere(rle.decode()), [[0, 2], [1, 2]])


@pytest.mark.parametrize("block", [1, 50, 1000])
@pytest.mark.parametrize("mask", [mask for mask in MASKS.values() if mask.size < 20_000])
def test_a_mask_larger_than_a_block_decodes_the_same(mask, block, monkeypatch):
    monkeypatch.setattr("samui.pixels.rle._BLOCK", block)
    rle = Rle(mask.shape, split_counts(mask))
    np.testing.assert_array_equal(rle.decode(), mask)


def test_equal_masks_are_equal_values_and_hash_alike():
    a, b = (Rle.encode(random_mask(3, 30, 40)) for _ in range(2))
    assert a == b
    assert hash(a) == hash(b)
    assert a != Rle.encode(random_mask(4, 30, 40))
    assert Rle.encode(np.zeros((2, 6), bool)) != Rle.encode(np.zeros((6, 2), bool))


def test_counts_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        Rle.encode(np.ones((2, 2), bool)).counts[0] = 1


MALFORMED = {
    "wrong sum": (lambda: Rle((2, 3), np.array([1, 4])), "rle.counts: must sum to 6 for 3x2, got 5"),
    "no counts": (lambda: Rle((2, 3), np.array([], int)), "rle.counts: must sum to 6 for 3x2, got 0"),
    "negative count": (lambda: Rle((2, 3), np.array([7, -1])), "rle.counts: must not be negative, got -1"),
    "runs whose sum wraps round": (
        lambda: Rle((2, 3), np.array([2**62] * 4 + [6])),
        "rle.counts: must be at most 6 each, got 4611686018427387904",
    ),
    "unsigned runs whose sum wraps round": (
        lambda: Rle((2, 3), np.array([2**63, 2**63, 6], np.uint64)),
        "rle.counts: must be at most 6 each, got 9223372036854775808",
    ),
    "fractions": (lambda: Rle((2, 3), np.array([5.5, 0.5])), "rle.counts: must be a list of whole numbers, got array"),
    "zero size": (
        lambda: Rle((0, 3), np.array([0])),
        "rle.size: must be (height, width) of 1 to 2^32 pixels, got (0, 3)",
    ),
    "size of three": (
        lambda: Rle((1, 2, 3), np.array([6])),
        "rle.size: must be (height, width) in pixels, got (1, 2, 3)",
    ),
    "size of text": (lambda: Rle("ab", np.array([6])), "rle.size: must be (height, width) in pixels, got 'ab'"),
    "huge size": (
        lambda: Rle.from_string((10**9, 10**9), "0"),
        "rle.size: must be (height, width) of 1 to 2^32 pixels",
    ),
    "not a string": (lambda: Rle.from_string((2, 3), [6]), "rle.counts: must be a string of ASCII characters, got [6]"),
    "empty string": (lambda: Rle.from_string((2, 3), ""), "rle.counts: must end with a whole number, got ''"),
    "not ascii": (lambda: Rle.from_string((2, 3), "6é"), "rle.counts: must be a string of ASCII characters, got '6é'"),
    "wrong character": (
        lambda: Rle.from_string((2, 3), "1!4"),
        "rle.counts[1]: must be a character from '0' to 'o', got '!'",
    ),
    "cut short": (lambda: Rle.from_string((2, 3), "6R"), "rle.counts: must end with a whole number, got '6R'"),
    "endless number": (
        lambda: Rle.from_string((2, 3), "o" * 9 + "0"),
        "must be numbers of at most 7 characters, got 10",
    ),
    "negative run": (lambda: Rle.from_string((2, 3), "7O"), "rle.counts: each run must be from 0 to 6, got 7 as run 0"),
    "string of wrong sum": (lambda: Rle.from_string((2, 3), "14"), "rle.counts: must sum to 6 for 3x2, got 5"),
    "mask of bytes": (
        lambda: Rle.encode(np.ones((2, 2), np.uint8)),
        "mask: must be a bool array (H, W), got uint8 (2, 2)",
    ),
    "mask with channels": (lambda: Rle.encode(np.ones((2, 2, 3), bool)), "mask: must be a bool array (H, W), got bool"),
    "mask of nothing": (
        lambda: Rle.encode(np.ones((0, 4), bool)),
        "mask: must be a bool array (H, W), got bool (0, 4)",
    ),
}


@pytest.mark.parametrize(("make", "message"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_rle_is_refused_with_its_rule(make, message):
    with pytest.raises(MaskError) as caught:
        make()
    assert isinstance(caught.value, SamuiError)
    assert message in str(caught.value)


def test_overlap_counts_the_pixels_of_both():
    draw = np.random.default_rng(5)
    for density in (0.0, 0.05, 0.5, 0.95, 1.0) * 5:
        size = tuple(draw.integers(1, 12, 2))
        one, other = draw.random(size) < density, draw.random(size) < draw.random()
        assert Rle.encode(one).overlap(Rle.encode(other)) == np.count_nonzero(one & other)


def test_columns_are_the_runs_of_each_column():
    mask = np.array([[0, 1, 1], [1, 1, 0], [1, 1, 1]], bool)
    assert Rle.encode(mask).columns().tolist() == [[1, 3], [3, 6], [6, 7], [8, 9]]
