"""The fast image encoder computes what transformers' computes, and steps back where it would not."""

import logging

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from samui.models.fast import linear as fast_linear
from samui.models.fast import vision as fast_vision
from tests.small_sam import make_model

pytestmark = pytest.mark.slow  # many, and together they take seconds

# Grid of 10x10 patches: windows of 4 leave padding on both sides, windows of 5 leave none.
CONFIGS = {
    "padded windows": {"window_size": 4},
    "whole windows": {"window_size": 5},
    "no relative positions": {"window_size": 4, "use_rel_pos": False},
    "no positions at all": {"window_size": 4, "use_rel_pos": False, "use_abs_pos": False},
    "no bias": {"window_size": 4, "qkv_bias": False},
    "one head": {"window_size": 4, "num_attention_heads": 1},
    "another activation": {"window_size": 4, "hidden_act": "relu"},
    "only windows": {"window_size": 4, "global_attn_indexes": []},
}


def pixels(count=1):
    return torch.randn(count, 3, 160, 160, generator=torch.Generator().manual_seed(1))


def encode(model, images):
    with torch.inference_mode():
        return model.get_image_embeddings(images)


def error(found, expected):
    return float((found - expected).float().norm() / expected.float().norm())


@pytest.mark.parametrize("logits", [1 << 20, 1 << 11], ids=["one chunk", "many chunks"])
@pytest.mark.parametrize("vision", CONFIGS.values(), ids=CONFIGS)
def test_embeddings_are_those_of_transformers(vision, logits, monkeypatch):
    monkeypatch.setattr(fast_vision, "_LOGITS", logits)  # 10x100 logits a row of patches
    model = make_model(**vision)
    expected = encode(model, pixels())
    assert fast_vision.install(model)
    found = encode(model, pixels())
    assert found.shape == expected.shape
    assert error(found, expected) < 1e-5
    assert not torch.equal(found, expected)  # else the stock path ran twice


def test_images_of_a_batch_are_encoded_each_by_itself():
    model = make_model()
    expected = encode(model, pixels(2))
    fast_vision.install(model)
    assert error(encode(model, pixels(2)), expected) < 1e-5


def test_without_onednn_the_results_are_the_same(monkeypatch):
    monkeypatch.setattr(fast_linear, "usable", lambda device, dtype: False)
    model = make_model()
    expected = encode(model, pixels())
    assert fast_vision.install(model)
    assert error(encode(model, pixels()), expected) < 1e-5


def test_bfloat16_is_no_further_off_than_transformers_in_bfloat16():
    expected = encode(make_model(), pixels())
    model = make_model(torch.bfloat16)
    stock = error(encode(model, pixels().bfloat16()), expected)
    assert fast_vision.install(model)
    assert error(encode(model, pixels().bfloat16()), expected) < 1.25 * stock


def test_weights_are_neither_copied_nor_changed():
    model = make_model()
    before = {name: (weights.data_ptr(), weights.clone()) for name, weights in model.named_parameters()}
    fast_vision.install(model)
    encode(model, pixels())
    for name, weights in model.named_parameters():
        assert weights.data_ptr() == before[name][0]
        assert torch.equal(weights, before[name][1])


def rename(layer):
    layer.attn.query_key_value = layer.attn.qkv
    del layer.attn.qkv


def other_arithmetic(layer):
    forward = layer.attn.forward
    layer.attn.forward = lambda hidden_states: (1.01 * forward(hidden_states)[0], None)


def other_answer(layer):
    forward = layer.forward
    layer.forward = lambda tokens: (forward(tokens),)


@pytest.mark.parametrize("number", [0, 1], ids=["window", "global"])
@pytest.mark.parametrize("change", [rename, other_arithmetic, other_answer])
def test_a_layer_that_is_not_as_known_leaves_transformers_own_path(change, number, caplog):
    model = make_model(window_size=4)
    stock = model.vision_encoder.forward
    change(model.vision_encoder.layers[number])
    with caplog.at_level(logging.WARNING):
        assert not fast_vision.install(model)
    assert model.vision_encoder.forward == stock
    assert "image encoder: transformers' own path" in caplog.text


def test_what_the_fast_path_does_not_give_comes_from_transformers():
    model = make_model()
    fast_vision.install(model)
    with torch.inference_mode():
        told = model.vision_encoder(pixels(), output_hidden_states=True)
    assert len(told.hidden_states) >= 4


class Largest(TorchDispatchMode):
    """Number of elements of the largest tensor that any operator gives."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor):
            self.elements = max(self.elements, out.numel())
        return out


def test_nothing_of_the_size_of_all_pairs_is_made(monkeypatch):
    monkeypatch.setattr(fast_vision, "_LOGITS", 1 << 14)
    model = make_model(window_size=4, patch_size=8)  # 400 patches
    with Largest() as stock:
        encode(model, pixels())
    assert stock.elements == 3 * 400 * 400
    fast_vision.install(model)
    with Largest() as fast:
        encode(model, pixels())
    assert fast.elements == pixels().numel() < 400 * 400
