"""A workspace's objects as files: which images and objects, in what parts of a data set, with pictures or without."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from samui import formats
from samui.errors import ExportError, ImageError, WorkspaceError
from samui.formats import Annotation, Format, Lost, Options
from samui.formats.format import TRAIN
from samui.formats.names import OwnNames, ending
from samui.formats.writing import Pictures, Placing, new_folder, place
from samui.pixels.images import read_header, read_image
from samui.workspace.folder import Workspace
from samui.workspace.rows import Filter, Image

Split = tuple[tuple[str, float], ...]
Watch = Callable[[int, int], None]


@dataclass(frozen=True)
class Choice:
    """What is exported. states: of the images, () for all. labels: of the objects, () for all, and then images without
    any of them are left out. split: (name, part) of each subset, the parts summing to 1; () for no subsets."""

    states: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    split: Split = ()


@dataclass(frozen=True)
class Exported:
    """What an export came to. subsets: images in each. left: sentences for the images that could not be read."""

    images: int
    objects: int
    lost: Lost
    subsets: dict[str, int]
    left: tuple[str, ...] = ()


def export(
    workspace: Workspace,
    out: Path,
    format: str,
    choice: Choice = Choice(),
    *,
    placing: Placing = "leave",
    watch: Watch = lambda *_: None,
) -> Exported:
    """Write a workspace's objects in a format: to a file, a zip or a new folder, whole or not at all.

    A format with one file for all images has one a subset in a folder, `train.json`; one with a file an image has them
    in the subset's folder. Classes are numbered in the order of the workspace's labels. An image is always in the same
    subset, whatever images come or go. placing: whether the pictures come along, by copy or link. watch: is told how
    many images are done, of how many. One image's objects are in memory at a time. Raises ExportError.
    """
    chosen = formats.get(format)
    images = _images(workspace, choice)
    if not images:
        raise ExportError("export: must be some images, got none that are meant")
    names = tuple(label.name for label in workspace.labels.all())
    options = Options(
        classes=choice.labels or names,
        image=lambda one: read_image(workspace.folder / one.image).pixels,
        subset=lambda one: subset_of(one.image, choice.split),
    )
    job = _Job(workspace, chosen, choice, options, placing, watch, len(images))
    if chosen.packer is not None:
        lost = formats.write(job.annotations(images), out, format, options=options, pictures=job.pictures)
    elif chosen.fits(out) and not choice.split:
        lost = job.one_file(images, out)
    else:
        lost = job.folder(images, out)
    return Exported(job.images, job.objects, lost, job.subsets, tuple(job.left))


def subset_of(image: str, split: Split) -> str:
    """The subset of an image by its name alone."""
    if not split:
        return TRAIN
    place = int.from_bytes(hashlib.sha256(image.encode("utf-8", "surrogateescape")).digest()[:8], "big") / 2**64
    for name, part in split:
        if place < part:
            return name
        place -= part
    return split[-1][0]


def parse_split(text: str) -> Split:
    """The subsets of a text like "train=0.8,val=0.2". Raises ExportError."""
    found: list[tuple[str, float]] = []
    for word in text.split(","):
        name, equals, part = word.partition("=")
        try:
            number = float(part)
        except ValueError:
            number = -1.0
        if not equals or not name.strip().isidentifier() or not 0 < number <= 1:
            raise ExportError(f"split: must be like train=0.8,val=0.2, got {text!r}")
        found.append((name.strip(), number))
    if abs(sum(part for _, part in found) - 1) > 1e-6 or len({name for name, _ in found}) < len(found):
        raise ExportError(f"split: must be parts of different names that sum to 1, got {text!r}")
    return tuple(found)


def annotation_of(workspace: Workspace, image: Image, labels: Sequence[str] = ()) -> Annotation:
    """The objects of an image of a workspace; labels: which, () for all. Raises ImageError."""
    objects = workspace.objects(image.uid)
    size = objects[0].mask.size if objects else image.size or read_header(workspace.folder / image.path).size
    found = formats.from_objects(image.path, size, [one for one in objects if not labels or one.label in labels])
    return replace(found, state=image.state, note=image.note)


def _images(workspace: Workspace, choice: Choice) -> list[Image]:
    states = choice.states or (None,)
    found = {image.uid: image for state in states for image in workspace.images.all(Filter(state=state))}
    return sorted(found.values(), key=lambda image: image.path)


class _Job:
    def __init__(
        self,
        workspace: Workspace,
        chosen: Format,
        choice: Choice,
        options: Options,
        placing: Placing,
        watch: Watch,
        total: int,
    ) -> None:
        self.workspace, self.chosen, self.choice, self.options = workspace, chosen, choice, options
        self.placing, self.watch, self.total = placing, watch, total
        self.images = self.objects = self.done = 0
        self.subsets: dict[str, int] = {}
        self.left: list[str] = []
        self.pictures = Pictures(self._file, placing)

    def _file(self, name: str) -> Path | None:
        file = self.workspace.folder / name
        return file if file.is_file() else None

    def annotations(self, images: Sequence[Image], placed: Path | None = None) -> Iterator[Annotation]:
        """The objects of images, one image after the other; placed: where their pictures go."""
        names = OwnNames()
        for image in images:
            self.done += 1
            self.watch(self.done, self.total)
            try:
                found = annotation_of(self.workspace, image, self.choice.labels)
            except ImageError as error:
                self.left.append(str(error))
                continue
            if self.choice.labels and not found.objects:
                continue
            if self.chosen.name == "samui":
                found = replace(found, digest=self._digest(image))
            self.images += 1
            self.objects += len(found.objects)
            subset = subset_of(found.image, self.choice.split)
            self.subsets[subset] = self.subsets.get(subset, 0) + 1
            if placed is not None:
                own = names.of(found.image)
                place(found.image, placed / f"{own}{ending(found.image)}", self.pictures)
            yield found

    def _digest(self, image: Image) -> str:
        try:
            with self.workspace.file(image.uid).open("rb") as file:
                digest = hashlib.sha256()
                while block := file.read(1 << 20):
                    digest.update(block)
            return digest.hexdigest()
        except (OSError, WorkspaceError):
            return ""

    def one_file(self, images: Sequence[Image], out: Path) -> Lost:
        """All images in one file, or the only one."""
        if self.placing != "leave":
            raise ExportError(f"{out}: must be a folder or a zip to hold the images too, got a file")
        if self.chosen.joiner is not None:
            return formats.write(self.annotations(images), out, self.chosen.name, options=self.options)
        found = list(self.annotations(images))
        if len(found) != 1:
            got = len(found)
            raise ExportError(
                f"{out}: must be a folder for any but one image in the format {self.chosen.name}, got {got}"
            )
        return formats.write(found[0], out, self.chosen.name, options=self.options)

    def folder(self, images: Sequence[Image], out: Path) -> Lost:
        """A file a subset, or a file an image in a folder a subset."""
        lost = Lost()
        with new_folder(out) as folder:
            for subset in [name for name, _ in self.choice.split] or [""]:
                meant = [one for one in images if not subset or subset_of(one.path, self.choice.split) == subset]
                below = folder / subset
                placed = None if self.placing == "leave" else below / "images"
                if self.chosen.joiner is not None:
                    target = folder / f"{subset or self.chosen.name}{self.chosen.suffix}"
                else:
                    target = below if placed is None else below / "masks"
                    target.mkdir(parents=True, exist_ok=True)
                many = self.annotations(meant, placed)
                lost += formats.write(many, target, self.chosen.name, options=self.options)
        return lost
