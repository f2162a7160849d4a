"""Objects and gestures as values of JSON, both ways: what a store keeps, and what a page may hold and give back.

An object is {"uid", "id", "label", "colour", "visible", "mask", "score", "gestures", "candidate", "snapped", "model"},
a mask {"size": [h, w], "counts": COCO's string}, a gesture an object with one key that says what it is. A mask gesture
whose mask is the object's own says null. Logits are left out: the gestures make them again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from samui.errors import FormatError, MaskError
from samui.formats import checks
from samui.pixels.rle import Rle
from samui.work.gestures import BoxGesture, ChoiceGesture, Gesture, Gestures, MaskGesture, PointGesture, StrokeGesture
from samui.work.state import Object

MAX_GESTURES = 10_000  # of one object
_UID = re.compile("[0-9a-f]{32}")


def record(item: Object) -> dict[str, Any]:
    """An object as JSON can hold it, without its logits."""
    return {
        "uid": item.uid,
        "id": item.id,
        "label": item.label,
        "colour": item.colour,
        "visible": item.visible,
        "mask": _mask(item.mask),
        "score": item.score,
        "gestures": record_gestures(item.gestures, item.mask),
        "candidate": item.candidate,
        "snapped": item.snapped,
        "model": item.model,
    }


def from_record(value: Any, where: str = "object", *, size: tuple[int, int] | None = None) -> Object:
    """The object of a record that anybody may have written. size: (H, W) that its masks must have.

    Raises FormatError with where, rule and value.
    """
    data = checks.mapping(value, where)
    mask = _from_mask(data.get("mask"), f"{where}.mask", size)
    uid = checks.text(data.get("uid"), f"{where}.uid")
    if not _UID.fullmatch(uid):
        raise FormatError(f"{where}.uid: must be 32 hexadecimal digits, got {checks.short(uid)}")
    return Object(
        id=_from_one(data.get("id"), f"{where}.id", least=1),
        uid=uid,
        label=checks.text(data.get("label"), f"{where}.label"),
        colour=checks.colour(data.get("colour"), f"{where}.colour").lower(),
        visible=_flag(data.get("visible"), f"{where}.visible"),
        mask=mask,
        score=checks.number(data.get("score"), f"{where}.score"),
        gestures=from_gestures(data.get("gestures"), mask, f"{where}.gestures"),
        candidate=_from_one(data.get("candidate"), f"{where}.candidate"),
        snapped=_flag(data.get("snapped"), f"{where}.snapped"),
        model=checks.text(data.get("model"), f"{where}.model"),
    )


def record_gestures(gestures: Gestures, own: Rle) -> list[dict[str, Any]]:
    """Gestures as JSON can hold them. own: the mask of their object."""
    return [_RECORDS[type(one)](one, own) for one in gestures]


def from_gestures(value: Any, own: Rle, where: str = "gestures") -> Gestures:
    """The inverse of `record_gestures`. Raises FormatError."""
    entries = checks.items(value, where)
    if len(entries) > MAX_GESTURES:
        raise FormatError(f"{where}: must be at most {MAX_GESTURES}, got {len(entries)}")
    return tuple(_from_gesture(entry, own, f"{where}[{index}]") for index, entry in enumerate(entries))


def _from_gesture(value: Any, own: Rle, where: str) -> Gesture:
    data = checks.mapping(value, where)
    for name, read in _READERS.items():
        if name in data:
            return read(data, own, where)
    raise FormatError(f"{where}: must be one of {', '.join(_READERS)}, got {checks.short(value)}")


def _mask(mask: Rle) -> dict[str, Any]:
    return {"size": list(mask.size), "counts": mask.to_string()}


def _from_mask(value: Any, where: str, size: tuple[int, int] | None) -> Rle:
    data = checks.mapping(value, where)
    height, width = checks.numbers(data.get("size"), f"{where}.size", 2)
    found = checks.size(height, width, f"{where}.size")
    if size is not None and found != tuple(size):
        raise FormatError(f"{where}.size: must be {size[1]}x{size[0]} as the image, got {found[1]}x{found[0]}")
    try:
        return Rle.from_string(found, checks.text(data.get("counts"), f"{where}.counts"))
    except MaskError as error:
        raise FormatError(f"{where}: {error}") from None


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
    return StrokeGesture(
        tuple(points), checks.number(data.get("width"), f"{where}.width"), _flag(data.get("add"), f"{where}.add")
    )


def _given(data: Any, own: Rle, where: str) -> Gesture:
    value = data["mask"]
    mask = own if value is None else _from_mask(value, f"{where}.mask", own.size)
    return MaskGesture(mask, _flag(data.get("snapped"), f"{where}.snapped"))


def _from_one(value: Any, where: str, least: int = 0) -> int:
    found = checks.whole(value, where)
    if found < least:
        raise FormatError(f"{where}: must be at least {least}, got {found}")
    return found


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise FormatError(f"{where}: must be true or false, got {checks.short(value)}")
    return value


_RECORDS: dict[type, Callable[[Any, Rle], dict[str, Any]]] = {
    PointGesture: lambda one, own: {"point": [*one.point, one.label]},
    BoxGesture: lambda one, own: {"box": list(one.box)},
    ChoiceGesture: lambda one, own: {"choice": one.candidate},
    StrokeGesture: lambda one, own: {"stroke": _pairs(one.points), "width": one.width, "add": one.add},
    MaskGesture: lambda one, own: {"mask": None if one.mask == own else _mask(one.mask), "snapped": one.snapped},
}
_READERS: dict[str, Callable[[Any, Rle, str], Gesture]] = {
    "point": _point,
    "box": _box,
    "choice": lambda data, own, where: ChoiceGesture(_from_one(data["choice"], f"{where}.choice")),
    "stroke": _stroke,
    "mask": _given,
}


def _pairs(points: Sequence[tuple[float, float]]) -> list[list[float]]:
    return [list(point) for point in points]
