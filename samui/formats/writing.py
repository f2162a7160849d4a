"""`write`: the objects of one image or of many, in any format, to a file, a zip or a folder; whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from samui import files
from samui.errors import ExportError
from samui.formats import archive
from samui.formats.annotation import Annotation
from samui.formats.format import Format, Item, Options, PictureOf
from samui.formats.losses import Lost, lost
from samui.formats.names import OwnNames
from samui.formats.registry import for_file, get

Placing = Literal["leave", "copy", "link"]


@dataclass(frozen=True)
class Pictures:
    """What becomes of the images' own files in a folder or zip that has a place for them.

    find: from an image's name to its file, None if it is not there. placing: "copy", "link" (another name of the file
    where the system has that, or else a copy), "leave": not put there.
    """

    find: Callable[[str], Path | None]
    placing: Placing = "leave"


def write(
    annotations: Annotation | Iterable[Annotation],
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    image: np.ndarray | Callable[[Annotation], np.ndarray] | None = None,
    options: Options | None = None,
    pictures: Pictures | None = None,
) -> Lost:
    """Write the objects of one image or of many, and tell what the format could not hold of them.

    annotations: one, or any number, which are asked for one after the other and let go, so that memory does not grow
    with their number. path: a file. Of many images in a format of one image a file: a folder, which must exist and gets
    a file an image, named like it. Of a format of several files: a zip, by its ending, or else a folder that is new or
    empty. format: a name; by the ending of `path` if None. image: RGB uint8 (H, W, 3), or what gives it for an
    annotation, for the formats that draw on it or measure it. options: classes and subsets. In a folder a label map has
    a CSV beside it.

    Each file is written whole or not at all, and so is a folder of several files. Raises ExportError.
    """
    chosen = for_file(path) if format is None else get(format)
    options = options or Options()
    if image is not None:
        given = image
        options = replace(options, image=given if callable(given) else lambda _: given)
    told = Lost()

    def noted(given: Iterable[Annotation]) -> Iterator[Annotation]:
        nonlocal told
        for one in given:
            told += lost(one, chosen)
            yield one

    many = noted([annotations] if isinstance(annotations, Annotation) else annotations)
    if chosen.packer is not None:
        _pack(chosen.packer(many, options), Path(path), pictures)
    elif chosen.joiner is not None:
        files.write(path, chosen.joiner(many, options))
    elif isinstance(annotations, Annotation):
        for one in many:
            files.write(path, _encoded(one, chosen, options))
    else:
        names = OwnNames(flat=True)
        for one in many:
            target = Path(path) / f"{names.of(one.image)}{chosen.suffix}"
            files.write(target, _encoded(one, chosen, options))
            if chosen.beside is not None:
                suffix, content = chosen.beside(one)
                files.write(target.with_suffix(suffix), content)
    return told


def _encoded(one: Annotation, format: Format, options: Options) -> bytes:
    image = options.image if format.needs_image else None
    return format.encode(one, None if image is None else image(one))


def _pack(items: Iterator[Item], path: Path, pictures: Pictures | None) -> None:
    if path.suffix.lower() == ".zip":
        with files.writing(path) as file:
            archive.write_zip(file, _contents(items, pictures))
        return
    with new_folder(path) as folder:
        for name, content in items:
            target = folder / name
            if isinstance(content, PictureOf):
                place(content.image, target, pictures)
                continue
            with _as_export_error(path):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)


def _contents(items: Iterator[Item], pictures: Pictures | None) -> Iterator[tuple[str, bytes]]:
    for name, content in items:
        if not isinstance(content, PictureOf):
            yield name, content
        elif pictures is not None and pictures.placing != "leave":
            with _as_export_error(Path(content.image)):
                yield name, _found(content.image, pictures).read_bytes()


def place(image: str, target: Path, pictures: Pictures | None) -> None:
    """Put an image's file there, as `pictures` says. Raises ExportError."""
    if pictures is None or pictures.placing == "leave":
        return
    file = _found(image, pictures)
    with _as_export_error(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if pictures.placing == "link":
            with contextlib.suppress(OSError):  # another disk, or a system that has no links
                os.link(file, target)
                return
        shutil.copyfile(file, target)


def _found(image: str, pictures: Pictures) -> Path:
    file = pictures.find(image)
    if file is None:
        raise ExportError(f"{image}: must be there to be put beside its masks, got none")
    return file


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder that takes this name once the block has ended. Raises ExportError if there is one that holds something.

    If the block raises, nothing is left behind.
    """
    with _as_export_error(path):
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            got = "one that holds something" if path.is_dir() else "a file"
            raise ExportError(f"{path}: must be a new or an empty folder, or end with .zip, got {got}")
        temporary = path.absolute().with_name(f".samui-{secrets.token_hex(8)}{files.TEMPORARY}")
        temporary.mkdir()
    try:
        yield temporary
        with _as_export_error(path):
            if path.exists():
                path.rmdir()
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def _as_export_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExportError(f"{path}: must be a place that can be written, got: {error.strerror or error}") from error
