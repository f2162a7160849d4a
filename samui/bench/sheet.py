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

import cv2
import numpy as np

from samui.bench.clicker import iou, jittered_box, next_click, tight_box
from samui.bench.truth import Photos, Target
from samui.errors import SamuiError
from samui.models.predictor import Predictor
from samui.pixels.overlay import overlay
from samui.pixels.snap import snap_to_edges
from samui.types import Prompt
from samui.work import actions
from samui.work.session import Session
from samui.work.tools import Tools

PROMPTS = ("1 click", "tight box", "jittered box", "3 clicks")
_CELL, _TEXT, _GAP = 200, 22, 6  # pixels: a picture's side, the line under it, and between pictures
_COLUMNS = 3  # things side by side, three pictures each
_PAPER, _INK = (255, 255, 255), (40, 40, 40)
_MASK, _INCLUDE, _EXCLUDE = (30, 120, 255), (20, 200, 60), (230, 40, 40)


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
    parser.add_argument("--out", type=Path, required=True, help="picture to write: .png, .jpg or .webp")


def run(args: argparse.Namespace, predictor: Predictor) -> dict[str, Any]:
    """Write the sheet to `args.out`; returns what is on it, for the table."""
    if args.count < len(args.photos):
        raise SamuiError(f"--count: must be at least one for each of {len(args.photos)} sources, got {args.count}")
    if args.out.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise SamuiError(f"--out: must end in .png, .jpg or .webp, got {args.out.name!r}")
    sources = [Photos(source, divisible=args.divisible) for source in args.photos]
    examples = list(choose(sources, predictor, count=args.count))
    picture = cv2.cvtColor(draw(examples), cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(args.out.suffix.lower(), picture, [cv2.IMWRITE_WEBP_QUALITY, 80])
    try:
        args.out.write_bytes(data.tobytes())
    except OSError as error:
        raise SamuiError(f"--out: must be writable, got {error}") from error
    rows = [{"thing": e.name, "prompt": e.asked, "IoU": e.ious[0], "snapped": e.ious[1]} for e in examples]
    return {"model": predictor.name, "sheet": str(args.out), "things": rows}


def choose(sources: Sequence[Photos], predictor: Predictor, *, count: int) -> Iterator[Example]:
    """`count` things, one from each photo, equally many from each source, at even distances in its list."""
    for i, photos in enumerate(sources):
        wanted = count // len(sources) + (i < count % len(sources))
        for at in np.linspace(0, len(photos) - 1, wanted).round().astype(int):
            image, targets = photos.load(photos.photos[at])
            if targets:
                asked = PROMPTS[at * len(PROMPTS) // 7 % len(PROMPTS)]
                yield _example(predictor, image, targets[0], asked, np.random.default_rng(at))


def draw(examples: Sequence[Example]) -> np.ndarray:
    """RGB uint8 of all examples: photo with prompt, raw mask and snapped mask side by side, a line of text below."""
    width, height = 3 * (_CELL + _GAP) + 2 * _GAP, _CELL + _TEXT + 2 * _GAP
    rows = -(-len(examples) // _COLUMNS)
    sheet = np.full((rows * height + _GAP, _COLUMNS * width, 3), _PAPER, np.uint8)
    for k, example in enumerate(examples):
        row, column = divmod(k, _COLUMNS)
        top, left = row * height + _GAP, column * width + _GAP
        for n, (picture, words) in enumerate(_pictures(example)):
            x = left + n * (_CELL + _GAP)
            sheet[top : top + picture.shape[0], x : x + picture.shape[1]] = picture
            place = (x, top + picture.shape[0] + 16)
            cv2.putText(sheet, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)
    return sheet


def _example(
    predictor: Predictor, image: np.ndarray, target: Target, asked: str, generator: np.random.Generator
) -> Example:
    embedding = predictor.embed(image)
    session = Session.begin(image.shape[:2])
    tools = Tools(lambda prompt: predictor.predict(embedding, prompt))

    def answer(prompt: Prompt) -> np.ndarray:
        nonlocal session
        session = session.apply(actions.SetPrompt(prompt), tools)
        mask = session.state.mask
        assert mask is not None
        return mask.decode()

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
    height, width = example.image.shape[:2]
    scale = _CELL / max(height, width)

    def small(picture: np.ndarray) -> np.ndarray:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)

    photo = small(example.image)
    prompt = example.prompt
    if prompt.box is not None:
        x0, y0, x1, y1 = (int(v * scale) for v in prompt.box)
        cv2.rectangle(photo, (x0, y0), (x1 - 1, y1 - 1), _INCLUDE, 2)
    for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
        place = int(x * scale), int(y * scale)
        cv2.circle(photo, place, 5, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(photo, place, 4, _INCLUDE if label else _EXCLUDE, -1, cv2.LINE_AA)
    yield photo, example.asked
    for words, mask, value in zip(("model", "snapped"), (example.raw, example.snapped), example.ious, strict=True):
        shrunk = small(mask.view(np.uint8) * np.uint8(255)) > 127
        yield overlay(small(example.image), [shrunk], [_MASK]), f"{words}, IoU {value:.2f}"
