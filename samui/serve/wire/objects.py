"""Accepted objects between page and server: told whole, so that a page can put them back into a seat that lacks them.

What made an object travels as a list of gestures, each a list that begins with its kind:
["point", x, y, label], ["box", x0, y0, x1, y1], ["choice", candidate],
["close_up", [[x0, y0, x1, y1, candidate, score], ...]], ["stroke", width, add, [[x, y], ...]] and
["mask", counts, snapped], where counts are null for the object's own mask.
"""

from __future__ import annotations

import re
from typing import Any

from samui.errors import MaskError, PromptError, RequestError
from samui.pixels.rle import Rle
from samui.serve.wire.masks import encode_mask
from samui.serve.wire.values import Read, short
from samui.types import Prompt
from samui.work.gestures import (
    MOST_PICKS,
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
from samui.work.state import Object

MAX_PUT = 500  # objects in one request; the page sends more in several
MAX_ID = 10_000_000
MAX_POINTS = 100  # of one object: each is a decoder call when it is reopened, and logits to keep for undo
MAX_LABEL = 200  # characters
MAX_MODEL = 300
MAX_GESTURES = 1_000
MAX_STROKE = 10_000  # points of all strokes of an object
MAX_WIDTH = 100_000.0  # of a stroke, in pixels
MAX_CANDIDATE = 15
_UID = re.compile(r"[0-9a-f]{32}")


def encode_object(item: Object, before: Object | None) -> dict[str, Any]:
    """An object for the page; its mask, and what made it, only where those of `before` are others."""
    told: dict[str, Any] = {
        "id": item.id,
        "uid": item.uid,
        "label": item.label,
        "colour": item.colour,
        "visible": item.visible,
        "area": item.mask.area,
        "box": item.mask.box,
        "score": round(item.score, 4),
    }
    if before is None or before.mask is not item.mask:
        told["mask"] = encode_mask(item.mask)
    if before is None or before.gestures is not item.gestures or before.mask is not item.mask:
        told["made"] = {
            "gestures": [_encode_gesture(one, item.mask) for one in item.gestures],
            "candidate": item.candidate,
            "snapped": item.snapped,
            "model": item.model,
        }
    return told


def parse_objects(value: Any, where: str) -> tuple[Object, ...]:
    """Objects as `encode_object` tells them, each whole and none twice. Raises RequestError with where, rule, value.

    Whether they fit the image is not looked at.
    """
    if not isinstance(value, list) or len(value) > MAX_PUT:
        got = len(value) if isinstance(value, list) else short(value)
        raise RequestError(f"{where}: must be a list of at most {MAX_PUT} objects, got {got}")
    objects = tuple(_object(item, f"{where}[{i}]") for i, item in enumerate(value))
    seen: set[str] = set()
    for i, item in enumerate(objects):
        if item.uid in seen:
            raise RequestError(f"{where}[{i}].uid: must be of one object, got {item.uid} twice")
        seen.add(item.uid)
    return objects


def parse_uids(value: Any, where: str) -> frozenset[str]:
    """Names of objects. Raises RequestError."""
    if not isinstance(value, list) or len(value) > 10 * MAX_PUT:
        got = len(value) if isinstance(value, list) else short(value)
        raise RequestError(f"{where}: must be a list of at most {10 * MAX_PUT} uids, got {got}")
    return frozenset(parse_uid(uid, f"{where}[{i}]") for i, uid in enumerate(value))


def parse_uid(value: Any, where: str) -> str:
    """The name of an object, or of an operation: 32 hexadecimal digits. Raises RequestError."""
    if not isinstance(value, str) or not _UID.fullmatch(value):
        raise RequestError(f"{where}: must be 32 hexadecimal digits, got {short(value)}")
    return value


def _encode_gesture(one: Gesture, own: Rle) -> list[Any]:
    if isinstance(one, PointGesture):
        return ["point", *one.point, one.label]
    if isinstance(one, BoxGesture):
        return ["box", *one.box]
    if isinstance(one, ChoiceGesture):
        return ["choice", one.candidate]
    if isinstance(one, CloseUpGesture):
        return ["close_up", [[*pick.view, pick.candidate, pick.score] for pick in one.picks]]
    if isinstance(one, StrokeGesture):
        return ["stroke", one.width, one.add, [list(point) for point in one.points]]
    return ["mask", None if one.mask is own else one.mask.to_string(), one.snapped]


def _object(value: Any, where: str) -> Object:
    read = Read(value, where)
    mask = _mask(read)
    return Object(
        id=read.whole("id", least=1, most=MAX_ID),
        uid=parse_uid(read.get("uid"), f"{where}.uid"),
        label=read.text("label", MAX_LABEL),
        colour=read.colour("colour"),
        visible=read.flag("visible"),
        mask=mask,
        score=read.number("score", least=-10.0, most=10.0),
        gestures=_gestures(read.get("gestures"), f"{where}.gestures", mask),
        candidate=read.whole("candidate", most=MAX_CANDIDATE),
        snapped=read.flag("snapped"),
        model=read.text("model", MAX_MODEL),
    )


def _mask(read: Read) -> Rle:
    mask = Read(read.get("mask"), f"{read.where}.mask")
    size = mask.get("size")
    if not isinstance(size, list) or any(isinstance(side, bool) or not isinstance(side, int) for side in size):
        raise RequestError(f"{mask.where}.size: must be [height, width] in pixels, got {short(size)}")
    return _rle((size[0], size[1]) if len(size) == 2 else (0, 0), mask.get("counts"), mask.where)


def _rle(size: tuple[int, int], counts: Any, where: str) -> Rle:
    try:
        rle = Rle.from_string(size, counts)
    except MaskError as error:
        raise RequestError(f"{where}: must be run lengths, got a mask with {error}") from None
    if rle.area == 0:
        raise RequestError(f"{where}: must cover at least one pixel, got 0")
    return rle


def _gestures(value: Any, where: str, mask: Rle) -> Gestures:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_GESTURES:
        got = len(value) if isinstance(value, list) else short(value)
        raise RequestError(f"{where}: must be a list of 1 to {MAX_GESTURES} gestures, got {got}")
    gestures = tuple(_gesture(one, f"{where}[{i}]", mask) for i, one in enumerate(value))
    if sum(isinstance(one, BoxGesture) for one in gestures) > 1:
        raise RequestError(f"{where}: must have at most one box")
    if (points := sum(isinstance(one, PointGesture) for one in gestures)) > MAX_POINTS:
        raise RequestError(f"{where}: must have at most {MAX_POINTS} points, got {points}")
    if (points := sum(len(one.points) for one in gestures if isinstance(one, StrokeGesture))) > MAX_STROKE:
        raise RequestError(f"{where}: must have strokes of at most {MAX_STROKE} points, got {points}")
    if not any(isinstance(one, (PointGesture, BoxGesture)) for one in gestures):
        raise RequestError(f"{where}: must have a point or a box, got none")
    return gestures


def _gesture(value: Any, where: str, mask: Rle) -> Gesture:
    kind = value[0] if isinstance(value, list) and value else None
    shape = _SHAPES.get(kind) if isinstance(kind, str) else None
    if shape is None or len(value) != len(shape) + 1:
        raise RequestError(f"{where}: must be a gesture of {', '.join(_SHAPES)}, got {short(value)}")
    read = Read(dict(zip(shape, value[1:], strict=True)), where)
    if kind == "point":
        return PointGesture((read.number("x"), read.number("y")), read.whole("label", most=1))
    if kind == "box":
        box = (read.number("x0"), read.number("y0"), read.number("x1"), read.number("y1"))
        try:
            Prompt(box=box)
        except PromptError as error:
            raise RequestError(f"{where}: {error}") from None
        return BoxGesture(box)
    if kind == "choice":
        return ChoiceGesture(read.whole("candidate", most=MAX_CANDIDATE))
    if kind == "close_up":
        return CloseUpGesture(_picks(read))
    if kind == "stroke":
        return StrokeGesture(_points(read), read.number("width", least=0.0, most=MAX_WIDTH), read.flag("add"))
    given = mask if read.get("counts") is None else _rle(mask.size, read.get("counts"), where)
    return MaskGesture(given, read.flag("snapped"))


_SHAPES = {
    "point": ("x", "y", "label"),
    "box": ("x0", "y0", "x1", "y1"),
    "choice": ("candidate",),
    "close_up": ("picks",),
    "stroke": ("width", "add", "points"),
    "mask": ("counts", "snapped"),
}


def _picks(read: Read) -> tuple[Pick, ...]:
    value, where = read.get("picks"), f"{read.where}.picks"
    if not isinstance(value, list) or not 0 < len(value) <= MOST_PICKS:
        got = len(value) if isinstance(value, list) else short(value)
        raise RequestError(f"{where}: must be a list of 1 to {MOST_PICKS} candidates, got {got}")
    picks = []
    for i, pick in enumerate(value):
        if not isinstance(pick, list) or len(pick) != 6:
            raise RequestError(f"{where}[{i}]: must be [x0, y0, x1, y1, candidate, score], got {short(pick)}")
        one = Read(dict(zip(("x0", "y0", "x1", "y1", "candidate", "score"), pick, strict=True)), f"{where}[{i}]")
        view = one.whole("x0"), one.whole("y0"), one.whole("x1"), one.whole("y1")
        if not (view[0] < view[2] and view[1] < view[3]):
            raise RequestError(f"{where}[{i}]: must have x0 < x1 and y0 < y1, got {short(pick)}")
        score = one.number("score", least=0.0, most=1.0)
        picks.append(Pick(view, one.whole("candidate", most=MAX_CANDIDATE), score))
    return tuple(picks)


def _points(read: Read) -> tuple[tuple[float, float], ...]:
    value, where = read.get("points"), f"{read.where}.points"
    if not isinstance(value, list) or not 0 < len(value) <= MAX_STROKE:
        got = len(value) if isinstance(value, list) else short(value)
        raise RequestError(f"{where}: must be a list of 1 to {MAX_STROKE} points, got {got}")
    points = []
    for i, point in enumerate(value):
        if not isinstance(point, list) or len(point) != 2:
            raise RequestError(f"{where}[{i}]: must be [x, y], got {short(point)}")
        one = Read({"x": point[0], "y": point[1]}, f"{where}[{i}]")
        points.append((one.number("x"), one.number("y")))
    return tuple(points)
