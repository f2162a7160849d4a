"""What samui knows of an object and no other program asks for, as a JSON object beside it, and labels for readers that
have none without one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from samui.errors import FormatError
from samui.formats import checks
from samui.formats.annotation import SavedObject
from samui.formats.prompt import SavedPrompt
from samui.names import escape, unescape
from samui.pixels.colours import hex_colour
from samui.pixels.rle import Rle

UNLABELLED = "object"  # most formats have no annotation without a class
KEY = "samui"


def describe(one: SavedObject) -> dict[str, Any]:
    """Id, colour, model, score and prompt, and whether it has a label at all."""
    own: dict[str, Any] = {"id": one.id, "colour": one.colour, "model": one.model, "predicted_iou": score_of(one)}
    own["prompt"] = one.prompt.describe()
    if not one.label:
        own["labelled"] = False  # told apart from a label that is called as unlabelled objects are
    return escape(own)


def restore(
    entry: Mapping[str, Any], where: str, label: str, rle: Rle, index: int, *, id: Any = None, score: Any = None
) -> SavedObject:
    """The object of an entry whose key `samui` may hold what `describe` gave.

    index: its place in its image; id, score: as the format itself says, None where it does not. Raises FormatError.
    """
    own = unescape(checks.mapping(entry.get(KEY) or {}, f"{where}.{KEY}"))
    if own.get("labelled") is False and label == UNLABELLED:
        label = ""
    given = own.get("id", index + 1 if id is None else id)
    number = checks.whole(given, f"{where}.id") if not isinstance(given, str) else index + 1
    if number < 0:
        raise FormatError(f"{where}.id: must be a whole number from 0, got {number}")
    score = own.get("predicted_iou") if score is None else score
    return SavedObject(
        id=number,
        label=label,
        colour=checks.colour(own.get("colour", hex_colour(index)), f"{where}.{KEY}.colour"),
        rle=rle,
        score=None if score is None else checks.number(score, f"{where}.score"),
        prompt=SavedPrompt.from_dict(own.get("prompt", {}), f"{where}.{KEY}.prompt"),
        model=checks.text(own.get("model", ""), f"{where}.{KEY}.model"),
    )


def score_of(one: SavedObject) -> float | None:
    """The predicted IoU as JSON can hold it."""
    return None if one.score is None else float(one.score)


def name_of(label: str) -> str:
    """A label where there must be one."""
    return label or UNLABELLED


class Classes:
    """Numbers of labels: those that were given first, in their order, and the others as they come."""

    def __init__(self, names: Iterable[str] = (), *, first: int = 0) -> None:
        self._numbers: dict[str, int] = {}
        self._first = first
        for name in names:
            self.number(name)

    def number(self, label: str) -> int:
        """The number of a label, its own from now on; no label counts as one."""
        return self._numbers.setdefault(name_of(label), len(self._numbers) + self._first)

    def items(self) -> list[tuple[int, str]]:
        """(number, label) of all, by number."""
        return [(number, name) for name, number in self._numbers.items()]


def own_ids(objects: Iterable[SavedObject], where: str) -> list[SavedObject]:
    """The objects of an image, if each has an id of its own. Raises FormatError."""
    found, seen = [], set()
    for index, one in enumerate(objects):
        if one.id in seen:
            raise FormatError(f"{where}[{index}].id: must be an id of its own in its image, got {one.id}")
        seen.add(one.id)
        found.append(one)
    return found
