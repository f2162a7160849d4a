"""`Format`: one way of writing the objects of images, and of reading them where that can be."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath

import numpy as np

from samui.errors import ExportError
from samui.formats import archive
from samui.formats.annotation import Annotation
from samui.formats.source import Source
from samui.pixels.rle import Rle

TRAIN = "train"


@dataclass(frozen=True)
class Options:
    """What a writer is told beside the objects.

    classes: labels in the order in which a format numbers them; others follow as they come. image: gives the pixels of
    an annotation's image, RGB uint8 (H, W, 3). subset: the part of a data set that an image belongs to.
    """

    classes: tuple[str, ...] = ()
    image: Callable[[Annotation], np.ndarray] | None = None
    subset: Callable[[Annotation], str] = field(default=lambda _: TRAIN)


@dataclass(frozen=True)
class PictureOf:
    """In place of a file's content: the image's own file is put here, where images are put at all."""

    image: str


Item = tuple[str, "bytes | PictureOf"]
"""A file of a folder: its name with "/", and its content."""


@dataclass(frozen=True)
class Keeps:
    """What comes back as it was when a format is written and read.

    apart: several objects as several. holes, islands: of one object. overlap: what lies beneath another object.
    labels, scores, prompts: of each object; prompts without logits (see `SavedPrompt`). gestures: all that a person
    did, strokes and choices too. ids: each object's number in its image.
    """

    apart: bool = False
    holes: bool = False
    islands: bool = False
    overlap: bool = False
    labels: bool = False
    scores: bool = False
    prompts: bool = False
    gestures: bool = False
    ids: bool = False


@dataclass(frozen=True)
class Format:
    """A format by name.

    title: for people. endings: of its files, with the dot, the usual one first. One of four writes: encoder, the bytes
    of one image's file; drawer, the same on the image's pixels, RGB uint8 (H, W, 3); joiner, the pieces of one file of
    any number of images; packer, the files of a folder or zip, of any number of images too. beside: ending and content
    of a file that goes with an encoder's in a folder, for people. reader: None where masks cannot be read back. sniff:
    whether a file or folder is one of this format, as far as its first look tells. holds: of a mask what is in the
    file, where that may be another one. label: what becomes of a label, where not every one is kept. looks: whether
    the image's pixels are looked at, also by a joiner or packer. version: of the format.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    media_type: str
    keeps: Keeps = field(default_factory=Keeps)
    encoder: Callable[[Annotation], bytes] | None = None
    drawer: Callable[[Annotation, np.ndarray], bytes] | None = None
    joiner: Callable[[Iterable[Annotation], Options], Iterator[bytes]] | None = None
    packer: Callable[[Iterable[Annotation], Options], Iterator[Item]] | None = None
    beside: Callable[[Annotation], tuple[str, bytes]] | None = None
    reader: Callable[[Source], Iterator[Annotation]] | None = None
    sniff: Callable[[Source], bool] | None = None
    holds: Callable[[Rle], Rle] | None = None
    label: Callable[[str], str] | None = None
    looks: bool = False
    version: str = ""

    @property
    def needs_image(self) -> bool:
        """Whether the image's pixels must be given."""
        return self.drawer is not None or self.looks

    @property
    def takes_many(self) -> bool:
        """Whether one file, folder or zip holds any number of images."""
        return self.joiner is not None or self.packer is not None

    @property
    def suffix(self) -> str:
        """The usual ending, with the dot."""
        return self.endings[0]

    def kept_label(self, label: str) -> str:
        """What a label is after it was written and read."""
        if self.label is not None:
            return self.label(label)
        return label if self.keeps.labels else ""

    def encode(self, annotation: Annotation, image: np.ndarray | None = None) -> bytes:
        """The bytes of the file; of a folder those of its zip. image: RGB uint8 (H, W, 3), where it is needed.

        Raises ExportError where the format cannot hold the annotation, or the image is missing or of another size.
        """
        options = Options() if image is None else Options(image=lambda _: image)
        if self.joiner is not None:
            return b"".join(self.joiner([annotation], options))
        if self.packer is not None:
            buffer = io.BytesIO()
            archive.write_zip(buffer, ((n, c) for n, c in self.packer([annotation], options) if isinstance(c, bytes)))
            return buffer.getvalue()
        if self.encoder is not None:
            return self.encoder(annotation)
        assert self.drawer is not None, self.name
        shape = (*annotation.size, 3)
        if image is None or image.dtype != np.uint8 or image.shape != shape:
            got = "none" if image is None else f"{image.dtype} {image.shape}"
            raise ExportError(f"image: must be RGB uint8 {shape} for the format {self.name}, got {got}")
        return self.drawer(annotation, image)

    def fits(self, path: str | os.PathLike[str]) -> bool:
        """Whether a file's name ends as this format's files do."""
        name = PurePath(path).name.lower()
        return any(name.endswith(ending) and name != ending for ending in self.endings)

    def check_ending(self, path: str | os.PathLike[str]) -> None:
        """Raise ExportError if a file's name ends otherwise: programs would take it for something else."""
        if not self.fits(path):
            got = PurePath(path).suffix or "no ending"
            raise ExportError(
                f"{os.fspath(path)}: must end with {' or '.join(self.endings)} for the format {self.name}, got {got!r}"
            )
