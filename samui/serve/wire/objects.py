"""Accepted objects between page and server: told whole, so that a page can put them back into a seat that lacks them.

What made an object travels as a store writes it (`samui.formats.gestures`); what comes back is held to these limits.
"""

from __future__ import annotations

import re
from typing import Any

from samui.errors import FormatError, MaskError, RequestError
from samui.formats.gestures import from_gestures, record_gestures
from samui.pixels.rle import Rle
from samui.serve.wire.masks import encode_mask
from samui.serve.wire.values import Read, short
from samui.work.gestures import BoxGesture, ChoiceGesture, Gestures, PointGesture, StrokeGesture
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
            "gestures": record_gestures(item.gestures, item.mask),
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


def _object(value: Any, where: str) -> Object:
    read = Read(value, where)
    mask = _mask(read)
    try:
        gestures = from_gestures(read.get("gestures"), mask, f"{where}.gestures")
    except FormatError as error:
        raise RequestError(str(error)) from None
    _check_gestures(gestures, f"{where}.gestures")
    return Object(
        id=read.whole("id", least=1, most=MAX_ID),
        uid=parse_uid(read.get("uid"), f"{where}.uid"),
        label=read.text("label", MAX_LABEL),
        colour=read.colour("colour"),
        visible=read.flag("visible"),
        mask=mask,
        score=read.number("score", least=-10.0, most=10.0),
        gestures=gestures,
        candidate=read.whole("candidate", most=MAX_CANDIDATE),
        snapped=read.flag("snapped"),
        model=read.text("model", MAX_MODEL),
    )


def _mask(read: Read) -> Rle:
    mask = Read(read.get("mask"), f"{read.where}.mask")
    size = mask.get("size")
    whole = isinstance(size, list) and len(size) == 2 and all(type(side) is int for side in size)
    if not whole:
        raise RequestError(f"{mask.where}.size: must be [height, width] in pixels, got {short(size)}")
    try:
        rle = Rle.from_string((size[0], size[1]), mask.get("counts"))
    except MaskError as error:
        raise RequestError(f"{mask.where}: {error}") from None
    if rle.area == 0:
        raise RequestError(f"{mask.where}: must cover at least one pixel, got 0")
    return rle


def _check_gestures(gestures: Gestures, where: str) -> None:
    points = sum(isinstance(one, PointGesture) for one in gestures)
    boxes = sum(isinstance(one, BoxGesture) for one in gestures)
    strokes = [one for one in gestures if isinstance(one, StrokeGesture)]
    if len(gestures) > MAX_GESTURES:
        raise RequestError(f"{where}: must be at most {MAX_GESTURES}, got {len(gestures)}")
    if points > MAX_POINTS:
        raise RequestError(f"{where}: must have at most {MAX_POINTS} points, got {points}")
    if boxes > 1:
        raise RequestError(f"{where}: must have at most one box, got {boxes}")
    if points + boxes == 0:
        raise RequestError(f"{where}: must have a point or a box, got none")
    if (drawn := sum(len(one.points) for one in strokes)) > MAX_STROKE:
        raise RequestError(f"{where}: must have strokes of at most {MAX_STROKE} points, got {drawn}")
    for stroke in strokes:
        if not stroke.points or not 0 <= stroke.width <= MAX_WIDTH:
            got = f"{stroke.width:g} and {len(stroke.points)}"
            raise RequestError(f"{where}: strokes must have a width of 0 to {MAX_WIDTH:g} and points, got {got}")
    for one in gestures:
        if isinstance(one, ChoiceGesture) and one.candidate > MAX_CANDIDATE:
            raise RequestError(f"{where}: choices must be at most {MAX_CANDIDATE}, got {one.candidate}")
