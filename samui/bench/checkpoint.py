"""A checkpoint of the real sam-vit-base architecture with random weights: its speed, without its 375 MB download."""

from __future__ import annotations

from pathlib import Path


def write_random_base(folder: Path) -> Path:
    """Write the checkpoint into `folder`, as transformers saves one, and return the folder; the weights are seeded.

    Each weight keeps the variance of what goes through it, so that logits have both signs and masks have outlines;
    transformers' own initialisation gives constant masks, which would cost nothing to encode.
    """
    import torch
    from transformers import SamConfig, SamImageProcessorPil, SamModel, SamProcessor

    torch.manual_seed(0)
    model = SamModel(SamConfig())
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "positional_embedding" in name:
                weights.normal_(0, 1)
            elif weights.dim() > 1:
                weights.normal_(0, weights[0].numel() ** -0.5)
            elif name.endswith("bias"):
                weights.normal_(0, 0.02)
    model.tie_weights()
    model.save_pretrained(folder)
    SamProcessor(SamImageProcessorPil()).save_pretrained(folder)
    return folder
