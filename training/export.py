"""The finished network as a checkpoint that any reader of `SamModel` loads: config, processor, float16 weights."""

from pathlib import Path

import torch
from transformers import SamConfig, SamImageProcessor, SamModel, SamProcessor

from training.network import Segmenter
from training.start import resize_network
from training.state import load_state

SHARPNESS = 4.0  # of the logits of an exported checkpoint
# What samui asks of a checkpoint (samui/models/traits.py): this one is small, finds a thing but not its edge,
# and its scores are lower throughout than SAM's.
TRAITS = {
    "snap": True,
    "score_floor": 0.2,
    "stability_floor": 0.5,
    "score_filter": 0.3,
    "stability_filter": 0.65,
    "cheap_encoder": True,
}


def load_average(state_file: Path) -> Segmenter:
    """The averaged network of a saved run, in float32 on the CPU."""
    state = load_state(state_file, device=torch.device("cpu"))
    network = Segmenter(SamModel(SamConfig.from_dict(state["config"])))
    network.load_state_dict(state["average"])
    return network


def load_checkpoint(folder: Path) -> Segmenter:
    """A checkpoint folder as a network to measure or to train further; its helper head starts from zero."""
    if not (folder / "config.json").exists():
        raise FileNotFoundError(f"{folder}: must hold a checkpoint (config.json, model.safetensors)")
    sam = SamModel.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    return Segmenter(sharpen(sam, 1 / SHARPNESS))


def export_checkpoint(network: Segmenter, folder: Path, *, size: int | None = None) -> None:
    """Write `config.json`, `processor_config.json` and `model.safetensors` (float16) for images of `size` pixels."""
    size = size or network.sam.config.vision_config.image_size
    sam = sharpen(resize_network(network, size).sam)
    folder.mkdir(parents=True, exist_ok=True)
    sam.config.samui = TRAITS
    sam.half().save_pretrained(folder, safe_serialization=True)
    side = size // sam.config.vision_config.patch_size * 4
    processor = SamImageProcessor(
        size={"longest_edge": size},
        pad_size={"height": size, "width": size},
        mask_size={"longest_edge": side},
        mask_pad_size={"height": side, "width": side},
    )
    SamProcessor(processor).save_pretrained(folder)


def blend(first: Segmenter, second: Segmenter, share: float) -> Segmenter:
    """A network whose weights lie between those of two, `share` (0 to 1) of the way to `second`; a new network.

    A checkpoint that was trained further and the one it began with lie in one basin: between them there is often one
    that keeps what the old one knew and has most of what the new one learnt (Wortsman et al., WiSE-FT, 2022).
    """
    if first.sam.config.to_dict()["vision_config"] != second.sam.config.to_dict()["vision_config"]:
        raise ValueError("checkpoints: must have the same architecture to be blended")
    blended = resize_network(first, first.sam.config.vision_config.image_size)
    theirs = second.state_dict()
    blended.load_state_dict({name: weight.lerp(theirs[name], share) for name, weight in first.state_dict().items()})
    return blended


def sharpen(sam: SamModel, factor: float = SHARPNESS) -> SamModel:
    """Multiply the mask logits by `factor` in place, and divide what comes back in as an earlier mask by it.

    Masks and scores stay as they are, a power of two to the bit. A short training leaves logits of a tenth of SAM's
    size, and the stability score of everything mode, which moves the threshold by one, then finds no mask stable.
    """
    with torch.no_grad():
        for mlp in sam.mask_decoder.output_hypernetworks_mlps:
            mlp.proj_out.weight *= factor
            mlp.proj_out.bias *= factor
        sam.prompt_encoder.mask_embed.conv1.weight /= factor
    return sam
