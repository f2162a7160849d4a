"""SAM (`SamModel` of transformers): ViT-B, L and H, SlimSAM and fine-tunes of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from samui.models.families.family import Decoded, Map, Model, PromptTensors
from samui.models.predictor import Embedding
from samui.models.preprocess import PADDED, Preprocessing
from samui.models.traits import Traits
from samui.pixels.geometry import Frame

if TYPE_CHECKING:
    import torch


class Sam:
    """See `samui.models.families.family.Family`."""

    types: tuple[str, ...] = ("sam",)
    needs: tuple[str, ...] = ()
    traits: Traits = Traits()

    def model_class(self) -> Model:
        """See `Family.model_class`."""
        from transformers import SamModel

        return SamModel

    def preprocessing(self, folder: Path, config: Any) -> Preprocessing:
        """See `Family.preprocessing`."""
        return Preprocessing.read(folder, config.vision_config.image_size, PADDED)

    def embed_small(self, encoder: Model) -> torch.Tensor:
        """See `Family.embed_small`: a picture of one window's size, a few hundredths of the work of a whole image."""
        import torch

        config = encoder.config
        side = config.window_size or 14
        generator = torch.Generator().manual_seed(0)
        coarse = torch.randn(1, config.num_channels, side, side, generator=generator)
        pixels = torch.nn.functional.interpolate(coarse, scale_factor=config.patch_size, mode="bicubic")
        return _embed_patches(encoder, pixels, side)

    def network(self, model: Model) -> SamNetwork:
        """See `Family.network`."""
        from samui.models.fast import decoder as fast_decoder
        from samui.models.fast import vision as fast_vision

        fast_vision.install(model)
        return SamNetwork(model, fast_decoder.install(model))


class SamNetwork:
    """See `samui.models.families.family.Network`."""

    def __init__(self, model: Model, fast: Any = None) -> None:
        """fast: what `samui.models.fast.decoder.install` gave for the model."""
        import torch

        self._model, self._fast = model, fast
        config = model.config.prompt_encoder_config
        grid = config.image_embedding_size
        self.low_res_size = (4 * grid, 4 * grid)  # two stride-2 transposed convolutions in the decoder
        # Channels last is how the encoder's final layer leaves it.
        self.maps: Mapping[str, Map] = {"embedding": Map((1, config.hidden_size, grid, grid), channels_last=True)}
        with torch.inference_mode():
            self._positions = model.get_image_wide_positional_embeddings()

    def to_model(self, frame: Frame, xy: np.ndarray, *, box: bool) -> np.ndarray:
        """See `Network.to_model`. `SamProcessor` rounds boxes, and only boxes, to float32 before it scales them."""
        return frame.to_model(np.asarray(xy, np.float32) if box else xy)

    def encode(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """See `Network.encode`."""
        return {"embedding": self._model.get_image_embeddings(pixels)}

    def prepare(self, embedding: Embedding) -> None:
        """See `Network.prepare`."""
        if self._fast is not None:
            self._fast.terms(embedding)

    def decode(
        self, embedding: Embedding, tensors: Mapping[str, torch.Tensor], prompts: PromptTensors, multimask: bool
    ) -> Decoded:
        """See `Network.decode`."""
        sparse, dense = self._model.prompt_encoder(**prompts)
        logits, scores = self._model.mask_decoder(
            image_embeddings=tensors["embedding"].expand(len(dense), -1, -1, -1),
            image_positional_embeddings=self._positions.expand(len(dense), -1, -1, -1),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
            **self.shortcut(embedding, prompts),
        )
        return Decoded(logits[:, 0], scores[:, 0])

    def shortcut(self, embedding: Embedding, prompts: PromptTensors) -> dict[str, Any]:
        """What a fast decoder is given besides; nothing without one."""
        if self._fast is None:
            return {}
        return {"image_terms": self._fast.terms(embedding), "masked": prompts["input_masks"] is not None}


def _embed_patches(encoder: Model, pixels: torch.Tensor, side: int) -> torch.Tensor:
    """`SamVisionEncoder.forward` for side x side patches, with the middle of each table of relative positions."""
    from torch.func import functional_call

    projection = encoder.patch_embed.projection
    tokens = projection(pixels.to(projection.weight)).permute(0, 2, 3, 1)
    if encoder.pos_embed is not None:
        tokens = tokens + encoder.pos_embed[:, :side, :side]
    for layer in encoder.layers:
        tables = {}
        if layer.window_size == 0 and layer.attn.use_rel_pos:
            for name in ("rel_pos_h", "rel_pos_w"):
                table = getattr(layer.attn, name)
                middle = len(table) // 2
                tables[f"attn.{name}"] = table[middle - side + 1 : middle + side]
        tokens = functional_call(layer, tables, (tokens,))
    return encoder.neck(tokens)
