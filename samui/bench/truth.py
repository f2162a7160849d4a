"""Photos with known masks, from a folder or a zip file: what `bench clicks` asks a model for.

Two layouts: `NAME.jpg` with `NAME.png`, a mask whose brighter half is the object; and `NAME.jpg` with `NAME.0.png`,
`NAME.1.png`, ..., region maps of several annotators as in BSDS500, where each value is one region.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from samui.bench.clicker import next_click
from samui.errors import ImageError
from samui.pixels.images import read_image

REGIONS = 2  # of each region map; more from one photo add little
REGION_SHARES = (0.01, 0.8)  # smallest and largest region of a map, as shares of the photo
_PHOTOS = (".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True, eq=False)
class Target:
    """One thing to segment. mask: bool (H, W), not empty. others: the masks of other annotators at its first click."""

    name: str
    mask: np.ndarray
    others: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True)
class Photo:
    """A photo's name, its file and the files with its masks, first annotator first."""

    name: str
    image: str
    masks: tuple[str, ...]


class Photos:
    """The photos with masks in a folder (and all folders in it) or a zip file, by name.

    divisible: only those whose name's number it divides, which is how BSDS is held out here. Raises ImageError if
    nothing is found.
    """

    def __init__(self, source: Path, *, limit: int | None = None, divisible: int | None = None) -> None:
        self._read, names = _open(source)
        found = _pairs(names)
        if divisible:
            found = [p for p in found if (number := _number(p.name)) is not None and number % divisible == 0]
        if not found:
            raise ImageError(f"{source}: must hold photos with masks (NAME.jpg and NAME.png), got none")
        self.photos = found[:limit]

    def __len__(self) -> int:
        return len(self.photos)

    def __iter__(self) -> Iterator[Photo]:
        return iter(self.photos)

    def load(self, photo: Photo) -> tuple[np.ndarray, list[Target]]:
        """RGB uint8 (H, W, 3) and what there is to find in it; an empty list for an empty or full mask."""
        image = read_image(self._read(photo.image), name=photo.image).pixels
        maps = [_decode(self._read(name), name, image.shape[:2]) for name in photo.masks]
        if photo.masks[0] == photo.name + ".png":
            mask = maps[0] * 2 > max(1, int(maps[0].max()))
            return image, [Target(photo.name, mask)] if mask.any() and not mask.all() else []
        return image, _regions(photo.name, maps)


def _open(source: Path) -> tuple[Callable[[str], bytes], list[str]]:
    if source.is_dir():
        names = [p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file()]
        return lambda name: (source / name).read_bytes(), names
    if not source.is_file():
        raise ImageError(f"{source}: must be a folder or a zip file, got nothing there")
    try:
        archive = zipfile.ZipFile(source)
    except zipfile.BadZipFile:
        raise ImageError(f"{source}: must be a folder or a zip file, got another kind of file") from None
    return archive.read, archive.namelist()


def _pairs(names: list[str]) -> list[Photo]:
    masks: dict[str, dict[int, str]] = {}
    for name in names:
        if match := re.fullmatch(r"(.+?)(?:\.(\d+))?\.png", name):
            masks.setdefault(match[1], {})[int(match[2] or -1)] = name
    photos = {name[: -len(PurePosixPath(name).suffix)]: name for name in names if name.lower().endswith(_PHOTOS)}
    return [
        Photo(stem, photos[stem], tuple(name for _, name in sorted(masks[stem].items())))
        for stem in sorted(photos)
        if stem in masks
    ]


def _number(name: str) -> int | None:
    digits = re.findall(r"\d+", PurePosixPath(name).name)
    return int(digits[0]) if digits else None


def _decode(data: bytes, name: str, size: tuple[int, int]) -> np.ndarray:
    """int64 (H, W); the channels of a coloured map become one number."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise ImageError(f"{name}: must be a PNG, got something else")
    if picture.shape[:2] != size:
        raise ImageError(f"{name}: must be as large as its photo, {size}, got {picture.shape[:2]}")
    values = picture.reshape(*size, -1)[..., :3].astype(np.int64)
    return values @ (256 ** np.arange(values.shape[2]))


def _regions(name: str, maps: list[np.ndarray]) -> list[Target]:
    values, counts = np.unique(maps[0], return_counts=True)
    share = counts / maps[0].size
    values = values[(share >= REGION_SHARES[0]) & (share <= REGION_SHARES[1])]
    draw = np.random.default_rng(_number(name) or 0)
    targets = []
    for value in draw.permutation(values)[:REGIONS]:
        mask = maps[0] == value
        x, y, _ = next_click(mask, np.zeros_like(mask))
        targets.append(Target(f"{name}:{value}", mask, tuple(m == m[int(y), int(x)] for m in maps[1:])))
    return targets
