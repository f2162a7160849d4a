"""ONNX Runtime beside samui: image encoder and mask decoder of a checkpoint, exported as the field exports them.

The encoder takes pixels and gives an embedding. The decoder takes an embedding, points and labels, and gives masks of
256 px and scores, like Meta's export and the desktop tools built on it. Those always compute an earlier mask, too; this
export leaves it out, which makes it faster. `python -m samui.bench.exported SOURCE FOLDER` exports.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from samui.errors import SamuiError

_NEEDED = "onnxruntime", "onnx"
_OPSET = 17
_ENCODER, _DECODER = "encoder.onnx", "decoder.onnx"


def left_out(device: str) -> str | None:
    """Why ONNX Runtime is not measured, in one line; None if it can be."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        return f"left out, since {' and '.join(missing)} cannot be imported (`pip install -r requirements-bench.txt`)"
    if device != "cpu":
        return f"left out, since the export runs on the CPU and samui on {device}"
    return None


class Exported:
    """A checkpoint in ONNX Runtime, in float32."""

    def __init__(self, folder: Path | str, *, threads: int) -> None:
        """folder: where `export` wrote the networks."""
        import onnxruntime

        self.version = onnxruntime.__version__
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Without this its threads spin while they wait, even during the turn of another path in the same process.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self._encoder, self._decoder = (
            onnxruntime.InferenceSession(Path(folder) / name, options, providers=["CPUExecutionProvider"])
            for name in (_ENCODER, _DECODER)
        )
        self.pixels: tuple[int, ...] = tuple(self._encoder.get_inputs()[0].shape[1:])  # (3, side, side)

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """The embedding (1, c, h, w) of prepared pixels (3, side, side)."""
        return self._encoder.run(None, {"pixels": pixels[None]})[0]

    def decode(self, embedding: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits (3, h, w) and scores (3,) of one prompt of include points (n, 2) in the model's frame."""
        given = points[None, None].astype(np.float32)
        labels = np.ones(given.shape[:3], np.int64)
        logits, scores = self._decoder.run(None, {"embedding": embedding, "points": given, "labels": labels})
        return logits[0, 0], scores[0, 0]


def export(source: str, folder: Path | str) -> None:
    """Write encoder and decoder of a local checkpoint into `folder`, in a separate process, which takes gigabytes."""
    command = [sys.executable, "-W", "ignore", "-m", "samui.bench.exported", source, str(folder)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing on stderr"])[-1]
        raise SamuiError(f"bench latency: the export to ONNX must end well, got exit code {done.returncode} ({last})")


def _export(source: str, folder: str) -> None:
    import torch
    from transformers import SamModel

    model = SamModel.from_pretrained(source, dtype=torch.float32, use_safetensors=True).eval().requires_grad_(False)
    config = model.config
    side, grid = config.vision_config.image_size, config.prompt_encoder_config.image_embedding_size
    points, labels = torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, dtype=torch.int64)
    embedding = torch.zeros(1, config.prompt_encoder_config.hidden_size, grid, grid)

    class Call(torch.nn.Module):
        def __init__(self, run: Callable[..., Any]) -> None:
            super().__init__()
            self.model, self.run = model, run

        def forward(self, *given: torch.Tensor) -> Any:
            return self.run(*given)

    def encode(pixels: torch.Tensor) -> torch.Tensor:
        return model.vision_encoder(pixels)[0]

    def decode(embedding: torch.Tensor, points: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        out = model(image_embeddings=embedding, input_points=points, input_labels=labels, multimask_output=True)
        return out.pred_masks, out.iou_scores

    axes: dict[str, dict[int, str]] = {axis: {2: "n"} for axis in ("points", "labels")}
    for name, run, given in (
        (_ENCODER, encode, {"pixels": torch.zeros(1, 3, side, side)}),
        (_DECODER, decode, {"embedding": embedding, "points": points, "labels": labels}),
    ):
        torch.onnx.export(
            Call(run),
            tuple(given.values()),
            str(Path(folder) / name),
            dynamo=False,  # the other exporter needs onnxscript as well
            opset_version=_OPSET,
            input_names=list(given),
            dynamic_axes={axis: names for axis, names in axes.items() if axis in given},
        )


if __name__ == "__main__":
    _export(*sys.argv[1:3])
