"""Two optimizers in one: Muon for the matrices inside the network, AdamW for everything else.

Muon (Jordan et al. 2024) orthogonalises the momentum of each matrix, so that all directions of a layer learn at
once and not the strongest alone. Scaled as in Liu et al. 2025 so that one learning rate suits all shapes.
"""

import torch
from torch import Tensor, nn

from training.network import Segmenter, has_bfloat16

# Newton-Schulz coefficients of the original; five rounds bring the singular values into 0.7 to 1.2.
ROUNDS = 4
COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def is_inner_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether a parameter maps hidden to hidden: attention and MLP weights of encoder and decoder."""
    inner = ("layers.", "final_attn", "neck.conv1")
    return parameter.ndim == 2 and min(parameter.shape) >= 32 and any(part in name for part in inner)


class Optimizer:
    """Muon and AdamW over one network, with plain tensors as state that saves and loads to the bit."""

    def __init__(self, network: Segmenter, *, kind: str, matrix_rate: float, other_rate: float, weight_decay: float):
        named = [(name, each) for name, each in network.named_parameters() if each.requires_grad]
        matrices = {name for name, each in named if kind == "muon" and is_inner_matrix(name, each)}
        self.names = [name for name, _ in named]
        self.parameters = [each for _, each in named]
        self.matrix_rate, self.other_rate, self.weight_decay = matrix_rate, other_rate, weight_decay
        self.steps = 0
        self.momentum = {name: torch.zeros_like(each) for name, each in named}
        self.second = {name: torch.zeros_like(each) for name, each in named if name not in matrices}
        self.groups: dict[tuple, list[str]] = {}
        for name, each in named:
            if name in matrices:
                pieces = 3 if name.endswith("qkv.weight") else 1
                self.groups.setdefault((each.shape[0] // pieces, each.shape[1]), []).append(name)
        self.by_name = dict(named)

    @torch.no_grad()
    def step(self, gradients: list[Tensor], *, rate: float, clip: float = 1.0) -> float:
        """One update with gradients in the order of `parameters`; returns their norm before clipping."""
        self.steps += 1
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        torch._foreach_mul_(gradients, torch.clamp(clip / (norm + 1e-6), max=1.0))
        by_name = dict(zip(self.names, gradients, strict=True))
        self._adam([name for name in self.names if name in self.second], by_name, rate)
        for names in self.groups.values():
            self._muon(names, by_name, rate)
        return float(norm)

    def _adam(self, names: list[str], gradients: dict[str, Tensor], rate: float) -> None:
        first, second = [self.momentum[name] for name in names], [self.second[name] for name in names]
        wanted, weights = [gradients[name] for name in names], [self.by_name[name] for name in names]
        torch._foreach_lerp_(first, wanted, 1 - 0.9)
        torch._foreach_mul_(second, 0.98)
        torch._foreach_addcmul_(second, wanted, wanted, 1 - 0.98)
        root = torch._foreach_sqrt(torch._foreach_div(second, 1 - 0.98**self.steps))
        torch._foreach_add_(root, 1e-8)
        decayed = [weight for weight in weights if weight.ndim > 1]
        torch._foreach_mul_(decayed, 1 - self.other_rate * rate * self.weight_decay)
        scale = -self.other_rate * rate / (1 - 0.9**self.steps)
        torch._foreach_addcdiv_(weights, first, root, scale)

    def _muon(self, names: list[str], gradients: dict[str, Tensor], rate: float) -> None:
        pieces, weights, updates = [], [], []
        for name in names:
            gradient, momentum, weight = gradients[name], self.momentum[name], self.by_name[name]
            momentum.lerp_(gradient, 1 - 0.95)
            updates.append(gradient.lerp(momentum, 0.95))
            weights.append(weight)
            pieces.append(3 if name.endswith("qkv.weight") else 1)
        stacked = torch.cat([u.reshape(n, -1, u.shape[1]) for u, n in zip(updates, pieces, strict=True)])
        flat = orthogonalise(stacked)
        step = self.matrix_rate * rate
        scale = 0.2 * max(flat.shape[1:]) ** 0.5
        for weight, part in zip(weights, flat.split(pieces), strict=True):
            weight.mul_(1 - step * self.weight_decay)
            weight.add_(part.reshape(weight.shape), alpha=-step * scale)

    def state(self) -> dict:
        return {"steps": self.steps, "momentum": self.momentum, "second": self.second}

    def load(self, state: dict) -> None:
        self.steps = state["steps"]
        for mine, saved in ((self.momentum, state["momentum"]), (self.second, state["second"])):
            if mine.keys() != saved.keys():
                raise ValueError("optimizer state: must come from the same network and optimizer")
            for name, value in saved.items():
                mine[name].copy_(value)


def orthogonalise(matrices: Tensor) -> Tensor:
    """The nearest semi-orthogonal matrices, roughly, of `(n, rows, columns)` by Newton-Schulz.

    In bfloat16 where that is fast: on a CPU without AVX-512 it takes twenty times as long as float32.
    """
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    kind = torch.bfloat16 if has_bfloat16(matrices.device) else torch.float32
    x = (matrices.transpose(1, 2) if tall else matrices).to(kind)
    x = x / (x.float().norm(dim=(1, 2), keepdim=True) + 1e-7).to(kind)
    for _ in range(ROUNDS):
        square = x @ x.transpose(1, 2)
        x = a * x + (b * square + c * square @ square) @ x
    return (x.transpose(1, 2) if tall else x).float()
