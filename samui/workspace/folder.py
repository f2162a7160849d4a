"""`Workspace`: a folder of images with everything drawn on them, in the store `FOLDER/.samui/store.sqlite`.

workspace = open_workspace("photos", author="anna")
for image in workspace.images.all(Filter(state="todo")):
    workspace.objects(image.uid)
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from samui.errors import ImageError, WorkspaceError
from samui.work.state import Object
from samui.workspace.database import Database
from samui.workspace.images import path_in, path_out
from samui.workspace.matching import Known, Plan, plan
from samui.workspace.merging import join_elsewhere
from samui.workspace.placing import placed
from samui.workspace.rows import Scanned
from samui.workspace.scan import File, Look, look
from samui.workspace.shelf import Shelf, digest_of
from samui.workspace.sqlite import key_of, new_key
from samui.workspace.store import Kept, Operation
from samui.workspace.thumbnails import make_thumbnail


class Workspace(Shelf):
    """A `Store` of the images of a folder, and their list, labels and history (see `Shelf`)."""

    def __init__(self, folder: Path, place: Path, **options: Any) -> None:
        """folder: of the images. place: of the store. options: those of `Shelf`. Raises StoreError."""
        super().__init__(place, **options)
        self.folder = folder
        self._scanning = threading.Lock()
        self._digested: set[str] = set()

    def scan(self) -> Scanned:
        """Look at the folder and take note of what is new, gone, or elsewhere: an image that was moved or renamed is
        known by its size and time, and where these are not enough by its content. Raises ImageError, StoreError."""
        with self._scanning:
            return _noted(self.database, self.folder, look(self.folder))

    def file(self, uid: str) -> Path:
        """The file of an image, inside the folder. Raises WorkspaceError if it is not there any more."""
        image = self.images.get(uid)
        file = self.folder / image.path
        root, real = os.path.realpath(self.folder), os.path.realpath(file)
        if not real.startswith(root.rstrip(os.sep) + os.sep) or not os.path.isfile(real):
            raise WorkspaceError(f"{image.path}: must be a file in {self.folder}, and is not there any more")
        return file

    def thumbnail(self, uid: str) -> bytes:
        """A small WebP picture of an image, made once. Raises WorkspaceError and ImageError."""
        file = self.file(uid)
        try:
            stat = file.stat()
        except OSError as error:
            raise ImageError(f"{file}: must be readable, got: {error.strerror or error}") from error
        key = f"{uid} {stat.st_size} {stat.st_mtime_ns}"
        data = self._thumbnails.get(key)
        if data is None:
            data = make_thumbnail(file)
            self._thumbnails.put(key, data)
        return data

    def _note_opened(self, uid: str, size: tuple[int, int], file: Path | None) -> None:
        self._digest(uid)
        super()._note_opened(uid, size, file)

    def commit(self, operation: Operation, before: Sequence[Object], after: Sequence[Object]) -> Kept:
        """See `Store.commit`."""
        self._digest(operation.image)
        return super().commit(operation, before, after)

    def _digest(self, uid: str) -> None:
        """Keep the digest of an image that is worked on, so that it is found again under another name."""
        if uid in self._digested:
            return
        with contextlib.suppress(OSError, WorkspaceError):
            digest = digest_of(self.file(uid))
            with self.database.writing() as writer:
                writer.execute("UPDATE image SET digest = ? WHERE uid = ?", (digest, key_of(uid)))
            self._digested.add(uid)


def open_workspace(
    folder: str | os.PathLike[str], *, author: str = "", labels: Sequence[str] = (), data: Path | None = None
) -> Workspace:
    """The workspace of a folder of images, made if there is none, after a look at its files.

    author: whose changes these are. labels: the only ones that objects may have, in their order; () for any. data: the
    person's data folder, where the store goes if it cannot be in the folder. Raises ImageError for no folder,
    StoreError for a store that cannot be opened.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ImageError(f"{folder}: must be a folder of images, got {'a file' if root.exists() else 'nothing there'}")
    where = placed(root, data)
    workspace = Workspace(root, where.place, author=author, labels=labels, notes=where.notes, journal=where.journal)
    try:
        workspace.scan()
        if where.elsewhere is not None:
            join_elsewhere(workspace, where.elsewhere)
    except BaseException:
        workspace.close()
        raise
    return workspace


def _noted(database: Database, folder: Path, seen: Look) -> Scanned:
    """Bring the rows of images in line with the files that were seen."""
    rows = database.rows("SELECT id, path, bytes, mtime, digest, missing FROM image")
    known = [
        Known(id, None if path is None else path_out(path), nbytes, mtime, digest, bool(missing))
        for id, path, nbytes, mtime, digest, missing in rows
    ]

    @cache
    def digest(path: str) -> bytes | None:
        try:
            return digest_of(folder / path)
        except OSError:
            return None

    found = plan(known, seen.files, digest)
    if found == Plan():
        return Scanned(0, 0, 0, 0, dict(seen.passed))
    with database.writing() as writer:
        # A path belongs to one image at a time.
        writer.executemany("UPDATE image SET path = NULL WHERE id = ?", [(image.id,) for image, _ in found.moved])
        for image, file in (*found.moved, *found.same):
            if file is None:
                writer.execute("UPDATE image SET missing = 1 WHERE id = ?", (image.id,))
                continue
            worked_on = None if image.digest is None else digest(file.path)
            writer.execute(
                "UPDATE image SET path = ?, name = ?, bytes = ?, mtime = ?, digest = ?, missing = 0 WHERE id = ?",
                (path_in(file.path), _name(file), file.nbytes, file.mtime, worked_on, image.id),
            )
        writer.executemany("UPDATE image SET missing = 1 WHERE id = ?", [(image.id,) for image in found.missing])
        writer.executemany(
            "INSERT OR IGNORE INTO image (uid, path, name, bytes, mtime) VALUES (?, ?, ?, ?, ?)",
            [(new_key(), path_in(one.path), _name(one), one.nbytes, one.mtime) for one in found.new],
        )
    moved = sum(file is not None and not image.missing for image, file in found.moved)
    back = sum(image.missing for image, _ in (*found.moved, *found.same))
    gone = len(found.missing) + sum(file is None for _, file in found.moved)
    return Scanned(len(found.new), moved, gone, back, dict(seen.passed))


def _name(file: File) -> str | bytes:
    return path_in(file.path.rpartition("/")[2])
