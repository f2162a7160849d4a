"""The state of a run on disk: whole or not at all."""

from pathlib import Path

import torch
from torch import Tensor

from samui import files
from training.network import Segmenter
from training.optimizers import Optimizer


class Average:
    """Exponential moving average of the weights, in float32, with a ramp: early weights are soon forgotten."""

    def __init__(self, network: Segmenter, *, decay: float):
        self.decay = decay
        self.weights = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: Segmenter, *, step: int) -> None:
        decay = min(self.decay, (step + 1) / (step + 10))
        mine, new = list(self.weights.values()), list(network.state_dict().values())
        torch._foreach_lerp_(mine, new, 1 - decay)


def save_state(
    path: Path, *, step: int, network: Segmenter, optimizer: Optimizer, average: Average, facts: dict
) -> None:
    """Write everything that the next step depends on, whole or not at all.

    Batches and prompts are functions of seed and step, so the step number is their random state; torch's is kept
    as well for whatever draws from it.
    """
    state = {
        "step": step,
        "size": network.sam.config.vision_config.image_size,
        "config": network.sam.config.to_dict(),
        "weights": network.state_dict(),
        "average": average.weights,
        "optimizer": optimizer.state(),
        "random": torch.get_rng_state(),
        "facts": facts,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as file:
        torch.save(state, file)


def load_state(path: Path, *, device: torch.device) -> dict:
    """Read a state; tensors and plain values only, no code runs."""
    return torch.load(path, map_location=device, weights_only=True)


def compact_state(state: dict) -> dict:
    """A state of half the size: the average stands for the weights too, the optimizer's moments are in bfloat16.

    Resuming from it goes on well, but not to the bit.
    """

    def halve(values: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: value.bfloat16() for name, value in values.items()}

    moments = state["optimizer"]
    slim = {"steps": moments["steps"], "momentum": halve(moments["momentum"]), "second": halve(moments["second"])}
    # Tensors that are shared are written once.
    return state | {"optimizer": slim, "weights": state["average"]}
