"""The fast mask decoders of SAM 2 and SAM-HQ compute what transformers' compute, and step back where they would not."""

import logging

import pytest
import torch

from samui.models.fast import decoder as fast_decoder
from samui.models.fast.decoders import FastHqDecoder, FastSam2Decoder, SwappedHqDecoder
from samui.models.fast.vision import FastVision
from tests.small_sam import make_model, make_stretching_model

pytestmark = pytest.mark.slow

GRID, WIDTH = {"sam2": 8, "sam_hq": 10}, {"sam2": 32, "sam_hq": 16}


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=["sam2", "sam_hq"])
def family(request):
    return request.param


@pytest.fixture
def model(family):
    return make_stretching_model() if family == "sam2" else make_model(hq=True)


def install(model, family):
    kinds = (FastSam2Decoder,) if family == "sam2" else (SwappedHqDecoder, FastHqDecoder)
    return fast_decoder.install(model, *kinds)


def tensors(family, seed=0):
    """A random embedding."""
    side, width = GRID[family], WIDTH[family]
    image = random(1, width, side, side, seed=seed).contiguous(memory_format=torch.channels_last)
    if family == "sam_hq":
        return {"embedding": image, "early": random(1, side, side, 48, seed=seed + 1)}
    fine = random(1, width // 8, 4 * side, 4 * side, seed=seed + 1)
    return {"embedding": image, "fine": fine, "middle": random(1, width // 4, 2 * side, 2 * side, seed=seed + 2)}


def given(model, family, *, count=1, tokens=3, masked=False, multimask=True):
    """Arguments of the decoder for prompts of so many tokens on one image."""
    maps, side, width = tensors(family), GRID[family], WIDTH[family]
    dense = model.prompt_encoder.no_mask_embed.weight.view(1, -1, 1, 1).expand(count, -1, side, side)
    if family == "sam2":
        more = {"high_resolution_features": [maps[name].expand(count, -1, -1, -1) for name in ("fine", "middle")]}
    else:
        more = {"hq_token_only": False, "intermediate_embeddings": [maps["early"]]}
    return more | {
        "image_embeddings": maps["embedding"].expand(count, -1, -1, -1),
        "image_positional_embeddings": model.get_image_wide_positional_embeddings().expand(count, -1, -1, -1),
        "sparse_prompt_embeddings": random(count, 1, tokens, width, seed=5),
        "dense_prompt_embeddings": random(count, width, side, side, seed=6) if masked else dense,
        "multimask_output": multimask,
    }


@pytest.mark.parametrize("multimask", [True, False], ids=["three", "single"])
@pytest.mark.parametrize("masked", [False, True], ids=["no mask", "mask"])
@pytest.mark.parametrize(("count", "tokens"), [(3, 2), (1, 40)])
@torch.inference_mode()
def test_outputs_are_those_of_transformers(model, family, count, tokens, masked, multimask):
    arguments = given(model, family, count=count, tokens=tokens, masked=masked, multimask=multimask)
    expected = model.mask_decoder(**arguments)
    fast = install(model, family)
    found = model.mask_decoder(**arguments, image_terms=fast.make_terms(tensors(family)), masked=masked)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    assert not torch.equal(found[0], expected[0])  # else the stock path ran twice


@pytest.mark.parametrize("stable", [True, False])
@torch.inference_mode()
def test_a_single_mask_of_sam_2_falls_back_to_the_best_of_three_where_it_is_not_stable(stable):
    model = make_stretching_model()
    model.mask_decoder.dynamic_multimask_stability_delta = 0.0 if stable else 0.5
    arguments = given(model, "sam2", multimask=False)
    expected = model.mask_decoder(**arguments)
    fast = install(model, "sam2")
    terms = fast.make_terms(tensors("sam2"))
    found = model.mask_decoder(**arguments, image_terms=terms, masked=False)
    three = model.mask_decoder(**given(model, "sam2"), image_terms=terms, masked=False)
    assert torch.allclose(found[0], expected[0], atol=1e-5)
    assert (float(found[1]) in three[1].flatten().tolist()) == (not stable)


@torch.inference_mode()
def test_what_depends_on_the_image_alone_in_sam_hq_is_made_once_an_image():
    """transformers makes it anew for every prompt: two pairs of convolutions, and here the last pair besides."""
    model, calls = make_model(hq=True), []
    fast = install(model, "sam_hq")
    decoder = model.mask_decoder
    for name in ("encoder_conv1", "encoder_conv2", "compress_vit_conv1", "compress_vit_conv2", "mask_conv1"):
        getattr(decoder, name).register_forward_hook(lambda *_, name=name: calls.append(name))
    terms = fast.make_terms(tensors("sam_hq"))
    assert calls == ["mask_conv1"]
    decoder(**given(model, "sam_hq", count=3), image_terms=terms, masked=False)
    assert calls == ["mask_conv1"]


@torch.inference_mode()
def as_the_authors(model, arguments):
    """Logits and scores with masks made of what the attention leaves, as SAM-HQ's authors have it."""
    decoder, count = model.mask_decoder, len(arguments["sparse_prompt_embeddings"])
    own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight, decoder.hq_token.weight])
    tokens = torch.cat([own.expand(count, 1, -1, -1), arguments["sparse_prompt_embeddings"]], dim=2)
    image = arguments["image_embeddings"]
    early = arguments["intermediate_embeddings"][0].permute(0, 3, 1, 2)
    act = decoder.activation
    features = decoder.encoder_conv2(act(decoder.encoder_norm(decoder.encoder_conv1(image))))
    features = features + decoder.compress_vit_conv2(act(decoder.compress_vit_norm(decoder.compress_vit_conv1(early))))
    tokens, patches = decoder.transformer(
        point_embeddings=tokens,
        image_embeddings=image + arguments["dense_prompt_embeddings"],
        image_positional_embeddings=arguments["image_positional_embeddings"],
        attention_similarity=None,
    )
    fine = patches.transpose(2, 3).reshape(image.shape)
    fine = act(decoder.upscale_layer_norm(decoder.upscale_conv1(fine)))
    fine = act(decoder.upscale_conv2(fine))
    finest = decoder.mask_conv2(act(decoder.mask_norm(decoder.mask_conv1(fine)))) + features
    mixtures = torch.stack([head(tokens[:, 0, 1 + i]) for i, head in enumerate(decoder.output_hypernetworks_mlps)], 1)
    logits = torch.einsum("bkc,bcyx->bkyx", mixtures, fine)
    quality = torch.einsum("bc,bcyx->byx", decoder.hq_mask_mlp(tokens[:, 0, 5]), finest)[:, None]
    scores = decoder.iou_prediction_head(tokens[:, 0, 0])
    if not arguments["multimask_output"]:
        return logits[:, :1] + quality, scores[:, :1]
    scores, order = scores[:, 1:].sort(descending=True)
    logits = logits[:, 1:].gather(1, order[..., None, None].expand(-1, -1, *logits.shape[2:]))
    return logits + quality, scores


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("masked", [False, True])
@torch.inference_mode()
def test_a_version_of_transformers_that_follows_the_authors_of_sam_hq_is_followed(masked, multimask, monkeypatch):
    model = make_model(hq=True)
    arguments = given(model, "sam_hq", count=2, masked=masked, multimask=multimask)
    expected = as_the_authors(model, arguments)

    def forward(**given):
        logits, scores = as_the_authors(model, given)
        return logits[:, None], scores[:, None]

    monkeypatch.setattr(model.mask_decoder, "forward", forward)
    fast = install(model, "sam_hq")
    assert type(fast) is FastHqDecoder
    found = fast.forward(**arguments, image_terms=fast.make_terms(tensors("sam_hq")), masked=masked)
    assert torch.allclose(found[0][:, 0], expected[0], rtol=1e-4, atol=1e-5)
    assert torch.allclose(found[1][:, 0], expected[1], atol=1e-5)


def test_a_decoder_that_is_not_as_known_leaves_transformers_own_path(model, family, caplog):
    stock = model.mask_decoder.forward
    forward = model.mask_decoder.transformer.forward

    def louder(**arguments):
        tokens, patches = forward(**arguments)
        return 1.01 * tokens, patches

    model.mask_decoder.transformer.forward = louder
    with caplog.at_level(logging.WARNING):
        assert install(model, family) is None
    assert model.mask_decoder.forward == stock
    assert caplog.text.count("mask decoder: transformers' own path") == 1


@torch.inference_mode()
def test_the_fast_encoder_of_sam_hq_gives_the_early_map_too():
    model = make_model(hq=True, window_size=4)
    pixels = random(2, 3, 160, 160)
    expected = model.vision_encoder(pixels)
    found = FastVision(model.vision_encoder).forward(pixels)
    assert torch.allclose(found.last_hidden_state, expected.last_hidden_state, atol=1e-4)
    assert torch.allclose(found.intermediate_embeddings[0], expected.intermediate_embeddings[0], atol=1e-4)
    assert type(found) is type(expected)
