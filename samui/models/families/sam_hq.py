"""SAM-HQ (`SamHQModel` of transformers): SAM with a mask of its own on top, made of finer features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from samui.models.families.family import Decoded, Map, Model, PromptTensors
from samui.models.families.sam import Sam, SamNetwork
from samui.models.predictor import Embedding

if TYPE_CHECKING:
    import torch


class SamHq(Sam):
    """See `samui.models.families.family.Family`."""

    types: tuple[str, ...] = ("sam_hq",)

    def model_class(self) -> Model:
        """See `Family.model_class`."""
        from transformers import SamHQModel

        return SamHQModel

    def network(self, model: Model) -> SamHqNetwork:
        """See `Family.network`."""
        from samui.models.fast import decoder as fast_decoder
        from samui.models.fast import vision as fast_vision
        from samui.models.fast.decoders import FastHqDecoder, SwappedHqDecoder

        fast_vision.install(model)
        return SamHqNetwork(model, fast_decoder.install(model, SwappedHqDecoder, FastHqDecoder))


class SamHqNetwork(SamNetwork):
    """See `samui.models.families.family.Network`. Each candidate is one of SAM's plus the one of high quality."""

    def __init__(self, model: Model, fast: Any = None) -> None:
        """fast: what `samui.models.fast.decoder.install` gave for the model."""
        super().__init__(model, fast)
        _, _, height, width = self.maps["embedding"].shape
        # What the first layer with global attention leaves, of which the decoder makes its finer features.
        channels = model.mask_decoder.compress_vit_conv1.in_channels
        self.maps = {**self.maps, "early": Map((1, height, width, channels))}

    def encode(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """See `Network.encode`."""
        out = self._model.vision_encoder(pixels)
        return {"embedding": out.last_hidden_state, "early": out.intermediate_embeddings[0]}

    def decode(
        self, embedding: Embedding, tensors: Mapping[str, torch.Tensor], prompts: PromptTensors, multimask: bool
    ) -> Decoded:
        """See `Network.decode`. With three candidates, they come best first: so the model orders them."""
        sparse, dense = self._model.prompt_encoder(**prompts)
        shape = (len(dense), -1, -1, -1)
        logits, scores = self._model.mask_decoder(
            image_embeddings=tensors["embedding"].expand(shape),
            image_positional_embeddings=self._positions.expand(shape),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
            hq_token_only=False,
            intermediate_embeddings=[tensors["early"]],
            **self.shortcut(embedding, prompts),
        )
        return Decoded(logits[:, 0], scores[:, 0])
