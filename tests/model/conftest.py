"""Checkpoints for tests on real networks: made here with seeded random weights, and the bundled one."""

import json

import cv2
import numpy as np
import pytest

from samui.models import checkpoints, load_predictor

VISION = json.loads((checkpoints.BUNDLED_FOLDER / "config.json").read_text())["vision_config"]
SIDE = VISION["image_size"]  # of the bundled checkpoint's square, in pixels
GRID = SIDE // VISION["patch_size"]  # of its embedding
LOW = 4 * GRID  # of its logits
SIZE = (60, 80)  # (H, W) of a small image


def make_checkpoint(folder, *, seed=0, prompt_encoder=None, processor=None, **vision):
    """A checkpoint of the sam-vit-base architecture with random weights, saved as transformers saves it.

    vision, prompt_encoder, processor: what differs from that architecture and from SamImageProcessorPil's defaults.

    transformers' own initialisation gives constant masks; variance-keeping weights give logits of both signs and three
    candidates that differ.
    """
    import torch
    from transformers import SamConfig, SamImageProcessorPil, SamModel, SamProcessor

    torch.manual_seed(seed)
    model = SamModel(SamConfig(vision_config=vision, prompt_encoder_config=prompt_encoder))
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "positional_embedding" in name:
                weights.normal_(0, 1)
            elif weights.dim() > 1:
                weights.normal_(0, 1 / np.sqrt(weights[0].numel()))
            elif name.endswith("bias"):
                weights.normal_(0, 0.02)
    model.tie_weights()
    model.save_pretrained(folder)
    SamProcessor(SamImageProcessorPil(**(processor or {}))).save_pretrained(folder)
    return folder


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """RGB uint8 with large and small structure."""
    noise = np.random.default_rng(seed).integers(0, 256, (max(1, height // 16), max(1, width // 16), 3), dtype=np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, 3)


@pytest.fixture(scope="session")
def vit_b_folder(tmp_path_factory):
    """All layers of sam-vit-base at their full width, for squares of a quarter of its side; windows still have padding.

    Its own side is that of `shallow` and of SAM-HQ's checkpoint in `tests.model.random_weights`, whose layer is global.
    """
    return make_checkpoint(
        tmp_path_factory.mktemp("vit-b"),
        prompt_encoder={"image_size": 256, "image_embedding_size": 16},
        processor={"size": {"longest_edge": 256}, "pad_size": {"height": 256, "width": 256}},
        image_size=256,
    )


@pytest.fixture(scope="session")
def vit_b(vit_b_folder):
    return load_predictor(str(vit_b_folder), device="cpu")


@pytest.fixture(scope="session")
def shallow_folder(tmp_path_factory):
    """sam-vit-base with one windowed layer and no global one: everything but the encoder's depth is the real thing."""
    return make_checkpoint(tmp_path_factory.mktemp("shallow"), seed=1, num_hidden_layers=1, global_attn_indexes=[])


@pytest.fixture(scope="session")
def shallow(shallow_folder):
    return load_predictor(str(shallow_folder), device="cpu")


@pytest.fixture(scope="session")
def bundled():
    return load_predictor("bundled", device="cpu")


def change_json(path, **values):
    """Rewrite keys of a JSON file; None removes a key."""
    content = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
