"""Memory while one image is encoded, each path in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from samui.bench import machine
from samui.bench.exported import Exported
from samui.bench.paths import DTYPES, ONNX, TRANSFORMERS, tell
from samui.errors import SamuiError

_SIDE = 1024  # pixels of the image


def memory(paths: Sequence[str], source: str, device: str, threads: int, onnx: Path | None) -> list[dict[str, Any]]:
    """A row for each path: MiB before and at the peak, the increase, and its share of transformers' increase.

    onnx: folder of the exported networks.
    """
    rows: list[dict[str, Any]] = []
    for path in paths:
        tell(f"memory: {path}")
        given = [path, str(onnx) if path == ONNX else source, device, str(threads)]
        command = [sys.executable, "-m", "samui.bench.footprint", *given]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        if done.returncode:
            raise SamuiError(f"bench latency: {path} must end well, got exit code {done.returncode} (out of memory?)")
        row = {"path": path, **json.loads(done.stdout.splitlines()[-1])}
        row["share"] = row["more"] / rows[0]["more"] if rows and row["more"] else None
        rows.append(row)
    return rows


def _encode_once(path: str, source: str, device: str, threads: str) -> dict[str, float | None]:
    """Memory of this fresh process before and while it encodes one image."""
    image = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), dtype=np.uint8)
    if path == ONNX:
        loaded = Exported(source, threads=int(threads))
        prepared = np.zeros(loaded.pixels, np.float32)
        with machine.PeakMemory() as used:
            loaded.encode(prepared)
    elif path == TRANSFORMERS:
        import torch
        from transformers import SamModel

        torch.set_num_threads(int(threads))
        model = SamModel.from_pretrained(source, dtype=torch.float32, use_safetensors=True).eval().to(device)
        side = model.config.vision_config.image_size
        pixels = torch.zeros(1, 3, side, side, device=device)
        _read_in(model)
        with machine.PeakMemory() as used, torch.inference_mode():
            model.get_image_embeddings(pixels)
    else:
        from samui.models import load_predictor

        predictor: Any = load_predictor(source, device=device, dtype=DTYPES[path], threads=int(threads))
        _read_in(predictor._model)
        with machine.PeakMemory() as used:
            predictor.embed(image)
    return {"before": used.before, "peak": used.peak, "more": used.more}


def _read_in(model: Any) -> None:
    """Touch all weights: they are read from the file at first use, which must not count as encoding."""
    for weights in model.parameters():
        weights.sum()


if __name__ == "__main__":
    print(json.dumps(_encode_once(*sys.argv[1:5])))
