"""`Shelf`: a `Store` on disk with list, labels and history of its images: what a folder and a library share."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from samui.errors import SamuiError
from samui.work.state import Object
from samui.workspace.copies import Copies
from samui.workspace.database import Database
from samui.workspace.history import History
from samui.workspace.images import Images
from samui.workspace.labels import Labels
from samui.workspace.recovery import COPIES, close_store, open_store
from samui.workspace.sqlite import SqliteStore
from samui.workspace.store import Kept, Operation
from samui.workspace.thumbnails import Thumbnails

log = logging.getLogger(__name__)


class Shelf:
    """Thread-safe. images, labels, history: what is told and changed of them. place: the folder of its files. notes:
    sentences that a person should read, as that new work is kept elsewhere. author: whose changes these are, "" for
    nobody in particular."""

    def __init__(
        self,
        place: Path,
        *,
        author: str = "",
        labels: Sequence[str] = (),
        notes: Sequence[str] = (),
        journal: str = "wal",
    ) -> None:
        """labels: the only ones that objects may have, () for any. Raises StoreError."""
        self.place, self.author = place, author
        self._database, found = open_store(place, journal)
        self.notes = (*notes, *found)
        self.copies = Copies(self._database, place / COPIES)
        self._store = SqliteStore(self._database)
        self.images = Images(self._database)
        self.labels = Labels(self._database, labels)
        self.history = History(self._store)
        self._thumbnails = Thumbnails(place / "thumbnails.sqlite")

    @property
    def store_file(self) -> Path:
        """The SQLite file."""
        return self._database.file

    @property
    def database(self) -> Database:
        """The same as tables, for the modules of this folder and for tests that count queries."""
        return self._database

    @property
    def store(self) -> SqliteStore:
        """The objects in it."""
        return self._store

    def objects(self, image: str) -> tuple[Object, ...]:
        """See `Store.objects`."""
        return self._store.objects(image)

    def commit(self, operation: Operation, before: Sequence[Object], after: Sequence[Object]) -> Kept:
        """See `Store.commit`."""
        kept = self._store.commit(operation, before, after)
        self.copies.after_change()
        return kept

    def knows(self, operation: str) -> bool:
        """See `Store.knows`."""
        return self._store.knows(operation)

    def deleted(self, image: str) -> frozenset[str]:
        """See `Store.deleted`."""
        return self._store.deleted(image)

    def opened(self, uid: str, size: tuple[int, int], file: Path | None = None) -> None:
        """Note that an image of (H, W) pixels was opened; the last one is where the next start goes on. file: a copy of
        it. A note that cannot be made is left out."""
        try:
            self._note_opened(uid, size, file)
        except SamuiError as error:
            log.warning("%s: not noted as opened (%s)", uid, error)

    def file(self, uid: str) -> Path:
        """The file of an image. Raises WorkspaceError if it is not there."""
        raise NotImplementedError

    def _note_opened(self, uid: str, size: tuple[int, int], file: Path | None) -> None:  # noqa: ARG002
        self.images.opened(uid, size)

    def forget(self, image: str) -> None:
        """Nothing: what is on disk stays there."""

    def close(self) -> None:
        """Close the files."""
        self.copies.wait()
        self._thumbnails.close()
        close_store(self._database)


def digest_of(file: Path) -> bytes:
    """SHA-256 of a file; some 10 ms for 12 megapixels. Raises OSError."""
    digest = hashlib.sha256()
    with open(file, "rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.digest()
