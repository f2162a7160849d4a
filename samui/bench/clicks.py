"""`bench clicks`: how well a model's masks fit known ones, for simulated clicks and boxes, beside GrabCut.

Every prompt goes through samui's predictor and session, as on the page. Boxes and the first click are the same for
all methods. Later clicks correct each method's own mask, as a person would; so that GrabCut is also seen on exactly the
prompts of the model, "GrabCut, same clicks" repeats those of "snap on" where that is measured, else of "snap off".
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from samui import actions
from samui.bench import report
from samui.bench.clicker import filled_box, grab_cut, jittered_box, next_click, tight_box
from samui.bench.truth import Photos, Target
from samui.errors import SamuiError
from samui.predictor.base import Predictor
from samui.session import Session, Tools
from samui.snap import snap_to_edges
from samui.types import Prompt

CLICKS = (1, 3, 5)
GOALS = (0.85, 0.90)
OFF, ON, GRABCUT, SAME, FILLED = "snap off", "snap on", "GrabCut", "GrabCut, same clicks", "filled box"
METHODS = (OFF, ON, GRABCUT, SAME, FILLED)

Segment = Callable[[Prompt], np.ndarray]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` reads, on a parser that has the model's arguments already."""
    parser.add_argument("photos", type=Path, help="folder or zip: NAME.jpg and NAME.png, or NAME.0.png, NAME.1.png ...")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N photos by name")
    parser.add_argument("--divisible", type=int, metavar="N", help="only photos whose name's number N divides")
    parser.add_argument("--cap", type=int, default=20, metavar="N", help="most clicks on one thing (default 20)")
    parser.add_argument("--no-grabcut", action="store_true", help="leave out GrabCut, the slowest of all")
    parser.add_argument("--seed", type=int, default=0, help="of the jittered boxes")


def run(args: argparse.Namespace, predictor: Predictor) -> dict[str, Any]:
    """Measure `predictor` on the photos of `args`; progress on stderr. The table is `table` of what it returns."""
    if args.cap < max(CLICKS):
        raise SamuiError(f"--cap: must be at least {max(CLICKS)}, got {args.cap}")
    methods = [m for m in METHODS if not (args.no_grabcut and m in (GRABCUT, SAME))]
    photos = Photos(args.photos, limit=args.limit, divisible=args.divisible)
    result = measure(photos, predictor, methods=methods, cap=args.cap, seed=args.seed, progress=_teller())
    return {"photos": args.photos.name, "model": predictor.name, "cap": args.cap, "seed": args.seed, **result}


def measure(
    photos: Photos,
    predictor: Predictor,
    *,
    methods: Iterable[str] = METHODS,
    cap: int = 20,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Any]:
    """{photos_measured, targets, methods: {method: {score: mean}}}.

    Scores are mean IoU ("1 click", "3 clicks", "5 clicks", "tight box", "jittered box") and clicks to an IoU ("NoC@85",
    "NoC@90", `cap` where it is never reached). "1 click, best" takes the annotator who fits best, for region maps.
    """
    rows: dict[str, list[dict[str, float]]] = {method: [] for method in methods}
    draw = np.random.default_rng(seed)
    for done, photo in enumerate(photos, 1):
        image, targets = photos.load(photo)
        embedding = predictor.embed(image) if targets else None
        for target in targets:
            boxes = {"tight box": tight_box(target.mask), "jittered box": jittered_box(target.mask, draw)}
            own = _segmenters(image, predictor, embedding)
            clicked: dict[str, list[Prompt]] = {}
            for method, found in rows.items():
                if method == SAME and rows.get(GRABCUT):
                    row = {name: rows[GRABCUT][-1][name] for name in boxes}
                else:
                    row = {name: _iou(own[method]()(Prompt(box=box)), target.mask) for name, box in boxes.items()}
                if method == SAME:
                    row |= _again(own[method](), target, clicked.get(ON) or clicked.get(OFF) or [])
                elif method != FILLED:
                    scores, clicked[method] = _correct(own[method], target, cap)
                    row |= scores
                found.append(row)
        progress(done, len(photos))
    targets = max((len(found) for found in rows.values()), default=0)
    return {
        "photos_measured": len(photos),
        "targets": targets,
        "methods": {method: _means(found) for method, found in rows.items()},
    }


def table(result: Mapping[str, Any]) -> str:
    """The result for people: one line a method, one column a score."""
    lines = [
        {"": method, **{name: f"{value:.1f}" if "NoC" in name else f"{value:.3f}" for name, value in scores.items()}}
        for method, scores in result["methods"].items()
    ]
    head = f"{result['photos']}: {result['targets']} things in {result['photos_measured']} photos, {result['model']}"
    return f"{head}; mean IoU, and clicks to reach it (at most {result['cap']})\n{report.table(lines)}"


def _segmenters(image: np.ndarray, predictor: Predictor, embedding: Any) -> dict[str, Callable[[], Segment]]:
    """What starts each method on one thing."""

    def session(snap: bool) -> Segment:
        work = Session(image.shape[:2], snap=snap)
        tools = Tools(lambda p: predictor.predict(embedding, p), lambda mask, p: snap_to_edges(image, mask, p))

        def segment(prompt: Prompt) -> np.ndarray:
            work.apply(actions.SetPrompt(prompt), tools)
            return work.state.mask.decode()

        return segment

    return {
        OFF: lambda: session(False),
        ON: lambda: session(True),
        GRABCUT: lambda: lambda prompt: grab_cut(image, prompt),
        SAME: lambda: lambda prompt: grab_cut(image, prompt),
        FILLED: lambda: lambda prompt: filled_box(prompt.box, image.shape[:2]),
    }


def _correct(start: Callable[[], Segment], target: Target, cap: int) -> tuple[dict[str, float], list[Prompt]]:
    """Click until the highest goal and the last of CLICKS are reached, or `cap`; scores, and all prompts."""
    segment, mask = start(), np.zeros_like(target.mask)
    points, labels, ious, prompts = [], [], [], []
    scores: dict[str, float] = {}
    while len(ious) < cap and (len(ious) < max(CLICKS) or max(ious) < max(GOALS)):
        if ious and ious[-1] == 1:
            ious.append(1.0)  # nothing is left to click on
            continue
        x, y, label = next_click(target.mask, mask)
        points.append((x, y))
        labels.append(label)
        prompts.append(Prompt(points=points, labels=labels))
        mask = segment(prompts[-1])
        ious.append(_iou(mask, target.mask))
        if len(ious) == 1:
            scores["1 click, best"] = max([ious[0], *(_iou(mask, other) for other in target.others)])
    for count in CLICKS:
        scores[_clicks(count)] = ious[count - 1]
    for goal in GOALS:
        reached = [n for n, iou in enumerate(ious, 1) if iou >= goal]
        scores[f"NoC@{goal * 100:.0f}"] = float(reached[0] if reached else cap)
    return scores, prompts


def _again(segment: Segment, target: Target, prompts: list[Prompt]) -> dict[str, float]:
    scores: dict[str, float] = {}
    for count in CLICKS:
        if prompts:
            mask = segment(prompts[min(count, len(prompts)) - 1])
            scores[_clicks(count)] = _iou(mask, target.mask)
            if count == 1:
                others = [_iou(mask, other) for other in target.others]
                scores = {"1 click, best": max([scores[_clicks(1)], *others]), **scores}
    return scores


def _clicks(count: int) -> str:
    return "1 click" if count == 1 else f"{count} clicks"


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    either = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / either if either else 1.0


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([row[name] for row in rows])) for name in (rows[0] if rows else {})}


def _teller() -> Callable[[int, int], None]:
    """A line on stderr every two seconds, and for the last photo."""
    told = time.monotonic()

    def tell(done: int, of: int) -> None:
        nonlocal told
        if done == of or time.monotonic() - told > 2:
            told = time.monotonic()
            print(f"{done} of {of} photos", file=sys.stderr, flush=True)

    return tell
