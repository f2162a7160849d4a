"""`bench latency`: what each step of a click costs without a browser, and transformers' own path beside it."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from samui import actions, wire
from samui.bench import machine
from samui.bench.checkpoint import write_random_base
from samui.bench.photo import photo
from samui.bench.timing import Summary, alternate, measure
from samui.masks import Rle
from samui.predictor.base import Predictor
from samui.session import Session, Tools
from samui.types import Prompt

RANDOM_BASE = "sam-vit-base architecture, random weights"
_SECONDS = 60.0  # at most for one row; an encoder of ViT-B takes seconds a call


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `bench latency` beyond model, device and precision."""
    parser.add_argument(
        "--random-base", action="store_true", help="random weights of sam-vit-base's architecture instead of --model"
    )
    parser.add_argument("--photo", default="coffee", help="name of a sample, or an image file (default coffee)")
    parser.add_argument("--megapixels", type=float, default=12.0, metavar="N", help="size to scale it to (default 12)")
    parser.add_argument("--repeat", type=int, default=30, metavar="N", help="timings of each step (default 30)")
    parser.add_argument("--encodes", type=int, default=5, metavar="N", help="timings of the encoder (default 5)")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Times in milliseconds as {p50, p95, n}, ratios against transformers in the same run, memory in MiB."""
    from samui.predictor import load_predictor

    image = photo(args.photo, args.megapixels)
    with _model(args) as name:
        predictor = load_predictor(name, device=args.device, dtype=args.dtype, threads=args.threads)
        settings = {"photo": args.photo, "width": image.shape[1], "height": image.shape[0]}
        result: dict[str, Any] = {"machine": machine.describe(predictor), "setting": settings}
        if args.random_base:
            result["machine"]["model"] = RANDOM_BASE
        result["steps (ms)"] = _steps(predictor, image, repeat=args.repeat, encodes=args.encodes)
        result["against transformers (ms)"] = _against(predictor, image, repeat=args.repeat, encodes=args.encodes)
        result["memory while encoding (MiB)"] = _memory(predictor, image)
    return result


@contextlib.contextmanager
def _model(args: argparse.Namespace) -> Iterator[str]:
    """The name to load, with a temporary checkpoint behind it where random weights are asked for."""
    if not args.random_base:
        yield args.model
        return
    with tempfile.TemporaryDirectory(prefix="samui-bench-") as folder:
        tell("writing a checkpoint with random weights")
        yield str(write_random_base(Path(folder)))


def _steps(predictor: Predictor, image: np.ndarray, *, repeat: int, encodes: int) -> dict[str, Summary]:
    from samui.predictor.preprocess import Preprocessing

    tell(f"encoding {encodes} times")
    steps = {"open: preprocess and encode": measure(lambda: predictor.embed(image), repeat=encodes, warm_up=1)}
    embedding = predictor.embed(image)
    preprocess = Preprocessing.read(Path(predictor.source), embedding.frame.padded[0])
    prompts = _prompts(*image.shape[:2])
    first = predictor.predict(embedding, prompts["one point"])
    prompts["one point and earlier logits"] = Prompt(
        prompts["one point"].points, [1], mask_logits=first.logits[first.best]
    )
    session = Session(image.shape[:2])
    session.apply(actions.SetPrompt(prompts["one point"]), Tools(lambda prompt: first))
    parts: dict[str, Callable[[], Any]] = {"open: preprocess alone": lambda: preprocess(image)}
    for name, prompt in prompts.items():
        parts[f"decode: {name}"] = lambda prompt=prompt: predictor.predict(embedding, prompt)
    parts["mask as run lengths"] = lambda: Rle(first.size, first.runs(first.logits[first.best]))
    parts["mask as an array"] = lambda: first.mask(first.best)
    parts["reply"] = lambda: json.dumps(wire.reply(session, seen=None, timings={}))
    for name, part in parts.items():
        tell(name)
        steps[name] = measure(part, repeat=repeat, seconds=_SECONDS)
    return steps


def _against(predictor: Predictor, image: np.ndarray, *, repeat: int, encodes: int) -> dict[str, dict[str, float]]:
    """Each job done by samui and by transformers in turns: opening an image, and one click to a full-size mask.

    transformers' click is its documented way for a cached embedding: `SamProcessor` for the prompt, `SamModel` with
    `image_embeddings`, `post_process_masks`. It has three masks then, and samui the one that is looked at.
    """
    import torch
    from transformers import SamImageProcessorPil, SamModel, SamProcessor

    device, dtype = torch.device(predictor.device), getattr(torch, predictor.dtype)
    model = SamModel.from_pretrained(predictor.source, dtype=dtype, use_safetensors=True).eval().to(device)
    # The PIL image processor by name: the other one resizes by torchvision, and does not load without it.
    processor = SamProcessor(SamImageProcessorPil.from_pretrained(predictor.source))
    point = _prompts(*image.shape[:2])["one point"].points[0]

    def inputs(**prompt: Any) -> Any:
        return processor(image, return_tensors="pt", input_data_format="channels_last", **prompt)

    @torch.inference_mode()
    def encode() -> Any:
        return model.get_image_embeddings(inputs()["pixel_values"].to(device, dtype))

    embeddings = encode()

    @torch.inference_mode()
    def click() -> Any:
        given = inputs(input_points=[[[list(point)]]])
        points = given["input_points"].to(device, dtype)
        found = model(image_embeddings=embeddings, input_points=points, multimask_output=True)
        masks = found.pred_masks.float().cpu()
        return processor.post_process_masks(masks, given["original_sizes"], given["reshaped_input_sizes"])

    embedding = predictor.embed(image)

    def our_click() -> Any:
        prediction = predictor.predict(embedding, Prompt([point], [1]))
        return prediction.mask(prediction.best)

    jobs = {
        "open an image": ({"samui": lambda: predictor.embed(image), "transformers": encode}, encodes),
        "click": ({"samui": our_click, "transformers": click}, repeat),
    }
    rows = {}
    for name, (both, times) in jobs.items():
        tell(f"{name}: samui and transformers in turns")
        found = alternate(both, repeat=times, warm_up=1, seconds=2 * _SECONDS)
        ours, theirs = found["samui"], found["transformers"]
        rows[name] = {
            "samui p50": ours["p50"],
            "transformers p50": theirs["p50"],
            "ratio": theirs["p50"] / ours["p50"],
            "n": ours["n"],
        }
    return rows


def _memory(predictor: Predictor, image: np.ndarray) -> dict[str, float | None]:
    """Of the whole process, transformers' second model included; None where the system does not tell (see machine)."""
    with machine.PeakMemory() as memory:
        predictor.embed(image)
    more = None if memory.peak is None else memory.peak - memory.before
    return {"before": memory.before, "peak": memory.peak, "more": more}


def _prompts(height: int, width: int) -> dict[str, Prompt]:
    five = [(0.5, 0.5), (0.45, 0.55), (0.6, 0.4), (0.1, 0.1), (0.9, 0.2)]
    points = [(x * width, y * height) for x, y in five]
    return {
        "one point": Prompt(points[:1], [1]),
        "box": Prompt(box=(0.2 * width, 0.2 * height, 0.8 * width, 0.8 * height)),
        "five points": Prompt(points, [1, 1, 1, 0, 0]),
    }


def tell(message: str) -> None:
    """Progress, on stderr."""
    print(f"bench: {message}", file=sys.stderr, flush=True)
