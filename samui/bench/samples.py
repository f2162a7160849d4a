"""`bench samples`: a contact sheet of clicks on the sample photos, to be judged by eye: no masks are known there.

Each thing is shown five times: its click, the candidates in the order of the page's strip, and the mask after one more
click, which was set beforehand. All masks are those that the page shows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from samui import shipped
from samui.bench.asking import Asked, add_close_ups, looks_closer
from samui.bench.pictures import check_name, framed, marked, painted, shrunk, write_picture
from samui.errors import SamuiError
from samui.models.predictor import Predictor
from samui.pixels.images import read_image
from samui.types import Prompt
from samui.work import actions

CLICKS = Path(__file__).with_name("thirty-clicks.json")
CANDIDATES = 3
_SIDE, _COLUMNS = 150, 2  # pixels of a picture's side; things side by side


@dataclass(frozen=True, eq=False)
class Shown:
    """One thing of the sheet: an RGB photo, its clicks, the candidates after the first and the mask after both."""

    thing: str
    image: np.ndarray
    first: Prompt
    both: Prompt
    masks: tuple[np.ndarray, ...]
    scores: tuple[float, ...]
    corrected: np.ndarray


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `run` reads to a parser that already has the model's arguments."""
    parser.add_argument("--clicks", type=Path, default=CLICKS, help="JSON file with clicks (default: thirty)")
    add_close_ups(parser)
    parser.add_argument("--out", type=Path, required=True, help="picture to write: .png, .jpg or .webp")


def run(args: argparse.Namespace, predictor: Predictor) -> dict[str, Any]:
    """Write the sheet to `args.out`; the scores and sizes of what is on it, for the table."""
    check_name(args.out)
    shown = list(ask(read_clicks(args.clicks), predictor, close_ups=looks_closer(args, predictor)))
    write_picture(args.out, framed([list(_pictures(each)) for each in shown], side=_SIDE, columns=_COLUMNS))
    rows = [
        {
            "thing": each.thing,
            **{f"score {k + 1}": score for k, score in enumerate(each.scores)},
            **{f"share {k + 1}": float(mask.mean()) for k, mask in enumerate(each.masks)},
            "after one more": float(each.corrected.mean()),
        }
        for each in shown
    ]
    return {"model": predictor.name, "sheet": str(args.out), "things": rows}


def read_clicks(file: Path) -> dict[str, list[dict[str, Any]]]:
    """{photo: [{thing, click: [x, y, label], then: [x, y, label]}]} of a JSON file. Raises SamuiError for another."""
    try:
        photos = json.loads(file.read_text(encoding="utf-8"))["clicks"]
        for things in photos.values():
            for each in things:
                [str(each["thing"]), *_point(each["click"]), *_point(each["then"])]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SamuiError(f"--clicks: {file} must hold clicks on the sample photos, got {error!r}") from error
    return photos


def ask(clicks: dict[str, list[dict[str, Any]]], predictor: Predictor, *, close_ups: bool = False) -> Iterator[Shown]:
    """What the page shows for each thing, photo by photo."""
    for name, things in clicks.items():
        image = read_image(shipped.check(shipped.folder("samples")) / f"{name}.jpg").pixels
        asked = Asked(predictor, image, close_ups=close_ups)
        for each in things:
            yield _shown(asked, image, each)


def _shown(asked: Asked, image: np.ndarray, each: dict[str, Any]) -> Shown:
    (place, label), (then, kind) = _point(each["click"]), _point(each["then"])
    first, both = Prompt([place], [label]), Prompt([place, then], [label, kind])
    start = asked.begin(snap=True)
    session = start(first)
    prediction = session.state.steps[-1].prediction
    order = prediction.ranking[:CANDIDATES]
    masks = []
    for k in range(len(order)):
        mask = session.apply(actions.Choose(k), asked.tools).state.mask
        assert mask is not None
        masks.append(mask.decode())
    corrected = start(both).state.mask
    assert corrected is not None
    scores = tuple(float(prediction.scores[k]) for k in order)
    return Shown(each["thing"], image, first, both, tuple(masks), scores, corrected.decode())


def _point(given: Sequence[float]) -> tuple[tuple[float, float], int]:
    x, y, label = given
    return (float(x), float(y)), int(label)


def _pictures(shown: Shown) -> Iterator[tuple[np.ndarray, str]]:
    yield marked(shrunk(shown.image, _SIDE), shown.first, shown.image.shape[:2]), shown.thing
    for mask, score in zip(shown.masks, shown.scores, strict=True):
        yield painted(shown.image, mask, _SIDE), f"{score:.2f}"
    for _ in range(CANDIDATES - len(shown.masks)):
        yield np.full_like(shrunk(shown.image, _SIDE), 255), ""
    yield marked(painted(shown.image, shown.corrected, _SIDE), shown.both, shown.image.shape[:2]), "one more click"
