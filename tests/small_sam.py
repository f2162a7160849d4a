"""Networks that are small enough for tests of every path through them: a SAM, and one of another family."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from transformers import (
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2Model,
    Sam2VisionConfig,
    SamConfig,
    SamHQConfig,
    SamHQModel,
    SamModel,
)

from samui.models.checkpoints import ModelChoice
from samui.models.families.family import Decoded, Family, Map
from samui.models.families.sam import Sam
from samui.models.preprocess import SQUARE, Preprocessing
from samui.models.torch_predictor import TorchPredictor
from samui.models.traits import Traits

LEVELS = np.linspace(-2, 2, 256, dtype=np.float32)[None].repeat(3, axis=0)  # what a small SAM reads for each value


def make_model(dtype=torch.float32, *, hq=False, **vision):
    """A SAM (or SAM-HQ) of four small layers, two of them global, with random weights that keep variance."""
    torch.manual_seed(0)
    small = {
        "hidden_size": 48,
        "num_hidden_layers": 4,
        "num_attention_heads": 3,
        "mlp_dim": 96,
        "image_size": 160,
        "output_channels": 16,
        "global_attn_indexes": [1, 3],
    }
    decoder = {"hidden_size": 16, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 16}
    prompt = {"hidden_size": 16, "image_size": 160, "image_embedding_size": 10, "mask_input_channels": 4}
    if hq:
        decoder["vit_dim"] = 48
    config = (SamHQConfig if hq else SamConfig)(
        vision_config=small | {"num_pos_feats": 8} | vision,
        prompt_encoder_config=prompt,
        mask_decoder_config=decoder,
    )
    model = (SamHQModel if hq else SamModel)(config).eval().requires_grad_(False)
    for name, weights in model.named_parameters():
        if "rel_pos" in name or "pos_embed" in name:
            weights.normal_(0, 0.5)
        elif weights.dim() > 1:
            weights.normal_(0, weights[0].numel() ** -0.5)
        else:
            weights.normal_(0, 0.1)
    return model.to(dtype)


def make_predictor(model=None):
    """A loaded small SAM, as `load_predictor` makes one of a checkpoint."""
    model = make_model() if model is None else model
    preprocessing = Preprocessing(160, PIL.Image.Resampling.BILINEAR, LEVELS)
    choice = ModelChoice("small", "Small", Path("nowhere"), "0", "as asked")
    return TorchPredictor(model, Sam().network(model), preprocessing, choice, Traits())


def make_stretching_model():
    """A SAM 2 of four small blocks for squares of 128 pixels, with random weights."""
    torch.manual_seed(0)
    backbone = Sam2HieraDetConfig(
        hidden_size=16,
        num_attention_heads=1,
        image_size=[128, 128],
        embed_dim_per_stage=[16, 32, 64, 128],
        num_attention_heads_per_stage=[1, 1, 2, 2],
        blocks_per_stage=[1, 1, 2, 1],
        window_size_per_stage=[8, 4, 4, 4],
        global_attention_blocks=[3],
        window_positional_embedding_background_size=[4, 4],
    )
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[128, 64, 32, 16],
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
        fpn_hidden_size=32,
    )
    decoder = {"hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 2, "iou_head_hidden_dim": 32}
    prompt = {"hidden_size": 32, "image_size": 128, "mask_input_channels": 4}
    model = Sam2Model(Sam2Config(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder))
    model = model.eval().requires_grad_(False)
    for weights in model.parameters():
        weights.normal_(0, weights[0].numel() ** -0.5 if weights.dim() > 1 else 0.1)
    return model


def save_small_sam2(folder: Path) -> Path:
    """A checkpoint of `make_stretching_model`, with the settings of the hub's folders; takes a second to load."""
    make_stretching_model().save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 128, "width": 128}}))
    return folder


class Stretching:
    """A family whose embedding is three maps, whose image fills a square, and whose decoder says what is present.

    What a new family must bring, no more: it fits `Family` and `Network`, and everything else is the product's.
    """

    types: tuple[str, ...] = ("stretching",)
    needs: tuple[str, ...] = ()
    traits: Traits = Traits()

    def model_class(self):
        return Sam2Model

    def preprocessing(self, folder, config):
        return Preprocessing.read(folder, 128, SQUARE, low=32)

    def embed_small(self, encoder):
        raise NotImplementedError

    def network(self, model):
        return StretchingNetwork(model)


class StretchingNetwork:
    low_res_size = (32, 32)
    maps: Mapping[str, Map] = {
        "fine": Map((1, 4, 32, 32)),
        "middle": Map((1, 8, 16, 16)),
        "embedding": Map((1, 32, 8, 8), channels_last=True),
    }

    def __init__(self, model):
        self.model = model
        with torch.inference_mode():
            self.positions = model.get_image_wide_positional_embeddings()

    def to_model(self, frame, xy, *, box):
        scale = np.array([frame.resized[1] / frame.image[1], frame.resized[0] / frame.image[0]]).astype(np.float32)
        return np.asarray(xy, np.float32) * scale

    def encode(self, pixels):
        return dict(zip(self.maps, self.model.get_image_embeddings(pixels), strict=True))

    def prepare(self, embedding):
        pass

    def decode(self, embedding, tensors, prompts, multimask):
        sparse, dense = self.model.prompt_encoder(**prompts)
        shape = (len(dense), -1, -1, -1)
        logits, scores, _, present = self.model.mask_decoder(
            image_embeddings=tensors["embedding"].expand(shape),
            image_positional_embeddings=self.positions.expand(shape),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
            high_resolution_features=[tensors["fine"].expand(shape), tensors["middle"].expand(shape)],
        )
        return Decoded(logits[:, 0], scores[:, 0], present[:, 0, 0])


def _fits() -> Family:
    """For a type checker."""
    return Stretching()


def make_stretching_predictor(folder):
    """A loaded small SAM 2; folder: of its settings, may be empty."""
    model, family = make_stretching_model(), Stretching()
    choice = ModelChoice("stretching", "Stretching", folder, "0", "as asked")
    preprocessing = family.preprocessing(folder, model.config)
    return TorchPredictor(model, family.network(model), preprocessing, choice, family.traits)
