"""Folders of families beyond SAM that do not fit together, and versions of transformers that were not tested."""

import json
import logging
import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from samui import Prompt, load_predictor
from samui.errors import ModelError
from samui.models.families.sam2 import Sam2
from tests.model.conftest import change_json, picture
from tests.small_sam import save_small_sam2

pytestmark = pytest.mark.model


@pytest.fixture
def folder(tmp_path):
    """A small SAM 2 to break."""
    return save_small_sam2(tmp_path / "model")


def load(folder):
    return load_predictor(str(folder), device="cpu")


def change(folder, part, **values):
    """Rewrite keys of one part of config.json; None removes a key."""
    config = json.loads((folder / "config.json").read_text())
    place = config
    for name in part.split("."):
        place = place[name]
    place.update(values)
    for name in [name for name, value in values.items() if value is None]:
        del place[name]
    (folder / "config.json").write_text(json.dumps(config))


def weights(folder, drop=(), **more):
    kept = {name: value for name, value in load_file(folder / "model.safetensors").items() if name not in drop}
    save_file(kept | more, folder / "model.safetensors", metadata={"format": "pt"})


FAULTS = {
    "another family": (
        lambda folder: change_json(folder / "config.json", model_type="sam3"),
        r"config.json: model_type must be one of sam, sam_hq, sam2, .*, got 'sam3'",
    ),
    "a video checkpoint of another family": (
        lambda folder: change_json(folder / "config.json", model_type="videomae"),
        r"config.json: model_type must be one of .*sam2_video.*, got 'videomae'",
    ),
    "the weights of SAM in a folder of SAM 2": (
        lambda folder: weights(
            folder, [name for name in load_file(folder / "model.safetensors") if "backbone" in name]
        ),
        r"weights must be complete, got \d+ missing, vision_encoder.backbone",
    ),
    "a tensor missing": (
        lambda folder: weights(folder, ["mask_decoder.obj_score_token.weight"]),
        "weights must be complete, got 1 missing, mask_decoder.obj_score_token.weight first",
    ),
    "a tensor of another shape": (
        lambda folder: weights(folder, **{"mask_decoder.obj_score_token.weight": torch.zeros(1, 7)}),
        "must load as Sam2Model, got ",
    ),
    "settings of another size": (
        lambda folder: change_json(folder / "preprocessor_config.json", size={"height": 1024, "width": 1024}),
        "preprocessor_config.json: size.height and size.width must be config.json's image_size 128, got 1024",
    ),
    "settings of two sides": (
        lambda folder: change_json(folder / "preprocessor_config.json", size={"height": 128, "width": 64}),
        r"size.height and size.width must be config.json's image_size 128, got \(128, 64\)",
    ),
    "no size of the prompts": (
        lambda folder: change(folder, "prompt_encoder_config", image_size=None),
        r"config.json: prompt_encoder_config.image_size must be backbone_config's \[128, 128\], got 1024",
    ),
    "no parts at all": (
        lambda folder: (folder / "config.json").write_text('{"model_type": "sam2"}'),
        "must load as Sam2Model, got ",
    ),
    "a size of nothing": (
        lambda folder: change(folder, "prompt_encoder_config", image_size=0),
        "config.json: prompt_encoder_config.image_size must be a positive whole number or two equal ones, got 0",
    ),
    "two sides": (
        lambda folder: change(folder, "vision_config.backbone_config", image_size=[128, 64]),
        r"config.json: backbone_config.image_size must be a positive whole number or two equal ones, got \[128, 64\]",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_a_folder_that_does_not_fit_together_is_refused(folder, spoil, message):
    spoil(folder)
    with pytest.raises(ModelError) as caught:
        load(folder)
    assert str(caught.value).startswith(str(folder))
    assert re.search(message, str(caught.value))
    assert "\n" not in str(caught.value)


def test_tensors_that_nobody_reads_are_left_out_and_told(folder, caplog):
    expected = load(folder).embed(picture(60, 80)).tensors["embedding"]
    weights(folder, **{"head.weight": torch.zeros(3), "memory_attention.layer_norm.weight": torch.zeros(3)})
    with caplog.at_level(logging.WARNING):
        assert torch.equal(load(folder).embed(picture(60, 80)).tensors["embedding"], expected)
    assert "weights hold 1 more than Sam2Model has, head.weight first; left out" in caplog.text


def test_halves_run_in_float32(folder):
    halves = {name: value.half() for name, value in load_file(folder / "model.safetensors").items()}
    save_file(halves, folder / "model.safetensors", metadata={"format": "pt"})
    predictor = load(folder)
    assert predictor.dtype == "float32"
    assert {weights.dtype for weights in predictor._model.parameters()} == {torch.float32}
    assert predictor.predict(predictor.embed(picture(60, 80)), Prompt([(9, 9)], [1])).logits.shape == (3, 32, 32)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_other_precisions_give_finite_masks(folder, dtype):
    predictor = load_predictor(str(folder), device="cpu", dtype=dtype)
    embedding = predictor.embed(picture(60, 80))
    assert {str(tensor.dtype) for tensor in embedding.tensors.values()} == {f"torch.{dtype}"}
    prediction = predictor.predict(embedding, Prompt([(9, 9)], [1]))
    expected = load(folder).predict(load(folder).embed(picture(60, 80)), Prompt([(9, 9)], [1]))
    assert abs(prediction.logits - expected.logits).max() < 0.1 * abs(expected.logits).max()


# Versions of transformers


@pytest.mark.parametrize(("version", "told"), [("5.22.2", True), ("5.24.9", False), ("6.0.0.dev0", True)])
def test_a_version_of_transformers_beyond_the_tested_ones_is_told(folder, monkeypatch, caplog, version, told):
    monkeypatch.setattr("transformers.__version__", version)
    with caplog.at_level(logging.WARNING):
        load(folder)
    assert (f"Sam2Model is tested with transformers 5.23 to 5.24, got {version}" in caplog.text) == told


def test_a_version_without_the_family_is_told(folder, monkeypatch):
    def absent(self):
        raise ImportError("cannot import name 'Sam2Model' from 'transformers'")

    monkeypatch.setattr(Sam2, "model_class", absent)
    with pytest.raises(ModelError, match=r"config\.json: sam2 is tested with transformers 5\.23 to 5\.24, got "):
        load(folder)


def test_a_model_of_other_parts_is_told(folder, monkeypatch):
    def other(self, model):
        return model.mask_decoder.conv_s2

    monkeypatch.setattr(Sam2, "network", other)
    with pytest.raises(ModelError, match=r"config\.json: Sam2Model is tested with transformers .* 'conv_s2'"):
        load(folder)
