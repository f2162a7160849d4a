"""Two stores of one folder made one: the union of their objects by uid, and a list of what does not fit together.

Of an object that both have, the version stands that came out of the other one; where each has gone its own way, this
store's stands, and the other one is kept in the history. What one has deleted and the other has changed since, stays.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samui.errors import StoreError
from samui.work.combine import Combined, alike, combine, numbered
from samui.work.state import Object
from samui.workspace.database import DamagedError, Database
from samui.workspace.placing import bring
from samui.workspace.recovery import STORE
from samui.workspace.rows import Image
from samui.workspace.schema import MIGRATIONS
from samui.workspace.shelf import Shelf
from samui.workspace.sqlite import SqliteStore, label_id, uid_of
from samui.workspace.store import Operation

_FURTHER = {"todo": 0, "progress": 1, "skipped": 2, "done": 2}  # of two states, the one that says more


@dataclass(frozen=True)
class Merged:
    """What became of a merge. images: how many there were to look at. added, changed, deleted: objects here. conflicts:
    a sentence for each thing that did not fit, and for each image of the other store that could not be read."""

    images: int = 0
    added: int = 0
    changed: int = 0
    deleted: int = 0
    conflicts: tuple[str, ...] = ()


def _nobody(done: int, total: int) -> None:
    """Looks at nothing."""


def merge(shelf: Shelf, other: Path, *, author: str = "", watch: Callable[[int, int], None] = _nobody) -> Merged:
    """Take over what another store has, which is not changed. Once more changes nothing.

    other: its file, or a folder that has one in .samui. An image that this store does not know gets a row, found as
    soon as its file is. watch: is told how many images of how many are done. Raises StoreError.
    """
    file = _file(other)
    if file.exists() and shelf.store_file.exists() and file.samefile(shelf.store_file):
        raise StoreError(f"{other}: must be another store than {shelf.store_file}, got the same")
    opened, temporary = _readable(file, shelf.place)
    try:
        return _merged(shelf, opened, author, watch)
    finally:
        opened.close()
        if temporary is not None:
            for rest in temporary.parent.glob(f"{temporary.name}*"):
                rest.unlink(missing_ok=True)


def join_elsewhere(shelf: Shelf, elsewhere: Path) -> None:
    """Take over what was kept elsewhere while the folder could not be written, and set that store aside."""
    file = elsewhere / STORE
    done = merge(shelf, file)
    for ending in ("-wal", "-shm"):
        Path(f"{file}{ending}").unlink(missing_ok=True)
    os.replace(file, elsewhere / "joined.sqlite")
    told = f"{elsewhere}: what was kept there while the folder could not be written is in the folder now"
    conflicts = f"; {'; '.join(done.conflicts)}" if done.conflicts else ""
    shelf.notes = (*shelf.notes, told + conflicts)


def _file(other: Path) -> Path:
    for file in (other / ".samui" / STORE, other / STORE, other):
        if file.is_file():
            return file
    raise StoreError(f"{other}: must be a store, or a folder of images that has one, got neither")


def _readable(file: Path, place: Path) -> tuple[Database, Path | None]:
    """Another store, opened where it lies or, where that cannot be, as a copy in `place`."""
    try:
        return Database(file, MIGRATIONS), None
    except DamagedError:
        raise
    except StoreError:
        copy = place / f"merging-{os.getpid()}.sqlite"
        bring(file, copy)
        return Database(copy, MIGRATIONS), copy


def _merged(shelf: Shelf, opened: Database, author: str, watch: Callable[[int, int], None]) -> Merged:
    theirs, ours = SqliteStore(opened), shelf.store
    _take_labels(shelf.database, opened)
    rows = opened.rows(
        "SELECT uid, path, name, digest, bytes, mtime, height, width, state, note FROM image"
        " WHERE revision > 0 OR note <> '' ORDER BY path"
    )
    added = changed = deleted = 0
    conflicts: list[str] = []
    for done, row in enumerate(rows):
        watch(done, len(rows))
        image = _image(shelf, row)
        try:
            objects, versions = theirs.objects(uid_of(row[0])), theirs.versions(uid_of(row[0]))
        except StoreError as error:
            conflicts.append(f"{image.path}: could not be read ({error})")
            continue
        made = _together(ours.objects(image.uid), ours.versions(image.uid), objects, versions)
        counts, lost = made.counts, made.combined.overtaken
        if any(counts) or (lost and not _kept_already(ours, image.uid, lost)):
            ours.change(Operation(image.uid, "Merge", author=author), made.on)
        added, changed, deleted = added + counts[0], changed + counts[1], deleted + counts[2]
        conflicts += [f"{image.path}: {one}" for one in made.combined.conflicts]
        conflicts += _take_state(shelf, image, row[8], row[9], author)
    watch(len(rows), len(rows))
    return Merged(len(rows), added, changed, deleted, tuple(conflicts))


@dataclass(frozen=True, eq=False)
class _Made:
    before: tuple[Object, ...]
    combined: Combined
    counts: tuple[int, int, int]  # added, changed, deleted

    def on(self, held: tuple[Object, ...], by: str) -> Combined:  # noqa: ARG002
        """The same on what is held now, which may have changed since it was read."""
        both = combine(held, self.before, self.combined.objects)
        return Combined(both.objects, (*both.overtaken, *self.combined.overtaken))


def _together(
    ours: tuple[Object, ...],
    our_versions: dict[str, list[Object]],
    theirs: tuple[Object, ...],
    their_versions: dict[str, list[Object]],
) -> _Made:
    """The objects of both. The versions are those of each uid that ever held, or came too late."""
    mine, other = {item.uid: item for item in ours}, {item.uid: item for item in theirs}
    kept: dict[str, Object] = dict(mine)
    overtaken: list[Object] = []
    conflicts: list[str] = []
    added = changed = deleted = 0

    def is_old(item: Object, versions: dict[str, list[Object]]) -> bool:
        return any(alike(item, one) for one in versions.get(item.uid, ()))

    for uid, item in other.items():
        if uid in mine:
            if alike(mine[uid], item) or is_old(item, our_versions):
                continue
            if is_old(mine[uid], their_versions):
                kept[uid] = item
                changed += 1
            else:
                overtaken.append(item)
                conflicts.append(f"object {mine[uid].id}: was changed in both; the other version is in the history")
        elif uid not in our_versions:
            kept[uid] = item
            added += 1
        elif not is_old(item, our_versions):
            kept[uid] = item
            added += 1
            conflicts.append(f"object {item.id}: was deleted here and changed there, and is back")
    for uid, item in mine.items():
        if uid not in other and uid in their_versions:
            if is_old(item, their_versions):
                del kept[uid]
                deleted += 1
            else:
                conflicts.append(f"object {item.id}: was deleted there and changed here, and stays")
    after = numbered(tuple(kept.values()), mine)
    return _Made(ours, Combined(after, tuple(overtaken), tuple(conflicts)), (added, changed, deleted))


def _kept_already(ours: SqliteStore, image: str, lost: Sequence[Object]) -> bool:
    known = ours.overtaken(image)
    return all(any(alike(item, one) for one in known) for item in lost)


def _image(shelf: Shelf, row: Sequence[Any]) -> Image:
    """This store's row of an image of the other: of the same uid, the same content or the same path; or a new one."""
    uid, path, name, digest, nbytes, mtime, height, width, *_ = row
    database = shelf.database
    found = database.row("SELECT uid FROM image WHERE uid = ?", (uid,))
    if found is None and digest is not None:
        found = database.row("SELECT uid FROM image WHERE digest = ?", (digest,))
    if found is None and path is not None:
        found = database.row(
            "SELECT uid FROM image WHERE path = ? AND (digest IS NULL OR ? IS NULL)", (path, digest)
        ) or database.row("SELECT uid FROM image WHERE path = ? AND revision = 0", (path,))
    if found is None:
        free = path is not None and database.row("SELECT 1 FROM image WHERE path = ?", (path,)) is None
        with database.writing() as writer:
            writer.execute(
                "INSERT INTO image (uid, path, name, digest, bytes, mtime, height, width, missing)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)",
                (uid, path if free else None, name, digest, nbytes, mtime, height, width),
            )
        found = (uid,)
    return shelf.images.get(uid_of(found[0]))


def _take_labels(into: Database, other: Database) -> None:
    """Labels of the other store that are not here, at the end of the list."""
    rows = other.rows("SELECT name, colour, key FROM label WHERE merged IS NULL ORDER BY place, id")
    known = {name for (name,) in into.rows("SELECT name FROM label WHERE merged IS NULL")}
    new = [row for row in rows if row[0] not in known]
    if not new:
        return
    with into.writing() as writer:
        for name, colour, key in new:
            id = label_id(writer, name)
            taken = key and writer.execute("SELECT 1 FROM label WHERE key = ?", (key,)).fetchone()
            writer.execute("UPDATE label SET colour = ?, key = ? WHERE id = ?", (colour, "" if taken else key, id))


def _take_state(shelf: Shelf, image: Image, state: str, note: str, author: str) -> list[str]:
    """The state that says more, and both notes; a sentence where the two say different things."""
    if note and note not in image.note:
        shelf.images.set_note(image.uid, f"{image.note}\n{note}".strip(), author=author)
    now = shelf.images.get(image.uid).state
    if _FURTHER[state] > _FURTHER[now]:
        shelf.images.set_state(image.uid, state, author=author)
    elif _FURTHER[state] == _FURTHER[now] and state != now:
        return [f"{image.path}: is {now} here and {state} there; {now} stands"]
    return []
