"""`SqliteStore`: a `Store` in a SQLite file, which keeps every version of every object."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from samui.errors import WorkspaceError
from samui.formats.gestures import from_gestures, record_gestures
from samui.pixels.colours import hex_colour
from samui.pixels.rle import Rle
from samui.work.combine import Combined, combine, is_same, reusing
from samui.work.state import Object
from samui.workspace.database import Database
from samui.workspace.store import Kept, Operation

_REMEMBERED = 64  # images whose objects need not be read again to tell what others have changed
_OBJECTS = """
    SELECT o.uid, o.number, coalesce(t.name, l.name, ''), o.colour, o.visible, m.height, m.width, m.counts, o.score,
           o.gestures, o.candidate, o.snapped, o.model, o.z
    FROM object o JOIN mask m ON m.sha = o.mask
    LEFT JOIN label l ON l.id = o.label LEFT JOIN label t ON t.id = l.merged
    WHERE o.image = ? AND {} ORDER BY {}
"""
_DELETED = """
    SELECT o.uid FROM object o JOIN image i ON i.id = o.image WHERE i.uid = ?
    GROUP BY o.uid HAVING sum(o.ended IS NULL) = 0 AND max(o.ended > o.made) = 1
"""
_HELD = _OBJECTS.format("o.ended IS NULL", "o.z")
_THEN = _OBJECTS.format("o.made <= ? AND (o.ended IS NULL OR o.ended > ?)", "o.z")
_FORMER = _OBJECTS.format("o.ended IS NOT NULL", "o.made, o.id")
_LATE = _OBJECTS.format("o.ended = o.made", "o.made DESC, o.id DESC")


@dataclass(frozen=True, eq=False)
class _Held:
    """The objects of an image at a revision, and their places in the order of drawing."""

    revision: int
    objects: tuple[Object, ...]
    z: Mapping[str, float]


class SqliteStore:
    """See `samui.workspace.store.Store`. An image must have its row before anything is committed to it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._remembered: OrderedDict[int, _Held] = OrderedDict()
        self._lock = threading.Lock()

    def objects(self, image: str) -> tuple[Object, ...]:
        """See `Store.objects`."""
        found = self.database.row("SELECT id FROM image WHERE uid = ?", (key_of(image),))
        if found is None:
            return ()
        return tuple(_object(row) for row in self.database.rows(_HELD, found))

    def objects_at(self, image: str, seq: int) -> tuple[Object, ...]:
        """The objects of an image as they were after an operation."""
        found = self.database.row("SELECT id FROM image WHERE uid = ?", (key_of(image),))
        if found is None:
            return ()
        return tuple(_object(row) for row in self.database.rows(_THEN, (*found, seq, seq)))

    def versions(self, image: str) -> dict[str, list[Object]]:
        """Every version of every object of an image that does not hold now, by uid."""
        found = self.database.row("SELECT id FROM image WHERE uid = ?", (key_of(image),))
        versions: dict[str, list[Object]] = {}
        for row in [] if found is None else self.database.rows(_FORMER, found):
            item = _object(row)
            versions.setdefault(item.uid, []).append(item)
        return versions

    def overtaken(self, image: str) -> list[Object]:
        """The versions of objects of an image that came too late to be held, the newest first."""
        found = self.database.row("SELECT id FROM image WHERE uid = ?", (key_of(image),))
        rows = [] if found is None else self.database.rows(_LATE, found)
        return [_object(row) for row in rows]

    def commit(self, operation: Operation, before: Sequence[Object], after: Sequence[Object]) -> Kept:
        """See `Store.commit`."""
        return self.change(operation, lambda held, by: combine(held, before, after, by=by), before, after)

    def change(
        self,
        operation: Operation,
        make: Callable[[tuple[Object, ...], str], Combined],
        before: Sequence[Object] = (),
        after: Sequence[Object] = (),
    ) -> Kept:
        """Keep what `make` gives for the objects that are held, and for who has changed them last.

        before, after: objects whose very values are handed back where they are what is held.
        """
        with self.database.writing() as writer:
            image, revision, by = _image(writer, operation.image)
            held = self._held(writer, image, revision, before)
            if writer.execute("SELECT 1 FROM op WHERE id = ?", (key_of(operation.id),)).fetchone():
                objects = reusing(held.objects, after)
                return Kept(tuple(after) if _same(objects, after) else objects, revision)
            both = make(held.objects, by)
            seq = insert_operation(writer, operation, image, revision + 1)
            z = _places(both.objects, held)
            _write(writer, image, seq, held, both, z)
            writer.execute(
                "UPDATE image SET revision = ?, objects = ?, state = replace(state, 'todo', 'progress') WHERE id = ?",
                (revision + 1, len(both.objects), image),
            )
        self._remember(image, _Held(revision + 1, both.objects, z))
        return Kept(both.objects, revision + 1, both.conflicts)

    def knows(self, operation: str) -> bool:
        """See `Store.knows`."""
        return self.database.row("SELECT 1 FROM op WHERE id = ?", (key_of(operation),)) is not None

    def deleted(self, image: str) -> frozenset[str]:
        """See `Store.deleted`."""
        rows = self.database.rows(_DELETED, (key_of(image),))
        return frozenset(uid_of(uid) for (uid,) in rows)

    def forget(self, image: str) -> None:
        """Nothing: what is on disk stays there."""

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def _held(self, writer: sqlite3.Connection, image: int, revision: int, before: Sequence[Object]) -> _Held:
        """What the image has now; the very values of `before` where they are the same."""
        with self._lock:
            held = self._remembered.get(image)
        if held is not None and held.revision == revision:
            return held
        rows = writer.execute(_HELD, (image,)).fetchall()
        objects = reusing((_object(row) for row in rows), before)
        return _Held(revision, objects, {item.uid: row[-1] for item, row in zip(objects, rows, strict=True)})

    def _remember(self, image: int, held: _Held) -> None:
        with self._lock:
            self._remembered[image] = held
            self._remembered.move_to_end(image)
            while len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)


def key_of(uid: str) -> bytes | str:
    """A uid as it lies in the file: 16 bytes of 32 hexadecimal digits, and any other text as it is."""
    try:
        value = bytes.fromhex(uid)
    except ValueError:
        return uid
    return value if len(value) == 16 and value.hex() == uid else uid


def uid_of(key: bytes | str) -> str:
    """The inverse of `key_of`."""
    return key.hex() if isinstance(key, bytes) else key


def new_key() -> bytes:
    """A key that nothing has yet."""
    return uuid4().bytes


def label_id(writer: sqlite3.Connection, name: str) -> int | None:
    """The row of a label, made at the end of the list if there is none of this name; None for no label."""
    if not name:
        return None
    found = writer.execute("SELECT id FROM label WHERE name = ? AND merged IS NULL", (name,)).fetchone()
    if found is not None:
        return int(found[0])
    (place,) = writer.execute("SELECT coalesce(max(place) + 1, 0) FROM label").fetchone()
    made = writer.execute(
        "INSERT INTO label (name, colour, place) VALUES (?, ?, ?)", (name, hex_colour(place), place)
    ).lastrowid
    assert made is not None
    return made


def insert_operation(
    writer: sqlite3.Connection, operation: Operation, image: int | None, revision: int | None, body: object = None
) -> int:
    """Append an operation; its number. body: what JSON can hold, of what undoing it needs."""
    made = writer.execute(
        "INSERT INTO op (id, image, revision, action, at, author, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            key_of(operation.id),
            image,
            revision,
            operation.action,
            time.time(),
            operation.author,
            None if body is None else json.dumps(body),
        ),
    ).lastrowid
    assert made is not None
    return made


def insert_mask(writer: sqlite3.Connection, mask: Rle) -> bytes:
    """Keep a mask, once; its key."""
    counts = mask.to_string()
    sha = hashlib.sha256(f"{mask.size[0]}x{mask.size[1]} {counts}".encode()).digest()[:16]
    writer.execute(
        "INSERT OR IGNORE INTO mask (sha, height, width, counts) VALUES (?, ?, ?, ?)", (sha, *mask.size, counts)
    )
    return sha


def insert_version(
    writer: sqlite3.Connection, image: int, item: Object, z: float, made: int, ended: int | None = None
) -> None:
    """Keep a version of an object, from the operation `made` on."""
    writer.execute(
        "INSERT INTO object (uid, image, made, ended, number, z, label, colour, visible, area, score, model, candidate,"
        " snapped, mask, gestures) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key_of(item.uid),
            image,
            made,
            ended,
            item.id,
            z,
            label_id(writer, item.label),
            item.colour,
            item.visible,
            item.mask.area,
            item.score,
            item.model,
            item.candidate,
            item.snapped,
            insert_mask(writer, item.mask),
            json.dumps(record_gestures(item.gestures, item.mask)),
        ),
    )


def _object(row: Sequence[Any]) -> Object:
    uid, number, label, colour, visible, height, width, counts, score, gestures, candidate, snapped, model, _ = row
    mask = Rle.from_string((height, width), counts)
    return Object(
        id=number,
        uid=uid_of(uid),
        label=label,
        colour=colour,
        visible=bool(visible),
        mask=mask,
        score=score,
        gestures=from_gestures(json.loads(gestures), mask),
        candidate=candidate,
        snapped=bool(snapped),
        model=model,
    )


def _image(writer: sqlite3.Connection, uid: str) -> tuple[int, int, str]:
    """(row of an image, its revision, who has changed it last)."""
    found = writer.execute(
        "SELECT i.id, i.revision, coalesce(o.author, '') FROM image i "
        "LEFT JOIN op o ON o.image = i.id AND o.revision = i.revision WHERE i.uid = ?",
        (key_of(uid),),
    ).fetchone()
    if found is None:
        raise WorkspaceError(f"image: must be one of the workspace, got {uid}")
    id, revision, author = found
    return id, revision, author or "somebody else"


def _write(
    writer: sqlite3.Connection, image: int, seq: int, held: _Held, both: Combined, z: Mapping[str, float]
) -> None:
    """Keep the versions of objects that an operation has made, and end those before them."""
    old = {item.uid: item for item in held.objects}
    new = {item.uid: item for item in both.objects}
    changed = [
        item
        for item in both.objects
        if item.uid not in old or not is_same(old[item.uid], item) or held.z[item.uid] != z[item.uid]
    ]
    gone = [uid for uid in old if uid not in new]
    for uid in (*gone, *(item.uid for item in changed if item.uid in old)):
        writer.execute(
            "UPDATE object SET ended = ? WHERE image = ? AND uid = ? AND ended IS NULL", (seq, image, key_of(uid))
        )
    for item in changed:
        insert_version(writer, image, item, z[item.uid], seq)
    for item in both.overtaken:
        insert_version(writer, image, item, 0.0, seq, seq)


def _places(objects: Sequence[Object], held: _Held) -> dict[str, float]:
    """Rising numbers of objects in the order in which they are drawn; most keep the one that they have."""
    places: dict[str, float] = {}
    last = 0.0
    for index, item in enumerate(objects):
        own = held.z.get(item.uid)
        if own is None or own <= last:
            above = (held.z[other.uid] for other in objects[index + 1 :] if held.z.get(other.uid, 0.0) > last)
            upper = next(above, None)
            own = last + 1 if upper is None else (last + upper) / 2
            if not last < own:  # halved too often for a float
                return {item.uid: float(place) for place, item in enumerate(objects, start=1)}
        places[item.uid] = last = own
    return places


def _same(one: Sequence[Object], other: Sequence[Object]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
