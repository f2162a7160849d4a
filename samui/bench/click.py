"""`bench click`: from the release of the button to the painted mask, in the real page in a real browser.

Server and browser run on this machine, as they do for a person at a laptop. Beside each click the decoder alone runs
the same prompt on the same embedding in the same process, before one click and after the next: what is left of the
click's time is what samui adds. "Painted" is when the mask is in the canvas; the screen shows it with its next frame.
The button stays down for `--hold` ms, as under a hand; the page has the mask made meanwhile. A tap may be as good as 0.
Random weights borrow the masks of the built-in model.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from samui.bench import machine, server
from samui.bench.borrowed import BorrowedMasks
from samui.bench.browser import TimedPage, open_page
from samui.bench.latency import RANDOM_BASE
from samui.bench.paths import tell
from samui.bench.photo import photo
from samui.bench.timing import Summary, summarise, timed
from samui.errors import SamuiError
from samui.pixels.images import read_image
from samui.types import Prompt

BAR_MS = 15.0  # that a click may take beyond the decoder
BAR_SPREAD = 2.0  # p95 of a click over its p50
BAR_BYTES = 15_000  # of the reply for a typical object
_SERIES = 5  # clicks on one object: the first, and four that correct it
_PAUSE = 0.15  # seconds between clicks: nobody is faster, and the page draws its panels in them
_EARLIEST = ("1st", "2nd", "3rd")  # clicks of the server and its page, reported separately and counted nowhere else
Click = dict[str, Any]
Place = tuple[float, float]  # x and y in image pixels
Plan = tuple[list[Place], list[Place], list[list[Place]]]  # earliest clicks, first ones, series on one object each


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `bench click` beyond model, device and precision."""
    server.add_arguments(parser)
    parser.add_argument("--photo", default="coffee", help="name of a sample, or an image file (default coffee)")
    parser.add_argument("--megapixels", type=float, default=12.0, metavar="N", help="size to scale it to (default 12)")
    parser.add_argument("--clicks", type=int, default=40, metavar="N", help="first clicks, one by one (default 40)")
    parser.add_argument("--hold", type=float, default=80.0, metavar="MS", help="button stays down (default 80)")
    parser.add_argument("--snap", action=argparse.BooleanOptionalAction, default=False, help="to edges (default: off)")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Times in milliseconds and sizes in bytes as {p50, p95, n}, and how they stand against the bars."""
    if not 1 <= args.clicks <= 1000:
        raise SamuiError(f"--clicks: must be from 1 to 1000, got {args.clicks}")
    if not 0 <= args.hold <= 1000:
        raise SamuiError(f"--hold: must be from 0 to 1000, got {args.hold}")
    from samui.models import load_predictor

    with tempfile.TemporaryDirectory(prefix="samui-bench-") as folder:
        file = Path(folder) / f"{Path(args.photo).stem}.png"
        picture = photo(args.photo, args.megapixels)
        cv2.imwrite(str(file), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])
        with server.running(args, BorrowedMasks if args.random_base else None) as (service, address):
            predictor = service.server.predictors.get(service.settings.model)
            told = machine.describe(predictor)
            tell("starting the browser and encoding the picture")
            with open_page(address) as page:
                page.open(file)
                page.snap(args.snap)
                page.stop_previews()
                pixels = read_image(file).pixels
                decode = _Alone(predictor, service.server.embeddings.get_or_encode(predictor, pixels))
                plan = _plan(pixels.shape[:2], args.clicks)
                if args.random_base:
                    told["model"] = f"{RANDOM_BASE}; masks of the built-in model"
                    predictor.borrow(load_predictor("bundled", device="cpu"), pixels, _prompts(plan))
                earliest, first, corrections = _click_through(page, decode, plan, args.hold)
    setting = {"photo": args.photo, "width": pixels.shape[1], "height": pixels.shape[0], "snap to edges": args.snap}
    setting["button down (ms)"] = args.hold
    return summarise_clicks(first, corrections, earliest) | {"machine": told, "setting": setting}


def summarise_clicks(first: list[Click], corrections: list[Click], earliest: Sequence[Click] = ()) -> dict[str, Any]:
    """Tables of single first clicks and of the corrections that follow them; each click as `_measure` gives it.

    earliest: the clicks before all of those, in a process and a page that have not answered any yet.
    """
    rows = {"first click": _split(first)}
    if corrections:
        rows["correction"] = _split(corrections)
    tables: dict[str, Any] = {f"{name} (ms)": row for name, row in rows.items()}
    if earliest:
        parts = "total", "decode", "server", "paint", "ahead"
        told = [{part: click[part] for part in parts} for click in earliest]
        tables["earliest clicks (ms)"] = dict(zip(_EARLIEST, told, strict=True))
    tables["reply (bytes)"] = {
        "sent": summarise([click["sent"] for click in first]),
        "before compression": summarise([click["read"] for click in first]),
    }
    total, alone = rows["first click"]["total"], rows["first click"]["decoder alone"]
    sent = tables["reply (bytes)"]["sent"]
    tables["bars"] = [
        _bar("total p50 - decoder alone p50 (ms)", total["p50"] - alone["p50"], BAR_MS),
        _bar("total p95 / p50", total["p95"] / total["p50"], BAR_SPREAD),
        _bar("reply p50 (bytes)", sent["p50"], BAR_BYTES),
    ]
    if corrections:
        more = rows["correction"]["total"]["p50"] - rows["correction"]["decoder alone"]["p50"]
        tables["bars"].append(_bar("correction p50 - decoder alone p50 (ms)", more, BAR_MS))
    return tables


def _split(clicks: list[Click]) -> dict[str, Summary]:
    """The parts of a click: they add up to its total, but their percentiles need not."""
    parts = {
        "total": lambda c: c["total"],
        "decode": lambda c: c["decode"],
        "server without decode": lambda c: c["server"] - c["decode"],
        "network": lambda c: c["roundtrip"] - c["server"],
        "paint": lambda c: c["paint"],
        "page before the call": lambda c: c["total"] - c["roundtrip"] - c["paint"],
        "decoded ahead": lambda c: c["ahead"],
        "decoder alone": lambda c: c["alone"],
    }
    return {name: summarise([part(click) for click in clicks]) for name, part in parts.items()}


def _bar(what: str, value: float, most: float) -> dict[str, Any]:
    return {"": what, "value": value, "at most": most, "met": value <= most}


class _Alone:
    """The decoder without anything round it, on the embedding that the page's clicks use."""

    def __init__(self, predictor: Any, embedding: Any) -> None:
        self._predictor, self._embedding = predictor, embedding
        self._logits: np.ndarray | None = None

    def time(self, points: list[tuple[float, float]], labels: list[int]) -> float:
        """Milliseconds of one decoder call; the best logits of the call before go in with a correction."""
        earlier = self._logits if len(points) > 1 else None
        prompt = Prompt(points, labels, mask_logits=earlier)
        found = []
        spent = timed(lambda: found.append(self._predictor.predict(self._embedding, prompt)))
        self._logits = found[0].logits[found[0].best]
        return spent


def _plan(size: tuple[int, int], count: int) -> Plan:
    """Where to click in an image of (H, W), by seed; `count` first clicks and a tenth as many series."""
    height, width = size
    many = len(_EARLIEST) + count + max(1, count // (2 * _SERIES)) * _SERIES
    places = [tuple(p) for p in np.random.default_rng(0).uniform(0.08, 0.92, (many, 2)) * (width, height)]
    earliest, first, rest = places[: len(_EARLIEST)], places[len(_EARLIEST) :][:count], places[len(_EARLIEST) + count :]
    return earliest, first, [rest[i : i + _SERIES] for i in range(0, len(rest), _SERIES)]


def _labels(count: int) -> list[int]:
    """Labels of the clicks of a series: include and exclude by turns."""
    return [1 - i % 2 for i in range(count)]


def _prompts(plan: Plan) -> Iterator[Prompt]:
    """All prompts that the clicks of a plan send to the decoder."""
    earliest, first, series = plan
    for places in [*([place] for place in (*earliest, *first)), *series]:
        for i in range(1, len(places) + 1):
            yield Prompt(places[:i], _labels(i))


def _click_through(page: TimedPage, decode: _Alone, plan: Plan, hold: float) -> tuple[list, list, list]:
    """The earliest clicks, the first ones, and the corrections of the series.

    The earliest are separate because the browser compiles only what it runs often.
    """
    earliest, first, corrections = [], [], []
    for x, y in plan[0]:
        earliest.append(parts_of(page.click(x, y, hold=hold)["timings"]))
        page.clear()
    tell(f"{len(plan[1])} first clicks")
    for i, place in enumerate(plan[1]):
        first.append(_measure(page, decode, [place], [1], hold, before=i % 2 == 0))
        page.clear()
    tell("series of corrections")
    for places in plan[2]:
        for i in range(1, len(places) + 1):
            click = _measure(page, decode, places[:i], _labels(i), hold, before=False)
            if i > 1:
                corrections.append(click)
        page.clear()
    return earliest, first, corrections


def _measure(page: TimedPage, decode: _Alone, points: list, labels: list[int], hold: float, *, before: bool) -> Click:
    """One click, the last of `points`, and the decoder alone on the same prompt: times in ms, sizes in bytes."""
    time.sleep(_PAUSE)
    alone = decode.time(points, labels) if before else 0.0
    time.sleep(_PAUSE if before else 0.0)
    told = page.click(*points[-1], include=labels[-1] == 1, hold=hold)
    if len(told["points"]) != len(points) or told["calls"] > 2:
        raise SamuiError(f"bench click: a click must be one call, and one ahead, got {told['calls']} for {points[-1]}")
    if not before:
        time.sleep(_PAUSE)
        alone = decode.time(points, labels)
    return {**parts_of(told["timings"]), "alone": alone, **told["reply"]}


def parts_of(timings: dict[str, float | None]) -> dict[str, float]:
    """What a click's time went into, from what the page tells: milliseconds since the button was released.

    ahead: decoder time from before the release. Where the mask was already there, the click waited for no server.
    """
    known = {name: ms for name, ms in timings.items() if ms is not None}
    parts = {name: known[name] for name in ("total", "decode", "server", "roundtrip", "paint")}
    parts["ahead"] = known.get("ahead", 0.0)
    parts["decode"] -= parts["ahead"]
    if parts["roundtrip"] + parts["paint"] > parts["total"]:
        parts |= {"decode": 0.0, "server": 0.0, "roundtrip": 0.0}
    return parts
