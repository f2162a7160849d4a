"""Everything mode over files: one image to one file, or a folder to many, in a run that can be stopped and resumed.

Each image of a folder gets a part, COCO JSON of that image alone, written last and whole or not at all: a part says
that its image is done. A later run with equal settings skips it. The combined COCO file is joined from the parts
alone, so it does not show how often a run was stopped.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from samui import files, formats
from samui.cli.folder import SUFFIXES, survey
from samui.errors import ExportError, ImageError, SamuiError
from samui.everything import Event, Finished, Parameters, stream
from samui.models.load import DTYPES
from samui.models.predictor import Predictor
from samui.pixels.images import Picture, read_image

_SETTINGS = "settings.json"
WITHOUT_EFFECT = ("points_per_batch",)  # on the masks
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What became of one image. masks: how many, None if it failed. told: the report, or the error's text."""

    name: str
    masks: int | None
    told: str
    skipped: bool = False


Watch = Callable[[str, Event], None]


def run_image(
    predictor: Predictor, file: Path, out: Path, format: formats.Format, parameters: Parameters, watch: Watch
) -> Outcome:
    """Write the masks of an image file to the file `out`. Raises ImageError and ExportError."""
    picture = read_image(file)
    annotation, told = _find(predictor, file.name, picture, parameters, watch)
    return _written(annotation, picture, out, format, told)


def run_folder(
    predictor: Predictor, folder: Path, out: Path, format: formats.Format, parameters: Parameters, watch: Watch
) -> Iterator[Outcome]:
    """Masks of all images right in a folder, by name; yields an outcome as soon as an image is on disk.

    With COCO, `out` is the combined file if it ends in .json, or else the folder of a coco.json. With other formats it
    is a folder that gets one file an image. An image that cannot be read or written has an outcome without masks, and
    the others go on; what looks like a picture and is passed over is logged once. Raises ExportError if `out` was begun
    with other settings, cannot be written or would put pictures among the images, ImageError for a folder without
    images.
    """
    found = survey(folder)
    if found.passed:
        log.warning("%s: passed over %s", folder, found.passed_over)
    if not found.images:
        raise ImageError(f"{folder}: must hold images ({', '.join(SUFFIXES)}), got none")
    joined, parts = _places(out, format)
    if joined is None and format.suffix in SUFFIXES and out.exists() and out.samefile(folder):
        # They would replace images of the same names, and a resumed run would take them for images.
        raise ExportError(f"{out}: must be another folder than the images' for the format {format.name}, got the same")
    _begin(parts, _settings(predictor, format, parameters))
    if joined is not None:
        files.check_target(joined)
    names = _names(found.images)
    for file in found.images:
        part = parts / f"{file.name}.json"
        target = None if joined is not None else out / f"{names[file]}{format.suffix}"
        done = _done(part)
        if done is not None and (target is None or target.is_file()):
            yield Outcome(file.name, done, "done before", skipped=True)
            continue
        try:
            picture = read_image(file)
            annotation, told = _find(predictor, file.name, picture, parameters, watch)
            outcome = Outcome(file.name, len(annotation.objects), told)
            if target is not None:
                outcome = _written(annotation, picture, target, format, told)
            formats.write(annotation, part, "coco")
        except SamuiError as error:
            outcome = Outcome(file.name, None, str(error))
        yield outcome
    if joined is not None:
        done_parts = (part for file in found.images if _done(part := parts / f"{file.name}.json") is not None)
        formats.write((one for part in done_parts for one in formats.read(part, "coco")), joined, format.name)


def _find(
    predictor: Predictor, name: str, picture: Picture, parameters: Parameters, watch: Watch
) -> tuple[formats.Annotation, str]:
    """The masks of an image, and the report."""
    for event in stream(predictor, picture.pixels, parameters):
        watch(name, event)
        if isinstance(event, Finished):
            found = formats.from_found(picture.name, picture.size, event.masks, predictor.name)
            return found, str(event.report)
    raise AssertionError("a run must end with Finished")


def _written(annotation: formats.Annotation, picture: Picture, out: Path, format: formats.Format, told: str) -> Outcome:
    """Write one image's file; report lost pixels only, since nobody expects a label map to hold scores."""
    lost = formats.write(annotation, out, format.name, image=picture.pixels)
    if lost.holes or lost.covered:
        told = f"{told}; {lost.of_pixels}"
    return Outcome(annotation.image, len(annotation.objects), told)


def _places(out: Path, format: formats.Format) -> tuple[Path | None, Path]:
    """(combined file or None, folder of the parts)."""
    if format.joiner is None:
        return None, out / "parts"
    if out.suffix.lower() == ".json":
        return out, out.with_suffix(".parts")
    return out / "coco.json", out / "parts"


def _names(files: Sequence[Path]) -> dict[Path, str]:
    """What each image's own file is called, without its ending.

    Other programs pair a file with its image by the stem. If another image has the same stem or name, with or without
    regard to case, the file gets the image's whole name, which no other image has.
    """
    taken = Counter(text.casefold() for file in files for text in (file.stem, file.name))
    return {file: file.stem if taken[file.stem.casefold()] == 1 else file.name for file in files}


def _settings(predictor: Predictor, format: formats.Format, parameters: Parameters) -> dict:
    chosen = {name: value for name, value in asdict(parameters).items() if name not in WITHOUT_EFFECT}
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
    """The option that resumes a run begun with this value, if some option is certain to give it again."""
    if value is None or name == "revision":
        return ""
    if name == "dtype" and value not in DTYPES:  # chosen by "auto", which measures, so it may choose another next time
        return f"--dtype auto may take {value} another time or on another machine; else "
    return f"to go on, give --{name.replace('_', '-')} {value}; else "


def _done(part: Path) -> int | None:
    """How many masks a part holds, None if the part is missing or not whole. Not every mask is looked at: there may be
    hundreds of thousands to skip."""
    try:
        document = json.loads(part.read_bytes())
    except (OSError, ValueError):
        return None
    found = document.get("annotations") if isinstance(document, dict) else None
    return len(found) if isinstance(found, list) else None
