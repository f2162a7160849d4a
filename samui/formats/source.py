"""`Source`: what is read, be it a file, a folder or a zip: files by their names, and the sizes of their images."""

from __future__ import annotations

import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from samui.errors import FormatError, ImageError
from samui.formats import checks
from samui.formats.names import Index
from samui.pixels.images import Header, read_header

MAX_ENTRIES = 1_000_000  # files of a folder or zip
MAX_ENTRY = 1_000_000_000  # bytes of a file in a zip, unpacked
PICTURES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".mpo")
_HEAD = 1 << 20  # bytes of a picture in a zip that its header lies in, mostly

Headers = Callable[[str], "Header | None"]
"""From an image's name to what its file's header says; None for one that is not there."""


class Source:
    """The files under a path, for a reader. Nothing is unpacked to the disk.

    path: a file, a folder or a zip. headers: knows images that do not lie beside the file. tell: is given what was
    passed over, in words.

    Raises FormatError for what cannot be read, and a zip with absolute names, "..", names twice or too many files.
    """

    def __init__(
        self, path: Path, headers: Headers | None = None, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self.path, self.tell = path, tell
        self._headers = headers
        self._zip: zipfile.ZipFile | None = None
        self._names: list[str] | None = None
        self._document: tuple[str, Any] | None = None
        self._pictures: Index | None = None
        try:
            self.is_folder = path.is_dir()
        except ValueError as error:  # a null character
            raise FormatError(f"must be a readable file, got: {error}") from None

    @property
    def is_zip(self) -> bool:
        """Whether it is a zip, by its ending."""
        return not self.is_folder and self.path.suffix.lower() == ".zip"

    @property
    def is_tree(self) -> bool:
        """Whether it holds files by names: a folder or a zip."""
        return self.is_folder or self.is_zip

    def names(self, *suffixes: str, under: str = "") -> list[str]:
        """The files of a folder by name, of a zip in its order; only those with these endings, below a folder."""
        if self._names is None:
            self._names = self._zipped() if self.is_zip else sorted(self._in_folder()) if self.is_folder else []
        return [
            name
            for name in self._names
            if (not suffixes or name.lower().endswith(suffixes)) and (not under or name.startswith(f"{under}/"))
        ]

    def has(self, name: str) -> bool:
        """Whether there is such a file in the folder or zip."""
        return name in self.names()

    def read(self, name: str = "") -> bytes:
        """The content of a file, by default of the path itself; of a plain file also those beside and below it."""
        if not name:
            return checks.file_bytes(self.path)
        if self._zip is None and self.is_zip:
            self.names()
        if self._zip is not None:
            return self._unpacked(self._zip, name, MAX_ENTRY)
        return checks.file_bytes((self.path if self.is_folder else self.path.parent) / inner(name))

    def document(self, name: str = "") -> Any:
        """The JSON of a file. The last one is remembered, since its kind is looked at before it is read."""
        if self._document is None or self._document[0] != name:
            self._document = name, checks.document(self.read(name))
        return self._document[1]

    def header(self, image: str, *, near: str = "") -> Header | None:
        """Size and orientation of an image: by the headers, or of a file in the folder or zip, or beside the file.

        image: as a file names it; an ending may be missing. near: the name in the folder of the file that says so,
        whose neighbour is looked for first.
        """
        found = None if self._headers is None else self._headers(image)
        if found is not None:
            return found
        if not self.is_tree:
            beside = self.path.parent / PurePosixPath(image.replace("\\", "/")).name
            places = [beside] if beside.suffix else [beside.with_name(beside.name + end) for end in PICTURES]
            return next((read_header(one) for one in places if one.is_file()), None)
        if self._pictures is None:
            self._pictures = Index(name for name in self.names(*PICTURES))
        name = self._pictures.find(str(PurePosixPath(near).parent / image) if near else image).name
        name = name or self._pictures.find(image).name
        return None if name is None else self.picture(name)

    def picture(self, name: str) -> Header:
        """Size and orientation of a picture in the folder or zip. Raises FormatError."""
        try:
            if self._zip is None:
                return read_header(self.path / inner(name))
            return read_header(self._unpacked(self._zip, name, MAX_ENTRY))
        except ImageError as error:
            raise FormatError(f"{name}: {str(error).partition(': ')[2]}") from None

    def size(self, image: str, *, near: str = "") -> tuple[int, int]:
        """(H, W) of an image. Raises FormatError if it is not there."""
        found = self.header(image, near=near)
        if found is None:
            place = near or image
            raise FormatError(f"{place}: must have its image {image!r} beside it, or in a folder of images, got none")
        return found.size

    def _in_folder(self) -> list[str]:
        found = []
        for folder, folders, files in os.walk(self.path):
            folders[:] = sorted(one for one in folders if not one.startswith("."))
            at = Path(folder).relative_to(self.path).as_posix()
            found += [file if at == "." else f"{at}/{file}" for file in files if not file.startswith(".")]
            if len(found) > MAX_ENTRIES:
                raise FormatError(f"must hold at most {MAX_ENTRIES} files, got more")
        return found

    def _zipped(self) -> list[str]:
        try:
            if self.path.exists() and not stat.S_ISREG(self.path.stat().st_mode):
                raise FormatError("must be a file, got a device")
            self._zip = zipfile.ZipFile(self.path)
            entries = [one for one in self._zip.infolist() if not one.is_dir()]
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
            raise FormatError(f"must be a whole zip file, got: {error}") from None
        except OSError as error:
            raise FormatError(f"must be a readable file, got: {error.strerror or error}") from None
        if len(entries) > MAX_ENTRIES:
            raise FormatError(f"must hold at most {MAX_ENTRIES} files, got {len(entries)}")
        names = [one.filename for one in entries]
        seen = set()
        for name in names:
            inner(name)
            if name in seen:
                raise FormatError(f"{checks.short(name)}: must be a name of its own in the zip, got it twice")
            seen.add(name)
        hidden = ("__MACOSX/",)  # what macOS adds to a zip
        return [n for n in names if not n.startswith(hidden) and not PurePosixPath(n).name.startswith(".")]

    def _unpacked(self, archive: zipfile.ZipFile, name: str, most: int) -> bytes:
        try:
            entry = archive.getinfo(name)
        except KeyError:
            raise FormatError(f"{checks.short(name)}: must be in the zip, got none") from None
        if entry.file_size > most:
            raise FormatError(f"{name}: must have at most {most} bytes, got {entry.file_size}")
        try:
            return archive.read(entry)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError) as error:
            raise FormatError(f"{name}: must be a whole zip file, got: {error}") from None


def inner(name: str) -> PurePosixPath:
    """A name that a file gives of another one below it. Raises FormatError for absolute ones and such with ".."."""
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or "\0" in name or re.match("[A-Za-z]:", name):
        raise FormatError(f"{checks.short(name)}: must be a path inside the folder, got one that leads out of it")
    return PurePosixPath("/".join(parts))
