"""`bench clicks`: how well a model's masks fit known ones, for simulated clicks and boxes, beside GrabCut.

Every prompt goes through samui's predictor and session, as on the page. Boxes and the first click are the same for
all methods. Later clicks correct each method's own mask, as a person would; so that GrabCut is also seen on exactly the
prompts of the model, "GrabCut, same clicks" repeats those of "snap on" where that is measured, else of "snap off".
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from samui.bench import report
from samui.bench.clicker import WIDE_WINDOWS, filled_box, grab_cut, iou, jittered_box, next_click, tight_box
from samui.bench.truth import Photo, Photos, Target
from samui.errors import SamuiError
from samui.models.predictor import Predictor
from samui.pixels.snap import snap_to_edges
from samui.types import Prompt
from samui.work import actions
from samui.work.session import Session
from samui.work.tools import Tools

CLICKS = (1, 3, 5)
GOALS = (0.85, 0.90)
OFF, ON, FILLED = "snap off", "snap on", "filled box"
GRABCUT, WIDE, SAME = "GrabCut", "GrabCut, wider", "GrabCut, same clicks"
METHODS = (OFF, ON, GRABCUT, WIDE, SAME, FILLED)
_OWN_CLICKS = ("3 clicks", "5 clicks", "NoC@85", "NoC@90")  # scores that hang on where each method is corrected

Segment = Callable[[Prompt], np.ndarray]
Row = dict[str, float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `run` reads to a parser that already has the model's arguments."""
    parser.add_argument("photos", type=Path, help="folder or zip: NAME.jpg and NAME.png, or NAME.0.png, NAME.1.png ...")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N photos by name")
    parser.add_argument("--divisible", type=int, metavar="N", help="only photos whose name's number N divides")
    parser.add_argument("--cap", type=int, default=20, metavar="N", help="most clicks on one thing (default 20)")
    parser.add_argument("--no-grabcut", action="store_true", help="leave out GrabCut, the slowest of all")
    parser.add_argument(
        "--grabcut-clicks", type=int, default=max(CLICKS), metavar="N", help="most clicks for GrabCut (default 5)"
    )
    parser.add_argument(
        "--grabcut-from",
        type=Path,
        metavar="FILE",
        help="take GrabCut's rows from what --json printed before",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the jittered boxes")
    parser.add_argument("--jobs", type=int, metavar="N", help="photos at a time (default: as many as cores)")


def run(args: argparse.Namespace, predictor: Predictor) -> dict[str, Any]:
    """Measure `predictor` on the photos of `args`; progress on stderr. The table is `table` of what it returns."""
    for option, value in (("--cap", args.cap), ("--grabcut-clicks", args.grabcut_clicks)):
        if value < max(CLICKS):
            raise SamuiError(f"{option}: must be at least {max(CLICKS)}, got {value}")
    if args.jobs is not None and args.jobs < 1:
        raise SamuiError(f"--jobs: must be at least 1, got {args.jobs}")
    without = args.no_grabcut or args.grabcut_from is not None
    result = measure(
        Photos(args.photos, limit=args.limit, divisible=args.divisible),
        predictor,
        methods=[m for m in METHODS if not (without and m in (GRABCUT, WIDE, SAME))],
        cap=args.cap,
        grabcut_cap=min(args.grabcut_clicks, args.cap),
        seed=args.seed,
        jobs=args.jobs or os.cpu_count() or 1,
        progress=_teller(),
    )
    if args.grabcut_from is not None:
        result["methods"] |= _earlier(args.grabcut_from, result)
    return {"photos": args.photos.name, "model": predictor.name, "cap": args.cap, "seed": args.seed, **result}


def _earlier(file: Path, result: Mapping[str, Any]) -> dict[str, Row]:
    """GrabCut's own rows of an earlier run. They depend on the prompts alone, and the filled box tells those apart."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        targets, methods = found["targets"], found["methods"]
        rows = {method: dict(methods[method]) for method in (GRABCUT, WIDE)}
        filled = methods[FILLED]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SamuiError(f"--grabcut-from: {file} must be what --json printed, got {error!r}") from error
    same = json.loads(report.as_json({FILLED: result["methods"][FILLED]}))[FILLED]
    if (targets, filled) != (result["targets"], same):
        raise SamuiError(f"--grabcut-from: {file} must be of the same photos and seed, got other things or boxes")
    return rows


def measure(
    photos: Photos,
    predictor: Predictor,
    *,
    methods: Iterable[str] = METHODS,
    cap: int = 20,
    grabcut_cap: int | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> dict[str, Any]:
    """{photos_measured, targets, methods: {method: {score: mean}}}, whatever the number of jobs.

    Scores are mean IoU ("1 click", "3 clicks", "5 clicks", "tight box", "jittered box") and clicks to an IoU ("NoC@85",
    "NoC@90", `cap` where it is never reached). "1 click, best" takes the annotator who fits best, for region maps.
    GrabCut is given up after `grabcut_cap` clicks: it takes a second for each, and then has no NoC.
    """
    caps = dict.fromkeys(methods, cap)
    if GRABCUT in caps:
        caps[GRABCUT] = grabcut_cap or cap
    one = partial(_photo_rows, photos, predictor, caps=caps, cap=cap, seed=seed)
    rows: dict[str, list[Row]] = {method: [] for method in caps}
    with ThreadPoolExecutor(jobs, thread_name_prefix="photo") as pool:  # most of the time is GrabCut's, without the GIL
        for done, found in enumerate(pool.map(one, range(len(photos)), photos), 1):
            for method in rows:
                rows[method] += found[method]
            progress(done, len(photos))
    return {
        "photos_measured": len(photos),
        "targets": max((len(found) for found in rows.values()), default=0),
        "methods": {method: _means(found) for method, found in rows.items()},
    }


def _photo_rows(
    photos: Photos, predictor: Predictor, index: int, photo: Photo, *, caps: Mapping[str, int], cap: int, seed: int
) -> dict[str, list[Row]]:
    """For each method a row of scores for each thing in a photo."""
    rows: dict[str, list[Row]] = {method: [] for method in caps}
    draw = np.random.default_rng([seed, index])
    image, targets = photos.load(photo)
    embedding = predictor.embed(image) if targets else None
    for target in targets:
        boxes = {"tight box": tight_box(target.mask), "jittered box": jittered_box(target.mask, draw)}
        start = _segmenters(image, predictor, embedding)
        clicked: dict[str, list[Prompt]] = {}
        row: dict[str, Row] = {}
        for method, most in caps.items():
            if method == WIDE:
                row[method] = _again(start[method](), target, [_first_click(target)], CLICKS[:1])
                continue
            if method == SAME and GRABCUT in row:  # boxes and the first click are those of its own row
                known = {name: value for name, value in row[GRABCUT].items() if name not in _OWN_CLICKS}
            else:
                known = {name: iou(start[method]()(Prompt(box=box)), target.mask) for name, box in boxes.items()}
            if method == SAME:
                prompts = clicked.get(ON) or clicked.get(OFF) or []
                scores = _again(start[method](), target, prompts, [n for n in CLICKS if _clicks(n) not in known])
            elif method == FILLED:
                scores = {}
            else:
                scores, clicked[method] = _correct(start[method], target, most)
                if most < cap:
                    scores = {name: value for name, value in scores.items() if not name.startswith("NoC")}
            row[method] = known | scores
        for method, scores in row.items():
            rows[method].append(scores)
    return rows


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
        work = Session.begin(image.shape[:2], snap=snap)
        tools = Tools(lambda p: predictor.predict(embedding, p), lambda mask, p: snap_to_edges(image, mask, p))

        def segment(prompt: Prompt) -> np.ndarray:
            nonlocal work
            work = work.apply(actions.SetPrompt(prompt), tools)
            mask = work.state.mask
            assert mask is not None
            return mask.decode()

        return segment

    return {
        OFF: lambda: session(False),
        ON: lambda: session(True),
        GRABCUT: lambda: lambda prompt: grab_cut(image, prompt),
        WIDE: lambda: lambda prompt: grab_cut(image, prompt, windows=WIDE_WINDOWS),
        SAME: lambda: lambda prompt: grab_cut(image, prompt),
        FILLED: lambda: lambda prompt: filled_box(prompt.box, image.shape[:2]),
    }


def _correct(start: Callable[[], Segment], target: Target, cap: int) -> tuple[Row, list[Prompt]]:
    """Click until the highest goal and the last of CLICKS are reached, or `cap`; scores, and all prompts."""
    segment, mask = start(), np.zeros_like(target.mask)
    points: list[tuple[float, float]] = []
    labels: list[int] = []
    ious: list[float] = []
    prompts: list[Prompt] = []
    scores: Row = {}
    while len(ious) < cap and (len(ious) < max(CLICKS) or max(ious) < max(GOALS)):
        if ious and ious[-1] == 1:
            ious.append(1.0)  # nothing is left to click on
            continue
        x, y, label = next_click(target.mask, mask)
        points.append((x, y))
        labels.append(label)
        prompts.append(Prompt(points=points, labels=labels))
        mask = segment(prompts[-1])
        ious.append(iou(mask, target.mask))
        if len(ious) == 1:
            scores["1 click, best"] = _best(mask, target)
    for count in CLICKS:
        scores[_clicks(count)] = ious[count - 1]
    for goal in GOALS:
        reached = [n for n, iou in enumerate(ious, 1) if iou >= goal]
        scores[f"NoC@{goal * 100:.0f}"] = float(reached[0] if reached else cap)
    return scores, prompts


def _again(segment: Segment, target: Target, prompts: list[Prompt], counts: Iterable[int]) -> Row:
    """Scores of prompts that another method was given, after each of these numbers of clicks."""
    scores: Row = {}
    for count in counts if prompts else ():
        mask = segment(prompts[min(count, len(prompts)) - 1])
        if count == 1:
            scores["1 click, best"] = _best(mask, target)
        scores[_clicks(count)] = iou(mask, target.mask)
    return scores


def _first_click(target: Target) -> Prompt:
    x, y, label = next_click(target.mask, np.zeros_like(target.mask))
    return Prompt(points=[(x, y)], labels=[label])


def _best(mask: np.ndarray, target: Target) -> float:
    """IoU with the annotator who fits best."""
    return max(iou(mask, truth) for truth in (target.mask, *target.others))


def _clicks(count: int) -> str:
    return "1 click" if count == 1 else f"{count} clicks"


def _means(rows: list[Row]) -> Row:
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
