"""`Images`: the images of a workspace as rows: listed, counted, found, and the states that people give them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

from samui.errors import WorkspaceError
from samui.workspace.database import Database
from samui.workspace.rows import ANY, STATES, Counts, Filter, Image
from samui.workspace.sqlite import insert_operation, key_of, uid_of
from samui.workspace.store import Operation

_COLUMNS = "i.uid, coalesce(i.path, i.name), i.height, i.width, i.state, i.revision, i.objects, i.note, i.missing"
_MAX_NOTE = 10_000  # characters


class Images:
    """The list of a workspace, in the order of the paths. One query a call. Raises StoreError, and WorkspaceError for
    an image that there is not."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, filter: Filter = ANY, *, offset: int = 0, limit: int | None = None) -> list[Image]:
        """The images that are meant, from `offset` on, `limit` at most."""
        where, values = _where(filter)
        sql = f"SELECT {_COLUMNS} FROM image i WHERE {where} ORDER BY i.path LIMIT ? OFFSET ?"
        return [_image(row) for row in self._database.rows(sql, (*values, -1 if limit is None else limit, offset))]

    def count(self, filter: Filter = ANY) -> int:
        """How many images are meant."""
        where, values = _where(filter)
        return int(self._one(f"SELECT count(*) FROM image i WHERE {where}", values)[0])

    def counts(self) -> Counts:
        """How many images in each state, and how many objects."""
        rows = self._database.rows("SELECT state, count(*), sum(objects) FROM image WHERE missing = 0 GROUP BY state")
        found = {state: count for state, count, _ in rows}
        objects = sum(objects for *_, objects in rows)
        todo, progress, done, skipped = (found.get(state, 0) for state in STATES)
        return Counts(sum(found.values()), todo, progress, done, skipped, objects)

    def get(self, uid: str) -> Image:
        """The row of an image."""
        found = self._database.row(f"SELECT {_COLUMNS} FROM image i WHERE i.uid = ?", (key_of(uid),))
        if found is None:
            raise WorkspaceError(f"image: must be one of the workspace, got {uid}")
        return _image(found)

    def find(self, path: str) -> Image | None:
        """The image of a path, relative to the folder and with "/"; None if there is none."""
        found = self._database.row(f"SELECT {_COLUMNS} FROM image i WHERE i.path = ?", (path_in(path),))
        return None if found is None else _image(found)

    def place(self, uid: str, filter: Filter = ANY) -> int:
        """How many of the images that are meant come before one, which may be none of them: its index in `all`."""
        where, values = _where(filter)
        sql = f"SELECT count(*) FROM image i WHERE {where} AND i.path < ?"
        return int(self._one(sql, (*values, path_in(self.get(uid).path)))[0])

    def neighbour(self, uid: str, by: int, filter: Filter = ANY) -> Image | None:
        """The image after one (by=1) or before it (by=-1) among those that are meant; None at the end."""
        where, values = _where(filter)
        sign, order = (">", "ASC") if by > 0 else ("<", "DESC")
        sql = f"SELECT {_COLUMNS} FROM image i WHERE {where} AND i.path {sign} ? ORDER BY i.path {order} LIMIT 1"
        found = self._database.row(sql, (*values, path_in(self.get(uid).path)))
        return None if found is None else _image(found)

    def to_do(self, uid: str | None, by: int, filter: Filter = ANY) -> Image | None:
        """The image after one (by=1) or before it (by=-1) that is to do among those that are meant, from
        the other end again where there is none further on; None if there is no other. uid: None for the first."""
        where, values = _where(filter)
        sign, order = (">", "ASC") if by > 0 else ("<", "DESC")
        path = None if uid is None else path_in(self.get(uid).path)
        further = "NULL" if path is None else f"(i.path {sign} ?)"
        sql = (
            f"SELECT {_COLUMNS} FROM image i WHERE {where} AND i.state = 'todo' AND i.path IS NOT ?"
            f" ORDER BY {further} DESC, i.path {order} LIMIT 1"
        )
        found = self._database.row(sql, (*values, path, *([] if path is None else [path])))
        return None if found is None else _image(found)

    def version(self) -> int:
        """A number that rises with every change of images, objects or labels."""
        return int(self._one("SELECT coalesce(max(seq), 0) FROM op", ())[0])

    def set_state(self, uid: str, state: str, *, operation: str | None = None, author: str = "") -> Image:
        """Say how far an image is; "done" without objects counts. operation: id, so that it is done once."""
        if state not in STATES:
            raise WorkspaceError(f"state: must be one of {', '.join(STATES)}, got {state!r}")
        return self._set(uid, "State", "state", state, operation, author)

    def set_note(self, uid: str, note: str, *, operation: str | None = None, author: str = "") -> Image:
        """Write down what a person has to say about an image."""
        if len(note) > _MAX_NOTE:
            raise WorkspaceError(f"note: must be at most {_MAX_NOTE} characters, got {len(note)}")
        return self._set(uid, "Note", "note", note, operation, author)

    def opened(self, uid: str, size: tuple[int, int]) -> None:
        """Note that an image was opened, and its (H, W); the last one is where the next start goes on."""
        with self._database.writing() as writer:
            writer.execute(
                "UPDATE image SET opened = ?, height = ?, width = ? WHERE uid = ?", (time.time(), *size, key_of(uid))
            )

    def last(self, count: int = 1) -> list[Image]:
        """The images that were opened last, the newest first."""
        where = "i.opened IS NOT NULL AND i.missing = 0"
        sql = f"SELECT {_COLUMNS} FROM image i WHERE {where} ORDER BY i.opened DESC LIMIT ?"
        return [_image(row) for row in self._database.rows(sql, (count,))]

    def _set(self, uid: str, action: str, column: str, value: str, operation: str | None, author: str) -> Image:
        made = Operation(uid, action, author=author) if operation is None else Operation(uid, action, operation, author)
        with self._database.writing() as writer:
            found = writer.execute(f"SELECT id, revision, {column} FROM image WHERE uid = ?", (key_of(uid),)).fetchone()
            if found is None:
                raise WorkspaceError(f"image: must be one of the workspace, got {uid}")
            image, revision, before = found
            known = writer.execute("SELECT 1 FROM op WHERE id = ?", (key_of(made.id),)).fetchone()
            if before != value and not known:
                insert_operation(writer, made, image, revision + 1, {"before": before, "after": value})
                writer.execute(
                    f"UPDATE image SET revision = ?, {column} = ? WHERE id = ?", (revision + 1, value, image)
                )
        return self.get(uid)

    def _one(self, sql: str, values: Sequence[Any]) -> Sequence[Any]:
        found = self._database.row(sql, values)
        assert found is not None, "an aggregate has a row"
        return found


def path_in(path: str) -> str | bytes:
    """A path as it lies in the file: text, and bytes where a name is no Unicode."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def path_out(path: str | bytes) -> str:
    """The inverse of `path_in`."""
    return os.fsdecode(path)


def _image(row: Sequence[Any]) -> Image:
    uid, path, height, width, state, revision, objects, note, missing = row
    size = None if height is None else (height, width)
    return Image(uid_of(uid), path_out(path), size, state, revision, objects, note, bool(missing))


def _where(filter: Filter) -> tuple[str, list[Any]]:
    """A condition on rows of images, and its values."""
    where, values = ["i.missing = 0"], list[Any]()
    if filter.state is not None:
        where.append("i.state = ?")
        values.append(filter.state)
    if filter.label is not None:
        labels = "SELECT id FROM label l WHERE l.name = ? AND l.merged IS NULL"
        where.append(
            "i.id IN (SELECT image FROM object WHERE ended IS NULL AND label IN"
            f" ({labels} UNION SELECT id FROM label WHERE merged = ({labels})))"
        )
        values += [filter.label, filter.label]
    if filter.name:
        where.append(r"i.path LIKE ? ESCAPE '\'")
        text = filter.name
        for sign in "\\%_":
            text = text.replace(sign, "\\" + sign)
        values.append(f"%{text}%")
    return " AND ".join(where), values
