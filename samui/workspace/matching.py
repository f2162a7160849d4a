"""Which image each file of a folder is: by its path, and where that says another thing than its content, by that. Pure.

An image is known by its path, size and time. A file is read only where these leave a doubt about an image that was
worked on: its file has changed, or is gone while a new file has its size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from samui.workspace.scan import File


@dataclass(frozen=True)
class Known:
    """A row of an image. path: None for one whose file was replaced by another's. digest: of its content, None as long
    as nobody has worked on it."""

    id: int
    path: str | None
    nbytes: int | None
    mtime: int | None
    digest: bytes | None
    missing: bool


@dataclass
class Plan:
    """What the rows must become. new: files that are no known image. moved: (image, its file now, None for one whose
    place another image has taken). same: images whose file is where it was, and has changed in size, time or content
    or was missing. missing: images whose file is gone."""

    new: list[File] = field(default_factory=list)
    moved: list[tuple[Known, File | None]] = field(default_factory=list)
    same: list[tuple[Known, File]] = field(default_factory=list)
    missing: list[Known] = field(default_factory=list)


def plan(known: Iterable[Known], files: Mapping[str, File], digest: Callable[[str], bytes | None]) -> Plan:
    """digest: from a path to the SHA-256 of its file's content, None for one that cannot be read."""
    found = Plan()
    loose: list[Known] = []  # images that look for their file
    doubted: dict[str, Known] = {}  # files that may be another image than the one of their path
    paths = set()
    for image in known:
        file = None if image.path is None else files.get(image.path)
        if file is None:
            loose.append(image)
            continue
        paths.add(file.path)
        if (image.nbytes, image.mtime) == (file.nbytes, file.mtime):
            if image.missing:
                found.same.append((image, file))
        elif image.digest is None or image.digest == digest(file.path):
            found.same.append((image, file))
        else:
            doubted[file.path] = image
    waiting = [files[path] for path in sorted(files.keys() - paths)]
    taken = _by_content(found, [*loose, *doubted.values()], [*waiting, *(files[path] for path in doubted)], digest)
    for path, image in doubted.items():
        if image.id in taken.images and path not in taken.paths:
            found.new.append(files[path])
        elif image.id not in taken.images and path in taken.paths:
            found.moved.append((image, None))
        elif image.id not in taken.images:
            found.same.append((image, files[path]))
    _by_size(found, [image for image in loose if image.id not in taken.images], waiting, taken)
    found.new += [file for file in waiting if file.path not in taken.paths]
    found.missing += [image for image in loose if image.id not in taken.images and not image.missing]
    return found


@dataclass
class _Taken:
    images: set[int] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)

    def note(self, found: Plan, image: Known, file: File) -> None:
        self.images.add(image.id)
        self.paths.add(file.path)
        found.moved.append((image, file))


def _by_content(
    found: Plan, images: Iterable[Known], files: Iterable[File], digest: Callable[[str], bytes | None]
) -> _Taken:
    """Files that have the content of an image that was worked on."""
    taken = _Taken()
    wanted: dict[int | None, list[Known]] = {}
    for image in images:
        if image.digest is not None:
            wanted.setdefault(image.nbytes, []).append(image)
    for file in files:
        candidates = wanted.get(file.nbytes)
        if candidates:
            content = digest(file.path)
            match = next((one for one in candidates if one.digest == content), None)
            if match is not None:
                candidates.remove(match)
                taken.note(found, match, file)
    return taken


def _by_size(found: Plan, images: Iterable[Known], files: Iterable[File], taken: _Taken) -> None:
    """Files that have size and time of an image that nobody has worked on: a wrong guess costs nothing but a note."""
    wanted: dict[tuple[int | None, int | None], list[Known]] = {}
    for image in images:
        if image.digest is None:
            wanted.setdefault((image.nbytes, image.mtime), []).append(image)
    for file in files:
        candidates = wanted.get((file.nbytes, file.mtime), [])
        if len(candidates) == 1 and file.path not in taken.paths:
            taken.note(found, candidates.pop(), file)
