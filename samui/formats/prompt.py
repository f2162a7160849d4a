"""`SavedPrompt`: what made a mask, as files hold it, and what makes it again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from samui.errors import FormatError, PromptError
from samui.formats import checks
from samui.types import Box, Point, Prompt

_DIGITS = 2  # after the point: at the largest zoom of the page, 64 to 1, a pixel of the screen is 0.016 of the image's


@dataclass(frozen=True)
class SavedPrompt:
    """The points and the box for one mask, and how it was chosen; a value that equals another with the same content.

    points: (x, y) in image pixels. labels: 1 include or 0 exclude, one a point. box: (x0, y0, x1, y1) or None. All are
    rounded to hundredths of a pixel, which is what a click means. candidate: index in the model's own order. snapped:
    whether the mask was moved to the picture's edges. crop: (x0, y0, x1, y1) of the part of the image that the model
    saw. stability: 0 to 1, of everything mode. None where not known.

    The logits that a later click fed back are left out: they are a megabyte of text, and giving the points one after
    the other makes them again.

    Raises PromptError as `Prompt` does, and for values of other kinds.
    """

    points: tuple[Point, ...] = ()
    labels: tuple[int, ...] = ()
    box: Box | None = None
    candidate: int | None = None
    snapped: bool | None = None
    crop: tuple[int, int, int, int] | None = None
    stability: float | None = None

    def __post_init__(self) -> None:
        given = Prompt(self.points, self.labels, self.box)
        box = None if given.box is None else _round(given.box)
        if box is not None and not (box[0] < box[2] and box[1] < box[3]):
            box = given.box  # thinner than a hundredth of a pixel
        object.__setattr__(self, "points", tuple(_round(point) for point in given.points))
        object.__setattr__(self, "labels", tuple(given.labels))
        object.__setattr__(self, "box", box)
        if self.candidate is not None and not (_is_whole(self.candidate) and self.candidate >= 0):
            raise PromptError(f"prompt.candidate: must be a whole number from 0, got {checks.short(self.candidate)}")
        if self.snapped is not None and not isinstance(self.snapped, bool):
            raise PromptError(f"prompt.snapped: must be true or false, got {checks.short(self.snapped)}")
        if self.crop is not None:
            crop = tuple(self.crop)
            if len(crop) != 4 or not all(_is_whole(side) for side in crop):
                raise PromptError(f"prompt.crop: must be four whole numbers, got {checks.short(crop)}")
            object.__setattr__(self, "crop", tuple(int(side) for side in crop))
        if self.stability is not None:
            stability = float(self.stability)
            if not math.isfinite(stability):
                raise PromptError(f"prompt.stability: must be a finite number, got {stability}")
            object.__setattr__(self, "stability", stability)

    @classmethod
    def of(cls, prompt: Prompt, **how: Any) -> SavedPrompt:
        """Of a prompt without its logits; `how`: the other fields."""
        return cls(tuple(prompt.points), tuple(prompt.labels), prompt.box, **how)

    @property
    def prompt(self) -> Prompt:
        """To give to a predictor, without logits."""
        return Prompt(self.points, self.labels, self.box)

    @property
    def is_empty(self) -> bool:
        """True if there is neither a point nor a box."""
        return not self.points and self.box is None

    def describe(self) -> dict[str, Any]:
        """As JSON can hold it: {"points": [[x, y, label], ...], "box": [x0, y0, x1, y1] or None, ...}; what is not
        known is left out."""
        points = [[x, y, label] for (x, y), label in zip(self.points, self.labels, strict=True)]
        told: dict[str, Any] = {"points": points, "box": None if self.box is None else list(self.box)}
        crop = None if self.crop is None else list(self.crop)
        more = {"candidate": self.candidate, "snapped": self.snapped, "crop": crop, "stability": self.stability}
        return told | {name: value for name, value in more.items() if value is not None}

    @classmethod
    def from_dict(cls, value: Any, where: str) -> SavedPrompt:
        """The inverse of `describe`; other keys are passed over. Raises FormatError that begins with `where`."""
        data = checks.mapping(value, where)
        points, labels = [], []
        for index, entry in enumerate(checks.items(data.get("points", []), f"{where}.points")):
            at = f"{where}.points[{index}]"
            x, y, label = checks.numbers(entry, at, 3)
            points.append((x, y))
            labels.append(checks.whole(label, f"{at}[2]"))
        box, crop, stability = (data.get(name) for name in ("box", "crop", "stability"))
        try:
            return cls(
                tuple(points),
                tuple(labels),
                None if box is None else _four(checks.numbers(box, f"{where}.box", 4)),
                data.get("candidate"),
                data.get("snapped"),
                None if crop is None else _whole_four(checks.numbers(crop, f"{where}.crop", 4), f"{where}.crop"),
                None if stability is None else checks.number(stability, f"{where}.stability"),
            )
        except PromptError as error:
            raise FormatError(f"{where}{str(error).removeprefix('prompt')}") from None


def _round(numbers: tuple[float, ...]) -> Any:
    return tuple(round(number, _DIGITS) for number in numbers)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _four(numbers: list[float]) -> Box:
    x0, y0, x1, y1 = numbers
    return x0, y0, x1, y1


def _whole_four(numbers: list[float], where: str) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = (checks.whole(number, where) for number in numbers)
    return x0, y0, x1, y1
