"""Photo sets as they lie on disk: zip files of `NAME.webp` beside a mask, a region map or polygons.

A set is decoded once, shrunk to the working size and kept as one flat array of bytes, which a later run maps into
memory again without decoding anything.

| set | masks beside `NAME.webp` | use |
|---|---|---|
| duts, human | `NAME.png`, 1 bit: the main object(s) | training |
| bsds | `NAME.K.png`, the region map of annotator K | training; names divisible by 3 are held out |
| coco128 | `NAME.json`, polygons of the instances | training |
| unlabelled | none | backgrounds |
| voc, coco, coco-person, ccp, carparts, facade, camvid, mixed | many masks, see below | training but one in ten |
| ecssd | `NAME.png`, 1 bit | held out, never trained on |

Many masks a photo: `NAME.png` is a map of objects 1 to 254, 0 where nothing is labelled, 255 what is neither object nor
background; `NAME.json` holds run lengths of objects that may overlap. Their labels stand in `index.json`.
"""

import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from PIL import Image

from samui import files
from samui.pixels.rle import Rle

SALIENT = ("duts", "human")
MANY = ("voc", "coco", "coco-person", "ccp", "carparts", "facade", "camvid", "mixed")  # many masks a photo
TRAINING = ("duts", "human", "bsds", "coco128", "unlabelled", *MANY)
NEITHER = 255  # in a map of objects: neither the object nor its background


@dataclass(frozen=True)
class Photo:
    """One photo: RGB uint8 HxWx3, and label maps HxW uint8.

    `kind` says how to read the maps: "object" (255 is the object), "regions" (every value is a region),
    "instances" (one 0/255 map an instance), "labels" (values 1 to 254 are objects, of which no two overlap in one map,
    255 is neither object nor background), or "none". `labels` names the objects of "labels", map by map.
    """

    name: str
    image: np.ndarray
    kind: str
    maps: tuple[np.ndarray, ...]
    labels: tuple[tuple[str, ...], ...] = ()


def is_held_out(set_name: str, photo_name: str) -> bool:
    """Whether a photo is for measuring alone: all of ECSSD, every third BSDS number, one name in ten of the others."""
    if set_name in MANY:
        return is_one_in_ten(photo_name)
    return set_name == "ecssd" or (set_name == "bsds" and int(photo_name) % 3 == 0)


def is_one_in_ten(name: str) -> bool:
    """Whether a name belongs to the fixed tenth that is held out; frames of one film (`swan-00012`) stay together."""
    return zlib.crc32(re.sub(r"-\d+$", "", PurePosixPath(name).name).encode()) % 10 == 0


def read_set(folder: Path, *, set_name: str, longest: int = 320) -> Iterator[Photo]:
    """Yield the photos of `folder/set_name*.zip`, sorted by name, longest side at most `longest` pixels.

    Raises FileNotFoundError where the folder holds no such zip, ValueError for a photo that does not decode.
    """
    archives = sorted(folder.glob(f"{set_name}.zip")) or sorted(folder.glob(f"{set_name}-[0-9]*.zip"))
    if not archives:
        raise FileNotFoundError(f"{folder}: must hold {set_name}.zip or {set_name}-*.zip")
    for archive in archives:
        with zipfile.ZipFile(archive) as files:
            if set_name in MANY:
                yield from read_many(files, longest)
                continue
            members = {Path(member).name: member for member in files.namelist()}
            for name in sorted(Path(member).stem for member in members if member.endswith((".webp", ".jpg"))):
                yield read_photo(files, members, name, longest)


def read_many(archive: zipfile.ZipFile, longest: int) -> Iterator[Photo]:
    """Yield the photos of a zip with many masks a photo, by name; names keep their folder."""
    members = set(archive.namelist())
    named = {
        f"{folder}/{name}": {number: label for number, label, _ in facts["objects"]}
        for folder in sorted({member.split("/")[0] for member in members})
        if f"{folder}/index.json" in members
        for name, facts in json.loads(archive.read(f"{folder}/index.json")).items()
    }
    for name in sorted(member[:-4] for member in members if member.endswith(".jpg")):
        image = decode_photo(archive.read(f"{name}.jpg"), f"{name}.jpg")
        if f"{name}.png" in members:
            # Of an indexed PNG the numbers are wanted, and OpenCV gives the colours.
            drawn = np.array(Image.open(io.BytesIO(archive.read(f"{name}.png"))))
            maps = [drawn]
            count = int(drawn[drawn < NEITHER].max(initial=0))
            labels = [[named.get(name, {}).get(k, "") for k in range(1, count + 1)]]
        else:
            maps, labels = layer(json.loads(archive.read(f"{name}.json"))["objects"], image.shape[:2])
        image, maps = shrink(image, maps, longest)
        yield Photo(name, cv2.cvtColor(image, cv2.COLOR_BGR2RGB), "labels", tuple(maps), tuple(map(tuple, labels)))


def layer(objects: list[dict], size: tuple[int, int]) -> tuple[list[np.ndarray], list[list[str]]]:
    """Objects given as run lengths, in as few maps as hold them without overlap, and the labels of each map."""
    maps, labels = [np.zeros(size, np.uint8)], [[]]
    for each in objects:
        mask = Rle.from_string(size, each["segmentation"]["counts"]).decode()
        for drawn, names in zip(maps, labels, strict=True):
            if len(names) < NEITHER - 1 and not drawn[mask].any():
                break
        else:
            drawn, names = np.zeros(size, np.uint8), []
            maps.append(drawn)
            labels.append(names)
        names.append(each["label"])
        drawn[mask] = len(names)
    return maps, labels


def read_photo(files: zipfile.ZipFile, members: dict[str, str], name: str, longest: int) -> Photo:
    """Decode one photo and whatever masks lie beside it."""
    picture = members.get(f"{name}.webp") or members[f"{name}.jpg"]
    image = decode_photo(files.read(picture), picture)
    height, width = image.shape[:2]
    if f"{name}.json" in members:
        kind, maps = "instances", rasterise(json.loads(files.read(members[f"{name}.json"])), height, width)
    elif f"{name}.png" in members:
        drawn = decode_map(files.read(members[f"{name}.png"]))
        kind, maps = "object", [np.where(drawn > 0, np.uint8(255), np.uint8(0))]
    else:
        drawn = [members[f"{name}.{k}.png"] for k in range(12) if f"{name}.{k}.png" in members]
        kind, maps = ("regions" if drawn else "none"), [decode_map(files.read(member)) for member in drawn]
    image, maps = shrink(image, maps, longest)
    return Photo(name, cv2.cvtColor(image, cv2.COLOR_BGR2RGB), kind, tuple(maps))


def shrink(image: np.ndarray, maps: list[np.ndarray], longest: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """A photo and its maps with at most `longest` pixels a side."""
    height, width = image.shape[:2]
    scale = min(1.0, longest / max(height, width))
    if scale == 1:
        return image, maps
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    smaller = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return smaller, [cv2.resize(each, size, interpolation=cv2.INTER_NEAREST) for each in maps]


def decode_photo(data: bytes, name: str) -> np.ndarray:
    """A photo as BGR uint8 HxWx3."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{name}: must be a photo that OpenCV decodes")
    return image


def decode_map(data: bytes) -> np.ndarray:
    """A mask or region map as uint8 HxW, values as stored."""
    drawn = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if drawn is None:
        raise ValueError("mask: must be a PNG that OpenCV decodes")
    return drawn if drawn.ndim == 2 else drawn[..., 0]


def rasterise(instances: list, height: int, width: int) -> list[np.ndarray]:
    """One 0/255 map for each instance given as a list of polygons `[[x, y], ...]` (or as one polygon)."""
    maps = []
    for polygons in instances:
        polygons = [polygons] if polygons and np.ndim(polygons[0][0]) == 0 else polygons
        drawn = np.zeros((height, width), np.uint8)
        cv2.fillPoly(drawn, [np.round(np.array(polygon)).astype(np.int32) for polygon in polygons], 255)
        if drawn.any():
            maps.append(drawn)
    return maps


class PhotoStore:
    """Decoded photos by number, kept in one flat byte array; cheap to index, safe to read from any thread."""

    def __init__(self, flat: np.ndarray, index: list[dict]):
        self.flat = flat
        self.index = index

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, number: int) -> Photo:
        entry = self.index[number]
        height, width = entry["size"]
        pixels, start = height * width, entry["start"]
        image = self.flat[start : start + 3 * pixels].reshape(height, width, 3)
        start += 3 * pixels
        maps = tuple(
            self.flat[start + k * pixels : start + (k + 1) * pixels].reshape(height, width)
            for k in range(entry["maps"])
        )
        return Photo(entry["name"], image, entry["kind"], maps, tuple(map(tuple, entry.get("labels", ()))))

    def names(self) -> list[str]:
        return [entry["name"] for entry in self.index]


def open_set(folder: Path, *, set_name: str, cache: Path | None, held_out: bool, longest: int = 320) -> PhotoStore:
    """The training part of a set, or its held-out part; decoded at the first call, mapped from `cache` later."""
    part = "held-out" if held_out else "train"
    place = None if cache is None else cache / f"{set_name}-{part}-{longest}"
    if place is not None and place.with_suffix(".json").exists():
        index = json.loads(place.with_suffix(".json").read_text())
        return PhotoStore(np.load(place.with_suffix(".npy"), mmap_mode="r"), index)
    index, pieces, start = [], [], 0
    for photo in read_set(folder, set_name=set_name, longest=longest):
        if is_held_out(set_name, photo.name) != held_out:
            continue
        entry = {"name": photo.name, "size": photo.image.shape[:2], "kind": photo.kind, "maps": len(photo.maps)}
        index.append(entry | {"start": start, "labels": photo.labels})
        pieces += [photo.image.ravel(), *(each.ravel() for each in photo.maps)]
        start += photo.image.size + sum(each.size for each in photo.maps)
    flat = np.concatenate(pieces) if pieces else np.zeros(0, np.uint8)
    if place is not None:
        cache.mkdir(parents=True, exist_ok=True)
        np.save(place.with_suffix(".npy"), flat)
        # The index is written last, by rename: if it exists, the pixels are whole.
        with files.replacing(place.with_suffix(".json"), durable=False) as file:
            file.write(json.dumps(index).encode())
    return PhotoStore(flat, index)
