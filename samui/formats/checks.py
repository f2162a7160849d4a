"""Values of a file that somebody else may have written: each of the kind that it must be, or where, rule and value."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import reprlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from samui.errors import ExportError, FormatError
from samui.pixels.images import LOCAL_PIXELS

MAX_BYTES = 1_000_000_000  # of a file
_WORDS = reprlib.Repr()
_WORDS.maxstring = _WORDS.maxother = _WORDS.maxlong = 60


def short(value: object) -> str:
    """A value in at most some 60 characters, however deep or long it is."""
    text = _WORDS.repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def file_bytes(path: Path) -> bytes:
    """The content of a file. Raises FormatError if it cannot be read or has more than a gigabyte."""
    try:
        if path.exists() and not path.is_file():
            raise FormatError(f"must be a file, got {'a folder' if path.is_dir() else 'a device'}")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_BYTES:
                raise FormatError(f"must be at most {MAX_BYTES} bytes, got {size}")
            return file.read()
    except OSError as error:
        raise FormatError(f"must be a readable file, got: {error.strerror or error}") from None
    except ValueError as error:  # a path with a null character
        raise FormatError(f"must be a readable file, got: {error}") from None


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """Errors of the block begin with this file's name, where it is one of several."""
    try:
        yield
    except (FormatError, ExportError) as error:
        raise FormatError(f"{name}: {error}" if name else str(error)) from None


def document(data: bytes) -> Any:
    """The value that a JSON text holds. Raises FormatError for none, NaN and infinity, and nesting without end."""
    try:
        return json.loads(data, parse_constant=_no_constant)
    except RecursionError:
        raise FormatError("must be JSON of some levels, got one nested too deep") from None
    except ValueError as error:
        raise FormatError(f"must be JSON, got: {error}") from None


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text}, which is no number of JSON")


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """A JSON object."""
    if not isinstance(value, Mapping):
        raise FormatError(f"{where}: must be an object, got {short(value)}")
    return value


def items(value: Any, where: str) -> list[Any]:
    """A JSON list."""
    if not isinstance(value, list):
        raise FormatError(f"{where}: must be a list, got {short(value)}")
    return value


def text(value: Any, where: str) -> str:
    """A JSON string."""
    if not isinstance(value, str):
        raise FormatError(f"{where}: must be text, got {short(value)}")
    return value


def number(value: Any, where: str) -> float:
    """A finite number."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except OverflowError:  # a whole number of hundreds of digits
        pass
    raise FormatError(f"{where}: must be a finite number, got {short(value)}")


def numbers(value: Any, where: str, count: int) -> list[float]:
    """A list of so many finite numbers."""
    found = items(value, where)
    if len(found) != count:
        raise FormatError(f"{where}: must be {count} finite numbers, got {short(value)}")
    return [number(one, f"{where}[{index}]") for index, one in enumerate(found)]


def whole(value: Any, where: str) -> int:
    """A whole number, also one written like 3.0."""
    found = number(value, where)
    if found != int(found):
        raise FormatError(f"{where}: must be a whole number, got {short(value)}")
    return value if isinstance(value, int) else int(found)


def whole_text(value: Any, where: str) -> int:
    """The whole number that a text is."""
    try:
        return int(value)
    except (TypeError, ValueError):
        raise FormatError(f"{where}: must be a whole number, got {short(value)}") from None


def id(value: Any, where: str) -> int | str:
    """What entries of a file are named by."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise FormatError(f"{where}: must be a whole number or text, got {short(value)}")
    return value


def colour(value: Any, where: str) -> str:
    """A colour like "#1f77b4"."""
    if not isinstance(value, str) or not re.fullmatch("#[0-9a-fA-F]{6}", value):
        raise FormatError(f"{where}: must be like #1f77b4, got {short(value)}")
    return value


def size(height: Any, width: Any, where: str) -> tuple[int, int]:
    """(H, W) of an image, of as many pixels as samui opens at most."""
    found = whole(height, f"{where}.height"), whole(width, f"{where}.width")
    if min(found) < 1 or found[0] * found[1] > LOCAL_PIXELS:
        raise FormatError(f"{where}: must have 1 to {LOCAL_PIXELS} pixels, got {found[1]}x{found[0]}")
    return found
