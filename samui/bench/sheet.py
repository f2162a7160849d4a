"""`bench sheet`: a contact sheet of what a model makes of photos with known masks: prompt, mask, mask snapped to edges.

Numbers hide what is wrong with a mask. The photos are not chosen but taken at even distances from the list, and the
prompts take turns: one click, tight box, jittered box, three clicks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from samui.bench.asking import Asked, add_close_ups, looks_closer
from samui.bench.clicker import iou, jittered_box, next_click, tight_box
from samui.bench.pictures import check_name, framed, marked, painted, shrunk, write_picture
from samui.bench.truth import Photos, Target
from samui.errors import SamuiError
from samui.models.predictor import Predictor
from samui.pixels.snap import snap_to_edges
from samui.types import Prompt

PROMPTS = ("1 click", "tight box", "jittered box", "3 clicks")
_CELL, _COLUMNS = 200, 3  # pixels of a picture's side; things side by side, three pictures each


@dataclass(frozen=True, eq=False)
class Example:
    """One thing on the sheet: an RGB photo, what was asked for, and the masks with their IoU."""

    name: str
    image: np.ndarray
    asked: str
    prompt: Prompt
    raw: np.ndarray
    snapped: np.ndarray
    ious: tuple[float, float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `run` reads to a parser that already has the model's arguments."""
    parser.add_argument("photos", type=Path, nargs="+", help="folders or zips of photos with masks, as `clicks` takes")
    parser.add_argument("--divisible", type=int, metavar="N", help="only photos whose name's number N divides")
    parser.add_argument("--count", type=int, default=24, metavar="N", help="things on the sheet (default 24)")
    add_close_ups(parser)
    parser.add_argument("--out", type=Path, required=True, help="picture to write: .png, .jpg or .webp")


def run(args: argparse.Namespace, predictor: Predictor) -> dict[str, Any]:
    """Write the sheet to `args.out`; returns what is on it, for the table."""
    if args.count < len(args.photos):
        raise SamuiError(f"--count: must be at least one for each of {len(args.photos)} sources, got {args.count}")
    check_name(args.out)
    sources = [Photos(source, divisible=args.divisible) for source in args.photos]
    examples = list(choose(sources, predictor, count=args.count, close_ups=looks_closer(args, predictor)))
    write_picture(args.out, draw(examples))
    rows = [{"thing": e.name, "prompt": e.asked, "IoU": e.ious[0], "snapped": e.ious[1]} for e in examples]
    return {"model": predictor.name, "sheet": str(args.out), "things": rows}


def choose(
    sources: Sequence[Photos], predictor: Predictor, *, count: int, close_ups: bool = False
) -> Iterator[Example]:
    """`count` things, one from each photo, equally many from each source, at even distances in its list."""
    for i, photos in enumerate(sources):
        wanted = count // len(sources) + (i < count % len(sources))
        for at in np.linspace(0, len(photos) - 1, wanted).round().astype(int):
            image, targets = photos.load(photos.photos[at])
            if targets:
                asked = PROMPTS[at * len(PROMPTS) // 7 % len(PROMPTS)]
                before = Asked(predictor, image, close_ups=close_ups)
                yield _example(before, image, targets[0], asked, np.random.default_rng(at))


def draw(examples: Sequence[Example]) -> np.ndarray:
    """RGB uint8 of all examples: photo with prompt, raw mask and snapped mask side by side, a line of text below."""
    return framed([list(_pictures(example)) for example in examples], side=_CELL, columns=_COLUMNS)


def _example(before: Asked, image: np.ndarray, target: Target, asked: str, generator: np.random.Generator) -> Example:
    answer = before.segmenter(snap=False)
    if "box" in asked:
        box = tight_box(target.mask) if asked == "tight box" else jittered_box(target.mask, generator)
        prompt = Prompt(box=box)
        raw = answer(prompt)
    else:
        points, labels, raw = [], [], np.zeros_like(target.mask)
        for _ in range(int(asked[0])):
            x, y, label = next_click(target.mask, raw)
            points.append((x, y))
            labels.append(label)
            prompt = Prompt(points=points, labels=labels)
            raw = answer(prompt)
    snapped = snap_to_edges(image, raw, prompt)
    ious = iou(raw, target.mask), iou(snapped, target.mask)
    return Example(target.name, image, asked, prompt, raw, snapped, ious)


def _pictures(example: Example) -> Iterator[tuple[np.ndarray, str]]:
    yield marked(shrunk(example.image, _CELL), example.prompt, example.image.shape[:2]), example.asked
    for words, mask, value in zip(("model", "snapped"), (example.raw, example.snapped), example.ious, strict=True):
        yield painted(example.image, mask, _CELL), f"{words}, IoU {value:.2f}"
