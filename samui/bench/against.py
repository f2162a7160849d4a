"""samui, transformers' own path and ONNX Runtime on the same jobs in turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from samui.bench.exported import Exported
from samui.bench.paths import DTYPES, FLOAT32, ONNX, TRANSFORMERS, tell
from samui.bench.timing import alternate
from samui.models.predictor import Predictor
from samui.types import Prompt

JOBS = {"encoder": "open an image", "decoder": "decode one point", "grid": "decode 1,024 points", "click": "click"}
_GRID = 32  # points a side; as SAM's own grid
_BATCH = 64  # points that transformers' pipeline decodes at once
_PROMPTS = 50  # whose masks are compared
_SECONDS = 120.0  # at most for a job; an encoder of ViT-B takes seconds a call
_PAUSE = 0.02  # seconds before each call, so that the threads of the previous path stop spinning for work

Rows = list[dict[str, Any]]


class Paths:
    """All paths loaded with one checkpoint, and the embedding of one photo by each of them."""

    def __init__(self, predictor: Predictor, image: np.ndarray, onnx: Path | None) -> None:
        """onnx: folder of the exported networks, or None to do without."""
        import torch
        from transformers import SamImageProcessorPil, SamModel, SamProcessor

        from samui.models import load_predictor
        from samui.models.preprocess import Preprocessing

        source, threads = predictor.source, torch.get_num_threads()
        self.image, self._device = image, torch.device(predictor.device)
        self.ours = {
            path: load_predictor(source, device=predictor.device, dtype=dtype, threads=threads)
            for path, dtype in DTYPES.items()
        }
        self._model = SamModel.from_pretrained(source, dtype=torch.float32, use_safetensors=True).eval()
        self._model.to(self._device)
        self.vision_config = self._model.config.vision_config
        # The PIL image processor by name: the other one resizes by torchvision, and does not load without it.
        self._processor = SamProcessor(SamImageProcessorPil.from_pretrained(source))
        self._preprocess = Preprocessing.read(Path(source), self.vision_config.image_size)
        self.exported = Exported(onnx, threads=threads) if onnx else None
        self.names = [TRANSFORMERS, *([ONNX] if onnx else []), *self.ours]
        tell("an embedding by each path")
        self.embeddings: dict[str, Any] = {name: self.encode(name) for name in self.names}
        self.frame = self.embeddings[FLOAT32].frame

    def encode(self, path: str) -> Any:
        """The photo's embedding, preprocessing included; samui's preprocessing for ONNX Runtime, which has none."""
        if path == TRANSFORMERS:
            return self._transformers_encode()
        if path == ONNX:
            assert self.exported is not None
            return self.exported.encode(self._preprocess(self.image))
        return self.ours[path].embed(self.image)

    def decode(self, path: str, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits (n, 3, h, w) and scores (n, 3) for each of several points (n, 2), as many at once as each path does.

        transformers' pipeline decodes 64 at once, samui eight on the CPU; the exported decoder takes one prompt.
        """
        if path == ONNX:
            assert self.exported is not None
            scaled = self.frame.to_model(points)
            found = [self.exported.decode(self.embeddings[ONNX], point[None]) for point in scaled]
            return np.stack([logits for logits, _ in found]), np.stack([scores for _, scores in found])
        step = _BATCH if path == TRANSFORMERS else self.ours[path].points_per_pass
        parts = [points[start : start + step] for start in range(0, len(points), step)]
        if path == TRANSFORMERS:
            found = [self._transformers_decode(part) for part in parts]
        else:
            found = [self.ours[path].predict_points(self.embeddings[path], part) for part in parts]
        return np.concatenate([logits for logits, _ in found]), np.concatenate([scores for _, scores in found])

    def click(self, path: str, point: tuple[float, float]) -> None:
        """From a point to a mask at the photo's size; transformers then has three, samui the one that is shown.

        transformers' way is its documented one for a cached embedding: `SamProcessor` for the prompt, `SamModel` with
        `image_embeddings`, `post_process_masks`.
        """
        if path == TRANSFORMERS:
            self._transformers_click(point)
        else:
            prediction = self.ours[path].predict(self.embeddings[path], Prompt([point], [1]))
            prediction.mask(prediction.best)

    def _inputs(self, **prompt: Any) -> Any:
        return self._processor(self.image, return_tensors="pt", input_data_format="channels_last", **prompt)

    def _transformers_encode(self) -> Any:
        import torch

        with torch.inference_mode():
            return self._model.get_image_embeddings(self._inputs()["pixel_values"].to(self._device))

    def _transformers_decode(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        import torch

        with torch.inference_mode():
            given = torch.from_numpy(self.frame.to_model(points)).to(self._device, torch.float32)[None, :, None]
            encoded = self.embeddings[TRANSFORMERS]
            out = self._model(image_embeddings=encoded, input_points=given, multimask_output=True)
            return out.pred_masks[0].cpu().numpy(), out.iou_scores[0].cpu().numpy()

    def _transformers_click(self, point: tuple[float, float]) -> Any:
        import torch

        with torch.inference_mode():
            given = self._inputs(input_points=[[[list(point)]]])
            points = given["input_points"].to(self._device, torch.float32)
            encoded = self.embeddings[TRANSFORMERS]
            masks = self._model(image_embeddings=encoded, input_points=points, multimask_output=True).pred_masks.cpu()
            return self._processor.post_process_masks(masks, given["original_sizes"], given["reshaped_input_sizes"])


def times(
    paths: Paths, jobs: Sequence[str], repeat: Mapping[str, int], rates: Mapping[str, float], gflop: float
) -> Rows:
    """A row for each job and path: milliseconds, how many times faster than transformers, distance to the limit.

    jobs: of `JOBS`. repeat: timings of each. rates: GFLOP/s of matrix products by "path dtype". gflop: of the encoder.
    "of limit": share of the best of these rates that the encoder's operations reach, by wall clock.
    """
    height, width = paths.image.shape[:2]
    point = np.array([[0.5 * width, 0.5 * height]])
    steps = (np.arange(_GRID) + 0.5) / _GRID
    grid = np.stack(np.meshgrid(steps * width, steps * height), -1).reshape(-1, 2)
    calls: dict[str, Callable[[str], Any]] = {
        "encoder": paths.encode,
        "decoder": lambda path: paths.decode(path, point),
        "grid": lambda path: paths.decode(path, grid),
        "click": lambda path: paths.click(path, tuple(point[0])),
    }
    rows: Rows = []
    for job in jobs:
        tell(f"{JOBS[job]}: all paths in turns")
        # ONNX Runtime stops at masks of 256 px.
        names = [path for path in paths.names if job != "click" or path != ONNX]
        turns = {path: lambda path=path, call=calls[job]: call(path) for path in names}
        # Each path has encoded the photo, and the first of a grid's sixteen batches is warm-up enough.
        warm_up = 0 if job in ("encoder", "grid") else 1
        found = alternate(turns, repeat=repeat[job], warm_up=warm_up, seconds=_SECONDS, pause=_PAUSE)
        for path, summary in found.items():
            row = {"job": JOBS[job], "path": path, **summary}
            row["times"] = found[TRANSFORMERS]["p50"] / summary["p50"]
            if job == "encoder":
                # The better rate of both libraries, in the precision that the path computes in.
                dtype = _encoder_dtype(paths, path)
                limit = max(rate for name, rate in rates.items() if name.endswith(f" {dtype}"))
                row["of limit"] = gflop / (summary["p50"] / 1000) / limit
            rows.append(row)
    return rows


def _encoder_dtype(paths: Paths, path: str) -> str:
    if path not in paths.ours:
        return "float32"
    return str(paths.embeddings[path].tensors["embedding"].dtype).removeprefix("torch.")


def same(paths: Paths) -> Rows:
    """How far embedding and masks of each path are from transformers': relative difference, IoU of 50 points' masks.

    Compares, for each prompt, the candidate that transformers scores best, at 256 px, within the photo.
    """
    import torch

    tell(f"masks of {_PROMPTS} points by each path")
    height, width = paths.image.shape[:2]
    points = np.random.default_rng(0).uniform(0.02, 0.98, (_PROMPTS, 2)) * (width, height)
    expected = torch.as_tensor(paths.embeddings[TRANSFORMERS]).float().cpu()
    logits, scores = paths.decode(TRANSFORMERS, points)
    best = scores.argmax(1)
    used = tuple(-(-side // 4) for side in paths.frame.resized)

    def masks(logits: np.ndarray) -> np.ndarray:
        return logits[np.arange(_PROMPTS), best, : used[0], : used[1]] > 0

    theirs, rows = masks(logits), []
    for path in paths.names[1:]:
        embedding = paths.embeddings[path]
        tensor = torch.as_tensor(embedding.tensors["embedding"] if path in paths.ours else embedding).float()
        mine = masks(paths.decode(path, points)[0])
        shared, either = (mine & theirs).sum((1, 2)), (mine | theirs).sum((1, 2))
        ious = np.where(either == 0, 1.0, shared / np.maximum(either, 1))
        off = float((tensor - expected).norm() / expected.norm())
        rows.append({"path": path, "embedding off": off, "mean IoU": float(ious.mean()), "least": float(ious.min())})
    return rows
