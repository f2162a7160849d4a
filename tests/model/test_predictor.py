"""What a predictor gives, what it refuses, out of memory, and packed."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL.Image
import pytest
import torch

from samui import Prediction, Prompt, load_predictor
from samui.errors import ImageError, ModelError, PromptError
from samui.models import Embedding
from samui.models.embeddings import EmbeddingCache
from samui.models.fast.decoder import FastDecoder
from tests.model.conftest import GRID, LOW, SIZE, picture

pytestmark = pytest.mark.model

POINT = Prompt([(40, 30)], [1])


@pytest.fixture(scope="module")
def embedding(bundled):
    return bundled.embed(picture(*SIZE))


def random_prompts(count: int) -> list[Prompt]:
    """Of one to three points, every fourth with a box besides."""
    rng, found = np.random.default_rng(0), []
    for i in range(count):
        points = rng.uniform(0, 60, (1 + i % 3, 2)).tolist()
        found.append(Prompt(points, [1, 0, 1][: len(points)], (5, 6, 70.5, 50) if i % 4 == 0 else None))
    return found


def embedded(predictor, image) -> torch.Tensor:
    return predictor.embed(image).tensors["embedding"]


def same(a: Prediction, b: Prediction) -> bool:
    return np.array_equal(a.logits, b.logits) and np.array_equal(a.scores, b.scores)


# What it gives


def test_the_encoder_runs_once_an_image_whatever_is_predicted(bundled):
    runs = []
    hook = bundled._model.vision_encoder.register_forward_hook(lambda *_: runs.append(1))
    try:
        embedding = bundled.embed(picture(*SIZE))
        for prompt in random_prompts(12):
            bundled.predict(embedding, prompt)
        bundled.predict_many(embedding, random_prompts(5))
    finally:
        hook.remove()
    assert len(runs) == 1


def test_positions_of_the_image_are_computed_once_a_predictor(bundled, embedding, monkeypatch):
    monkeypatch.setattr(bundled._model, "get_image_wide_positional_embeddings", lambda: pytest.fail("computed again"))
    bundled.predict(embedding, POINT)


def test_a_prediction_has_three_candidates_and_masks_at_image_size(bundled, embedding):
    prediction = bundled.predict(embedding, POINT)
    assert prediction.logits.shape == (3, *bundled.low_res_size)
    assert (prediction.logits.dtype, prediction.scores.dtype) == (np.float32, np.float32)
    assert prediction.masks.shape == (3, *SIZE)
    assert prediction.masks.dtype == bool
    assert np.isfinite(prediction.logits).all()
    assert len(bundled.predict(embedding, POINT, multimask=False)) == 1


def test_predictions_from_eight_threads_are_those_of_one(bundled, embedding):
    prompts = random_prompts(24)
    serial = [bundled.predict(embedding, prompt) for prompt in prompts]
    with ThreadPoolExecutor(8) as pool:
        parallel = list(pool.map(lambda prompt: bundled.predict(embedding, prompt), prompts))
    assert all(map(same, serial, parallel))


def test_embeddings_from_eight_threads_are_those_of_one(bundled):
    images = [picture(*SIZE, seed=seed) for seed in range(8)]
    serial = [bundled.embed(image).tensors["embedding"] for image in images]
    with ThreadPoolExecutor(8) as pool:
        parallel = [embedding.tensors["embedding"] for embedding in pool.map(bundled.embed, images)]
    assert all(map(torch.equal, serial, parallel))


def test_many_prompts_give_what_each_gives_alone_and_in_their_order(bundled, embedding):
    prompts = random_prompts(21)
    logits = bundled.predict(embedding, POINT).logits
    prompts[3] = Prompt(prompts[3].points, prompts[3].labels, prompts[3].box, logits[0])
    prompts[9] = Prompt(prompts[9].points, prompts[9].labels, prompts[9].box, logits[1])
    together = bundled.predict_many(embedding, prompts)
    for prompt, many in zip(prompts, together, strict=True):
        alone = bundled.predict(embedding, prompt)
        assert np.abs(many.logits - alone.logits).max() < 1e-3
        assert many.scores == pytest.approx(alone.scores, abs=1e-4)
    assert bundled.predict_many(embedding, []) == []
    assert len(bundled.predict_many(embedding, [POINT], multimask=False)[0]) == 1


def test_several_boxes_take_one_decoder_pass(bundled, embedding):
    passes = []
    hook = bundled._model.mask_decoder.register_forward_hook(lambda *_: passes.append(1))
    try:
        bundled.predict_many(embedding, [Prompt(box=(i, 5, 60 + i, 50)) for i in range(5)])
    finally:
        hook.remove()
    assert len(passes) == 1


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK"])
def test_a_pil_image_is_taken_as_rgb(bundled, mode):
    image = PIL.Image.fromarray(picture(*SIZE)).convert(mode)
    assert torch.equal(embedded(bundled, image), embedded(bundled, np.asarray(image.convert("RGB"))))


def test_a_view_and_a_read_only_array_are_embedded_as_their_pixels(bundled):
    wide = picture(60, 160)
    view = wide[:, ::2]
    copy = view.copy()
    copy.setflags(write=False)
    assert torch.equal(embedded(bundled, view), embedded(bundled, copy))


@pytest.mark.parametrize("size", [(1, 3000), (3000, 1)], ids=["row", "column"])
def test_an_image_of_one_row_or_column_works(bundled, size):
    prediction = bundled.predict(bundled.embed(picture(*size)), Prompt([(0.5, 0.5)], [1]))
    assert prediction.masks.shape == (3, *size)


def test_numbers_that_are_none_do_not_reach_the_caller(bundled, embedding):
    def spoil(module, given, out):
        logits, scores = out[0].clone(), out[1].clone()
        logits[..., 0, :] = torch.nan
        scores[..., 1] = torch.inf
        return logits, scores

    hook = bundled._model.mask_decoder.register_forward_hook(spoil)
    try:
        prediction = bundled.predict(embedding, POINT)
    finally:
        hook.remove()
    assert np.isfinite(prediction.logits).all()
    assert np.isfinite(prediction.scores).all()
    assert not prediction.mask(0)[0].any()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_other_precisions_run_and_come_close(bundled, embedding, dtype):
    half = load_predictor("bundled", device="cpu", dtype=dtype)
    assert half.dtype == dtype
    assert half.key != bundled.key
    own = half.embed(picture(*SIZE))
    assert own.nbytes * 2 == embedding.nbytes
    again = half.unpack(half.pack(own))
    (back, there) = (one.tensors["embedding"].float() for one in (again, own))
    assert torch.allclose(back, there, atol=0.01)
    prompt = Prompt([(40, 30)], [1], (10, 10, 70, 50), np.zeros((LOW, LOW)))
    found, expected = half.predict(own, prompt), bundled.predict(embedding, prompt)
    assert found.logits.dtype == np.float32
    assert found.scores == pytest.approx(expected.scores, abs=0.05)


# What it refuses


PROMPTS = {
    "empty": (Prompt(), "prompt: must have a point or a box, got neither"),
    "logits alone": (Prompt(mask_logits=np.zeros((LOW, LOW))), "prompt: must have a point or a box, got neither"),
    "outside": (Prompt([(81, 3)], [1]), "prompt.points[0]: must lie inside 80x60, got (81, 3)"),
    "box outside": (Prompt(box=(0, 0, 80, 61)), "prompt.box: must lie inside 80x60, got (0, 0, 80, 61)"),
    "logits of another size": (
        Prompt([(1, 1)], [1], mask_logits=np.zeros((256, 256))),
        f"prompt.mask_logits: must have shape ({LOW}, {LOW}), got (256, 256)",
    ),
    "logits with NaN": (
        Prompt([(1, 1)], [1], mask_logits=np.full((LOW, LOW), np.nan)),
        "prompt.mask_logits: must be finite, got NaN or infinity",
    ),
}


@pytest.mark.parametrize(("prompt", "message"), PROMPTS.values(), ids=PROMPTS.keys())
def test_a_prompt_that_breaks_a_rule_is_refused(bundled, embedding, prompt, message):
    with pytest.raises(PromptError) as caught:
        bundled.predict(embedding, prompt)
    assert str(caught.value) == message
    with pytest.raises(PromptError) as caught:
        bundled.predict_many(embedding, [POINT, prompt])
    assert str(caught.value) == message.replace("prompt", "prompts[1]", 1)


def test_an_embedding_of_another_model_is_refused(bundled, embedding):
    other = Embedding(embedding.tensors, embedding.frame, "other@0/float32")
    with pytest.raises(PromptError, match=r"embedding: must be made by bundled@.*, got one of other@0/float32"):
        bundled.predict(other, POINT)


IMAGES = {
    "float": (np.zeros((4, 4, 3)), r"must be uint8 RGB with shape \(H, W, 3\), got float64 \(4, 4, 3\)"),
    "grey": (np.zeros((4, 4), np.uint8), r"got uint8 \(4, 4\)"),
    "alpha": (np.zeros((4, 4, 4), np.uint8), r"got uint8 \(4, 4, 4\)"),
    "channels first": (np.zeros((3, 4, 4), np.uint8), r"got uint8 \(3, 4, 4\)"),
    "empty": (np.zeros((0, 4, 3), np.uint8), r"got uint8 \(0, 4, 3\)"),
    "path": ("photo.jpg", "must be a uint8 array .* or a PIL image, got str"),
}


@pytest.mark.parametrize(("image", "message"), IMAGES.values(), ids=IMAGES.keys())
def test_what_is_no_image_is_refused(bundled, image, message):
    with pytest.raises(ImageError, match="image: .*" + message):
        bundled.embed(image)


# Memory of the device


PARTS = [("_encode", "image encoder"), ("_pass", "mask decoder")]


def use(predictor):
    """Encode a picture and decode a point: the mask's size."""
    return predictor.predict(predictor.embed(picture(*SIZE)), Prompt([(5, 5)], [1])).mask(0).shape


@pytest.mark.parametrize("part", [name for name, _ in PARTS])
def test_a_part_that_runs_out_of_memory_once_tries_again(bundled, monkeypatch, part):
    works, tries = getattr(bundled, part), []

    def first_fails(*given):
        tries.append(1)
        if len(tries) == 1:
            raise torch.OutOfMemoryError("no memory")
        return works(*given)

    monkeypatch.setattr(bundled, part, first_fails)
    assert use(bundled) == SIZE
    assert len(tries) == 2


@pytest.mark.parametrize(("part", "name"), PARTS)
def test_a_part_that_has_no_memory_is_one_error_and_the_next_call_works(bundled, monkeypatch, part, name):
    def fail(*given):
        raise torch.OutOfMemoryError("no memory")

    works = getattr(bundled, part)
    monkeypatch.setattr(bundled, part, fail)
    with pytest.raises(ModelError, match=f"device cpu: must have memory for the {name}, got no memory"):
        use(bundled)
    monkeypatch.setattr(bundled, part, works)
    assert use(bundled) == SIZE


def test_an_embedding_that_overflowed_is_refused(bundled, monkeypatch):
    encode = bundled._encode
    monkeypatch.setattr(bundled, "_encode", lambda pixels: {name: t * torch.inf for name, t in encode(pixels).items()})
    with pytest.raises(ModelError, match="embeddings must be finite, got NaN or infinity in float32"):
        bundled.embed(picture(*SIZE))


# Packing and the cache


def test_packed_in_full_gives_the_same_bits_back(bundled, embedding):
    back = bundled.unpack(bundled.pack(embedding, half=False))
    assert (back.size, back.model) == (embedding.size, embedding.model)
    assert same(bundled.predict(back, POINT), bundled.predict(embedding, POINT))


def test_packed_in_half_takes_half_and_masks_keep_an_iou_of_99_percent(bundled, embedding):
    arrays = bundled.pack(embedding)
    assert arrays["embedding"].nbytes * 2 == embedding.nbytes
    assert arrays["embedding"].flags.c_contiguous
    back = bundled.unpack(arrays)
    for prompt in random_prompts(12):
        a, b = bundled.predict(embedding, prompt).masks, bundled.predict(back, prompt).masks
        assert (a & b).sum() >= 0.99 * (a | b).sum()


def test_values_beyond_float16_are_packed_in_full(bundled, embedding):
    large = Embedding({"embedding": embedding.tensors["embedding"] * 1e6}, embedding.frame, embedding.model)
    arrays = bundled.pack(large)
    assert arrays["embedding"].dtype == np.float32
    assert torch.equal(bundled.unpack(arrays).tensors["embedding"], large.tensors["embedding"])


ARRAYS = {
    "nothing": {},
    "other shape": {"embedding": np.zeros((1, 256, 64, 64), np.float16), "image_size": np.array([60, 80])},
    "not finite": {"embedding": np.full((1, 128, GRID, GRID), np.nan, np.float16), "image_size": np.array([60, 80])},
    "no size": {"embedding": np.zeros((1, 128, GRID, GRID), np.float16)},
    "size of zero": {"embedding": np.zeros((1, 128, GRID, GRID), np.float16), "image_size": np.array([0, 80])},
}


@pytest.mark.parametrize("arrays", ARRAYS.values(), ids=ARRAYS.keys())
def test_arrays_of_something_else_do_not_unpack(bundled, arrays):
    with pytest.raises(ValueError, match="must be"):
        bundled.unpack(arrays)


def test_a_second_start_with_a_disk_tier_runs_no_encoder(bundled, tmp_path, monkeypatch):
    image = picture(*SIZE)
    first = EmbeddingCache(1 << 20, tmp_path).get_or_encode(bundled, image)
    monkeypatch.setattr(bundled, "_encode", lambda pixels: pytest.fail("encoded again"))
    cache = EmbeddingCache(1 << 20, tmp_path)
    second = cache.get_or_encode(bundled, image)
    assert cache.nbytes == second.nbytes == 128 * GRID * GRID * 4
    halves = bundled.unpack(bundled.pack(first))
    assert same(bundled.predict(halves, POINT), bundled.predict(second, POINT))


def test_no_click_on_an_image_has_more_to_do_than_the_others(monkeypatch):
    predictor = load_predictor("bundled", device="cpu")
    made = []
    make = FastDecoder.make_terms
    monkeypatch.setattr(FastDecoder, "make_terms", lambda self, tensor: made.append(tensor) or make(self, tensor))
    embedding = predictor.embed(np.zeros((30, 40, 3), np.uint8))
    assert len(made) == 1
    for x in (5, 10):
        predictor.predict(embedding, Prompt([(x, 5)], [1]))
    assert len(made) == 1
