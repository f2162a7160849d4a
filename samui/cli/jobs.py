"""Everything mode over files: one image to one file, or a folder to many, in a run that can be stopped and goes on.

For each image of a folder a part, COCO JSON of that image alone, is written last and whole or not at all, so that a
part says: this image is done. A later run with equal settings skips it. The combined COCO file is joined from the parts
alone, so it does not show how often a run was stopped.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from samui import files, formats
from samui.errors import ExportError, ImageError, SamuiError
from samui.everything import Event, Finished, FoundMask, Parameters, stream
from samui.formats import coco
from samui.models.load import DTYPES
from samui.models.predictor import Predictor
from samui.pixels.images import read_image

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".mpo")
_SETTINGS = "settings.json"
_WITHOUT_EFFECT = ("points_per_batch",)  # on the masks


@dataclass(frozen=True)
class Outcome:
    """What became of one image. masks: how many, None if it failed. told: the report, or the error's text."""

    name: str
    masks: int | None
    told: str
    skipped: bool = False


Watch = Callable[[str, Event], None]


def annotate(name: str, size: tuple[int, int], masks: Sequence[FoundMask], model: str) -> formats.Annotation:
    """Found masks of an image of size (H, W) as an annotation; ids count from 1, best first, but large ones come first.

    Formats draw later objects on top, and a small mask would vanish below a large one.
    """
    saved = []
    for id, mask in enumerate(masks, start=1):
        made_by = {"candidate": mask.candidate, "crop": list(mask.crop), "stability": mask.stability}
        prompt = {**formats.describe(mask.prompt), **made_by}
        saved.append(formats.SavedObject(id, "", mask.colour, mask.rle, mask.score, prompt, model))
    saved.sort(key=lambda one: (-one.rle.area, one.id))
    return formats.Annotation(name, size, saved)


def run_image(
    predictor: Predictor, file: Path, out: Path, format: formats.Format, parameters: Parameters, watch: Watch
) -> Outcome:
    """Write the masks of an image file to the file `out`. Raises ImageError and ExportError."""
    outcome, annotation, pixels = _find(predictor, file, parameters, watch)
    files.write(out, format.encode(annotation, pixels if format.needs_image else None))
    return outcome


def run_folder(
    predictor: Predictor, folder: Path, out: Path, format: formats.Format, parameters: Parameters, watch: Watch
) -> Iterator[Outcome]:
    """Masks of all images right in a folder, by name; yields an outcome as soon as an image is on disk.

    With COCO, `out` is the combined file if it ends in .json, or else the folder of a coco.json. With other formats it
    is a folder that gets one file an image. An image that cannot be read or written has an outcome without masks, and
    the others go on. Raises ExportError if `out` was begun with other settings, cannot be written or would put pictures
    among the images, ImageError for a folder without images.
    """
    images = image_files(folder)
    if not images:
        raise ImageError(f"{folder}: must hold images ({', '.join(SUFFIXES)}), got none")
    joined, parts = _places(out, format)
    if joined is None and format.suffix in SUFFIXES and out.exists() and out.samefile(folder):
        # They would replace images of their names, and be taken for images by the run that goes on.
        raise ExportError(f"{out}: must be another folder than the images' for the format {format.name}, got the same")
    _begin(parts, _settings(predictor, format, parameters))
    if joined is not None:
        files.check_target(joined)
    names = _names(images)
    for file in images:
        part = parts / f"{file.name}.json"
        target = None if joined is not None else out / f"{names[file]}{format.suffix}"
        document = _read(part)
        if document is not None and (target is None or target.is_file()):
            yield Outcome(file.name, len(document["annotations"]), "done before", skipped=True)
            continue
        try:
            outcome, annotation, pixels = _find(predictor, file, parameters, watch)
            if target is not None:
                files.write(target, format.encode(annotation, pixels if format.needs_image else None))
            files.write(part, coco.encode(annotation))
        except SamuiError as error:
            outcome = Outcome(file.name, None, str(error))
        yield outcome
    if joined is not None:
        files.write(joined, join([parts / f"{file.name}.json" for file in images]))


def image_files(folder: Path) -> list[Path]:
    """The files right in a folder whose names end as an image's do, by name. Raises ImageError for no such folder."""
    try:
        found = [Path(entry) for entry in os.scandir(folder) if entry.is_file()]
    except OSError as error:
        raise ImageError(f"{folder}: must be a folder that can be read, got: {error.strerror or error}") from error
    return sorted((path for path in found if path.suffix.lower() in SUFFIXES), key=lambda path: os.fsencode(path.name))


def join(parts: Sequence[Path]) -> Iterator[bytes]:
    """The COCO file of several images from the files of each, in pieces; missing ones are left out.

    The bytes are those of `formats.coco.encode_all`, but one image at a time is in memory.
    """
    present = [part for part in parts if _read(part) is not None]
    images = [{**_read(part)["images"][0], "id": id} for id, part in enumerate(present, start=1)]
    head = json.loads(coco.encode_all([]))
    for name in head:
        yield (b"{" if name == "info" else b", ") + json.dumps(name).encode() + b": "
        if name == "annotations":
            yield from _entries(present)
        elif name == "images":
            yield json.dumps(images).encode("ascii")
        elif name == "categories":
            yield json.dumps(_categories(present)).encode("ascii")
        else:
            yield json.dumps(head[name]).encode("ascii")
    yield b"}"


def _entries(parts: Sequence[Path]) -> Iterator[bytes]:
    count = 0
    yield b"["
    for image_id, part in enumerate(parts, start=1):
        for entry in _read(part)["annotations"]:
            count += 1
            text = json.dumps({**entry, "id": count, "image_id": image_id, "category_id": 1})
            yield (b", " if count > 1 else b"") + text.encode("ascii")
    yield b"]"


def _categories(parts: Sequence[Path]) -> list:
    """Everything mode names nothing, so there is one category, or none if there are no masks."""
    return next((found for part in parts if (found := _read(part)["categories"])), [])


def _find(
    predictor: Predictor, file: Path, parameters: Parameters, watch: Watch
) -> tuple[Outcome, formats.Annotation, np.ndarray]:
    picture = read_image(file)
    for event in stream(predictor, picture.pixels, parameters):
        watch(file.name, event)
        if isinstance(event, Finished):
            annotation = annotate(picture.name, picture.size, event.masks, predictor.name)
            return Outcome(file.name, len(event.masks), str(event.report)), annotation, picture.pixels
    raise AssertionError("a run must end with Finished")


def _places(out: Path, format: formats.Format) -> tuple[Path | None, Path]:
    """(combined file or None, folder of the parts)."""
    if format.name != "coco":
        return None, out / "parts"
    if out.suffix.lower() == ".json":
        return out, out.with_suffix(".parts")
    return out / "coco.json", out / "parts"


def _names(files: Sequence[Path]) -> dict[Path, str]:
    """What each image's own file is called, without its ending.

    The stem alone pairs with the image in other programs. Where it is another image's stem or name as well, also if
    only on a system that does not tell capitals apart, the whole name is taken, which is nobody's else then.
    """
    taken = Counter(text.casefold() for file in files for text in (file.stem, file.name))
    return {file: file.stem if taken[file.stem.casefold()] == 1 else file.name for file in files}


def _settings(predictor: Predictor, format: formats.Format, parameters: Parameters) -> dict:
    chosen = {name: value for name, value in asdict(parameters).items() if name not in _WITHOUT_EFFECT}
    return {"model": predictor.name, "revision": predictor.revision, "dtype": predictor.dtype} | {
        "format": format.name,
        **chosen,
    }


def _begin(parts: Path, settings: dict) -> None:
    """Make the folder of parts, or check that it was made with equal settings."""
    try:
        parts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"{parts}: must be a folder that can be made, got: {error.strerror or error}") from error
    file = parts / _SETTINGS
    try:
        before = json.loads(file.read_bytes())
    except FileNotFoundError:
        files.write(file, json.dumps(settings, indent=1).encode())
        return
    except (OSError, ValueError) as error:
        raise ExportError(f"{file}: must be readable JSON, got: {error}") from error
    if not isinstance(before, dict):
        raise ExportError(f"{file}: must be the settings of an earlier run, got {type(before).__name__}")
    for name in settings:
        if before.get(name) != settings[name]:
            began = f"{name} {before[name]}" if name in before else f"no {name}"
            ways = f"{_way_on(name, before.get(name))}choose another --out, or remove this folder to begin anew"
            raise ExportError(f"{parts}: was begun with {began}, got {settings[name]}; {ways}")


def _way_on(name: str, value: object) -> str:
    """With which option the run goes on that was begun with this value, where one gives it again for certain."""
    if value is None or name == "revision":
        return ""
    if name == "dtype" and value not in DTYPES:  # which "auto" took; it measures, so it may take another next time
        return f"--dtype auto may take {value} another time or on another machine; else "
    return f"to go on, give --{name.replace('_', '-')} {value}; else "


def _read(part: Path) -> dict | None:
    """The COCO document of a part, None if there is none that is whole."""
    try:
        document = json.loads(part.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) and "annotations" in document else None
