"""samui and transformers' own path on the same jobs in turns, in float32 and in automatic precision."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from samui.bench import machine
from samui.bench.timing import alternate
from samui.errors import SamuiError
from samui.predictor.base import Predictor
from samui.types import Prompt

TRANSFORMERS, FLOAT32, AUTO = "transformers", "samui float32", "samui auto"
GRID_POINTS = 64  # that transformers' pipeline decodes at once; a grid of 1,024 is sixteen times that
_SECONDS = 120.0  # at most for a job; an encoder of ViT-B takes seconds a call
_SIDE = 1024  # pixels of the image whose encoding is measured for memory

Rows = dict[str, dict[str, Any]]


def times(predictor: Predictor, image: np.ndarray, *, repeat: int, encodes: int) -> Rows:
    """Medians in milliseconds and ratios of four jobs; transformers computes in float32, as its checkpoints are.

    transformers' click is its documented way for a cached embedding: `SamProcessor` for the prompt, `SamModel` with
    `image_embeddings`, `post_process_masks`. It has three masks then, and samui the one that is looked at.
    """
    import torch
    from transformers import SamImageProcessorPil, SamModel, SamProcessor

    from samui.predictor import load_predictor

    ours = {name: load_predictor(predictor.source, device=predictor.device, dtype=dtype) for name, dtype in _OURS}
    device = torch.device(predictor.device)
    model = SamModel.from_pretrained(predictor.source, dtype=torch.float32, use_safetensors=True).eval().to(device)
    # The PIL image processor by name: the other one resizes by torchvision, and does not load without it.
    processor = SamProcessor(SamImageProcessorPil.from_pretrained(predictor.source))
    point = (0.5 * image.shape[1], 0.5 * image.shape[0])
    grid = np.random.default_rng(0).uniform(0, 1, (GRID_POINTS, 2)) * image.shape[1::-1]
    embeddings = {name: loaded.embed(image) for name, loaded in ours.items()}
    scaled = embeddings[FLOAT32].frame.to_model

    def inputs(**prompt: Any) -> Any:
        return processor(image, return_tensors="pt", input_data_format="channels_last", **prompt)

    @torch.inference_mode()
    def open_image() -> Any:
        return model.get_image_embeddings(inputs()["pixel_values"].to(device))

    encoded = open_image()

    @torch.inference_mode()
    def decode(points: np.ndarray) -> Any:
        given = torch.from_numpy(scaled(points)).to(device, torch.float32)[None, :, None]
        return model(image_embeddings=encoded, input_points=given, multimask_output=True).pred_masks.cpu()

    @torch.inference_mode()
    def click() -> Any:
        given = inputs(input_points=[[[list(point)]]])
        points = given["input_points"].to(device, torch.float32)
        masks = model(image_embeddings=encoded, input_points=points, multimask_output=True).pred_masks.cpu()
        return processor.post_process_masks(masks, given["original_sizes"], given["reshaped_input_sizes"])

    def our_points(name: str) -> None:
        step = ours[name].points_per_pass
        for start in range(0, len(grid), step):
            ours[name].predict_points(embeddings[name], grid[start : start + step])

    def our_click(name: str) -> None:
        prediction = ours[name].predict(embeddings[name], Prompt([point], [1]))
        prediction.mask(prediction.best)

    jobs: dict[str, tuple[Callable[[], Any], Callable[[str], Any], int]] = {
        "open an image": (open_image, lambda name: ours[name].embed(image), encodes),
        "decode one point": (
            lambda: decode(np.array([point])),
            lambda name: ours[name].predict(embeddings[name], Prompt([point], [1])),
            repeat,
        ),
        f"decode {GRID_POINTS} points": (lambda: decode(grid), our_points, encodes),
        "click": (click, our_click, repeat),
    }
    rows = {}
    for job, (theirs, mine, count) in jobs.items():
        _tell(f"{job}: transformers and samui in turns")
        paths = {TRANSFORMERS: theirs} | {name: lambda name=name, mine=mine: mine(name) for name in ours}
        found = alternate(paths, repeat=count, warm_up=1, seconds=_SECONDS)
        rows[job] = {"n": found[TRANSFORMERS]["n"]} | {name: found[name]["p50"] for name in paths}
        rows[job] |= {f"times, {name.split()[1]}": rows[job][TRANSFORMERS] / rows[job][name] for name in ours}
    return rows


def memory(predictor: Predictor) -> Rows:
    """MiB beyond the loaded model while one image is encoded, each path in a process of its own."""
    rows = {}
    for path in (TRANSFORMERS, FLOAT32, AUTO):
        _tell(f"memory: {path}")
        command = [sys.executable, "-m", "samui.bench.against", path, predictor.source, predictor.device]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        if done.returncode:
            raise SamuiError(f"bench latency: {path} must end well, got exit code {done.returncode} (out of memory?)")
        rows[path] = json.loads(done.stdout.splitlines()[-1])
    return rows


def rates(device: str) -> dict[str, float]:
    """GFLOP/s of this machine in products of the encoder's size: the limit of what it can do."""
    import torch
    from torch.nn import functional

    from samui.predictor import fast_linear

    _tell("matrix products")
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


_OURS = ((FLOAT32, "float32"), (AUTO, "auto"))


def _encode_once(path: str, source: str, device: str) -> dict[str, float | None]:
    """Memory of this process, which has just begun, before and while it encodes one image."""
    import torch

    image = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), dtype=np.uint8)
    if path == TRANSFORMERS:
        from transformers import SamModel

        model = SamModel.from_pretrained(source, dtype=torch.float32, use_safetensors=True).eval().to(device)
        side = model.config.vision_config.image_size
        pixels = torch.zeros(1, 3, side, side, device=device)
        _read_in(model)
        with machine.PeakMemory() as used, torch.inference_mode():
            model.get_image_embeddings(pixels)
    else:
        from samui.predictor import load_predictor

        predictor = load_predictor(source, device=device, dtype=dict(_OURS)[path])
        _read_in(predictor._model)
        with machine.PeakMemory() as used:
            predictor.embed(image)
    more = None if used.peak is None else used.peak - used.before
    return {"before": used.before, "peak": used.peak, "more": more}


def _read_in(model: Any) -> None:
    """Weights come from the file with their first use; that they are there is no part of encoding."""
    for weights in model.parameters():
        weights.sum()


def _tell(message: str) -> None:
    print(f"bench: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    print(json.dumps(_encode_once(*sys.argv[1:4])))
