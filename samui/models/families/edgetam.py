"""EdgeTAM (`EdgeTamModel` of transformers), also out of folders that hold its video model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samui.models.families.family import Model
from samui.models.families.sam2 import Sam2, joined

if TYPE_CHECKING:
    import torch

_SMALL = 256  # pixels along a side of the small picture


class EdgeTam(Sam2):
    """See `samui.models.families.family.Family`. SAM 2's prompts and decoder behind a RepViT, which timm computes."""

    types: tuple[str, ...] = ("edgetam", "edgetam_video")
    needs: tuple[str, ...] = ("timm", "torchvision")

    def model_class(self) -> Model:
        """See `Family.model_class`."""
        from transformers import EdgeTamModel

        return EdgeTamModel

    def embed_small(self, encoder: Model) -> torch.Tensor:
        """See `Family.embed_small`."""
        import torch

        generator = torch.Generator().manual_seed(0)
        coarse = torch.randn(1, 3, _SMALL // 16, _SMALL // 16, generator=generator)
        pixels = torch.nn.functional.interpolate(coarse, scale_factor=16, mode="bicubic")
        return joined(encoder(pixels.to(next(encoder.parameters()))).fpn_hidden_states)
