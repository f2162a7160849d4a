"""Gestures as values of JSON, both ways: an object with one key that says what it is.

`{"point": [x, y, label]}`, `{"box": [x0, y0, x1, y1]}`, `{"choice": candidate}`, `{"stroke": [[x, y], ...], "width",
"add"}`, `{"mask": COCO's run lengths, null for the object's own mask, "snapped"}`,
`{"close_up": [[x0, y0, x1, y1, candidate, score], ...]}`. Logits are left out: the gestures make them again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from samui.errors import FormatError, MaskError
from samui.formats import checks
from samui.pixels.rle import Rle
from samui.work.gestures import (
    BoxGesture,
    ChoiceGesture,
    CloseUpGesture,
    Gesture,
    Gestures,
    MaskGesture,
    Pick,
    PointGesture,
    StrokeGesture,
)

MAX_GESTURES = 10_000  # of one object
MAX_PICKS = 16  # of one close-up


def record_gestures(gestures: Gestures, own: Rle) -> list[dict[str, Any]]:
    """Gestures as JSON can hold them. own: the mask of their object."""
    return [_RECORDS[type(one)](one, own) for one in gestures]


def from_gestures(value: Any, own: Rle, where: str = "gestures") -> Gestures:
    """The inverse of `record_gestures`. Raises FormatError."""
    entries = checks.items(value, where)
    if len(entries) > MAX_GESTURES:
        raise FormatError(f"{where}: must be at most {MAX_GESTURES}, got {len(entries)}")
    return tuple(_from_gesture(entry, own, f"{where}[{index}]") for index, entry in enumerate(entries))


def record_mask(mask: Rle) -> dict[str, Any]:
    """A mask as JSON can hold it."""
    return {"size": list(mask.size), "counts": mask.to_string()}


def from_mask(value: Any, where: str, size: tuple[int, int] | None) -> Rle:
    """The inverse of `record_mask`. size: (H, W) that it must have. Raises FormatError."""
    data = checks.mapping(value, where)
    height, width = checks.numbers(data.get("size"), f"{where}.size", 2)
    found = checks.size(height, width, f"{where}.size")
    if size is not None and found != tuple(size):
        raise FormatError(f"{where}.size: must be {size[1]}x{size[0]} as the image, got {found[1]}x{found[0]}")
    try:
        return Rle.from_string(found, checks.text(data.get("counts"), f"{where}.counts"))
    except MaskError as error:
        raise FormatError(f"{where}: {error}") from None


def flag(value: Any, where: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise FormatError(f"{where}: must be true or false, got {checks.short(value)}")
    return value


def at_least(value: Any, where: str, least: int = 0) -> int:
    """A whole number from `least`."""
    found = checks.whole(value, where)
    if found < least:
        raise FormatError(f"{where}: must be at least {least}, got {found}")
    return found


def _from_gesture(value: Any, own: Rle, where: str) -> Gesture:
    data = checks.mapping(value, where)
    for name, read in _READERS.items():
        if name in data:
            return read(data, own, where)
    raise FormatError(f"{where}: must be one of {', '.join(_READERS)}, got {checks.short(value)}")


def _point(data: Any, own: Rle, where: str) -> Gesture:
    x, y, label = checks.numbers(data["point"], f"{where}.point", 3)
    if label not in (0, 1):
        raise FormatError(f"{where}.point[2]: must be 1 (include) or 0 (exclude), got {checks.short(label)}")
    return PointGesture((x, y), int(label))


def _box(data: Any, own: Rle, where: str) -> Gesture:
    x0, y0, x1, y1 = checks.numbers(data["box"], f"{where}.box", 4)
    if not (x0 < x1 and y0 < y1):
        raise FormatError(f"{where}.box: must have x0 < x1 and y0 < y1, got {checks.short(data['box'])}")
    return BoxGesture((x0, y0, x1, y1))


def _stroke(data: Any, own: Rle, where: str) -> Gesture:
    points = []
    for index, point in enumerate(checks.items(data["stroke"], f"{where}.stroke")):
        x, y = checks.numbers(point, f"{where}.stroke[{index}]", 2)
        points.append((x, y))
    width = checks.number(data.get("width"), f"{where}.width")
    return StrokeGesture(tuple(points), width, flag(data.get("add"), f"{where}.add"))


def _given(data: Any, own: Rle, where: str) -> Gesture:
    value = data["mask"]
    if isinstance(value, str):  # of the object's size
        value = {"size": list(own.size), "counts": value}
    mask = own if value is None else from_mask(value, f"{where}.mask", own.size)
    return MaskGesture(mask, flag(data.get("snapped"), f"{where}.snapped"))


def _close_up(data: Any, own: Rle, where: str) -> Gesture:
    entries = checks.items(data["close_up"], f"{where}.close_up")
    if not 0 < len(entries) <= MAX_PICKS:
        raise FormatError(f"{where}.close_up: must be 1 to {MAX_PICKS} candidates, got {len(entries)}")
    return CloseUpGesture(tuple(_pick(entry, f"{where}.close_up[{n}]") for n, entry in enumerate(entries)))


def _pick(value: Any, where: str) -> Pick:
    score = checks.numbers(value, where, 6)[5]
    x0, y0, x1, y1, candidate = (at_least(number, f"{where}[{n}]") for n, number in enumerate(value[:5]))
    if not (x0 < x1 and y0 < y1):
        raise FormatError(f"{where}: must have x0 < x1 and y0 < y1, got {checks.short(value)}")
    return Pick((x0, y0, x1, y1), candidate, score)


_RECORDS: dict[type, Callable[[Any, Rle], dict[str, Any]]] = {
    PointGesture: lambda one, own: {"point": [*one.point, one.label]},
    BoxGesture: lambda one, own: {"box": list(one.box)},
    ChoiceGesture: lambda one, own: {"choice": one.candidate},
    StrokeGesture: lambda one, own: {"stroke": _pairs(one.points), "width": one.width, "add": one.add},
    MaskGesture: lambda one, own: {"mask": None if one.mask == own else one.mask.to_string(), "snapped": one.snapped},
    CloseUpGesture: lambda one, own: {"close_up": [[*pick.view, pick.candidate, pick.score] for pick in one.picks]},
}
_READERS: dict[str, Callable[[Any, Rle, str], Gesture]] = {
    "point": _point,
    "box": _box,
    "choice": lambda data, own, where: ChoiceGesture(at_least(data["choice"], f"{where}.choice")),
    "stroke": _stroke,
    "mask": _given,
    "close_up": _close_up,
}


def _pairs(points: Sequence[tuple[float, float]]) -> list[list[float]]:
    return [list(point) for point in points]
