"""`dtype="auto"`: the image encoder in bfloat16 where a device computes that faster and the checkpoint bears it.

The decoder stays in float32: its rounding would move more of a mask than the encoder's, and nobody waits for it.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable
from typing import Any

import torch

from samui.models.fast import linear as fast_linear

_WORTH = 1.3  # times faster, from which bfloat16 is worth its rounding; emulated, it is slower than float32
_ROUNDS = 40  # of about a millisecond each; beside a busy program, a few of these run undisturbed
_LARGE = 20_000_000  # parameters of an encoder, below which an image takes a tenth of a second in float32 as well
# Relative error of an embedding by bfloat16. docs/benchmarks.md has what errors of this size do to masks.
_TOLERANCE = 0.02
_CPU_QUESTIONS = "_is_avx512_bf16_supported", "_is_amx_tile_supported"
log = logging.getLogger(__name__)


def lower(model: Any, embed_small: Callable[[Any], torch.Tensor]) -> None:
    """Put the image encoder of a float32 model in eval mode into bfloat16, if all of the following holds.

    It is large enough for anybody to wait for it; its device is faster in bfloat16; and on a small picture the
    embedding is as good as in float32. embed_small: makes that embedding, see `Family.embed_small`. Costs some tenths
    of a second where bfloat16 is faster, else milliseconds.
    """
    encoder = model.vision_encoder
    if sum(weights.numel() for weights in encoder.parameters()) < _LARGE:
        return
    if automatic(next(encoder.parameters()).device) != "bfloat16":
        return
    lowered = copy.deepcopy(encoder).to(torch.bfloat16)
    try:
        off = deviation(encoder, lowered, embed_small)
    except Exception as error:  # whatever another version of transformers does otherwise
        log.warning("precision: float32, since bfloat16 cannot be tried on this model (%s)", error)
        return
    if not off <= _TOLERANCE:
        log.warning("precision: float32, since bfloat16 is %.1f %% off with this model", 100 * off)
        return
    model.vision_encoder = lowered


def automatic(device: torch.device) -> str:
    """The device's: "bfloat16" if it has instructions for it, and a short trial shows them faster."""
    if not _has_bfloat16(device):
        return "float32"
    return "bfloat16" if speed_up(device) >= _WORTH else "float32"


def _has_bfloat16(device: torch.device) -> bool:
    """Whether a trial is worth its time; on the CPU, torch has no public way to ask."""
    if device.type != "cpu":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    known = [bool(getattr(torch.cpu, name)()) for name in _CPU_QUESTIONS if hasattr(torch.cpu, name)]
    if len(known) < len(_CPU_QUESTIONS) and not any(known):
        log.info("precision: this torch does not say whether the CPU has bfloat16; the trial alone decides")
        return True
    return any(known)


def speed_up(device: torch.device) -> float:
    """How many times faster a matrix product like the encoder's is in bfloat16; the best of a few, in turns."""
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
    rows, weight = (torch.ones(shape, device=device, dtype=dtype) for shape in ((256, 768), (768, 768)))
    linear = fast_linear.best(device, dtype).linear

    def run() -> None:
        linear(rows, weight)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return run


@torch.inference_mode()
def deviation(encoder: Any, other: Any, embed_small: Callable[[Any], torch.Tensor]) -> float:
    """Relative difference of what two encoders of one checkpoint make of a small picture (`Family.embed_small`)."""
    expected, found = (embed_small(one).float() for one in (encoder, other))
    return float((found - expected).norm() / expected.norm())
