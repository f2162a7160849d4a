"""With dtype="auto", masks stay those of float32 but for pixels of their outlines."""

from pathlib import Path

import numpy as np
import pytest
import torch

from samui import Prompt
from samui.models import load_predictor, precision
from samui.pixels.images import read_image

pytestmark = pytest.mark.model

SAMPLES = Path(__file__).parents[2] / "assets" / "samples"


@pytest.fixture
def load(monkeypatch):
    def load(chosen, name="bundled"):
        monkeypatch.setattr(precision, "automatic", lambda device: chosen)
        monkeypatch.setattr(precision, "_LARGE", 0)  # the built-in model too
        return load_predictor(str(name), device="cpu", dtype="auto")

    return load


def prompts(height, width, count):
    """Points, and every third a box."""
    rng, found = np.random.default_rng(0), []
    for i in range(count):
        x, y = rng.uniform(0.1, 0.9, 2) * (width, height)
        half = rng.uniform(0.1, 0.4, 2) * (width, height)
        box = max(0, x - half[0]), max(0, y - half[1]), min(width, x + half[0]), min(height, y + half[1])
        found.append(Prompt(box=box) if i % 3 == 2 else Prompt([(x, y)], [1]))
    return found


def ious(one, other, picture, count):
    """Of the candidate that is best for `one`, for each prompt."""
    embeddings = one.embed(picture), other.embed(picture)
    found = []
    for prompt in prompts(*picture.shape[:2], count):
        ours, theirs = (p.predict(e, prompt) for p, e in zip((one, other), embeddings, strict=True))
        a, b = ours.mask(ours.best), theirs.mask(ours.best)
        found.append(np.count_nonzero(a & b) / max(1, np.count_nonzero(a | b)))
    return np.array(found)


@pytest.mark.parametrize("name", ["coffee", "astronaut"])
def test_masks_of_fifty_prompts_are_those_of_float32(bundled, load, name):
    auto = load("bfloat16")
    assert (auto.dtype, bundled.dtype) == ("bfloat16 encoder, float32 decoder", "float32")
    assert auto.key != bundled.key
    found = ious(bundled, auto, read_image(SAMPLES / f"{name}.jpg").pixels, 50)
    assert found.mean() >= 0.99
    assert found.min() >= 0.95
    assert found.min() < 1  # else bfloat16 was not used


def test_masks_of_the_base_architecture_are_those_of_float32(vit_b, vit_b_folder, load):
    found = ious(vit_b, load("bfloat16", vit_b_folder), read_image(SAMPLES / "coffee.jpg").pixels, 20)
    assert found.mean() >= 0.99
    assert found.min() >= 0.95


def test_the_decoder_stays_in_float32(load):
    auto = load("bfloat16")
    assert auto._model.vision_encoder.dtype == torch.bfloat16
    assert {weights.dtype for weights in auto._model.mask_decoder.parameters()} == {torch.float32}


def test_where_bfloat16_is_not_worth_it_auto_is_float32(bundled, load):
    auto = load("float32")
    picture = read_image(SAMPLES / "cat.jpg").pixels
    assert auto.key == bundled.key
    assert torch.equal(auto.embed(picture).tensors["embedding"], bundled.embed(picture).tensors["embedding"])


def test_in_the_library_precision_is_not_automatic_unless_asked_for(monkeypatch):
    monkeypatch.setattr(precision, "lower", lambda model: pytest.fail("asked"))
    assert load_predictor("bundled", device="cpu").dtype == "float32"


def test_the_built_in_model_is_the_same_on_every_machine(bundled, monkeypatch):
    monkeypatch.setattr(precision, "automatic", lambda device: "bfloat16")
    auto = load_predictor("bundled", device="cpu", dtype="auto")
    assert (auto.key, auto.dtype) == (bundled.key, "float32")


def test_an_embedding_comes_back_from_arrays_as_it_was(load):
    auto = load("bfloat16")
    embedding = auto.embed(read_image(SAMPLES / "cat.jpg").pixels)
    again = auto.unpack(auto.pack(embedding, half=False))
    assert again.tensors["embedding"].dtype == torch.bfloat16
    assert torch.equal(again.tensors["embedding"], embedding.tensors["embedding"])
