import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional

from samui.pixels.geometry import Frame, mask_boundaries, run_lengths
from samui.pixels.rle import Rle

SIZES = {
    "landscape": (300, 400),
    "portrait": (400, 300),
    "square": (256, 256),
    "larger than the square": (1500, 2000),
    "tiny": (7, 5),
    "one pixel": (1, 1),
    "one row": (1, 3000),
    "one column": (3000, 1),
    "odd": (333, 1777),
}
sizes = pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())


def taps(length: int, samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neighbours and weight of bilinear `align_corners=False` upsampling, written as its definition reads."""
    scale = np.float32(samples) / np.float32(length)
    at = np.clip(np.float32(np.float64(scale) * (np.arange(length) + 0.5) - 0.5), 0, samples - 1)
    low = np.floor(at).astype(int)
    return low, np.minimum(low + 1, samples - 1), at - low


def bilinear(field: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """All of it in float64, as slow as it looks."""
    (y0, y1, v), (x0, x1, u) = taps(size[0], field.shape[0]), taps(size[1], field.shape[1])
    rows = field[y0] * (1 - v)[:, None] + field[y1] * v[:, None]
    return rows[:, x0] * (1 - u) + rows[:, x1] * u


def reference(logits: np.ndarray, frame: Frame) -> np.ndarray:
    field = bilinear(logits.astype(np.float64), frame.field)
    return bilinear(field[: frame.crop[0], : frame.crop[1]], frame.image)


def blobs(seed: int, *, blur: float, shift: float = 0.0) -> np.ndarray:
    noise = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal((64, 64)).astype(np.float32), (0, 0), blur)
    return (noise / noise.std() * 8 + shift).astype(np.float32)


def fit(size: tuple[int, int]) -> Frame:
    return Frame.fit(*size, longest=256)


@sizes
def test_longest_side_fills_the_square_and_the_other_keeps_its_share(size):
    frame = fit(size)
    assert max(frame.resized) == 256
    short = min(size) * 256 / max(size)
    assert min(frame.resized) == max(1, int(short + 0.5))
    assert (frame.field, frame.crop) == ((256, 256), frame.resized)


@sizes
def test_corners_of_the_image_are_corners_of_what_the_model_sees(size):
    height, width = size
    for frame in fit(size), Frame.stretch(*size, side=1024, low=256):
        corners = frame.to_model([(0, 0), (width, 0), (0, height), (width, height), (width / 2, height / 2)])
        h, w = frame.resized
        assert np.allclose(corners, [(0, 0), (w, 0), (0, h), (w, h), (w / 2, h / 2)], rtol=0, atol=1e-9)


def test_the_axes_scale_by_their_own_factor():
    frame = Frame.fit(333, 1777, longest=1024)
    assert frame.resized == (192, 1024)
    assert frame.to_model((1777, 333)).tolist() == pytest.approx([1024, 192])
    assert frame.to_model((0, 0)).tolist() == [0, 0]


def test_a_stretched_image_scales_to_the_square_and_its_logits_do_not():
    frame = Frame.stretch(333, 1777, side=1008, low=288)
    assert frame.to_model((1777, 333)).tolist() == pytest.approx([1008, 1008])
    assert (frame.field, frame.crop) == ((288, 288), (288, 288))
    assert frame.turned == Frame.stretch(1777, 333, side=1008, low=288)


@sizes
@pytest.mark.parametrize(("low", "seed"), [(64, 1), (64, 2), (37, 3)])
def test_mask_of_a_stretched_image_is_torchs_one_bilinear_step(size, low, seed):
    """The post-processing of transformers' `Sam2Processor`: `interpolate` from the logits to the image, above 0."""
    logits = cv2.resize(blobs(seed, blur=2), (low, low))
    frame = Frame.stretch(*size, side=1024, low=low)
    given = torch.from_numpy(logits)[None, None]
    expected = functional.interpolate(given, size, mode="bilinear", align_corners=False)[0, 0].numpy()
    mask = frame.mask(logits)
    assert 0.02 < mask.mean() < 0.98 or min(size) < 10
    # In float32 torch rounds where the exact value is within rounding of 0; elsewhere every pixel is the same.
    assert not np.any((mask != (expected > 0)) & (np.abs(expected) > 1e-5))
    assert np.count_nonzero(mask != (expected > 0)) <= 1
    assert Rle(size, frame.runs(logits)) == Rle.encode(mask)


@sizes
def test_mask_of_a_padded_image_is_torchs_two_bilinear_steps(size):
    logits, frame = blobs(7, blur=3), fit(size)
    square = functional.interpolate(torch.from_numpy(logits)[None, None], (256, 256), mode="bilinear")
    part = square[..., : frame.resized[0], : frame.resized[1]]
    expected = functional.interpolate(part, size, mode="bilinear")[0, 0].numpy()
    assert not np.any((frame.mask(logits) != (expected > 0)) & (np.abs(expected) > 1e-5))


@sizes
@pytest.mark.parametrize(("blur", "shift"), [(0.6, 0), (3, -4), (12, 0), (3, 40), (3, -40)])
def test_mask_is_that_of_two_bilinear_steps(size, blur, shift):
    logits = blobs(3, blur=blur, shift=shift)
    expected = reference(logits, fit(size))
    mask = fit(size).mask(logits)
    assert mask.dtype == bool
    assert mask.shape == size
    assert not np.any((mask != (expected > 0)) & (np.abs(expected) > 1e-5))


@pytest.mark.slow
def test_mask_at_twelve_megapixels_is_that_of_two_bilinear_steps():
    logits = blobs(5, blur=4)
    frame = Frame.fit(3000, 4000, longest=256)
    expected = reference(logits, frame)
    assert not np.any((frame.mask(logits) != (expected > 0)) & (np.abs(expected) > 1e-5))


@pytest.mark.parametrize("sign", [1, -1], ids=["rising", "falling"])
def test_a_pixel_whose_logit_is_exactly_zero_is_outside_and_its_neighbour_is_not(sign):
    # One pixel a row lies where torch's float32 arithmetic samples 0; the rows are not scaled, so each is by itself.
    samples, width = 300, 1300
    low, _, part = taps(width, samples)
    chosen = np.linspace(10, width - 10, samples).astype(int)
    at = (low + part)[chosen]
    logits = (sign * (np.arange(samples) - at[:, None])).astype(np.float32)
    mask = Frame.stretch(samples, width, side=samples, low=samples).mask(logits)
    columns = np.arange(width)
    assert np.array_equal(mask, columns > chosen[:, None] if sign > 0 else columns < chosen[:, None])


def test_logits_of_zero_stay_outside():
    assert not fit((300, 400)).mask(np.zeros((64, 64), np.float32)).any()


def test_the_smallest_positive_logits_keep_their_sign():
    # In float32 half of the smallest number is 0, and a sign lost at one pixel would flip the rest of its row.
    logits = np.full((64, 64), np.finfo(np.float32).smallest_subnormal)
    logits[20:30, 20:30] = -1
    frame = Frame.stretch(200, 200, side=64, low=64)
    assert np.array_equal(frame.mask(logits), bilinear(logits.astype(np.float64), (200, 200)) > 0)


def test_mask_is_the_same_each_time():
    frame, logits = fit((1500, 2000)), blobs(9, blur=2)
    first = frame.mask(logits)
    assert all(np.array_equal(frame.mask(logits), first) for _ in range(5))


def test_boundaries_are_sorted_pairs_that_count_the_area():
    frame, logits = fit((300, 400)), blobs(1, blur=3)
    offsets = mask_boundaries(logits, frame)
    assert len(offsets) % 2 == 0
    assert np.all(np.diff(offsets) >= 0)
    assert (offsets[1::2] - offsets[::2]).sum() == frame.mask(logits).sum()


def test_work_grows_with_the_outline_and_not_with_the_area():
    inner = np.full((64, 64), -5, np.float32)
    inner[20:40, 20:40] = 5
    frame = Frame.fit(3000, 4000, longest=256)
    assert len(mask_boundaries(inner, frame)) <= 2 * 3000
    assert len(mask_boundaries(np.full((64, 64), -5, np.float32), frame)) == 0


@sizes
@pytest.mark.parametrize(("blur", "shift"), [(0.6, 0), (3, -4), (12, 0), (3, 40), (3, -40)])
def test_runs_are_those_of_the_mask_as_coco_writes_them(size, blur, shift):
    logits, frame = blobs(4, blur=blur, shift=shift), fit(size)
    assert Rle(size, frame.runs(logits)) == Rle.encode(frame.mask(logits))


def plain_mask(logits: np.ndarray, frame: Frame) -> np.ndarray:
    """`Frame.mask` without a thought of time: all cells, and each crossing looked up among all pixels."""
    field = cv2.resize(np.ascontiguousarray(logits.T), frame.field, interpolation=cv2.INTER_LINEAR)
    field = field[: frame.crop[1], : frame.crop[0]].astype(np.float64)
    (y0, y1, part), (low, _, rest) = (taps(n, len_) for n, len_ in zip(frame.image[::-1], field.shape, strict=True))
    columns = field[y0] * (1 - part)[:, None] + field[y1] * part[:, None]
    at = low + rest
    mask = np.zeros(frame.image[::-1], bool)
    for line, values in zip(mask, columns, strict=True):
        line[:] = values[0] > 0
        for i in np.flatnonzero((values[1:] > 0) != (values[:-1] > 0)):
            side = "left" if values[i] > 0 else "right"
            line[np.searchsorted(at, i + values[i] / (values[i] - values[i + 1]), side) :] ^= True
    return mask.T


@pytest.mark.parametrize("seed", range(60))
def test_mask_is_to_the_bit_that_of_looking_at_every_cell(seed):
    rng = np.random.default_rng(seed)
    size = [int(2 ** rng.uniform(0, 10)) for _ in range(2)]
    logits = blobs(seed, blur=rng.choice([0.3, 0.6, 3, 12]), shift=rng.choice([0, -4, 4, 40, -40]))
    if seed % 5 == 0:
        logits = np.round(logits)  # crossings that lie exactly on samples and on pixels
    frame = Frame.fit(*size, longest=int(rng.choice([64, 128, 192, 256])))
    if seed % 3 == 0:
        frame = Frame.stretch(*size, side=1024, low=64)
    expected = plain_mask(logits, frame)
    assert np.array_equal(frame.mask(logits), expected)
    assert np.array_equal(frame.runs(logits), Rle.encode(expected).counts)


@sizes
@pytest.mark.parametrize("low", [None, 64])
def test_spans_are_the_runs_of_each_column(size, low):
    frame = Frame.stretch(*size, side=1024, low=low) if low else fit(size)
    logits = blobs(11, blur=0.6)
    spans, mask = frame.spans(logits), frame.mask(logits)
    assert np.all(spans[:, 0] < spans[:, 1])
    assert np.all(spans[1:, 0] >= spans[:-1, 1])
    assert np.array_equal(spans[:, 0] // size[0], (spans[:, 1] - 1) // size[0])
    flat = np.zeros(size[0] * size[1], bool)
    for first, end in spans:
        flat[first:end] = True
    assert np.array_equal(flat.reshape(size[::-1]).T, mask)
    assert run_lengths(spans, size).tolist() == Rle.encode(mask).counts.tolist()
