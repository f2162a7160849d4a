"""SAM 3's tracker (`Sam3TrackerModel` of transformers), also out of the hub's folder, which holds SAM 3 for videos."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from samui.models.families.family import Model
from samui.models.families.sam2 import Sam2, joined
from samui.models.preprocess import SQUARE, Rule

if TYPE_CHECKING:
    import torch

_HALF = (0.5, 0.5, 0.5)
_SMALL = 16  # patches along a side of the small picture


class Sam3Tracker(Sam2):
    """See `samui.models.families.family.Family`. SAM 2's prompts and decoder behind a plain ViT with rotary positions.

    Text prompts are another part of SAM 3 (`Sam3Model`), which is not loaded.
    """

    types: tuple[str, ...] = ("sam3_tracker", "sam3_tracker_video", "sam3_video")
    rule: Rule = replace(SQUARE, mean=_HALF, std=_HALF)

    def model_class(self) -> Model:
        """See `Family.model_class`."""
        from transformers import Sam3TrackerModel

        return Sam3TrackerModel

    def embed_small(self, encoder: Model) -> torch.Tensor:
        """See `Family.embed_small`. Global layers get the positions of the small grid, in the spacing of the large."""
        import torch
        from torch.func import functional_call

        config = encoder.config.backbone_config
        generator = torch.Generator().manual_seed(0)
        coarse = torch.randn(1, config.num_channels, _SMALL, _SMALL, generator=generator)
        pixels = torch.nn.functional.interpolate(coarse, scale_factor=config.patch_size, mode="bicubic")
        positions = {}
        for number, layer in enumerate(encoder.backbone.layers):
            if layer.window_size == 0:
                side = round(len(layer.position_ids) ** 0.5)
                grid = layer.position_ids.view(side, side, -1)[:_SMALL, :_SMALL]
                positions[f"backbone.layers.{number}.position_ids"] = grid.flatten(0, 1)
        made = functional_call(encoder, positions, (pixels.to(next(encoder.parameters())),))
        return joined(made.fpn_hidden_states[:3])
