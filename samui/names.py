"""Names for files and in files: parts of file names that every system takes, and any text in strict JSON."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

_NAME_BYTES = 100  # leaves room for a number and an ending on file systems that take 143 (eCryptfs) or 255
_LONE = re.compile("[\ud800-\udfff]")
_TO_ESCAPE = re.compile("[%\ud800-\udfff]")
_ESCAPED = re.compile("%(?:u([0-9A-F]{4})|([0-9A-F]{2}))")
_KEY = "escaped"


def safe_name(text: str) -> str:
    """A part of a file name made from any text: letters with their marks, digits, "-", "_" and inner dots; may be "".

    Letters are of any script. Everything else becomes "_", so it holds no slash, no space, no control character; at
    most 100 bytes in UTF-8.
    """
    kept = ""
    for c in unicodedata.normalize("NFC", text):
        # Vowel signs and tone marks belong to the letter before them: without, Hindi or Thai are other words.
        belongs = _is_mark(c) and kept[-1:] not in ("", " ", "-", ".")
        kept += c if c.isalnum() or c in "-." or belongs else " "
    name = "_".join(kept.split()).strip("._")
    while len(name.encode()) > _NAME_BYTES:
        name = name[:-1]
    return name.strip("._")


def _is_mark(character: str) -> bool:
    """Whether it is written on or at the letter before it; not the invisible signs that choose an emoji's look."""
    return unicodedata.category(character) in ("Mn", "Mc") and not "\ufe00" <= character <= "\ufe0f"


def escape(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object whose texts are all valid Unicode, for readers that refuse anything else (orjson, most languages).

    Python gives a file name that is not UTF-8 with a lone surrogate for each byte that does not fit. Such a byte
    becomes %XX, any other lone surrogate %uXXXX, and "%" %25, and "escaped" lists the keys of the texts that were
    changed; `unescape` gives them back. An object without such a text stays as it is.
    """
    changed = [key for key, value in entry.items() if isinstance(value, str) and _LONE.search(value)]
    if not changed:
        return dict(entry)
    return {**entry, **{key: _TO_ESCAPE.sub(_code, entry[key]) for key in changed}, _KEY: changed}


def unescape(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What `escape` was given; an object that it did not make stays as it is."""
    changed = entry.get(_KEY)
    if not isinstance(changed, list):
        return dict(entry)
    texts = {key: entry[key] for key in changed if isinstance(key, str) and isinstance(entry.get(key), str)}
    rest = {key: value for key, value in entry.items() if key != _KEY}
    return {**rest, **{key: _ESCAPED.sub(_character, text) for key, text in texts.items()}}


def _code(match: re.Match[str]) -> str:
    number = ord(match[0])
    if number < 128:
        return f"%{number:02X}"
    is_byte = 0xDC80 <= number <= 0xDCFF
    return f"%{number - 0xDC00:02X}" if is_byte else f"%u{number:04X}"


def _character(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    byte = int(match[2], 16)
    return chr(byte) if byte < 128 else chr(0xDC00 + byte)
