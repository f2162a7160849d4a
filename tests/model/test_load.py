"""From a name or a folder to a predictor: devices, precisions, a checkpoint's own settings, and broken ones."""

import json
import shutil
import socket
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from samui import load_predictor
from samui.errors import ModelError
from samui.models import checkpoints
from samui.models.folder import content_revision
from samui.models.traits import Traits
from tests.model.conftest import LOW, SIDE, SIZE, change_json, picture

pytestmark = pytest.mark.model


@pytest.fixture
def folder(tmp_path):
    """A copy of the bundled checkpoint to break."""
    return Path(shutil.copytree(checkpoints.BUNDLED_FOLDER, tmp_path / "model"))


def load(folder, **how):
    return load_predictor(str(folder), device="cpu", **how)


def test_a_loaded_predictor_says_what_it_is(bundled):
    assert (bundled.name, bundled.title, bundled.device, bundled.dtype) == ("bundled", "samui-tiny", "cpu", "float32")
    assert bundled.source == str(checkpoints.BUNDLED_FOLDER)
    assert bundled.revision == content_revision(checkpoints.BUNDLED_FOLDER)
    assert bundled.low_res_size == (LOW, LOW)
    assert bundled.why == "The small built-in model: rough masks. Choose facebook/sam-vit-base for quality."


def test_local_models_load_without_any_network(folder, monkeypatch):
    def refuse(*_, **__):
        pytest.fail("asked the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert load(folder).low_res_size == (LOW, LOW)
    assert load("bundled").name == "bundled"


ROUGH = Traits(True, 0.2, 0.5, 0.3, 0.65, points_per_side=16, cheap_encoder=True)


def test_a_copy_and_a_fine_tune_of_the_built_in_model_are_like_it(bundled, folder, tmp_path):
    assert bundled.traits == ROUGH
    copy = load(folder)
    assert (copy.name, copy.traits) == (str(folder), ROUGH)
    copy._model.save_pretrained(tmp_path / "tuned")  # as training with transformers ends
    shutil.copy(folder / "processor_config.json", tmp_path / "tuned")
    assert load(tmp_path / "tuned").traits == ROUGH


def test_a_checkpoint_that_says_nothing_about_itself_is_like_sam(folder):
    change_json(folder / "config.json", samui=None)
    assert load(folder).traits == Traits(points_per_side=16)  # on a CPU


def test_a_decoder_may_have_a_device_of_its_own(folder):
    assert load(folder, decoder_device="cpu").low_res_size == (LOW, LOW)
    with pytest.raises(ModelError, match=r"^decoder_device: must be one that this machine has, got 'banana'"):
        load(folder, decoder_device="banana")


def test_accelerate_finds_the_device_unless_one_is_named():
    from accelerate import PartialState

    assert load_predictor("bundled").device == str(PartialState().device)
    assert not torch.distributed.is_initialized()


def test_a_checkpoint_of_halves_runs_in_float32_unless_asked_otherwise(folder):
    weights = load_file(folder / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}
    assert load(folder)._model.dtype == torch.float32


def test_the_checkpoints_own_settings_are_used(folder):
    expected = load(folder).embed(picture(*SIZE)).tensors["embedding"]
    settings = folder / "processor_config.json"
    content = settings.read_text()
    # The same settings in the file that older checkpoints have.
    settings.unlink()
    (folder / "preprocessor_config.json").write_text(json.dumps(json.loads(content)["image_processor"]))
    assert torch.equal(load(folder).embed(picture(*SIZE)).tensors["embedding"], expected)
    change_json(folder / "preprocessor_config.json", image_mean=[0, 0, 0])
    assert not torch.equal(load(folder).embed(picture(*SIZE)).tensors["embedding"], expected)
    # SAM's own settings where there is no file.
    (folder / "preprocessor_config.json").unlink()
    assert torch.equal(load(folder).embed(picture(*SIZE)).tensors["embedding"], expected)


def test_auto_falls_back_to_bundled_if_the_download_breaks(monkeypatch):
    choice = checkpoints.ModelChoice(checkpoints.PREFERRED, "SAM ViT-B", None, "0" * 40, "from the hub")
    resolve = checkpoints.resolve

    def broken(choice):
        if choice.folder is None:
            raise ModelError("model: 'facebook/sam-vit-base' must download completely, got disk full")
        return choice.folder

    monkeypatch.setattr(checkpoints, "resolve", lambda name: choice if name == "auto" else resolve(name))
    monkeypatch.setattr(checkpoints, "fetch", broken)
    predictor = load_predictor("auto", device="cpu")
    assert predictor.name == "bundled"
    assert "disk full" in predictor.why


ARGUMENTS = {
    "unknown device": ({"device": "banana"}, "device: must be one that this machine has, got 'banana'"),
    "device without data": ({"device": "meta"}, "device: must be one that computes, got 'meta'"),
    "unknown dtype": ({"dtype": "int8"}, "dtype: must be one of float32, bfloat16, float16, auto, got 'int8'"),
    "no threads": ({"threads": 0}, "threads: must be a positive whole number, got 0"),
    "no such folder": ({"name": "./nowhere"}, "model: must be 'auto', 'bundled'"),
}


@pytest.mark.parametrize(("given", "message"), ARGUMENTS.values(), ids=ARGUMENTS.keys())
def test_arguments_that_break_a_rule_are_refused(given, message):
    with pytest.raises(ModelError) as caught:
        load_predictor(**({"name": "bundled"} | given))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_device_that_is_absent_is_refused():
    with pytest.raises(ModelError, match="device: must be one that this machine has, got 'cuda'"):
        load_predictor("bundled", device="cuda")


def drop_weights(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["mask_decoder.iou_token.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


FAULTS = {
    "weights missing": (drop_weights, "weights must be complete, got 1 missing, mask_decoder.iou_token.weight first"),
    "config of another shape": (
        lambda folder: change_json(folder / "config.json", mask_decoder_config={"hidden_size": 64}),
        "must load as SamModel, got ",
    ),
    "config of nonsense": (
        lambda folder: change_json(folder / "config.json", vision_config={"hidden_size": "many"}),
        "must load as SamModel, got ",
    ),
    "settings for another size": (
        lambda folder: change_json(folder / "processor_config.json", image_processor={"size": {"longest_edge": 1024}}),
        f"processor_config.json: size.longest_edge must be config.json's image_size {SIDE}, got 1024",
    ),
    "settings that are no JSON": (
        lambda folder: (folder / "processor_config.json").write_text("{"),
        "processor_config.json: must be readable JSON, got ",
    ),
    "traits without sense": (
        lambda folder: change_json(folder / "config.json", samui={"snap": "yes"}),
        "config.json: samui.snap must be true or false, got 'yes'",
    ),
    "settings without sense": (
        lambda folder: change_json(folder / "processor_config.json", image_processor={"image_mean": [1, 2]}),
        "processor_config.json: must hold resample, image_mean, image_std, rescale_factor",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_a_checkpoint_that_does_not_fit_together_is_refused(folder, spoil, message):
    spoil(folder)
    with pytest.raises(ModelError) as caught:
        load(folder)
    assert str(caught.value).startswith(str(folder))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
