"""Printing of results: nested dicts and lists as plain text, with a table wherever rows have the same columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def text(result: Mapping[str, Any]) -> str:
    """A result for people: a heading for each part, `name value` lines for plain values, tables for rows."""
    blocks = []
    for name, part in result.items():
        rows = _rows(part)
        if rows:
            body = table(rows)
        elif isinstance(part, Mapping):
            body = _lines(part)
        else:
            body = _cell(part)
        blocks.append(f"{name}\n" + "\n".join(f"  {line}" for line in body.splitlines()))
    return "\n\n".join(blocks)


def as_json(result: Mapping[str, Any]) -> str:
    """A result for programs: one line of JSON, numbers to four decimals, those below 0.1 to four digits."""
    return json.dumps(_rounded(result))


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as aligned columns; the columns are the keys in order of appearance, numbers are aligned on the right."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns] + [[_cell(row.get(column, "")) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    numeric = [all(isinstance(row.get(c, 0), (int, float)) for row in rows) for c in columns]
    align = [str.rjust if right else str.ljust for right in numeric]
    return "\n".join(
        "  ".join(put(cell, width) for put, cell, width in zip(align, line, widths, strict=True)).rstrip()
        for line in lines
    )


def _rows(part: Any) -> list[Mapping[str, Any]]:
    """The rows of a part that is a table: a list of dicts, or a dict of dicts, whose keys become the first column."""
    if isinstance(part, Mapping) and part and all(isinstance(value, Mapping) for value in part.values()):
        return [{"": name, **row} for name, row in part.items()]
    if isinstance(part, list) and part and all(isinstance(row, Mapping) for row in part):
        return part
    return []


def _lines(part: Mapping[str, Any]) -> str:
    width = max((len(str(name)) for name in part), default=0)
    return "\n".join(f"{name!s:<{width}}  {_cell(value)}" for name, value in part.items())


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    if isinstance(value, float):
        if 0 < abs(value) < 0.005:
            return f"{value:.1e}"
        return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3f}" if 0.9 <= abs(value) < 1 else f"{value:.2f}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(item) for item in value)
    return str(value)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4) if abs(value) >= 0.1 else float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value
