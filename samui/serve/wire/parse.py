"""A page's request, checked and turned into an action.

Requests are untrusted: each check says where, which rule, which value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from samui.errors import RequestError
from samui.serve.wire.objects import MAX_LABEL, MAX_POINTS, parse_objects, parse_uid, parse_uids
from samui.serve.wire.values import MAX_NUMBER, Read, number, short
from samui.types import Prompt
from samui.work import actions

MAX_NAME = 300  # characters of a model's name
MAX_MASKS = 10_000  # ids in one request


@dataclass(frozen=True)
class Request:
    """A checked request. token: of the seat; epoch, rev, seen, op: see docs/protocol.md."""

    token: str
    epoch: int
    rev: int
    seen: int
    action: actions.Action
    op: str | None = None


def parse(data: Any) -> Request:
    """Check a page's request. Raises RequestError or PromptError with where, rule and value."""
    if not isinstance(data, Mapping):
        raise RequestError(f"request: must be an object, got {short(data)}")
    name = data.get("action")
    if not isinstance(name, str) or name not in _PARSERS:
        raise RequestError(f"request.action: must be one of {', '.join(_PARSERS)}, got {short(name)}")
    return Request(
        token=_text(data, "token", 100),
        epoch=_whole(data, "epoch"),
        rev=_whole(data, "rev"),
        seen=_whole(data, "seen", default=0),
        action=_PARSERS[name](data),
        op=_optional(_operation, data, "op"),
    )


def parse_points(value: Any, where: str) -> tuple[list[tuple[float, float]], list[int]]:
    """Points and labels from [[x, y, label], ...]; label 1 if left out."""
    if not isinstance(value, list):
        raise RequestError(f"{where}: must be a list of [x, y, label], got {short(value)}")
    if len(value) > MAX_POINTS:
        raise RequestError(f"{where}: must be at most {MAX_POINTS}, got {len(value)}")
    points, labels = [], []
    for i, item in enumerate(value):
        if not isinstance(item, list) or len(item) not in (2, 3):
            raise RequestError(f"{where}[{i}]: must be [x, y, label], got {short(item)}")
        points.append((number(item[0], f"{where}[{i}][0]"), number(item[1], f"{where}[{i}][1]")))
        label = item[2] if len(item) == 3 else 1
        if isinstance(label, bool) or label not in (0, 1):
            raise RequestError(f"{where}[{i}][2]: must be 1 (include) or 0 (exclude), got {short(label)}")
        labels.append(int(label))
    return points, labels


def parse_box(value: Any, where: str) -> tuple[float, float, float, float] | None:
    """A box from [x0, y0, x1, y1] or None."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 4:
        raise RequestError(f"{where}: must be [x0, y0, x1, y1], got {short(value)}")
    x0, y0, x1, y1 = (number(v, f"{where}[{i}]") for i, v in enumerate(value))
    return x0, y0, x1, y1


def parse_model(value: Any) -> str:
    """The name of a model."""
    if not isinstance(value, str) or not 0 < len(value.strip()) <= MAX_NAME:
        raise RequestError(f"model: must be a name of 1 to {MAX_NAME} characters, got {str(value)[:60]!r}")
    return value.strip()


def _prompt(data: Mapping[str, Any]) -> Prompt:
    points, labels = parse_points(data.get("points", []), "request.points")
    return Prompt(points, labels, parse_box(data.get("box"), "request.box"))


_PARSERS: dict[str, Callable[[Mapping[str, Any]], actions.Action]] = {
    "prompt": lambda data: actions.SetPrompt(_prompt(data), _switch(data, "close_ups")),
    "prepare": lambda data: actions.Prepare(_prompt(data), _switch(data, "close_ups")),
    "hover": lambda data: actions.Hover((number(data.get("x"), "request.x"), number(data.get("y"), "request.y"))),
    "choose": lambda data: actions.Choose(_whole(data, "candidate")),
    "accept": lambda data: actions.Accept(
        _optional(_text, data, "label", MAX_LABEL), _optional(_colour, data, "colour")
    ),
    "copy": lambda data: actions.Copy(_text(data, "image", 100)),
    "import": lambda data: actions.Import(_text(data, "key", 100)),
    "clear": lambda _: actions.Clear(),
    "undo": lambda _: actions.Undo(),
    "redo": lambda _: actions.Redo(),
    "reset": lambda _: actions.Reset(),
    "reopen": lambda data: actions.Reopen(_whole(data, "object")),
    "delete": lambda data: actions.Delete(_whole(data, "object")),
    "relabel": lambda data: actions.Relabel(_whole(data, "object"), _text(data, "label", MAX_LABEL)),
    "recolour": lambda data: actions.Recolour(_whole(data, "object"), _colour(data)),
    "show": lambda data: actions.Show(_whole(data, "object"), _flag(data, "visible")),
    "snap": lambda data: actions.Snap(_flag(data, "on")),
    "keep": lambda data: actions.Keep(_masks(data), _optional(_text, data, "label", MAX_LABEL)),
    "merge": lambda data: actions.Merge(_masks(data), _optional(_text, data, "label", MAX_LABEL)),
    "reject": lambda data: actions.Reject(_masks(data)),
    "restore": lambda _: actions.Restore(),
    "refine": lambda data: actions.Refine(_whole(data, "mask")),
    "cancel": lambda _: actions.Cancel(),
    "abandon": lambda _: actions.Abandon(),
    "found": lambda _: actions.TellFound(),
    "back": lambda _: actions.GoBack(),
    "put": lambda data: _put_back(data),
    "state": lambda _: actions.Report(),
}


def _whole(data: Mapping[str, Any], name: str, default: int | None = None) -> int:
    return Read(data, "request").whole(name, default)


def _masks(data: Mapping[str, Any]) -> tuple[int, ...]:
    """Ids of found masks, each once."""
    value = data.get("masks")
    if not isinstance(value, list) or not 0 < len(value) <= MAX_MASKS:
        got = len(value) if isinstance(value, list) else short(value)
        raise RequestError(f"request.masks: must be a list of 1 to {MAX_MASKS} ids, got {got}")
    for i, id in enumerate(value):
        if isinstance(id, bool) or not isinstance(id, int) or not 0 <= id <= MAX_NUMBER:
            raise RequestError(f"request.masks[{i}]: must be a whole number from 0, got {short(id)}")
    return tuple(dict.fromkeys(value))


def _flag(data: Mapping[str, Any], name: str) -> bool:
    return Read(data, "request").flag(name)


def _switch(data: Mapping[str, Any], name: str) -> bool:
    """A flag that is off where it is left out."""
    return name in data and _flag(data, name)


def _optional(read: Callable[..., str], data: Mapping[str, Any], name: str, *limits: int) -> str | None:
    return None if data.get(name) is None else read(data, name, *limits)


def _text(data: Mapping[str, Any], name: str, longest: int) -> str:
    return Read(data, "request").text(name, longest)


def _colour(data: Mapping[str, Any], name: str = "colour") -> str:
    return Read(data, "request").colour(name)


def _operation(data: Mapping[str, Any], name: str) -> str:
    return parse_uid(data.get(name), f"request.{name}")


def _put_back(data: Mapping[str, Any]) -> actions.PutBack:
    objects = parse_objects(data.get("objects"), "request.objects")
    newer, gone, asked = (parse_uids(data.get(name, []), f"request.{name}") for name in ("newer", "gone", "asked"))
    return actions.PutBack(objects, newer, gone, asked)
