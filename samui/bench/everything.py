"""`bench everything`: time and memory of everything mode and of transformers' pipeline, by one checkpoint and grid.

Each side at each size runs in a process of its own, since memory that one has touched would count for the other.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from samui.bench import machine
from samui.bench.checkpoint import write_random_base
from samui.bench.photo import photo
from samui.errors import SamuiError
from samui.everything import Finished, Found, Parameters, stream
from samui.pixels.rle import Rle

_MATCH = 0.99  # IoU from which two masks count as the same
_RULES = ("points_per_side", "pred_iou_thresh", "stability_score_thresh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `bench everything` beyond model, device and precision."""
    usual = Parameters()
    parser.add_argument("--photo", default="coffee", help="name of a sample, or an image file (default coffee)")
    parser.add_argument(
        "--megapixels", type=float, nargs="+", default=[1.0, 4.0, 12.0], metavar="N", help="sizes (default 1 4 12)"
    )
    parser.add_argument("--points-per-side", type=int, default=usual.points_per_side, metavar="N", help="default 32")
    parser.add_argument("--pred-iou-thresh", type=float, default=usual.pred_iou_thresh, metavar="X")
    parser.add_argument("--stability-score-thresh", type=float, default=usual.stability_score_thresh, metavar="X")
    parser.add_argument(
        "--pipeline-gigabytes",
        type=float,
        default=4.0,
        metavar="N",
        help="its batch is cut so that the masks of one take no more (default 4; at 12 megapixels 64 points take 9.2)",
    )
    parser.add_argument(
        "--random-base", action="store_true", help="random weights of sam-vit-base's architecture instead of --model"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """A row for each size: seconds beyond the encoder, memory above the loaded model in MiB, masks and their match."""
    from samui.models import load_predictor

    rules = {name: getattr(args, name) for name in _RULES}
    Parameters(**rules)
    with tempfile.TemporaryDirectory(prefix="samui-bench-") as folder:
        name = args.model
        if args.random_base:
            name = str(write_random_base(Path(folder) / "model"))
        predictor = load_predictor(name, device=args.device, dtype=args.dtype, threads=args.threads)
        head = machine.describe(predictor)
        job = {"model": predictor.source, "device": predictor.device, "dtype": args.dtype, "rules": rules}
        job["threads"] = head["threads"]
        del predictor
        rows = []
        for megapixels in args.megapixels:
            image = photo(args.photo, megapixels)
            file = Path(folder) / "photo.png"
            cv2.imwrite(str(file), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
            points = args.pipeline_gigabytes * 1e9 / (image.shape[0] * image.shape[1] * 3 * 4)
            job |= {"image": str(file), "pipeline_batch": int(min(64, max(1, points)))}
            rows.append(_row(job, megapixels))
    return {"machine": head, "setting": {"photo": args.photo, **rules}, "everything": rows}


def _row(job: dict[str, Any], megapixels: float) -> dict[str, Any]:
    ours, theirs = (_in_a_process(side, job, megapixels) for side in ("samui", "pipeline"))
    matched = [max((_iou(mask, other) for other in ours["masks"]), default=0.0) for mask in theirs["masks"]]
    return {
        "megapixels": megapixels,
        "samui s": ours["seconds"],
        "pipeline s": theirs["seconds"],
        "times faster": theirs["seconds"] / ours["seconds"],
        "first mask s": ours["first"],
        "encoder s": ours["encoder"],
        "samui MiB": ours["memory"],
        "pipeline MiB": theirs["memory"],
        "pipeline's batch": job["pipeline_batch"],
        "samui masks": len(ours["masks"]),
        "pipeline's masks": len(theirs["masks"]),
        f"of them matched at IoU {_MATCH}": sum(1 for iou in matched if iou >= _MATCH),
    }


def _in_a_process(side: str, job: dict[str, Any], megapixels: float) -> dict[str, Any]:
    print(f"bench: {side} at {megapixels:g} megapixels", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "samui.bench.everything", side, json.dumps(job)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SamuiError(f"bench everything: {side} must end well, got exit code {done.returncode} (out of memory?)")
    result = json.loads(done.stdout.splitlines()[-1])
    result["masks"] = [Rle.from_string(size, counts) for size, counts in result["masks"]]
    return result


def _iou(one: Rle, other: Rle) -> float:
    smaller, larger = sorted((one.area, other.area))
    if smaller < _MATCH * larger:  # no IoU could reach it
        return 0.0
    a, b = one.decode(), other.decode()
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


def _samui(job: dict[str, Any]) -> dict[str, Any]:
    from samui.models import load_predictor

    predictor = load_predictor(job["model"], device=job["device"], dtype=job["dtype"], threads=job["threads"])
    image = _read(job)
    first = None
    with machine.PeakMemory() as memory:
        started = time.perf_counter()
        embedding = predictor.embed(image)
        encoded = time.perf_counter()
        for event in stream(predictor, image, Parameters(**job["rules"]), embedding=embedding):
            if isinstance(event, Found) and first is None:
                first = time.perf_counter() - encoded
            if isinstance(event, Finished):
                masks = [mask.rle for mask in event.masks]
        ended = time.perf_counter()
    return _told(masks, ended - encoded, encoded - started, memory) | {"first": first}


def _pipeline(job: dict[str, Any]) -> dict[str, Any]:
    import PIL.Image
    import torch
    from transformers.utils import logging

    from samui.bench.pipeline import reference_pipeline

    logging.disable_progress_bar()
    torch.set_num_threads(job["threads"])
    dtype = "float32" if job["dtype"] == "auto" else job["dtype"]  # only samui has "auto"
    pipeline = reference_pipeline(job["model"], device=job["device"], dtype=dtype)
    image = PIL.Image.fromarray(_read(job))
    rules = dict(job["rules"])
    rules["points_per_crop"] = rules.pop("points_per_side")
    encode, spent = pipeline.model.get_image_embeddings, []

    def timed(pixels: Any) -> Any:
        started = time.perf_counter()
        embeddings = encode(pixels)
        spent.append(time.perf_counter() - started)
        return embeddings

    pipeline.model.get_image_embeddings = timed
    with machine.PeakMemory() as memory:
        started = time.perf_counter()
        found = pipeline(image, points_per_batch=job["pipeline_batch"], **rules)
        ended = time.perf_counter()
    masks = [Rle.encode(np.ascontiguousarray(mask)) for mask in found["masks"]]
    return _told(masks, ended - started - sum(spent), sum(spent), memory)


def _told(masks: list[Rle], seconds: float, encoder: float, memory: machine.PeakMemory) -> dict[str, Any]:
    told = [(mask.size, mask.to_string()) for mask in masks]
    return {"masks": told, "seconds": seconds, "encoder": encoder, "memory": memory.more}


def _read(job: dict[str, Any]) -> np.ndarray:
    picture = cv2.imread(job["image"])
    assert picture is not None
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


if __name__ == "__main__":
    print(json.dumps({"samui": _samui, "pipeline": _pipeline}[sys.argv[1]](json.loads(sys.argv[2]))))
