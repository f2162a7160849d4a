from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import SamModel, SamProcessor

from tests.training.conftest import TINY
from training.export import SHARPNESS, export_checkpoint, load_checkpoint
from training.network import window_order
from training.start import build_network, resize_network


def test_the_fast_encoder_is_transformers_encoder():
    network = build_network(TINY, seed=0)
    pixels = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        fast = network.encode(pixels)
        slow = network.sam.get_image_embeddings(pixels)
    assert slow.std() > 0.1
    assert torch.allclose(fast.transpose(1, 2).reshape_as(slow), slow, atol=1e-5)


@pytest.mark.parametrize("fed_back", [False, True], ids=["points", "points and logits"])
def test_the_fast_decoder_is_transformers_decoder(fed_back: bool):
    network = build_network(TINY, seed=0)
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randn(2, 3, 64, 64, generator=generator)
    points = torch.rand(2, 3, 2, generator=generator) * 64
    labels = torch.tensor([[1, 0, 1], [1, 1, 0]])
    logits = torch.randn(2, 32, 32, generator=generator) if fed_back else None
    with torch.no_grad():
        slow = network.sam(
            pixels,
            input_points=points[:, None],
            input_labels=labels[:, None],
            input_masks=None if logits is None else logits[:, None],
            multimask_output=True,
        )
        tokens, dense = network.embed_prompts(points, labels, None, logits)
        masks, scores = network.decode(network.encode(pixels), tokens, dense)
    assert slow.pred_masks.std() > 0.05
    assert torch.allclose(masks[:, 1:], slow.pred_masks[:, 0], atol=1e-4)
    assert torch.allclose(scores[:, 1:], slow.iou_scores[:, 0], atol=1e-4)


def test_window_order_puts_each_window_together():
    order, back = window_order(4, 2, torch.device("cpu"))
    assert order[:8].tolist() == [0, 1, 4, 5, 2, 3, 6, 7]
    assert order[back].tolist() == list(range(16))
    with pytest.raises(ValueError, match="window_size: must divide 6 tokens a side, got 4"):
        window_order(6, 4, torch.device("cpu"))


def test_a_network_grows_to_another_image_size():
    network = build_network(TINY, seed=0)
    larger = resize_network(network, 128)
    assert larger.grid == 16
    assert resize_network(larger, 128).encode(torch.zeros(1, 3, 128, 128)).shape == (1, 256, 32)
    assert torch.equal(
        resize_network(network, 64).encode(torch.ones(1, 3, 64, 64)), network.encode(torch.ones(1, 3, 64, 64))
    )


@pytest.mark.slow
def test_an_exported_checkpoint_reloads_with_equal_masks_and_sharper_logits(tmp_path: Path):
    network = build_network(TINY, seed=0)
    for parameter in network.parameters():
        parameter.data = parameter.data.half().float()
    export_checkpoint(network, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "config.json",
        "model.safetensors",
        "processor_config.json",
    ]
    pixels = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    points = torch.tensor([[[[20.0, 30.0]]]])
    loaded = SamModel.from_pretrained(tmp_path, dtype=torch.float32)
    with torch.no_grad():
        exported, trained = loaded(pixels, input_points=points), network.sam(pixels, input_points=points)
        torch.testing.assert_close(exported.pred_masks, SHARPNESS * trained.pred_masks)
        assert torch.equal(exported.iou_scores, trained.iou_scores)
        # An earlier mask that comes back in says the same as before.
        again = loaded(pixels, input_points=points, input_masks=exported.pred_masks[:, 0, :1])
        before = network.sam(pixels, input_points=points, input_masks=trained.pred_masks[:, 0, :1])
        torch.testing.assert_close(again.pred_masks, SHARPNESS * before.pred_masks, rtol=1e-3, atol=1e-3)
        assert torch.equal(load_checkpoint(tmp_path).encode(pixels), network.encode(pixels))


def test_an_exported_processor_fits_photos_to_the_network(tmp_path: Path):
    export_checkpoint(build_network(TINY, seed=0), tmp_path)
    processor = SamProcessor.from_pretrained(tmp_path)
    fitted = processor(np.zeros((40, 80, 3), np.uint8), input_points=[[[40, 20]]], return_tensors="pt")
    assert fitted["pixel_values"].shape == (1, 3, 64, 64)
    assert fitted["reshaped_input_sizes"].tolist() == [[32, 64]]
    assert fitted["input_points"].flatten().tolist() == [32, 16]
