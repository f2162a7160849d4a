"""Checkpoints of every family with seeded random weights: the real architecture, with few layers in the encoder."""

import json
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file

# One layer a stage, the third with global attention; all else, decoder included, is SAM 2.1 tiny's.
SHORT_HIERA = {"blocks_per_stage": [1, 1, 2, 1], "global_attention_blocks": [3]}
MEMORY = {"memory_temporal_positional_encoding": (7, 1, 1, 64), "memory_attention.layer_norm.weight": (256,)}


def randomise(model, seed=0):
    """Weights that keep variance: logits of both signs, three candidates that differ, no constant answers."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "positional_embedding" in name:
                weights.normal_(0, 1, generator=generator)
            elif weights.dim() > 1:
                weights.normal_(0, weights[0].numel() ** -0.5, generator=generator)
            elif name.endswith("bias"):
                weights.normal_(0, 0.02, generator=generator)
        for name, values in model.named_buffers():
            if name.endswith("positional_embedding"):  # a parameter in SAM, a buffer in its followers
                values.normal_(0, 1, generator=generator)
        if hasattr(model, "prompt_encoder"):
            model.prompt_encoder.shared_embedding.positional_embedding.copy_(
                model.shared_image_embedding.positional_embedding
            )
    return model


def settings(folder, **content):
    """What the hub's folders of SAM 2 and later have: sizes as height and width, and a file about videos besides."""
    (folder / "preprocessor_config.json").write_text(json.dumps(content))
    video = {"point_pad_value": -10, "processor_class": "Sam2VideoProcessor", "target_size": content["size"]["height"]}
    (folder / "processor_config.json").write_text(json.dumps(video))


def sam_hq(folder, **vision):
    """SAM-HQ ViT-B with a single layer, a global one, since the decoder reads what it leaves."""
    short = {"num_hidden_layers": 1, "global_attn_indexes": [0]} | vision
    config = transformers.SamHQConfig(vision_config=short)
    randomise(transformers.SamHQModel(config)).save_pretrained(folder)
    transformers.SamImageProcessorPil().save_pretrained(folder)
    return folder


def sam2(folder, **backbone):
    """SAM 2.1 tiny."""
    short = transformers.Sam2HieraDetConfig(**(SHORT_HIERA | backbone))
    config = transformers.Sam2Config(vision_config=transformers.Sam2VisionConfig(backbone_config=short))
    randomise(transformers.Sam2Model(config), seed=1).save_pretrained(folder)
    settings(folder, size={"height": 1024, "width": 1024}, image_processor_type="Sam2ImageProcessorFast")
    return folder


def sam2_video(folder, **backbone):
    """SAM 2.1 tiny as the hub has it: the video model's config and tensors, the image model's among them."""
    sam2(folder, **backbone)
    model = transformers.Sam2Model.from_pretrained(folder)
    video = transformers.Sam2VideoConfig(
        **{key: value for key, value in model.config.to_dict().items() if key.endswith("_config")}
    )
    (folder / "config.json").write_text(video.to_json_string())
    add(folder, {name: torch.zeros(shape) for name, shape in MEMORY.items()})
    return folder


def sam3_tracker(folder, **backbone):
    """SAM 3's tracker with a layer in windows and a global one."""
    _sam3_model(backbone).save_pretrained(folder)
    settings(folder, size={"height": 1008, "width": 1008}, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    return folder


def sam3_video(folder, **backbone):
    """SAM 3 as the hub has it, detector and all, of which the tracker is a part.

    Not by `Sam3VideoModel.save_pretrained`, which writes names that it cannot read.
    """
    model, named = _sam3_model(backbone), {}
    for name, tensor in model.state_dict().items():
        if name.startswith("vision_encoder.neck."):
            named[name.replace("vision_encoder.neck.", "tracker_neck.")] = tensor.clone()
        elif name.startswith("vision_encoder."):
            named[f"detector_model.{name}"] = tensor.clone()
        else:
            named[f"tracker_model.{name}"] = tensor.clone()
    named["detector_model.dot_product_scoring.text_proj.bias"] = torch.zeros(256)
    named["tracker_model.memory_temporal_positional_encoding"] = torch.zeros(7, 1, 1, 64)
    save_file(named, folder / "model.safetensors", metadata={"format": "pt"})
    tracker = model.config.to_dict() | {"model_type": "sam3_tracker_video"}
    (folder / "config.json").write_text(json.dumps({"model_type": "sam3_video", "tracker_config": tracker}))
    settings(folder, size={"height": 1008, "width": 1008}, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    return folder


def _sam3_model(backbone):
    short = {"model_type": "sam3_vit_model", "num_hidden_layers": 2, "global_attn_indexes": [1]} | backbone
    config = transformers.Sam3TrackerConfig(vision_config={"model_type": "sam3_vision_model", "backbone_config": short})
    return randomise(transformers.Sam3TrackerModel(config), seed=2)


class StandInConfig(transformers.PreTrainedConfig):
    model_type = "repvit_stand_in"


class StandIn(transformers.PreTrainedModel):
    """Gives maps of the sizes of EdgeTAM's RepViT; that one is computed by timm, which is no part of these tests."""

    config: StandInConfig

    def __init__(self, config):
        super().__init__(config)
        channels = [3, 48, 96, 192, 384]
        steps = [torch.nn.Conv2d(a, b, s, s) for a, b, s in zip(channels, channels[1:], (4, 2, 2, 2), strict=False)]
        self.steps = torch.nn.ModuleList(steps)
        self.post_init()

    def forward(self, pixel_values, **options):
        maps = [pixel_values]
        for step in self.steps:
            maps.append(torch.tanh(step(maps[-1])))
        return transformers.modeling_outputs.BaseModelOutput(last_hidden_state=maps[1:])


transformers.AutoConfig.register("repvit_stand_in", StandInConfig)
transformers.AutoModel.register(StandInConfig, StandIn)


def edgetam(folder):
    """EdgeTAM but for its backbone."""
    config = transformers.EdgeTamConfig(vision_config=transformers.EdgeTamVisionConfig(backbone_config=StandInConfig()))
    randomise(transformers.EdgeTamModel(config), seed=3).save_pretrained(folder)
    settings(folder, size={"height": 1024, "width": 1024})
    return folder


def add(folder: Path, tensors):
    weights = load_file(folder / "model.safetensors") | tensors
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
