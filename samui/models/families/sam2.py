"""SAM 2 and 2.1 (`Sam2Model` of transformers), also out of the hub's folders, which hold the video model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from samui.errors import ModelError
from samui.models.families.family import Decoded, Map, Model, PromptTensors
from samui.models.predictor import Embedding
from samui.models.preprocess import SQUARE, Preprocessing, Rule
from samui.models.traits import Traits
from samui.pixels.geometry import Frame

if TYPE_CHECKING:
    import torch

# Of `SAM2AutomaticMaskGenerator` where the page begins, and below that what it keeps for the sliders. Scores are
# sigmoids here, so no network of this family gives more than 1.
TRAITS = Traits(score_floor=0.6, stability_floor=0.8, score_filter=0.8, stability_filter=0.95)
CONFIG = "config.json"
_MOST = 32.0  # of logits that go back in as a prompt; `SAM2ImagePredictor` clamps those it hands out
_SMALL = 6  # windows of the first stage along a side of the small picture


class Sam2:
    """See `samui.models.families.family.Family`."""

    types: tuple[str, ...] = ("sam2", "sam2_video")
    needs: tuple[str, ...] = ()
    traits: Traits = TRAITS
    rule: Rule = SQUARE  # of its processor where the settings say nothing

    def model_class(self) -> Model:
        """See `Family.model_class`."""
        from transformers import Sam2Model

        return Sam2Model

    def preprocessing(self, folder: Path, config: Any) -> Preprocessing:
        """See `Family.preprocessing`. The logits are four times as fine as the grid of patches."""
        where, prompt = f"{folder / CONFIG}: prompt_encoder_config", config.prompt_encoder_config
        side = _side(f"{where}.image_size", prompt.image_size)
        seen = getattr(config.vision_config.backbone_config, "image_size", side)
        if _side(f"{folder / CONFIG}: backbone_config.image_size", seen) != side:
            raise ModelError(f"{where}.image_size must be backbone_config's {seen}, got {side}")
        return Preprocessing.read(
            folder, side, self.rule, low=4 * side // _side(f"{where}.patch_size", prompt.patch_size)
        )

    def embed_small(self, encoder: Model) -> torch.Tensor:
        """See `Family.embed_small`: a few hundredths of the work of a whole image. Each map has equal weight."""
        import torch

        config = encoder.config.backbone_config
        pools = 2**config.num_query_pool_stages
        side = _SMALL * pools * _side("patch_stride", config.patch_stride)
        generator = torch.Generator().manual_seed(0)
        coarse = torch.randn(1, config.num_channels, side // 8, side // 8, generator=generator)
        pixels = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bicubic")
        return joined(encoder(pixels.to(next(encoder.parameters()))).fpn_hidden_states)

    def network(self, model: Model) -> Sam2Network:
        """See `Family.network`."""
        from samui.models.fast import decoder as fast_decoder
        from samui.models.fast.decoders import FastSam2Decoder

        return Sam2Network(model, fast_decoder.install(model, FastSam2Decoder))


class Sam2Network:
    """See `samui.models.families.family.Network`. Its embedding is three maps, the two finer ones for the last steps.

    The decoder also says whether there is an object at all; as in `SAM2ImagePredictor`, that changes no mask.
    """

    def __init__(self, model: Model, fast: Any = None) -> None:
        """fast: what `samui.models.fast.decoder.install` gave for the model."""
        import torch

        self._model, self._fast = model, fast
        decoder = model.mask_decoder
        height, width = model.prompt_encoder.image_embedding_size
        self.low_res_size = (4 * height, 4 * width)  # two stride-2 transposed convolutions in the decoder
        self.maps: Mapping[str, Map] = {
            "fine": Map((1, decoder.conv_s0.out_channels, 4 * height, 4 * width), channels_last=True),
            "middle": Map((1, decoder.conv_s1.out_channels, 2 * height, 2 * width), channels_last=True),
            "embedding": Map((1, decoder.hidden_size, height, width), channels_last=True),
        }
        with torch.inference_mode():
            self._positions = model.get_image_wide_positional_embeddings()

    def to_model(self, frame: Frame, xy: np.ndarray, *, box: bool) -> np.ndarray:
        """See `Network.to_model`. `Sam2Processor` rounds all to float32 before it scales them."""
        return frame.to_model(xy, np.float32)

    def encode(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """See `Network.encode`; what `Sam2Model.get_image_embeddings` gives.

        That one takes encoder and decoder to be on one device and in one precision: the last steps are the decoder's.
        """
        model, precision = self._model, pixels.dtype
        decoder = model.mask_decoder
        weight = decoder.conv_s0.weight
        maps = model.vision_encoder(pixels).fpn_hidden_states
        fine, middle, coarse = (part.to(weight) for part in maps[:3])
        if len(maps) == 3:  # transformers adds it to the last map there is, which SAM 3's decoder does not read
            coarse = coarse + model.no_memory_embedding.view(1, -1, 1, 1)
        tensors = decoder.conv_s0(fine), decoder.conv_s1(middle), coarse
        return {name: tensor.to(precision) for name, tensor in zip(self.maps, tensors, strict=True)}

    def prepare(self, embedding: Embedding) -> None:
        """See `Network.prepare`."""
        if self._fast is not None:
            self._fast.terms(embedding)

    def decode(
        self, embedding: Embedding, tensors: Mapping[str, torch.Tensor], prompts: PromptTensors, multimask: bool
    ) -> Decoded:
        """See `Network.decode`."""
        masks = prompts["input_masks"]
        if masks is not None:
            prompts = {**prompts, "input_masks": masks.clamp(-_MOST, _MOST)}
        sparse, dense = self._model.prompt_encoder(**prompts)
        fast = {}
        if self._fast is not None:
            fast = {"image_terms": self._fast.terms(embedding), "masked": masks is not None}
        shape = (len(dense), -1, -1, -1)
        logits, scores, _, present = self._model.mask_decoder(
            image_embeddings=tensors["embedding"].expand(shape),
            image_positional_embeddings=self._positions.expand(shape),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
            high_resolution_features=[tensors["fine"].expand(shape), tensors["middle"].expand(shape)],
            **fast,
        )
        return Decoded(logits[:, 0], scores[:, 0], present[:, 0, 0])


def joined(maps: Any) -> torch.Tensor:
    """Several maps as one vector in which each has the same length."""
    import torch

    flat = [part.float().flatten() for part in maps]
    return torch.cat([part / part.norm() for part in flat])


def _side(where: str, size: Any) -> int:
    """A side that config.json gives as a number or as two equal ones. ModelError; where: its place."""
    sides = {size} if isinstance(size, int) else set(size if isinstance(size, (list, tuple)) else ())
    if len(sides) != 1 or not isinstance(side := sides.pop(), int) or side < 1:
        raise ModelError(f"{where} must be a positive whole number or two equal ones, got {size!r}")
    return side
