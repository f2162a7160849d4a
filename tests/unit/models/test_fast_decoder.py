"""The fast mask decoder computes what transformers' computes, and steps back where it would not."""

import gc
import logging

import pytest
import torch

from samui.models.fast import decoder as fast_decoder
from samui.models.fast import linear as fast_linear
from samui.models.fast.cross import Cross
from tests.small_sam import make_model

pytestmark = pytest.mark.slow  # many, and together they take seconds


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def model():
    return make_model()


@pytest.fixture
def embedding():
    return random(1, 16, 10, 10).contiguous(memory_format=torch.channels_last)


def given(model, embedding, *, count=1, tokens=2, masked=False, multimask=True):
    """Arguments of the decoder for prompts of so many tokens on one image."""
    dense = model.prompt_encoder.no_mask_embed.weight.view(1, -1, 1, 1).expand(count, -1, 10, 10)
    return {
        "image_embeddings": embedding.expand(count, -1, -1, -1),
        "image_positional_embeddings": model.get_image_wide_positional_embeddings().expand(count, -1, -1, -1),
        "sparse_prompt_embeddings": random(count, 1, tokens, 16, seed=1),
        "dense_prompt_embeddings": random(count, 16, 10, 10, seed=2) if masked else dense,
        "multimask_output": multimask,
    }


def decode(model, **arguments):
    with torch.inference_mode():
        return model.mask_decoder(**arguments)


@pytest.mark.parametrize("multimask", [True, False], ids=["three", "single"])
@pytest.mark.parametrize("masked", [False, True], ids=["no mask", "mask"])
@pytest.mark.parametrize(("count", "tokens"), [(1, 2), (3, 2), (1, 9), (2, 19), (1, 60)])
def test_logits_and_scores_are_those_of_transformers(model, embedding, count, tokens, masked, multimask):
    arguments = given(model, embedding, count=count, tokens=tokens, masked=masked, multimask=multimask)
    expected = decode(model, **arguments)
    fast = fast_decoder.install(model)
    found = decode(model, **arguments, image_terms=fast.make_terms({"embedding": embedding}), masked=masked)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    assert not torch.equal(found[0], expected[0])  # else the stock path ran twice


def test_without_onednn_the_results_are_the_same(model, embedding, monkeypatch):
    monkeypatch.setattr(fast_linear, "usable", lambda device, dtype: False)
    expected = decode(model, **given(model, embedding))
    fast = fast_decoder.install(model)
    found = decode(
        model, **given(model, embedding), image_terms=fast.make_terms({"embedding": embedding}), masked=False
    )
    assert torch.allclose(found[0], expected[0], rtol=1e-5, atol=1e-5)


def test_a_call_without_terms_is_transformers_own_bit_for_bit(model, embedding):
    arguments = given(model, embedding)
    expected = decode(model, **arguments)
    fast_decoder.install(model)
    found = decode(model, **arguments, masked=False)
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])


@pytest.mark.parametrize(("tokens", "projected"), [(2, 0), (60, 5)])
def test_patches_are_projected_for_many_tokens_alone(model, embedding, tokens, projected, monkeypatch):
    """Three attentions of a prompt ask for keys of its patches, two for queries; the terms of the image are given."""
    fast = fast_decoder.install(model)
    terms, calls = fast.make_terms({"embedding": embedding}), []
    for name in ("all_keys", "all_queries"):
        own = getattr(Cross, name)
        monkeypatch.setattr(Cross, name, lambda self, x, own=own: calls.append(x) or own(self, x))
    decode(model, **given(model, embedding, tokens=tokens, masked=True), image_terms=terms, masked=True)
    assert len(calls) == projected


class Image:
    """As an Embedding is: an object with tensors, that can be referred to weakly."""

    def __init__(self, seed):
        self.tensors = {"embedding": random(1, 16, 10, 10, seed=seed)}


def test_terms_are_made_once_an_image_and_go_with_it(model):
    fast = fast_decoder.install(model)
    image = Image(0)
    terms = fast.terms(image)
    assert fast.terms(image) is terms
    assert fast.terms(Image(1)) is not terms
    del image
    gc.collect()
    assert len(fast._terms) == 0


def test_terms_of_the_images_used_last_are_kept(model, monkeypatch):
    monkeypatch.setattr(fast_decoder, "_KEPT", 2)
    fast = fast_decoder.install(model)
    images = [Image(seed) for seed in range(3)]
    first, second = fast.terms(images[0]), fast.terms(images[1])
    assert fast.terms(images[0]) is first
    fast.terms(images[2])
    assert fast.terms(images[0]) is first
    assert fast.terms(images[1]) is not second
    assert len(fast._terms) == 2


def rename(decoder):
    decoder.transformer.blocks = decoder.transformer.layers
    del decoder.transformer.layers


def other_kernel(decoder):
    decoder.upscale_conv1.kernel_size = (3, 3)


def other_arithmetic(decoder):
    forward = decoder.transformer.forward

    def louder(**arguments):
        tokens, patches = forward(**arguments)
        return 1.01 * tokens, patches

    decoder.transformer.forward = louder


@pytest.mark.parametrize("change", [rename, other_kernel, other_arithmetic])
def test_a_decoder_that_is_not_as_known_leaves_transformers_own_path(model, change, caplog):
    stock = model.mask_decoder.forward
    change(model.mask_decoder)
    with caplog.at_level(logging.WARNING):
        assert fast_decoder.install(model) is None
    assert model.mask_decoder.forward == stock
    assert "mask decoder: transformers' own path" in caplog.text


def test_other_devices_and_types_are_left_alone(model, caplog):
    assert fast_decoder.install(make_model().to("meta")) is None
    assert fast_decoder.install(make_model(torch.float16)) is None
    assert caplog.text == ""
