"""Photos with known masks, out of folders or zip files: what `bench clicks` asks a model for.

Three layouts: `NAME.jpg` with `NAME.png`, a mask whose brighter half is the object; `NAME.jpg` with `NAME.0.png`,
`NAME.1.png`, ..., region maps of several annotators as in BSDS500, where each value is one region; and photos with many
masks, `FOLDER/NAME.jpg` with a map of objects or with run lengths (`samui.bench.many`).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from samui.bench import many
from samui.bench.clicker import next_click
from samui.errors import ImageError
from samui.pixels.images import read_image

REGIONS = 2  # of each region map; more from one photo add little
REGION_SHARES = (0.01, 0.8)  # smallest and largest region of a map, as shares of the photo
_PHOTOS = (".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")

Read = Callable[[str], bytes]


@dataclass(frozen=True, eq=False)
class Target:
    """One thing to segment. mask: bool (H, W), not empty. others: what other annotators have at its first click.

    ignored: bool (H, W) of the pixels of which nobody knows whether they belong to it; None where all are known.
    """

    name: str
    mask: np.ndarray
    others: tuple[np.ndarray, ...] = ()
    ignored: np.ndarray | None = None

    @property
    def share(self) -> float:
        """Of the photo that it fills, 0 to 1."""
        return float(self.mask.mean())


@dataclass(frozen=True)
class Photo:
    """A photo's name, its set, its file, the files with its masks, first annotator first, and what reads them all."""

    name: str
    source: str
    image: str
    masks: tuple[str, ...]
    read: Read
    many: bool = False


class Photos:
    """The photos of folders (with all folders in them) or zip files that have masks, by name.

    limit: so many of each source. divisible: only those whose name's number it divides, which is how BSDS is held out
    here. held_out: only the tenth of the names that training leaves out. shares: smallest and largest region of a map,
    as shares of the photo. Raises ImageError for a source in which nothing is found.
    """

    def __init__(
        self,
        *sources: Path,
        limit: int | None = None,
        divisible: int | None = None,
        held_out: bool = False,
        shares: tuple[float, float] | None = None,
    ) -> None:
        self._shares = shares
        self.photos: list[Photo] = []
        for source in sources:
            read, names = _open(source)
            found = _pairs(source.stem, read, names)
            if divisible:
                found = [p for p in found if (number := _number(p.name)) is not None and number % divisible == 0]
            if held_out:
                found = [p for p in found if many.is_held_out(p.name)]
            if not found:
                raise ImageError(f"{source}: must hold photos with masks (NAME.jpg and NAME.png), got none")
            self.photos += found[:limit]

    def __len__(self) -> int:
        return len(self.photos)

    def __iter__(self) -> Iterator[Photo]:
        return iter(self.photos)

    def load(self, photo: Photo) -> tuple[np.ndarray, list[Target]]:
        """RGB uint8 (H, W, 3) and what there is to find in it; an empty list for an empty or full mask."""
        image = read_image(photo.read(photo.image), name=photo.image).pixels
        if photo.many:
            return image, self._things(photo, image.shape[:2])
        maps = [_decode(photo.read(name), name, image.shape[:2]) for name in photo.masks]
        if photo.masks[0] == photo.name + ".png":
            mask = maps[0] * 2 > max(1, int(maps[0].max()))
            return image, [Target(photo.name, mask)] if mask.any() and not mask.all() else []
        return image, _regions(photo.name, maps, self._shares or REGION_SHARES)

    def _things(self, photo: Photo, size: tuple[int, int]) -> list[Target]:
        """Small, medium and large things by turns, of a photo with many masks."""
        (file,) = photo.masks
        if file.endswith(".json"):
            things, ignored = many.run_lengths(photo.read(file), file, size)
        else:
            things, ignored = many.objects(photo.read(file), file, size)
        chosen = many.choose(photo.name, [float(mask.mean()) for mask in things], self._shares or many.SHARES)
        return [Target(f"{photo.name}:{k + 1}", things[k], ignored=ignored) for k in chosen]


def _open(source: Path) -> tuple[Read, list[str]]:
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


def _pairs(source: str, read: Read, names: Sequence[str]) -> list[Photo]:
    masks: dict[str, dict[int, str]] = {}
    for name in names:
        if match := re.fullmatch(r"(.+?)(?:\.(\d+))?\.png", name):
            masks.setdefault(match[1], {})[int(match[2] or -1)] = name
        elif name.endswith(".json"):
            masks.setdefault(name.removesuffix(".json"), {})[-1] = name
    indexed = {str(PurePosixPath(name).parent) for name in names if PurePosixPath(name).name == many.INDEX}
    photos = {name[: -len(PurePosixPath(name).suffix)]: name for name in names if name.lower().endswith(_PHOTOS)}
    found = []
    for stem in sorted(photos):
        if stem in masks:
            of_many = str(PurePosixPath(stem).parent) in indexed
            files = tuple(name for _, name in sorted(masks[stem].items()))
            if of_many or files[0].endswith(".png"):
                folder = PurePosixPath(stem).parent.name if of_many else ""
                found.append(
                    Photo(stem, folder or source, photos[stem], files[:1] if of_many else files, read, of_many)
                )
    return found


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


def _regions(name: str, maps: list[np.ndarray], shares: tuple[float, float]) -> list[Target]:
    values, counts = np.unique(maps[0], return_counts=True)
    share = counts / maps[0].size
    values = values[(share >= shares[0]) & (share <= shares[1])]
    draw = np.random.default_rng(_number(name) or 0)
    targets = []
    for value in draw.permutation(values)[:REGIONS]:
        mask = maps[0] == value
        x, y, _ = next_click(mask, np.zeros_like(mask))
        targets.append(Target(f"{name}:{value}", mask, tuple(m == m[int(y), int(x)] for m in maps[1:])))
    return targets
