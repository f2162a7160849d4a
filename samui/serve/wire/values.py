"""Single values of a message, checked: each refusal says where, which rule, which value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from samui.errors import RequestError

MAX_NUMBER = 2**53  # what a JavaScript number holds exactly
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class Read:
    """The fields of an object in a message. where: what errors call it. Raises RequestError for anything else."""

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, Mapping):
            raise RequestError(f"{where}: must be an object, got {short(data)}")
        self._data, self.where = data, where

    def get(self, name: str) -> Any:
        """A field as it is, None without one."""
        return self._data.get(name)

    def number(self, name: str, *, least: float = -MAX_NUMBER, most: float = MAX_NUMBER) -> float:
        """A finite number."""
        return number(self.get(name), f"{self.where}.{name}", least=least, most=most)

    def whole(self, name: str, default: int | None = None, *, least: int = 0, most: int = MAX_NUMBER) -> int:
        """A whole number."""
        value = self._data.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            upto = "" if most == MAX_NUMBER else f" to {most}"
            raise RequestError(f"{self.where}.{name}: must be a whole number from {least}{upto}, got {short(value)}")
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self.get(name)
        if not isinstance(value, bool):
            raise RequestError(f"{self.where}.{name}: must be true or false, got {short(value)}")
        return value

    def text(self, name: str, longest: int) -> str:
        """A text of one line."""
        value, where = self.get(name), f"{self.where}.{name}"
        if not isinstance(value, str):
            raise RequestError(f"{where}: must be text, got {short(value)}")
        if len(value) > longest:
            raise RequestError(f"{where}: must be at most {longest} characters, got {len(value)}")
        if any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in value):
            raise RequestError(f"{where}: must be free of control characters, got {short(value)}")
        return value

    def colour(self, name: str) -> str:
        """A colour as "#rrggbb", in small letters."""
        value = self.get(name)
        if not isinstance(value, str) or not _COLOUR.fullmatch(value):
            raise RequestError(f"{self.where}.{name}: must be like #1e90ff, got {short(value)}")
        return value.lower()


def number(value: Any, where: str, *, least: float = -MAX_NUMBER, most: float = MAX_NUMBER) -> float:
    """A finite number. Raises RequestError."""
    # The comparison also refuses NaN, and whole numbers too large for a float.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        span = "" if (least, most) == (-MAX_NUMBER, MAX_NUMBER) else f" from {least:g} to {most:g}"
        raise RequestError(f"{where}: must be a finite number{span}, got {short(value)}")
    return float(value)


def short(value: Any) -> str:
    """A value as it may stand in a message: never more than a line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
