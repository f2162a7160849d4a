"""`dtype="auto"`: which precision the image encoder takes on a device; the decoder stays in float32.

The encoder is nearly all of the time, and its rounding in bfloat16 moves masks by pixels of their outlines.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from samui.predictor import fast_linear

_WORTH = 1.3  # times faster, from which bfloat16 is worth its rounding; emulated, it is slower than float32
_ROUNDS = 7


def automatic(device: torch.device) -> str:
    """The encoder's: "bfloat16" if the device has instructions for it, and a short trial shows them faster."""
    if not _has_bfloat16(device):
        return "float32"
    return "bfloat16" if speed_up(device) >= _WORTH else "float32"


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def speed_up(device: torch.device) -> float:
    """How many times faster a product of matrices as the encoder's is in bfloat16; the best of a few, in turns."""
    best = {torch.float32: float("inf"), torch.bfloat16: float("inf")}
    with torch.inference_mode():
        jobs = {dtype: _product(device, dtype) for dtype in best}
        for job in jobs.values():
            job()
        for _ in range(_ROUNDS):
            for dtype, job in jobs.items():
                start = time.perf_counter()
                job()
                best[dtype] = min(best[dtype], time.perf_counter() - start)
    return best[torch.float32] / best[torch.bfloat16]


def _product(device: torch.device, dtype: torch.dtype) -> Callable[[], object]:
    rows, weight = (torch.ones(shape, device=device, dtype=dtype) for shape in ((1024, 768), (768, 768)))
    linear = fast_linear.best(device, dtype).linear

    def run() -> None:
        linear(rows, weight)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return run
