"""The JSON edge: a page's request checked and turned into an action, a session's state turned into a reply.

Requests are untrusted. Each check says where, which rule, which value. Replies hold only what the page does not have
yet: it names the reply that it applied last, and parts that are the same objects in memory are left out.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from samui.errors import (
    FullError,
    ImageError,
    ModelError,
    PromptError,
    RequestError,
    SamuiError,
    SessionError,
    StaleError,
    UnknownSessionError,
)
from samui.everything import FoundMask
from samui.pixels.rle import Rle
from samui.types import Prediction, Prompt
from samui.work import actions
from samui.work.session import Object, Session, State

MAX_POINTS = 100  # each is a decoder call, and logits to keep for undo
MAX_LABEL = 200  # characters
MAX_NAME = 300  # characters of a model's name
MAX_MASKS = 10_000  # ids in one request
THUMB_SIDE = 96  # pixels of a candidate's thumbnail
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
log = logging.getLogger(__name__)
_MAX_NUMBER = 2**53  # what a JavaScript number holds exactly


@dataclass(frozen=True)
class Request:
    """A checked request. rev: rising number of the page; seen: number of the reply that the page applied last."""

    session: str
    epoch: int
    rev: int
    seen: int
    action: actions.Action


def parse(data: Any) -> Request:
    """Check a page's request. Raises RequestError or PromptError with where, rule and value."""
    if not isinstance(data, Mapping):
        raise RequestError(f"request: must be an object, got {_short(data)}")
    name = data.get("action")
    if not isinstance(name, str) or name not in _PARSERS:
        raise RequestError(f"request.action: must be one of {', '.join(_PARSERS)}, got {_short(name)}")
    return Request(
        session=_text(data, "session", 100),
        epoch=_whole(data, "epoch"),
        rev=_whole(data, "rev"),
        seen=_whole(data, "seen", default=0),
        action=_PARSERS[name](data),
    )


def parse_points(value: Any, where: str) -> tuple[list[tuple[float, float]], list[int]]:
    """Points and labels from [[x, y, label], ...]; label 1 if left out."""
    if not isinstance(value, list):
        raise RequestError(f"{where}: must be a list of [x, y, label], got {_short(value)}")
    if len(value) > MAX_POINTS:
        raise RequestError(f"{where}: must be at most {MAX_POINTS}, got {len(value)}")
    points, labels = [], []
    for i, item in enumerate(value):
        if not isinstance(item, list) or len(item) not in (2, 3):
            raise RequestError(f"{where}[{i}]: must be [x, y, label], got {_short(item)}")
        points.append((_number(item[0], f"{where}[{i}][0]"), _number(item[1], f"{where}[{i}][1]")))
        label = item[2] if len(item) == 3 else 1
        if isinstance(label, bool) or label not in (0, 1):
            raise RequestError(f"{where}[{i}][2]: must be 1 (include) or 0 (exclude), got {_short(label)}")
        labels.append(int(label))
    return points, labels


def parse_box(value: Any, where: str) -> tuple[float, float, float, float] | None:
    """A box from [x0, y0, x1, y1] or None."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 4:
        raise RequestError(f"{where}: must be [x0, y0, x1, y1], got {_short(value)}")
    x0, y0, x1, y1 = (_number(v, f"{where}[{i}]") for i, v in enumerate(value))
    return x0, y0, x1, y1


def parse_model(value: Any) -> str:
    """The name of a model."""
    if not isinstance(value, str) or not 0 < len(value.strip()) <= MAX_NAME:
        raise RequestError(f"model: must be a name of 1 to {MAX_NAME} characters, got {str(value)[:60]!r}")
    return value.strip()


def reply(session: Session, *, seen: State | None, timings: Mapping[str, float | None]) -> dict[str, Any]:
    """What the page needs to show the session's state, beyond the state `seen` that it shows now (None: nothing)."""
    now = session.state
    answer: dict[str, Any] = {
        "ok": True,
        "prompt": {
            "points": [[*p, label] for p, label in zip(now.prompt.points, now.prompt.labels, strict=True)],
            "box": now.prompt.box,
            "object": now.reopened,
        },
        "candidate": None if now.prediction is None else now.prediction.ranking.index(now.candidate),
        "label": now.label,
        "snap": now.snap,
        "can": {"undo": session.can_undo, "redo": session.can_redo, "accept": session.can_accept},
        "timings": {name: None if ms is None else round(ms, 2) for name, ms in timings.items()},
    }
    if seen is None or seen.mask is not now.mask:
        answer["candidates"] = _candidates(now)
        answer["mask"] = encode_mask(now.mask)
    if seen is None or seen.objects is not now.objects:
        answer["objects"] = _objects(now.objects, seen.objects if seen else ())
    if seen is None or seen.taken is not now.taken or seen.rejected is not now.rejected:
        answer["gone"] = {"taken": sorted(now.taken), "rejected": sorted(now.rejected)}
    return answer


def encode_found(masks: Iterable[tuple[int, FoundMask]]) -> list[dict[str, Any]]:
    """Masks of everything mode, by id, for the page."""
    return [
        {
            "id": id,
            "mask": encode_mask(found.rle),
            "score": round(found.score, 4),
            "stability": round(found.stability, 4),
            "colour": found.colour,
        }
        for id, found in masks
    ]


def encode_mask(mask: Rle | None) -> dict[str, Any] | None:
    """A mask for the page: size [H, W], COCO's compressed counts, box, area."""
    if mask is None:
        return None
    return {"size": list(mask.size), "counts": mask.to_string(), "box": mask.box, "area": mask.area}


def encode_hover(mask: Rle, score: float) -> dict[str, Any]:
    """The mask under the pointer, and its predicted IoU."""
    return {"mask": encode_mask(mask), "score": round(score, 4)}


def error_reply(error: SamuiError) -> dict[str, Any]:
    """The envelope of an error; `kind` tells the page what to do about it."""
    kind = next(name for kind, name in _KINDS.items() if isinstance(error, kind))
    return {"ok": False, "error": str(error), "kind": kind}


def unexpected_reply(where: str) -> dict[str, Any]:
    """The envelope of an error of ours, which is being handled: the log has all of it, the page none."""
    log.exception("unexpected error in %s", where)
    return {"ok": False, "error": f"{where}: something unexpected went wrong; the log says more", "kind": "internal"}


_KINDS = {
    UnknownSessionError: "session",
    StaleError: "epoch",
    FullError: "full",
    PromptError: "prompt",
    RequestError: "request",
    SessionError: "state",
    ImageError: "image",
    ModelError: "model",
    SamuiError: "error",
}


def _candidates(state: State) -> list[dict[str, Any]]:
    if state.prediction is None:
        return []
    return [_candidate(state, k) for k in state.prediction.ranking]


def _candidate(state: State, index: int) -> dict[str, Any]:
    """Area and box are exact for the candidate that is looked at, and taken from its logits for the others.

    index: its place in the model's own order, as in `Prediction`; the list itself is ordered by predicted IoU.
    """
    thumb = _thumb(state.prediction, index)
    if index == state.candidate:
        area, box = state.mask.area, state.mask.box
    else:
        height, width = state.prediction.size
        sy, sx = height / thumb.size[0], width / thumb.size[1]
        area = round(thumb.area * sx * sy)
        box = thumb.box and [round(thumb.box[i] * (sx, sy)[i % 2]) for i in range(4)]
    return {
        "index": index,
        "score": round(float(state.prediction.scores[index]), 4),
        "area": area,
        "box": box,
        "thumb": {"size": list(thumb.size), "counts": thumb.to_string()},
    }


def _thumb(prediction: Prediction, index: int) -> Rle:
    """The candidate over the whole image at thumbnail size, from its low-resolution logits."""
    logits = prediction.logits[index]
    height, width = prediction.size
    longest = max(height, width)
    rows = max(1, math.ceil(logits.shape[0] * height / longest))
    columns = max(1, math.ceil(logits.shape[1] * width / longest))
    size = (max(1, round(THUMB_SIDE * width / longest)), max(1, round(THUMB_SIDE * height / longest)))
    small = cv2.resize(np.ascontiguousarray(logits[:rows, :columns]), size, interpolation=cv2.INTER_AREA)
    return Rle.encode(small > 0)


def _objects(now: tuple[Object, ...], before: tuple[Object, ...]) -> dict[str, Any]:
    known = {o.id: o for o in before}
    return {
        "order": [o.id for o in now],
        "changed": [_object(o, known.get(o.id)) for o in now if known.get(o.id) is not o],
    }


def _object(item: Object, before: Object | None) -> dict[str, Any]:
    told = {
        "id": item.id,
        "label": item.label,
        "colour": item.colour,
        "visible": item.visible,
        "area": item.mask.area,
        "box": item.mask.box,
        "score": round(item.score, 4),
    }
    if before is None or before.mask is not item.mask:
        told["mask"] = encode_mask(item.mask)
    return told


def _prompt(data: Mapping[str, Any]) -> Prompt:
    points, labels = parse_points(data.get("points", []), "request.points")
    return Prompt(points, labels, parse_box(data.get("box"), "request.box"))


_PARSERS: dict[str, Callable[[Mapping[str, Any]], actions.Action]] = {
    "prompt": lambda data: actions.SetPrompt(_prompt(data)),
    "prepare": lambda data: actions.Prepare(_prompt(data)),
    "hover": lambda data: actions.Hover((_number(data.get("x"), "request.x"), _number(data.get("y"), "request.y"))),
    "choose": lambda data: actions.Choose(_whole(data, "candidate")),
    "accept": lambda data: actions.Accept(_text(data, "label", MAX_LABEL, optional=True), _colour(data, optional=True)),
    "clear": lambda data: actions.Clear(),
    "undo": lambda data: actions.Undo(),
    "redo": lambda data: actions.Redo(),
    "reset": lambda data: actions.Reset(),
    "reopen": lambda data: actions.Reopen(_whole(data, "object")),
    "delete": lambda data: actions.Delete(_whole(data, "object")),
    "relabel": lambda data: actions.Relabel(_whole(data, "object"), _text(data, "label", MAX_LABEL)),
    "recolour": lambda data: actions.Recolour(_whole(data, "object"), _colour(data)),
    "show": lambda data: actions.Show(_whole(data, "object"), _flag(data, "visible")),
    "snap": lambda data: actions.Snap(_flag(data, "on")),
    "keep": lambda data: actions.Keep(_masks(data), _text(data, "label", MAX_LABEL, optional=True)),
    "merge": lambda data: actions.Merge(_masks(data), _text(data, "label", MAX_LABEL, optional=True)),
    "reject": lambda data: actions.Reject(_masks(data)),
    "restore": lambda data: actions.Restore(),
    "refine": lambda data: actions.Refine(_whole(data, "mask")),
    "cancel": lambda data: actions.Cancel(),
    "abandon": lambda data: actions.Abandon(),
    "found": lambda data: actions.TellFound(),
    "back": lambda data: actions.GoBack(),
    "state": lambda data: actions.Report(),
}


def _number(value: Any, where: str) -> float:
    # The comparison also refuses NaN, and whole numbers too large for a float.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_MAX_NUMBER <= value <= _MAX_NUMBER:
        raise RequestError(f"{where}: must be a finite number, got {_short(value)}")
    return float(value)


def _whole(data: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = data.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_NUMBER:
        raise RequestError(f"request.{name}: must be a whole number from 0, got {_short(value)}")
    return value


def _masks(data: Mapping[str, Any]) -> tuple[int, ...]:
    """Ids of found masks, each once."""
    value = data.get("masks")
    if not isinstance(value, list) or not 0 < len(value) <= MAX_MASKS:
        got = len(value) if isinstance(value, list) else _short(value)
        raise RequestError(f"request.masks: must be a list of 1 to {MAX_MASKS} ids, got {got}")
    for i, id in enumerate(value):
        if isinstance(id, bool) or not isinstance(id, int) or not 0 <= id <= _MAX_NUMBER:
            raise RequestError(f"request.masks[{i}]: must be a whole number from 0, got {_short(id)}")
    return tuple(dict.fromkeys(value))


def _flag(data: Mapping[str, Any], name: str) -> bool:
    value = data.get(name)
    if not isinstance(value, bool):
        raise RequestError(f"request.{name}: must be true or false, got {_short(value)}")
    return value


def _text(data: Mapping[str, Any], name: str, longest: int, *, optional: bool = False) -> str | None:
    value = data.get(name)
    if value is None and optional:
        return None
    if not isinstance(value, str):
        raise RequestError(f"request.{name}: must be a text, got {_short(value)}")
    if len(value) > longest:
        raise RequestError(f"request.{name}: must be at most {longest} characters, got {len(value)}")
    if any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in value):
        raise RequestError(f"request.{name}: must be free of control characters, got {_short(value)}")
    return value


def _colour(data: Mapping[str, Any], *, optional: bool = False) -> str | None:
    value = data.get("colour")
    if value is None and optional:
        return None
    if not isinstance(value, str) or not _COLOUR.fullmatch(value):
        raise RequestError(f"request.colour: must be like #1e90ff, got {_short(value)}")
    return value.lower()


def _short(value: Any) -> str:
    """A value as it may stand in a message: never more than a line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
