"""`History`: what happened to an image, and the way back to any moment of it."""

from __future__ import annotations

from samui.errors import WorkspaceError
from samui.work.combine import reusing
from samui.work.state import Object
from samui.workspace.rows import Moment
from samui.workspace.sqlite import SqliteStore, key_of
from samui.workspace.store import Kept, Operation


class History:
    """Of the images of one store. Nothing is ever removed from it. Raises StoreError and WorkspaceError."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def moments(self, image: str, *, limit: int = 1000) -> list[Moment]:
        """The operations of an image, the newest first."""
        rows = self._store.database.rows(
            """SELECT p.seq, p.revision, p.action, p.at, p.author,
                (SELECT count(*) FROM object WHERE made = p.seq AND (ended IS NULL OR ended <> made)),
                (SELECT count(*) FROM object WHERE ended = p.seq AND ended <> made),
                (SELECT count(*) FROM object WHERE made = p.seq AND ended = made)
            FROM op p WHERE p.image = (SELECT id FROM image WHERE uid = ?) ORDER BY p.revision DESC LIMIT ?""",
            (key_of(image), limit),
        )
        return [Moment(*row) for row in rows]

    def objects_at(self, image: str, seq: int) -> tuple[Object, ...]:
        """The objects of an image as they were right after an operation of it; 0: before the first one."""
        self._check(image, seq)
        return self._store.objects_at(image, seq)

    def overtaken(self, image: str) -> list[Object]:
        """The versions of objects that came too late to be held, the newest first."""
        return self._store.overtaken(image)

    def restore(self, image: str, seq: int, *, operation: str | None = None, author: str = "") -> Kept:
        """Make the objects of an image what they were after an operation: itself an operation, so nothing is lost."""
        then = self.objects_at(image, seq)
        made = Operation(image, "Restore", author=author)
        if operation is not None:
            made = Operation(image, "Restore", operation, author)
        now = self._store.objects(image)
        return self._store.commit(made, now, reusing(then, now))

    def _check(self, image: str, seq: int) -> None:
        found = self._store.database.row(
            "SELECT 1 FROM op WHERE seq = ? AND image = (SELECT id FROM image WHERE uid = ?)", (seq, key_of(image))
        )
        if seq and found is None:
            raise WorkspaceError(f"moment: must be one of the image's history, got {seq}")
