"""`bench clicks`: how well a model's masks fit known ones, for simulated clicks and boxes, beside GrabCut.

Over all things, and apart by how much of the photo they fill and by the set that they come from.

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

from samui.bench import many, report
from samui.bench.asking import add_close_ups, looks_closer
from samui.bench.scoring import (
    CLICKS,
    FILLED,
    GRABCUT,
    METHODS,
    OFF,
    ON,
    SAME,
    WIDE,
    Found,
    Plan,
    Row,
    score_photo,
)
from samui.bench.truth import Photos
from samui.errors import SamuiError
from samui.models.predictor import Predictor

SNAPS = ("both", "on", "off")
_APART = ("1 click", "kept", "clicks inside", "worst click", "3 clicks", "5 clicks", "tight box", "jittered box")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `run` reads to a parser that already has the model's arguments."""
    parser.add_argument(
        "photos",
        type=Path,
        nargs="+",
        help="folders or zips: NAME.jpg and NAME.png, or NAME.0.png, NAME.1.png ..., or many masks a photo",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="the first N photos by name, of each source")
    parser.add_argument("--divisible", type=int, metavar="N", help="only photos whose name's number N divides")
    parser.add_argument("--held-out", action="store_true", help="only the tenth of the names that training leaves out")
    parser.add_argument(
        "--shares",
        type=float,
        nargs=2,
        metavar=("LEAST", "MOST"),
        help="of a photo, filled by the things that are taken (default 0.01 0.8; 0.002 0.8 with many masks a photo)",
    )
    parser.add_argument("--draws", type=int, default=5, metavar="N", help="clicks anywhere inside a thing (default 5)")
    parser.add_argument("--first", action="store_true", help="only the first click and the boxes, no corrections")
    add_close_ups(parser)
    parser.add_argument("--snap", choices=SNAPS, default="both", help="masks as the model has them, snapped, or both")
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
    if args.draws < 0:
        raise SamuiError(f"--draws: must be at least 0, got {args.draws}")
    if args.shares is not None and not 0 <= args.shares[0] < args.shares[1] <= 1:
        raise SamuiError(f"--shares: must rise from 0 to 1, got {args.shares[0]:g} {args.shares[1]:g}")
    without = args.no_grabcut or args.grabcut_from is not None
    result = measure(
        Photos(*args.photos, limit=args.limit, divisible=args.divisible, held_out=args.held_out, shares=args.shares),
        predictor,
        methods=[
            m
            for m in METHODS
            if not (without and m in (GRABCUT, WIDE, SAME)) and m not in {"on": (OFF,), "off": (ON,)}.get(args.snap, ())
        ],
        cap=args.cap,
        grabcut_cap=min(args.grabcut_clicks, args.cap),
        seed=args.seed,
        draws=args.draws,
        first=args.first,
        close_ups=looks_closer(args, predictor),
        jobs=args.jobs or os.cpu_count() or 1,
        progress=_teller(),
    )
    if args.grabcut_from is not None:
        result["methods"] |= _earlier(args.grabcut_from, result)
    return {
        "photos": ", ".join(p.name for p in args.photos),
        "model": predictor.name,
        "close_ups": looks_closer(args, predictor),
        "cap": args.cap,
        "seed": args.seed,
        **result,
    }


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
    draws: int = 0,
    first: bool = False,
    close_ups: bool = False,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> dict[str, Any]:
    """{photos_measured, targets, methods, sizes, sources, click_ms}, but for the times whatever the number of jobs.

    methods: {method: {score: mean}}. Scores are mean IoU ("1 click", "3 clicks", "5 clicks", "tight box", "jittered
    box"; "clicks inside" and "worst click" of `draws` first clicks anywhere inside) and clicks to an IoU ("NoC@85",
    "NoC@90", `cap` where it is never reached). "kept" is the share of things with an IoU over KEPT after one click.
    "1 click, best" takes the annotator who fits best, for region maps. GrabCut is given up after `grabcut_cap` clicks:
    it takes a second for each, and then has no NoC. sizes and sources: the same, with the number of things, for things
    of one size and of one set. click_ms: p50 and p90 of the first click, from prompt to mask, the photo encoded before.
    """
    caps = dict.fromkeys(methods, cap)
    if GRABCUT in caps:
        caps[GRABCUT] = grabcut_cap or cap
    plan = Plan(caps, cap, draws=draws, seed=seed, first=first, close_ups=close_ups)
    one = partial(score_photo, photos, predictor, plan)
    rows: list[Found] = []
    with ThreadPoolExecutor(jobs, thread_name_prefix="photo") as pool:  # most of the time is GrabCut's, without the GIL
        for done, found in enumerate(pool.map(one, range(len(photos)), photos), 1):
            rows += found
            progress(done, len(photos))
    times = [1000 * row.seconds for row in rows if row.seconds is not None]
    return {
        "photos_measured": len(photos),
        "targets": len(rows),
        "methods": {method: _means([row.scores[method] for row in rows]) for method in caps},
        "sizes": _apart(rows, lambda row: row.size, many.NAMES),
        "sources": _apart(rows, lambda row: row.source, sorted({row.source for row in rows})),
        "click_ms": {f"p{part}": float(np.percentile(times, part)) for part in (50, 90)} if times else {},
    }


def table(result: Mapping[str, Any]) -> str:
    """The result for people: one line a method, one column a score; then the same by size and by source."""
    head = f"{result['photos']}: {result['targets']} things in {result['photos_measured']} photos, {result['model']}"
    head += ", close-ups" if result["close_ups"] else ", the whole photo alone"
    head += f"; mean IoU, and clicks to reach it (at most {result['cap']})"
    blocks = [report.table([{"": method, **_shown(scores)} for method, scores in result["methods"].items()])]
    for part in ("sizes", "sources"):
        lines = [
            {"": name, "things": int(scores["things"]), " ": method, **_shown(scores, _APART)}
            for name, methods in result[part].items()
            for method, scores in methods.items()
            if method in (OFF, ON)
        ]
        if len(result[part]) > 1 and lines:
            blocks.append(report.table(lines))
    if result["click_ms"]:
        times = ", ".join(f"{name} {value:.0f} ms" for name, value in result["click_ms"].items())
        blocks.append(f"first click, from prompt to mask: {times}")
    return f"{head}\n" + "\n\n".join(blocks)


def _shown(scores: Row, names: Iterable[str] | None = None) -> dict[str, str]:
    return {
        name: f"{scores[name]:.1f}" if "NoC" in name else f"{scores[name]:.3f}"
        for name in (names or scores)
        if name in scores
    }


def _means(rows: list[Row]) -> Row:
    return {name: float(np.mean([row[name] for row in rows])) for name in (rows[0] if rows else {})}


def _apart(rows: list[Found], group: Callable[[Found], str], names: Iterable[str]) -> dict[str, dict[str, Row]]:
    """{name: {method: means}} of the rows of each group, with the number of things; empty groups are left out."""
    parts = {name: [row for row in rows if group(row) == name] for name in names}
    return {
        name: {
            method: {"things": float(len(part)), **_means([row.scores[method] for row in part])}
            for method in part[0].scores
        }
        for name, part in parts.items()
        if part
    }


def _teller() -> Callable[[int, int], None]:
    """A line on stderr every two seconds, and for the last photo."""
    told = time.monotonic()

    def tell(done: int, of: int) -> None:
        nonlocal told
        if done == of or time.monotonic() - told > 2:
            told = time.monotonic()
            print(f"{done} of {of} photos", file=sys.stderr, flush=True)

    return tell
