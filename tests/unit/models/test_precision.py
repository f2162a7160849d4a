"""Automatic precision: bfloat16 only where a device has it, it proves faster, and the checkpoint bears it."""

import logging

import pytest
import torch

from samui.models import precision
from samui.models.families import sam
from samui.models.families.sam import Sam
from tests.small_sam import make_model

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("has", "ratio", "chosen"),
    [(True, 2.0, "bfloat16"), (True, 1.3, "bfloat16"), (True, 1.2, "float32"), (False, 2.0, "float32")],
)
def test_bfloat16_is_taken_where_the_device_has_it_and_it_is_faster(has, ratio, chosen, monkeypatch):
    monkeypatch.setattr(precision, "_has_bfloat16", lambda device: has)
    monkeypatch.setattr(precision, "speed_up", lambda device: ratio)
    assert precision.automatic(CPU) == chosen


def test_a_cpu_without_instructions_for_it_is_not_tried(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(precision, "speed_up", lambda device: pytest.fail("tried"))
    assert precision.automatic(CPU) == "float32"


def test_metal_stays_in_float32():
    assert precision.automatic(torch.device("mps")) == "float32"


@pytest.mark.slow
def test_the_trial_gives_a_ratio():
    assert 0 < precision.speed_up(CPU) < 100


@pytest.mark.parametrize("ratio", [2.0, 0.5])
def test_a_torch_that_does_not_tell_leaves_it_to_the_trial(ratio, monkeypatch, caplog):
    for name in precision._CPU_QUESTIONS:
        monkeypatch.delattr(torch.cpu, name)
    monkeypatch.setattr(precision, "speed_up", lambda device: ratio)
    with caplog.at_level(logging.INFO):
        assert precision.automatic(CPU) == ("bfloat16" if ratio > 1 else "float32")
    assert "the trial alone decides" in caplog.text


@pytest.fixture
def fast_in_bfloat16(monkeypatch):
    monkeypatch.setattr(precision, "automatic", lambda device: "bfloat16")
    monkeypatch.setattr(precision, "_LARGE", 0)


@pytest.mark.parametrize("vision", [{"window_size": 4}, {"window_size": 4, "use_rel_pos": False}])
def test_an_encoder_that_bears_it_is_lowered_and_the_rest_is_not(vision, fast_in_bfloat16):
    model = make_model(**vision)
    before = {name: weights.clone() for name, weights in model.named_parameters()}
    precision.lower(model, Sam().embed_small)
    for name, weights in model.named_parameters():
        encoder = name.startswith("vision_encoder.")
        assert weights.dtype == (torch.bfloat16 if encoder else torch.float32)
        assert torch.equal(weights, before[name].to(weights.dtype))


def test_an_encoder_that_loses_too_much_stays_as_it_was_bit_for_bit(fast_in_bfloat16, caplog):
    model = make_model(window_size=4)
    # A bias whose size leaves bfloat16 no digits for anything else, and a last layer that takes it away.
    encoder = model.vision_encoder
    encoder.patch_embed.projection.bias += 300.0
    encoder.neck.conv1.weight -= encoder.neck.conv1.weight.mean(1, keepdim=True)
    before = {name: weights.clone() for name, weights in model.named_parameters()}
    precision.lower(model, Sam().embed_small)
    assert "precision: float32, since bfloat16 is" in caplog.text
    assert all(torch.equal(weights, before[name]) for name, weights in model.named_parameters())


def test_a_model_that_cannot_be_tried_stays_in_float32(fast_in_bfloat16, caplog):
    model = make_model(window_size=4)
    model.vision_encoder.neck.forward = lambda tokens: (tokens, tokens)
    precision.lower(model, Sam().embed_small)
    assert model.vision_encoder.dtype == torch.float32
    assert "cannot be tried" in caplog.text


def test_a_small_encoder_is_not_worth_a_trial(monkeypatch):
    monkeypatch.setattr(precision, "automatic", lambda device: pytest.fail("tried"))
    model = make_model()
    precision.lower(model, Sam().embed_small)
    assert model.vision_encoder.dtype == torch.float32


def test_the_trial_sees_what_a_whole_picture_sees():
    """Within a factor of two; it is a fraction of the work."""
    encoder, other = make_model(window_size=4).vision_encoder, make_model(torch.bfloat16, window_size=4).vision_encoder
    pixels = torch.randn(1, 3, 160, 160, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected, found = encoder(pixels)[0], other(pixels.bfloat16())[0].float()
    whole = float((found - expected).norm() / expected.norm())
    assert whole / 2 < precision.deviation(encoder, other, Sam().embed_small) < whole * 2


def test_the_trial_is_the_encoder_of_a_smaller_picture():
    whole = make_model(window_size=4).vision_encoder  # 10x10 patches, 19 distances
    small = make_model(window_size=4, image_size=64).vision_encoder  # 4x4, 7
    weights = whole.state_dict()
    weights["pos_embed"] = weights["pos_embed"][:, :4, :4]
    for number in (1, 3):
        for name in ("rel_pos_h", "rel_pos_w"):
            key = f"layers.{number}.attn.{name}"
            weights[key] = weights[key][6:13]
    small.load_state_dict(weights)
    pixels = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.allclose(sam._embed_patches(whole, pixels, 4), small(pixels)[0], atol=1e-5)
