"""`Library`: what a person has drawn on single images, by their content, in the person's data folder.

library = Library(default_place())
uid = library.adopt(file, "cat.jpg", (600, 800))     # the same for the same photo, by any name, on any day
library.objects(uid)
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from samui import files
from samui.errors import ImageError, StoreError, WorkspaceError
from samui.work.state import Object
from samui.workspace.images import path_in
from samui.workspace.placing import default_data
from samui.workspace.rows import Image
from samui.workspace.shelf import Shelf, digest_of
from samui.workspace.sqlite import key_of
from samui.workspace.store import Kept, Operation
from samui.workspace.thumbnails import make_thumbnail

IMAGE_BYTES = 2 * 2**30  # of the images that are kept, so that recent ones can be opened again


def default_place() -> Path:
    """The folder of a person's library: ~/.local/share/samui/library and its like on other systems."""
    return default_data() / "library"


class Library(Shelf):
    """A `Store` of single images, known by the SHA-256 of their files (see `Shelf`)."""

    def __init__(self, place: Path, *, image_bytes: int = IMAGE_BYTES, **options: Any) -> None:
        """place: folder of its files, made if missing. image_bytes: budget of the images that are kept; objects are
        kept for ever. Raises StoreError."""
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            (place / "images").mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(f"{place}: must be a folder that can be written, got: {error.strerror}") from error
        super().__init__(place, **options)
        self._budget = image_bytes
        self._adopted: dict[str, tuple[bytes, str]] = {}  # (digest, name) of those without a row yet
        self._lock = threading.Lock()

    def adopt(self, file: Path, name: str) -> str:
        """The uid of an image by the content of its file. Raises ImageError."""
        try:
            digest = digest_of(file)
        except OSError as error:
            raise ImageError(f"{name}: must be readable, got: {error.strerror or error}") from error
        uid = digest[:16].hex()
        with self._lock:
            self._adopted[uid] = (digest, name)
        return uid

    def commit(self, operation: Operation, before: Sequence[Object], after: Sequence[Object]) -> Kept:
        """See `Store.commit`."""
        self._insert(operation.image)
        return super().commit(operation, before, after)

    def recent(self, count: int = 50) -> list[Image]:
        """The images that were opened last, the newest first, of those whose file is at hand."""
        return [image for image in self.images.last(count) if self._kept(image.uid) is not None]

    def file(self, uid: str) -> Path:
        """The file of an image. Raises WorkspaceError if it is not at hand any more."""
        kept = self._kept(uid)
        if kept is None:
            raise WorkspaceError(f"{self.images.get(uid).path}: must be at hand, and has made room for newer images")
        return kept

    def thumbnail(self, uid: str) -> bytes:
        """A small WebP picture of an image, made once. Raises WorkspaceError and ImageError."""
        data = self._thumbnails.get(uid)
        if data is None:
            data = make_thumbnail(self.file(uid))
            self._thumbnails.put(uid, data)
        return data

    def _note_opened(self, uid: str, size: tuple[int, int], file: Path | None) -> None:
        self._insert(uid)
        super()._note_opened(uid, size, file)
        if file is not None:
            self._keep(file, uid)

    def _insert(self, uid: str) -> None:
        """See to it that an image that was adopted has a row, and its newest name."""
        with self._lock:
            adopted = self._adopted.get(uid)
        if adopted is None:
            return
        digest, name = adopted
        with self.database.writing() as writer:
            writer.execute(
                "INSERT INTO image (uid, digest, name) VALUES (?, ?, ?) ON CONFLICT (uid) DO UPDATE SET name = ?",
                (key_of(uid), digest, path_in(name), path_in(name)),
            )
        with self._lock:
            if self._adopted.get(uid) is adopted:
                del self._adopted[uid]

    def _kept(self, uid: str) -> Path | None:
        file = self._place(self.images.get(uid).uid)
        return file if file.is_file() else None

    def _place(self, uid: str) -> Path:
        return self.place / "images" / uid

    def _keep(self, source: Path, uid: str) -> None:
        """Keep the file, and let those go that were used longest ago; where there is no room it is not kept."""
        target = self._place(uid)
        with contextlib.suppress(OSError):
            if not target.is_file():
                with files.replacing(target, durable=False) as out, open(source, "rb") as opened:
                    shutil.copyfileobj(opened, out, 1 << 20)
            os.utime(target)
            kept = sorted((one.stat().st_mtime, one.stat().st_size, one) for one in target.parent.iterdir())
            total = sum(size for _, size, _ in kept)
            for _, size, one in kept:
                if total <= self._budget or one == target:
                    break
                one.unlink()
                total -= size


def open_library(place: Path | None = None, **options: Any) -> Library:
    """The library of this person, made if there is none. Raises StoreError."""
    return Library(default_place() if place is None else place, **options)
