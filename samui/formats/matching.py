"""Which image of a folder an annotation is of, and whether it fits: told before anything changes."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from samui.errors import FormatError, ImageError
from samui.formats.annotation import Annotation
from samui.formats.names import Index
from samui.formats.source import PICTURES
from samui.pixels.images import Header, read_header
from samui.pixels.rle import Rle

_HOW = {
    "path": "by path",
    "name": "by name",
    "stem": "by name without ending",
    "content": "by content",
}


class ImageFolder:
    """The pictures of a folder and those below it, by their relative paths with "/"; headers as they are asked for."""

    def __init__(self, folder: str | os.PathLike[str], names: Iterable[str] | None = None) -> None:
        """names: of the images, if they are known; otherwise all that end as pictures do. Raises ImageError."""
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise ImageError(
                f"{folder}: must be a folder of images, got {'a file' if self.folder.exists() else 'none'}"
            )
        self.names = sorted(_pictures(self.folder) if names is None else names)
        self.index = Index(self.names)
        self._headers: dict[str, Header] = {}
        self._digests: dict[str, str] | None = None

    def file(self, name: str) -> Path | None:
        """The file of one of the images, None if it is not there."""
        file = self.folder / name
        return file if name in self._known() and file.is_file() else None

    def header(self, told: str) -> Header | None:
        """Size and orientation of the image that a file calls so; None for none. FormatError for a broken one."""
        name = self.index.find(told).name
        if name is None:
            return None
        if name not in self._headers:
            try:
                self._headers[name] = read_header(self.folder / name)
            except ImageError as error:
                raise FormatError(f"{name}: {str(error).partition(': ')[2]}") from None
        return self._headers[name]

    def with_digest(self, digest: str) -> str | None:
        """The one image whose file has this SHA-256. The first call reads all files."""
        if self._digests is None:
            found = [(_digest(self.folder / name), name) for name in self.names]
            counts = Counter(one for one, _ in found)
            self._digests = {one: name for one, name in found if counts[one] == 1}
        return self._digests.get(digest)

    def _known(self) -> frozenset[str]:
        if not hasattr(self, "_set"):
            self._set = frozenset(self.names)
        return self._set


@dataclass(frozen=True)
class Match:
    """What became of an annotation of a file. name: of the image, None if there is none. annotation: with that name,
    turned as the image is. how: "path", "name", "stem", "content". why: in words, where it is left out."""

    annotation: Annotation
    name: str | None = None
    how: str = ""
    turned: bool = False
    why: str = ""


def match(one: Annotation, images: ImageFolder) -> Match:
    """Find the image of an annotation and make it fit. Nothing is guessed: see `samui.formats.names.Index`."""
    found = images.index.find(one.image)
    name, how = found.name, found.how
    if name is None and one.digest:
        name, how = images.with_digest(one.digest), "content"
    if name is None:
        several = ", ".join(found.several[:3])
        why = (
            f"must be one image, got {len(found.several)}: {several}"
            if several
            else "must be among the images, got none"
        )
        return Match(one, why=f"{one.image}: {why}")
    try:
        header = images.header(name)
    except FormatError as error:
        return Match(one, why=str(error))
    assert header is not None
    if one.size == header.size:
        return Match(replace(one, image=name), name, how)
    if one.size == header.size[::-1] and header.orientation >= 5:
        return Match(turned(replace(one, image=name), header), name, how, turned=True)
    (height, width), (h, w) = header.size, one.size
    return Match(one, why=f"{one.image}: must be {width}x{height} as the image {name}, got {w}x{h}")


def turned(one: Annotation, header: Header) -> Annotation:
    """An annotation of a picture that was not turned by its EXIF orientation, turned; prompts are left behind."""
    objects = []
    for item in one.objects:
        mask = item.rle.decode()
        if header.orientation in (5, 7):
            mask = mask.T if header.orientation == 5 else mask[::-1, ::-1].T
        else:
            mask = np.rot90(mask, -1 if header.orientation == 6 else 1)
        objects.append(
            replace(item, rle=Rle.encode(np.ascontiguousarray(mask)), prompt=type(item.prompt)(), gestures=())
        )
    return replace(one, size=header.size, objects=objects)


@dataclass
class Report:
    """What was matched, and what not."""

    images: int = 0
    objects: int = 0
    how: Counter[str] = field(default_factory=Counter)
    turned: int = 0
    left: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, found: Match) -> None:
        """Take note of one more."""
        if found.name is None:
            self.left.append(found.why)
            return
        self.images += 1
        self.objects += len(found.annotation.objects)
        self.how[found.how] += 1
        self.turned += found.turned

    def __str__(self) -> str:
        """In words: "2 images matched (2 by path), 5 objects; 1 left out"."""
        ways = ", ".join(f"{count} {_HOW[how]}" for how, count in sorted(self.how.items()))
        told = f"{self.images} images matched{f' ({ways})' if ways else ''}, {self.objects} objects"
        if self.turned:
            told += f"; {self.turned} turned by their EXIF orientation"
        return f"{told}; {len(self.left)} left out" if self.left else told


def _pictures(folder: Path) -> Iterable[str]:
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for name in files:
            if name.lower().endswith(PICTURES) and not name.startswith("."):
                yield (Path(at) / name).relative_to(folder).as_posix()


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return (
                hashlib.file_digest(opened, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _slow(opened)
            )
    except OSError:
        return ""


def _slow(opened) -> str:  # Python 3.10
    digest = hashlib.sha256()
    while block := opened.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()
