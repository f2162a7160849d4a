"""Bodies of calls as JSON, refused before they are parsed if a parser would fail on them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from samui.errors import RequestError

DEEPEST = 100  # levels of lists and objects; the page sends four, and Python's parser fails at about a thousand
_BRACKETS = b"[]{}"
_OTHERS = bytes(set(range(256)) - set(_BRACKETS))
_STEPS = bytes.maketrans(_BRACKETS, np.array([1, -1, 1, -1], np.int8).tobytes())


def read_json(body: bytes, *, strict: bool = False) -> Any:
    """The value of a body. Linear in its bytes; the parser is only reached by what it can hold.

    strict: also refuse what Python reads but JSON does not have, NaN and half a surrogate pair; neither can be sent
    back. Raises RequestError.
    """
    if not json.detect_encoding(body).startswith("utf-8"):
        raise RequestError("request: must be JSON in UTF-8")
    if (deep := _depth(body)) > DEEPEST:
        raise RequestError(f"request: must be nested at most {DEEPEST} deep, got {deep}")
    try:
        value = json.loads(body, parse_constant=_refuse if strict else None)
        if strict and b"\\u" in body:
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except ValueError as error:  # UnicodeError is one
        raise RequestError(f"request: must be JSON, got {str(error)[:100]}") from None


def _depth(body: bytes) -> int:
    """How deep the lists and objects of a JSON text are nested; exact up to its first fault."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return 0
    # Drop escapes, two bytes at a time from the left, as a parser reads them; then each quote begins or ends a string.
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = b"".join(plain.split(b'"')[::2]).translate(_STEPS, _OTHERS)
    return int(np.cumsum(np.frombuffer(brackets, np.int8), dtype=np.int32).max(initial=0))


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant}, which is not a JSON number")
