"""Names of images: what files call them, found again among those that are there, and names for files of their own."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import parse_qs, unquote, urlsplit

from samui.errors import ExportError

_SERVED = re.compile(r"^(?:https?://|s3://|gs://|/data/)", re.IGNORECASE)
_UPLOADED = re.compile(r"^[0-9a-f]{8}-(?=.)")  # Label Studio's prefix of what was uploaded


@dataclass(frozen=True)
class Found:
    """What a name stands for. name: of the image, None for none. how: "path", "name", "stem", "" for none.
    several: names that it may stand for, where it is not known which."""

    name: str | None
    how: str = ""
    several: tuple[str, ...] = ()


class Index:
    """Names of images, found by what files call them.

    By relative path first, whose leading folders may be missing on either side; then by a base name that only one has;
    then by one without its ending. Never guessed: where several fit, none is taken.
    """

    def __init__(self, names: Iterable[str]) -> None:
        """names: with "/"; they are found as they are given."""
        self._paths: _Ends = defaultdict(list)
        self._bare: _Ends = defaultdict(list)  # without their ending
        for name in names:
            parts = _parts(name)
            if parts:
                _note(self._paths, name, parts)
                _note(self._bare, name, [*parts[:-1], PurePosixPath(parts[-1]).stem])

    def find(self, told: str) -> Found:
        """The image that a file calls so: with slashes of any kind, absolute, as an address, without an ending."""
        several: tuple[str, ...] = ()
        readings = _readings(told)
        bare = [[*parts[:-1], PurePosixPath(parts[-1]).stem] for parts in readings]
        for ends, tried in ((self._paths, readings), (self._bare, readings), (self._bare, bare)):
            for parts in tried:
                for start in range(len(parts)):
                    found = ends.get("/".join(parts[start:]).casefold(), [])
                    exact = [name for name, own in found if own == parts[start:]]
                    if len(exact) != 1:
                        folded = [one.casefold() for one in parts[start:]]
                        exact = [name for name, own in found if [one.casefold() for one in own] == folded]
                    if len(exact) == 1 or len(found) == 1:
                        how = "path" if len(parts) - start > 1 or start == 0 else "name"
                        return Found(
                            exact[0] if len(exact) == 1 else found[0][0], how if ends is self._paths else "stem"
                        )
                    several = several or tuple(name for name, _ in found)
        return Found(None, "", several)


_Ends = dict[str, list[tuple[str, list[str]]]]
"""From every end of a path, in one case, to the images that have it, with the parts of their whole paths."""


def _note(ends: _Ends, name: str, parts: list[str]) -> None:
    for start in range(len(parts)):
        ends["/".join(parts[start:]).casefold()].append((name, parts))


def _readings(told: str) -> list[list[str]]:
    """The paths that a name may mean, the plainest first."""
    readings = [_parts(told)]
    if _SERVED.match(told):
        address = urlsplit(told)
        query = parse_qs(address.query).get("d")  # Label Studio's local files
        readings = [_parts(query[0])] if query else [_parts(unquote(address.path))]
    for parts in list(readings):
        if parts and "%" in parts[-1]:
            readings.append([unquote(one) for one in parts])
        if parts and _UPLOADED.match(parts[-1]):
            readings.append([*parts[:-1], _UPLOADED.sub("", parts[-1])])
    return [parts for parts in readings if parts]


def _parts(name: str) -> list[str]:
    return [one for one in re.sub("^[A-Za-z]:", "", name).replace("\\", "/").split("/") if one not in ("", ".", "..")]


class OwnNames:
    """What the files of images are called in a folder, without ending: each its own, whatever capitals count."""

    def __init__(self, *, flat: bool = False) -> None:
        """flat: without the folders of an image's name. Otherwise they are kept; none leads out of the folder."""
        self._flat = flat
        self._taken: set[str] = set()

    def of(self, image: str) -> str:
        """The image's name without its ending, or whole where that is taken; with "/". Raises ExportError."""
        path = PureWindowsPath(image)  # which knows both kinds of slashes
        folders = [] if self._flat else [one for one in path.parts[:-1] if one not in (path.anchor, "..", ".")]
        for own in (PurePosixPath(path.name).stem, path.name):
            whole = "/".join([*folders, own])
            if whole.casefold() not in self._taken and own.strip(". ") and "\0" not in whole:
                self._taken.add(whole.casefold())
                return whole
        raise ExportError(f"image: must have a file name of its own among the images, got {image!r}")


def ending(image: str) -> str:
    """The ending of an image's name, with the dot, as it is written; "" for none."""
    return PureWindowsPath(image).suffix
