"""`bench latency`: what each step of a click costs without a browser, and transformers' own path beside it."""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from samui.bench import against, exported, footprint, limit, machine
from samui.bench.checkpoint import write_random_base
from samui.bench.paths import DTYPES, ONNX, TRANSFORMERS, tell
from samui.bench.photo import photo
from samui.bench.timing import Summary, measure
from samui.models.predictor import Predictor
from samui.pixels.rle import Rle
from samui.serve import wire
from samui.types import Prompt
from samui.work import actions
from samui.work.session import Session
from samui.work.tools import Tools

RANDOM_BASE = "sam-vit-base architecture, random weights"
PARTS = ("steps", *against.JOBS, "memory")
_SECONDS = 60.0  # at most for one row; a ViT-B encoder takes seconds a call


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `bench latency` beyond model, device and precision."""
    parser.add_argument(
        "--random-base", action="store_true", help="random weights of sam-vit-base's architecture instead of --model"
    )
    parser.add_argument("--photo", default="coffee", help="name of a sample, or an image file (default coffee)")
    parser.add_argument("--megapixels", type=float, default=12.0, metavar="N", help="size to scale it to (default 12)")
    parser.add_argument("--repeat", type=int, default=30, metavar="N", help="timings of each step (default 30)")
    parser.add_argument("--encodes", type=int, default=5, metavar="N", help="timings of the encoder (default 5)")
    parser.add_argument("--grids", type=int, default=1, metavar="N", help="timings of 1,024 points (default 1)")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=f"some parts of {', '.join(PARTS)}"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Times in milliseconds, ratios against transformers in the same run, memory in MiB."""
    from samui.models import load_predictor

    started = time.perf_counter()
    image = photo(args.photo, args.megapixels)
    with _model(args) as name:
        predictor = load_predictor(name, device=args.device, dtype=args.dtype, threads=args.threads)
        settings = {"photo": args.photo, "width": image.shape[1], "height": image.shape[0]}
        result: dict[str, Any] = {"machine": machine.describe(predictor), "setting": settings}
        if args.random_base:
            result["machine"]["model"] = RANDOM_BASE
        if "steps" in args.only:
            result["steps (ms)"] = _steps(predictor, image, repeat=args.repeat, encodes=args.encodes)
        if set(args.only) - {"steps"}:
            result |= _against(predictor, image, args, threads=result["machine"]["threads"])
    settings["minutes"] = (time.perf_counter() - started) / 60
    return result


def _against(predictor: Predictor, image: np.ndarray, args: argparse.Namespace, *, threads: int) -> dict[str, Any]:
    """The tables that compare samui with other paths."""
    result: dict[str, Any] = {}
    reason = exported.left_out(predictor.device)
    with tempfile.TemporaryDirectory(prefix="samui-bench-onnx-") as folder:
        onnx = None
        if reason is None:
            tell("exporting to ONNX")
            exported.export(predictor.source, folder)
            onnx = Path(folder)
        else:
            result["onnxruntime"] = reason
        jobs = [job for job in against.JOBS if job in args.only]
        if jobs:
            tell("matrix products")
            rates = limit.rates(predictor.device)
            paths = against.Paths(predictor, image, onnx)
            if paths.exported is not None:
                result["onnxruntime"] = paths.exported.version
            gflop = limit.encoder_gflop(paths.vision_config)
            repeat = {"encoder": args.encodes, "decoder": args.repeat, "grid": args.grids, "click": args.repeat}
            result["against transformers (ms)"] = against.times(paths, jobs, repeat, rates, gflop)
            result["same as transformers"] = against.same(paths)
            result["matrix products (GFLOP/s)"] = rates | {"an image's encoder (GFLOP)": gflop}
            del paths
        if "memory" in args.only:
            names = [TRANSFORMERS, *([ONNX] if onnx else []), *DTYPES]
            found = footprint.memory(names, predictor.source, predictor.device, threads, onnx)
            result["memory while encoding (MiB)"] = found
    return result


@contextlib.contextmanager
def _model(args: argparse.Namespace) -> Iterator[str]:
    """The name to load, with a temporary checkpoint behind it if random weights are asked for."""
    if not args.random_base:
        yield args.model
        return
    with tempfile.TemporaryDirectory(prefix="samui-bench-") as folder:
        tell("writing a checkpoint with random weights")
        yield str(write_random_base(Path(folder)))


def _steps(predictor: Predictor, image: np.ndarray, *, repeat: int, encodes: int) -> dict[str, Summary]:
    from samui.models.preprocess import Preprocessing

    tell(f"encoding {encodes} times")
    steps = {"open: preprocess and encode": measure(lambda: predictor.embed(image), repeat=encodes, warm_up=1)}
    embedding = predictor.embed(image)
    preprocess = Preprocessing.read(Path(predictor.source), embedding.frame.field[0])
    prompts = _prompts(*image.shape[:2])
    first = predictor.predict(embedding, prompts["one point"])
    prompts["one point and earlier logits"] = Prompt(
        prompts["one point"].points, [1], mask_logits=first.logits[first.best]
    )
    session = Session.begin(image.shape[:2])
    session = session.apply(actions.SetPrompt(prompts["one point"]), Tools(lambda _: first))
    parts: dict[str, Callable[[], Any]] = {"open: preprocess alone": lambda: preprocess(image)}
    for name, prompt in prompts.items():
        parts[f"decode: {name}"] = partial(predictor.predict, embedding, prompt)
    runs = first.runs
    assert runs is not None  # only the tests' fake gives none
    parts["mask as run lengths"] = lambda: Rle(first.size, runs(first.logits[first.best]))
    parts["mask as an array"] = lambda: first.mask(first.best)
    parts["reply"] = lambda: json.dumps(wire.reply(session, seen=None))
    for name, part in parts.items():
        tell(name)
        steps[name] = measure(part, repeat=repeat, seconds=_SECONDS)
    return steps


def _prompts(height: int, width: int) -> dict[str, Prompt]:
    five = [(0.5, 0.5), (0.45, 0.55), (0.6, 0.4), (0.1, 0.1), (0.9, 0.2)]
    points = [(x * width, y * height) for x, y in five]
    return {
        "one point": Prompt(points[:1], [1]),
        "box": Prompt(box=(0.2 * width, 0.2 * height, 0.8 * width, 0.8 * height)),
        "five points": Prompt(points, [1, 1, 1, 0, 0]),
    }
