"""`Labels`: the labels of a workspace, with colour, key and order. A change of one is one of all images at once."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from samui.errors import WorkspaceError
from samui.workspace.database import Database
from samui.workspace.rows import Label
from samui.workspace.sqlite import insert_operation, label_id
from samui.workspace.store import Operation

MAX_NAME = 200  # characters
_COLOUR = re.compile("#[0-9a-fA-F]{6}")
_EDITABLE = ("name", "colour", "key")
_RENAME, _MERGE, _EDIT, _ORDER, _UNDO = "Rename label", "Merge labels", "Edit label", "Order labels", "Undo labels"


class Labels:
    """Each change is one step, which `undo` takes back: a stack that outlasts the process. Raises StoreError, and
    WorkspaceError for a name that there is not, or is already, or that a fixed list does not have."""

    def __init__(self, database: Database, fixed: Sequence[str] = ()) -> None:
        """fixed: the only labels that objects may have, in their order; () for any."""
        self._database, self.fixed = database, tuple(fixed)
        if self.fixed:
            with database.writing() as writer:
                for name in self.fixed:
                    label_id(writer, name)
                _set_order(writer, [*self.fixed, *(one for one in _names(writer) if one not in self.fixed)])

    def all(self) -> list[Label]:
        """All labels in their order, with the number of objects that have each now."""
        counts: dict[int, int] = dict(
            self._database.rows(
                "SELECT coalesce(l.merged, l.id), count(*) FROM object o JOIN label l ON l.id = o.label"
                " WHERE o.ended IS NULL GROUP BY 1"
            )
        )
        rows = self._database.rows("SELECT id, name, colour, key FROM label WHERE merged IS NULL ORDER BY place, id")
        return [
            Label(name, colour, key, order, counts.get(id, 0)) for order, (id, name, colour, key) in enumerate(rows)
        ]

    def check(self, name: str) -> None:
        """WorkspaceError if a fixed list does not have this label; no label ("") is always good."""
        if self.fixed and name and name not in self.fixed:
            raise WorkspaceError(f"label: must be one of {', '.join(self.fixed)}, got {name!r}")

    def add(self, name: str) -> None:
        """A label at the end of the list; nothing if it is there."""
        _check_name(name)
        self.check(name)
        with self._database.writing() as writer:
            label_id(writer, name)

    def edit(self, name: str, *, colour: str | None = None, key: str | None = None, author: str = "") -> None:
        """Another colour, another key; a key that another label had is that one's no more."""
        if colour is not None and not _COLOUR.fullmatch(colour):
            raise WorkspaceError(f"label.colour: must be like #1f77b4, got {colour!r}")
        if key is not None and (len(key) > 1 or not (key == "" or key.isprintable())):
            raise WorkspaceError(f"label.key: must be one character or none, got {key!r}")
        with self._database.writing() as writer:
            edits = []
            if colour is not None:
                edits.append((_find(writer, name), "colour", colour.lower()))
            if key is not None:
                id = _find(writer, name)
                others = writer.execute("SELECT id FROM label WHERE key = ? AND key <> '' AND id <> ?", (key, id))
                edits += [(other, "key", "") for (other,) in others.fetchall()]
                edits.append((id, "key", key))
            before = [_edit(writer, *one) for one in edits]
            _note(writer, _EDIT, {"edits": before[::-1]}, author)

    def rename(self, name: str, new: str, *, author: str = "") -> None:
        """Another name, on all images; to the name of another label it is a merge."""
        _check_name(new)
        self.check(new)
        if new == name:
            return
        with self._database.writing() as writer:
            id = _find(writer, name)
            if writer.execute("SELECT 1 FROM label WHERE name = ? AND merged IS NULL", (new,)).fetchone():
                _merge(writer, [name], new, author)
                return
            _note(writer, _RENAME, {"edits": [_edit(writer, id, "name", new)]}, author)
            _touch(writer, [id])

    def merge(self, names: Sequence[str], into: str, *, author: str = "") -> None:
        """The objects of several labels get one of them, on all images; the others are gone from the list."""
        self.check(into)
        with self._database.writing() as writer:
            _merge(writer, [name for name in dict.fromkeys(names) if name != into], into, author)

    def order(self, names: Sequence[str], *, author: str = "") -> None:
        """These labels first, in this order. Exports number their classes by it."""
        with self._database.writing() as writer:
            for name in names:
                _find(writer, name)
            before = _names(writer)
            after = [*dict.fromkeys(names), *(one for one in before if one not in names)]
            if after != before:
                _set_order(writer, after)
                _note(writer, _ORDER, {"order": before}, author)

    def undo(self, *, author: str = "") -> str | None:
        """Take back the newest change of labels that was not taken back yet; what it was, None if there is none."""
        with self._database.writing() as writer:
            rows = writer.execute(
                "SELECT seq, action, body FROM op WHERE image IS NULL AND body IS NOT NULL ORDER BY seq DESC"
            ).fetchall()
            undone = {json.loads(body)["undoes"] for _, action, body in rows if action == _UNDO}
            for seq, action, body in rows:
                if action in (_RENAME, _MERGE, _EDIT, _ORDER) and seq not in undone:
                    _take_back(writer, json.loads(body))
                    _note(writer, _UNDO, {"undoes": seq}, author)
                    return str(action)
        return None


def read_labels(file: Path) -> list[str]:
    """The names in a file of one a line; blank lines are passed over. Raises WorkspaceError."""
    try:
        names = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except OSError as error:
        raise WorkspaceError(f"{file}: must be a file of labels, one a line, got: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise WorkspaceError(f"{file}: must be text in UTF-8, one label a line") from None
    found = list(dict.fromkeys(name for name in names if name))
    for name in found:
        _check_name(name)
    if not found:
        raise WorkspaceError(f"{file}: must have a label on some line, got none")
    return found


def _check_name(name: str) -> None:
    if not name or len(name) > MAX_NAME or any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in name):
        raise WorkspaceError(f"label: must be a text of 1 to {MAX_NAME} characters, got {name[:60]!r}")


def _find(writer: sqlite3.Connection, name: str) -> int:
    found = writer.execute("SELECT id FROM label WHERE name = ? AND merged IS NULL", (name,)).fetchone()
    if found is None:
        raise WorkspaceError(f"label: must be one of the workspace, got {name!r}")
    return int(found[0])


def _names(writer: sqlite3.Connection) -> list[str]:
    rows = writer.execute("SELECT name FROM label WHERE merged IS NULL ORDER BY place, id").fetchall()
    return [name for (name,) in rows]


def _set_order(writer: sqlite3.Connection, names: Sequence[str]) -> None:
    for place, name in enumerate(names):
        writer.execute("UPDATE label SET place = ? WHERE name = ? AND merged IS NULL", (place, name))


def _edit(writer: sqlite3.Connection, id: int, column: str, value: str) -> tuple[int, str, str]:
    """Change one value of a label; (label, column, value before), which takes it back."""
    assert column in _EDITABLE
    (before,) = writer.execute(f"SELECT {column} FROM label WHERE id = ?", (id,)).fetchone()
    writer.execute(f"UPDATE label SET {column} = ? WHERE id = ?", (value, id))
    return id, column, before


def _merge(writer: sqlite3.Connection, names: Sequence[str], into: str, author: str) -> None:
    target = _find(writer, into)
    ids = [_find(writer, name) for name in names]
    moved = []
    for id in ids:
        moved += [one for (one,) in writer.execute("SELECT id FROM label WHERE id = ? OR merged = ?", (id, id))]
    before = []
    for id in moved:
        (merged,) = writer.execute("SELECT merged FROM label WHERE id = ?", (id,)).fetchone()
        before.append((id, merged))
        writer.execute("UPDATE label SET merged = ? WHERE id = ?", (target, id))
    if moved:
        _note(writer, _MERGE, {"merged": before}, author)
        _touch(writer, moved)


def _touch(writer: sqlite3.Connection, labels: Sequence[int]) -> None:
    """Count a revision of every image that has an object of these labels: who has it open sees that it has changed."""
    writer.executemany(
        "UPDATE image SET revision = revision + 1 WHERE id IN"
        " (SELECT image FROM object WHERE ended IS NULL AND label = ?)",
        [(id,) for id in labels],
    )


def _take_back(writer: sqlite3.Connection, body: dict[str, Any]) -> None:
    for id, column, value in body.get("edits", ()):
        if column == "name":
            taken = writer.execute("SELECT 1 FROM label WHERE name = ? AND merged IS NULL AND id <> ?", (value, id))
            if taken.fetchone():
                raise WorkspaceError(f"label: must be free again to be taken back, and there is a new {value!r}")
            _touch(writer, [id])
        _edit(writer, id, column, value)
    for id, merged in body.get("merged", ()):
        (name,) = writer.execute("SELECT name FROM label WHERE id = ?", (id,)).fetchone()
        taken = writer.execute("SELECT 1 FROM label WHERE name = ? AND merged IS NULL", (name,)).fetchone()
        if merged is None and taken:
            raise WorkspaceError(f"label: must be free again to be taken back, and there is a new {name!r}")
        _touch(writer, [id])
        writer.execute("UPDATE label SET merged = ? WHERE id = ?", (merged, id))
    if "order" in body:
        now, then = _names(writer), body["order"]
        _set_order(writer, [one for one in then if one in now] + [one for one in now if one not in then])


def _note(writer: sqlite3.Connection, action: str, body: object, author: str) -> None:
    insert_operation(writer, Operation("", action, uuid4().hex, author), None, None, body)
