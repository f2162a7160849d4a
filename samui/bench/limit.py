"""What the machine could do: its rate in matrix products, and how many operations an image encoder needs."""

from __future__ import annotations

import time
from typing import Any


def rates(device: str) -> dict[str, float]:
    """GFLOP/s of this machine in products of the encoder's size."""
    import torch
    from torch.nn import functional

    from samui.models.fast import linear as fast_linear

    rows, inner, columns = 4096, 768, 3072
    found = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        given, weight = (torch.ones(shape, dtype=dtype, device=device) for shape in ((rows, inner), (columns, inner)))
        for path, linear in (
            ("torch", functional.linear),
            ("samui", fast_linear.best(torch.device(device), dtype).linear),
        ):
            best = float("inf")
            with torch.inference_mode():
                for _ in range(8):
                    start = time.perf_counter()
                    linear(given, weight)[0, 0].item()  # waits for a GPU
                    best = min(best, time.perf_counter() - start)
            found[f"{path} {name}"] = 2e-9 * rows * inner * columns / best
    return found


def encoder_gflop(config: Any) -> float:
    """Billions of additions and multiplications in the matrix products for one image, by a `SamVisionConfig`.

    Only the picture's own patches count. transformers also computes the padding of windows, which nobody sees.
    """
    patches, width, mlp = (config.image_size // config.patch_size) ** 2, config.hidden_size, config.mlp_dim
    total = patches * config.num_channels * config.patch_size**2 * width
    for number in range(config.num_hidden_layers):
        seen = patches if number in config.global_attn_indexes else config.window_size**2
        total += patches * width * (4 * width + 2 * mlp + 2 * seen)
    total += patches * config.output_channels * (width + 9 * config.output_channels)
    return 2e-9 * total
