"""Joins the canvas's ES modules into one script, since Gradio takes a component's JavaScript as one text.

Each module becomes a function that is called once and returns its exports, in the order that the imports need; comments
and indentation are dropped. The grammar is a small part of JavaScript's, for which lines are enough: comments of whole
lines, imports of names from files in the folder, and ``export`` before a function, a class or a const. Anything else is
refused.
"""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r'^import \{([^{}]*)\} from "(\.[^"]*\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function\*? (\w+)|class (\w+)|const (\w+) =)", re.MULTILINE)
_NAME = re.compile(r"(\w+)(?: as (\w+))?")
_COMMENT = re.compile(r"^[ \t]*(?://.*|/\*\*?(?:[^*]|\*(?!/))*\*/[ \t]*)\n", re.MULTILINE)
_SPACE = re.compile(r"^[ \t]*\n|^[ \t]+", re.MULTILINE)  # no string spans lines, which a test checks
_LEFT = re.compile(r"^\s*(import|export)\b.*|\bimport\s*[.(]", re.MULTILINE)


def join(folder: Path, first: str) -> str:
    """The module `first` of a folder and all that it imports, as one script; `first`'s exports stand in ``start``.

    Raises ValueError with module and line for anything outside the grammar above, for circular imports, and for an
    import of something that is not exported.
    """
    written: dict[Path, tuple[str, set[str]]] = {}
    _write((folder / first).resolve(), folder.resolve(), written, ())
    modules = [text for text, _ in written.values()]
    return "\n".join(['"use strict";', *modules, f"const start = {_variable(folder / first, folder)};\n"])


def _write(file: Path, folder: Path, written: dict[Path, tuple[str, set[str]]], above: tuple[Path, ...]) -> None:
    """Add a module after all that it imports."""
    where = file.relative_to(folder)
    if file in above:
        raise ValueError(f"{where}: must not be imported by what it imports")
    if file in written:
        return
    text = _SPACE.sub("", _COMMENT.sub("", file.read_text(encoding="utf-8")))

    def take(match: re.Match[str]) -> str:
        source = (file.parent / match[2]).resolve()
        if not source.is_relative_to(folder) or not source.is_file():
            raise ValueError(f"{where}: import must be of a file in the folder, got {match[2]}")
        _write(source, folder, written, (*above, file))
        names = [(name, alias) for name, alias in _NAME.findall(match[1])]
        if missing := sorted({name for name, _ in names} - written[source][1]):
            raise ValueError(f"{where}: import must be of what {match[2]} exports, got {', '.join(missing)}")
        kept = ", ".join(f"{name}: {alias}" if alias else name for name, alias in names)
        return f"const {{ {kept} }} = {_variable(source, folder)};\n"

    text = _IMPORT.sub(take, text)
    exports = [next(filter(None, match.groups())) for match in _EXPORT.finditer(text)]
    text = _EXPORT.sub("", text)
    if left := _LEFT.search(text):
        raise ValueError(f"{where}: must import and export as samui.canvas.join says, got {left[0].strip()!r}")
    told = f"{_variable(file, folder)} = (() => {{\n{text}return {{ {', '.join(exports)} }};\n}})();"
    written[file] = f"const {told}", set(exports)


def _variable(file: Path, folder: Path) -> str:
    """The variable that holds a module's exports in the script."""
    return "$" + "_".join(file.resolve().relative_to(folder.resolve()).with_suffix("").parts).replace("-", "_")
