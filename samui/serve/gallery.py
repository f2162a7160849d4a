"""`Gallery`: the images that a server keeps the objects of, as its pages see them: of a folder or a library."""

from __future__ import annotations

import threading

from samui.errors import WorkspaceError
from samui.serve.ahead import Ahead
from samui.serve.watch import Watch
from samui.workspace.folder import Workspace
from samui.workspace.library import Library
from samui.workspace.shelf import Shelf
from samui.workspace.shelves import FOLDER, LIBRARY, Shelves

THUMBNAILS = 2  # made at once; each takes a core


class Gallery:
    """An image is called as its store calls it, "folder:UID" or "library:UID". Thread-safe.

    watch: looks for new files in the folder, None without one. ahead: has the next image ready.
    """

    def __init__(self, store: Shelves) -> None:
        self._store = store
        self.watch = None if store.folder is None else Watch(store.folder)
        self.ahead = Ahead()
        self._drawing = threading.Semaphore(THUMBNAILS)

    @property
    def shelf(self) -> Shelf | None:
        """The folder; without one, the library; None if nothing outlasts the server."""
        return self._store.folder or self._store.library

    @property
    def some_shelf(self) -> Shelf:
        """The folder or the library. WorkspaceError if there is neither."""
        if self.shelf is None:
            raise WorkspaceError("workspace: there must be a folder or a library, and this page keeps nothing")
        return self.shelf

    @property
    def folder(self) -> Workspace:
        """The folder that is worked on. WorkspaceError if there is none."""
        if self._store.folder is None:
            raise WorkspaceError("workspace: there must be a folder, and this page was started without one")
        return self._store.folder

    @property
    def library(self) -> Library:
        """The images that were opened one by one. WorkspaceError if nobody keeps them."""
        if self._store.library is None:
            raise WorkspaceError("workspace: there must be a library, and this page was started without one")
        return self._store.library

    def uid(self, image: str) -> str:
        """What the folder calls one of its images. WorkspaceError for any other."""
        shelf, uid = self._store.shelf(image)
        if shelf is not self.folder:
            raise WorkspaceError(f"image: must be one of the folder, got {image!r}")
        return uid

    def thumbnail(self, image: str) -> bytes:
        """A small WebP picture of an image; a few are made at once, so that clicks have the other cores.

        Raises WorkspaceError and ImageError.
        """
        shelf, uid = self._store.shelf(image)
        with self._drawing:
            return shelf.thumbnail(uid)


def in_folder(uid: str) -> str:
    """The name of an image of the folder."""
    return f"{FOLDER}:{uid}"


def in_library(uid: str) -> str:
    """The name of an image of the library."""
    return f"{LIBRARY}:{uid}"
