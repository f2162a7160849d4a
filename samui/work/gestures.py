"""What a person did to the active object, one value a gesture, in the order in which it was done.

A prompt is its gestures. The decoder sees the points and the box of them (`prompt_of`); choices, strokes and masks that
were given say what becomes of its answer (`samui.work.shown`). So a mask is a function of the gestures, and one
gesture is one step of undo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samui.pixels.rle import Rle
from samui.types import Box, Point, Prompt


@dataclass(frozen=True)
class PointGesture:
    """A click. point: (x, y) in image pixels. label: 1 include, 0 exclude."""

    point: Point
    label: int


@dataclass(frozen=True)
class BoxGesture:
    """A box. box: (x0, y0, x1, y1) in image pixels; there is one at most."""

    box: Box


@dataclass(frozen=True)
class ChoiceGesture:
    """Another candidate of the newest answer. candidate: its index in the model's own order."""

    candidate: int


@dataclass(frozen=True)
class StrokeGesture:
    """What a brush or an eraser drew. points: (x, y) in image pixels; width: of the brush, in image pixels.

    add: whether the pixels under it become part of the mask or leave it.
    """

    points: tuple[Point, ...]
    width: float
    add: bool


@dataclass(frozen=True, eq=False)
class MaskGesture:
    """A mask that was given instead of decoded: a found one, an accepted one that is worked on again, a painted one.

    snapped: whether "snap to edges" was on then; the mask is snapped once that is switched on afterwards.
    """

    mask: Rle
    snapped: bool


MOST_PICKS = 3  # candidates of an answer from several views


@dataclass(frozen=True)
class Pick:
    """One candidate of an answer from several views.

    view: (x0, y0, x1, y1) in whole image pixels, of the view that it comes from. candidate: its index there, in the
    model's own order. score: expected IoU.
    """

    view: tuple[int, int, int, int]
    candidate: int
    score: float


@dataclass(frozen=True)
class CloseUpGesture:
    """The first answer, to the box or else to the first point, was looked for in several views.

    picks: the candidates that were taken, best first. A person did not do this, so it is no step of undo; but with it
    the gestures say what the mask is.
    """

    picks: tuple[Pick, ...]


Gesture = PointGesture | BoxGesture | ChoiceGesture | StrokeGesture | MaskGesture | CloseUpGesture
Gestures = tuple[Gesture, ...]


def close_up_of(gestures: Sequence[Gesture]) -> CloseUpGesture | None:
    """The close-up among gestures; there is one at most."""
    return next((one for one in gestures if isinstance(one, CloseUpGesture)), None)


def with_close_up(gestures: Sequence[Gesture], picks: tuple[Pick, ...]) -> Gestures:
    """Gestures with a close-up behind the one whose answer it is."""
    at = next((n for n, one in enumerate(gestures) if isinstance(one, BoxGesture)), None)
    if at is None:
        at = next(n for n, one in enumerate(gestures) if isinstance(one, PointGesture))
    return (*gestures[: at + 1], CloseUpGesture(picks), *gestures[at + 1 :])


def without_close_up(gestures: Sequence[Gesture]) -> Gestures:
    """What a person did."""
    return tuple(one for one in gestures if not isinstance(one, CloseUpGesture))


def gestures_of(prompt: Prompt) -> Gestures:
    """The gestures of a prompt whose order nobody knows: the box first, as it is decoded."""
    return revise((), prompt)


def prompt_of(gestures: Sequence[Gesture]) -> Prompt:
    """The points and the box of gestures, as the decoder takes them; without logits."""
    points = [one for one in gestures if isinstance(one, PointGesture)]
    boxes = [one.box for one in gestures if isinstance(one, BoxGesture)]
    return Prompt([one.point for one in points], [one.label for one in points], boxes[0] if boxes else None)


def revise(gestures: Sequence[Gesture], prompt: Prompt) -> Gestures:
    """The gestures after a person has changed the points and the box to those of `prompt`.

    What is new comes last; what was moved keeps its place. A choice, and a mask that was given, belong to an answer of
    the decoder: they are dropped if a point or the box before them changed. Close-ups belong to the first answer.
    Strokes stay.
    """
    before = prompt_of(gestures)
    points = list(zip(prompt.points, prompt.labels, strict=True))
    old = list(zip(before.points, before.labels, strict=True))
    same = next((n for n, pair in enumerate(zip(old, points, strict=False)) if pair[0] != pair[1]), len(points))
    if len(points) < len(old):
        same = min(same, len(points))
    if before.box != prompt.box:
        same = -1  # the box is decoded first, so all answers change
    first_is_same = before.box == prompt.box and (prompt.box is not None or old[:1] == points[:1])
    kept: list[Gesture] = []
    seen = 0
    for one in gestures:
        if isinstance(one, CloseUpGesture):
            kept += [one] if first_is_same else []
        elif isinstance(one, BoxGesture):
            kept += [BoxGesture(prompt.box)] if prompt.box is not None else []
        elif isinstance(one, PointGesture):
            kept += [PointGesture(*points[seen])] if seen < len(points) else []
            seen += 1
        elif isinstance(one, StrokeGesture) or seen <= same:
            kept.append(one)
    if before.box is None and prompt.box is not None:
        kept.append(BoxGesture(prompt.box))
    return (*kept, *(PointGesture(*point) for point in points[seen:]))
