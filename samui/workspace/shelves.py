"""`Shelves`: the stores of one server as a single one: a folder's, a library's, and one that ends with the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from samui.errors import WorkspaceError
from samui.work.state import Object
from samui.workspace.folder import Workspace
from samui.workspace.library import Library
from samui.workspace.store import Kept, Operation, Store

FOLDER, LIBRARY = "folder", "library"


class Shelves:
    """A `Store`. An image is called "folder:UID", "library:UID", or in any other way that `rest` keeps it by."""

    def __init__(self, rest: Store, *, folder: Workspace | None = None, library: Library | None = None) -> None:
        self.folder, self.library, self._rest = folder, library, rest
        self._shelves: dict[str, Workspace | Library] = {}
        if folder is not None:
            self._shelves[FOLDER] = folder
        if library is not None:
            self._shelves[LIBRARY] = library

    @property
    def outlasts(self) -> bool:
        """Whether anything that is kept here outlasts the process."""
        return bool(self._shelves)

    def lasts(self, image: str) -> bool:
        """Whether what is kept of an image outlasts the process."""
        return image.partition(":")[0] in self._shelves

    def shelf(self, image: str) -> tuple[Workspace | Library, str]:
        """The folder or the library that keeps an image, and what it calls it. WorkspaceError if none does."""
        name, _, uid = image.partition(":")
        if name not in self._shelves:
            raise WorkspaceError(f"image: must be one that is kept here, got {image!r}")
        return self._shelves[name], uid

    def file(self, image: str) -> tuple[Path, str]:
        """The file of an image that is kept, and its name. Raises WorkspaceError."""
        shelf, uid = self.shelf(image)
        return shelf.file(uid), shelf.images.get(uid).name

    def adopt(self, file: Path, name: str) -> str:
        """What the library calls the image in a file, by its content; "" without a library. Raises ImageError."""
        return "" if self.library is None else f"{LIBRARY}:{self.library.adopt(file, name)}"

    def opened(self, image: str, size: tuple[int, int], file: Path) -> None:
        """An image of (H, W) pixels was opened, of which this is a copy. Raises nothing: a note that cannot be made
        costs nobody his work."""
        if self.lasts(image):
            shelf, uid = self.shelf(image)
            shelf.opened(uid, size, file)

    def objects(self, image: str) -> tuple[Object, ...]:
        """See `Store.objects`."""
        store, uid = self._of(image)
        return store.objects(uid)

    def commit(self, operation: Operation, before: Sequence[Object], after: Sequence[Object]) -> Kept:
        """See `Store.commit`."""
        store, uid = self._of(operation.image)
        return store.commit(replace(operation, image=uid), before, after)

    def knows(self, operation: str) -> bool:
        """See `Store.knows`."""
        return any(store.knows(operation) for store in (self._rest, *self._shelves.values()))

    def deleted(self, image: str) -> frozenset[str]:
        """See `Store.deleted`."""
        store, uid = self._of(image)
        return store.deleted(uid)

    def forget(self, image: str) -> None:
        """See `Store.forget`."""
        store, uid = self._of(image)
        store.forget(uid)

    def close(self) -> None:
        """Close the files."""
        for shelf in self._shelves.values():
            shelf.close()

    def _of(self, image: str) -> tuple[Store, str]:
        name, _, uid = image.partition(":")
        return (self._shelves[name], uid) if name in self._shelves else (self._rest, image)
