"""How well one thing is found: every method on the prompts of one plan, scored against the known mask."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from samui.bench import many
from samui.bench.asking import Asked, Segment
from samui.bench.clicker import (
    WIDE_WINDOWS,
    clicks_inside,
    filled_box,
    grab_cut,
    iou,
    jittered_box,
    next_click,
    tight_box,
)
from samui.bench.truth import Photo, Photos, Target
from samui.models.predictor import Predictor
from samui.types import Prompt

CLICKS = (1, 3, 5)
GOALS = (0.85, 0.90)
KEPT = 0.75  # IoU over which a mask is one to keep
OFF, ON, FILLED = "snap off", "snap on", "filled box"
GRABCUT, WIDE, SAME = "GrabCut", "GrabCut, wider", "GrabCut, same clicks"
METHODS = (OFF, ON, GRABCUT, WIDE, SAME, FILLED)
_OWN_CLICKS = ("3 clicks", "5 clicks", "NoC@85", "NoC@90")  # scores that hang on where each method is corrected
Row = dict[str, float]


@dataclass(frozen=True)
class Plan:
    """What is asked of each thing: of each method the most clicks, draws of the first click, the boxes' seed.

    first: only the first click and the boxes. close_ups: closer views too, as on the page, or the whole photo alone.
    """

    caps: Mapping[str, int]
    cap: int
    draws: int = 0
    seed: int = 0
    first: bool = False
    close_ups: bool = False


@dataclass(frozen=True)
class Found:
    """One thing's scores by method, and the size and the set that it is counted with.

    seconds: of the first click on it, from prompt to mask, the photo encoded before.
    """

    scores: Mapping[str, Row]
    size: str
    source: str
    seconds: float | None = None


def score_photo(photos: Photos, predictor: Predictor, plan: Plan, index: int, photo: Photo) -> list[Found]:
    """What is found of each thing in a photo."""
    draw = np.random.default_rng([plan.seed, index])
    image, targets = photos.load(photo)
    if not targets:
        return []
    asked = Asked(predictor, image, close_ups=plan.close_ups)
    return [_thing(asked, image, target, photo.source, plan, draw) for target in targets]


def _thing(
    asked: Asked, image: np.ndarray, target: Target, source: str, plan: Plan, draw: np.random.Generator
) -> Found:
    boxes = {"tight box": tight_box(target.mask), "jittered box": jittered_box(target.mask, draw)}
    inside = clicks_inside(target.mask, draw, plan.draws)
    start = _segmenters(asked, image, target)
    clicked: dict[str, list[Prompt]] = {}
    scores: dict[str, Row] = {}
    seconds = None
    for method, most in plan.caps.items():
        if method == WIDE:
            scores[method] = _again(start[method](), target, [_first_click(target)], CLICKS[:1])
            continue
        if method == SAME and GRABCUT in scores:  # boxes and the first click are those of its own row
            known = {name: value for name, value in scores[GRABCUT].items() if name not in _OWN_CLICKS}
        else:
            known = {name: iou(start[method]()(Prompt(box=box)), target.mask) for name, box in boxes.items()}
        if method == SAME:
            prompts = clicked.get(ON) or clicked.get(OFF) or []
            more = _again(start[method](), target, prompts, [n for n in CLICKS if _clicks(n) not in known])
        elif method == FILLED:
            more = {}
        elif plan.first:
            began = time.perf_counter()
            mask = start[method]()(_first_click(target))
            more = _first(mask, target)
            seconds = time.perf_counter() - began if method in (OFF, ON) else seconds
        else:
            began = time.perf_counter()
            more, clicked[method], after = _correct(start[method], target, most)
            seconds = after - began if method in (OFF, ON) else seconds
            if most < plan.cap:
                more = {name: value for name, value in more.items() if not name.startswith("NoC")}
        if inside and method in (OFF, ON):
            drawn = [iou(start[method]()(prompt), target.mask) for prompt in inside]
            more |= {"clicks inside": float(np.mean(drawn)), "worst click": min(drawn)}
        scores[method] = known | more
    return Found(scores, many.NAMES[many.size_of(target.share)], source, seconds)


def _segmenters(asked: Asked, image: np.ndarray, target: Target) -> dict[str, Callable[[], Segment]]:
    """What starts each method on one thing; what is ignored of its photo is in no mask."""

    ignored = target.ignored

    def known(segment: Segment) -> Segment:
        if ignored is None:
            return segment
        return lambda prompt: segment(prompt) & ~ignored

    def filled(prompt: Prompt) -> np.ndarray:
        assert prompt.box is not None, "this method is asked for boxes alone"
        return filled_box(prompt.box, image.shape[:2])

    return {
        OFF: lambda: known(asked.segmenter(snap=False)),
        ON: lambda: known(asked.segmenter(snap=True)),
        GRABCUT: lambda: known(lambda prompt: grab_cut(image, prompt)),
        WIDE: lambda: known(lambda prompt: grab_cut(image, prompt, windows=WIDE_WINDOWS)),
        SAME: lambda: known(lambda prompt: grab_cut(image, prompt)),
        FILLED: lambda: known(filled),
    }


def _correct(start: Callable[[], Segment], target: Target, cap: int) -> tuple[Row, list[Prompt], float]:
    """Click until the highest goal and the last of CLICKS are reached, or `cap`.

    Scores, all prompts, and when the first of them was answered, by the clock `time.perf_counter`.
    """
    segment, mask = start(), np.zeros_like(target.mask)
    points: list[tuple[float, float]] = []
    labels: list[int] = []
    ious: list[float] = []
    prompts: list[Prompt] = []
    scores: Row = {}
    after = 0.0
    while len(ious) < cap and (len(ious) < max(CLICKS) or max(ious) < max(GOALS)):
        if ious and ious[-1] == 1:
            ious.append(1.0)  # nothing is left to click on
            continue
        x, y, label = next_click(target.mask, mask)
        points.append((x, y))
        labels.append(label)
        prompts.append(Prompt(points=points, labels=labels))
        mask = segment(prompts[-1])
        after = after or time.perf_counter()
        ious.append(iou(mask, target.mask))
        if len(ious) == 1:
            scores = _first(mask, target)
    for count in CLICKS[1:]:
        scores[_clicks(count)] = ious[count - 1]
    for goal in GOALS:
        reached = [n for n, iou in enumerate(ious, 1) if iou >= goal]
        scores[f"NoC@{goal * 100:.0f}"] = float(reached[0] if reached else cap)
    return scores, prompts, after


def _first(mask: np.ndarray, target: Target) -> Row:
    """Scores of the mask after one click."""
    value = iou(mask, target.mask)
    return {"1 click, best": _best(mask, target), "1 click": value, "kept": float(value > KEPT)}


def _again(segment: Segment, target: Target, prompts: list[Prompt], counts: Iterable[int]) -> Row:
    """Scores of prompts that another method was given, after each of these numbers of clicks."""
    scores: Row = {}
    for count in counts if prompts else ():
        mask = segment(prompts[min(count, len(prompts)) - 1])
        scores |= _first(mask, target) if count == 1 else {_clicks(count): iou(mask, target.mask)}
    return scores


def _first_click(target: Target) -> Prompt:
    x, y, label = next_click(target.mask, np.zeros_like(target.mask))
    return Prompt(points=[(x, y)], labels=[label])


def _best(mask: np.ndarray, target: Target) -> float:
    """IoU with the annotator who fits best."""
    return max(iou(mask, truth) for truth in (target.mask, *target.others))


def _clicks(count: int) -> str:
    return "1 click" if count == 1 else f"{count} clicks"
