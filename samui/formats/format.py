"""`Format`: one way of writing the objects of images, and of reading them where that can be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np

from samui.errors import ExportError
from samui.formats.annotation import Annotation


@dataclass(frozen=True)
class Keeps:
    """What comes back as it was when a format is written and read.

    apart: several objects as several. holes, islands: of one object. overlap: what lies beneath another object.
    labels, scores, prompts: of each object; prompts without logits (see `SavedPrompt`).
    """

    apart: bool = False
    holes: bool = False
    islands: bool = False
    overlap: bool = False
    labels: bool = False
    scores: bool = False
    prompts: bool = False


@dataclass(frozen=True)
class Format:
    """A format by name.

    title: for people. endings: of its files, with the dot, the usual one first. One of three writes: encoder, the bytes
    of one image's file; drawer, the same on the image's pixels, RGB uint8 (H, W, 3); joiner, the pieces of one file of
    any number of images. reader: None where masks cannot be read back. label: what becomes of a label where they are
    not kept.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    media_type: str
    keeps: Keeps = field(default_factory=Keeps)
    encoder: Callable[[Annotation], bytes] | None = None
    drawer: Callable[[Annotation, np.ndarray], bytes] | None = None
    joiner: Callable[[Iterable[Annotation]], Iterator[bytes]] | None = None
    reader: Callable[[Path], Iterator[Annotation]] | None = None
    label: Callable[[str], str] = field(default=lambda _: "")

    @property
    def needs_image(self) -> bool:
        """Whether the image's pixels must be given."""
        return self.drawer is not None

    @property
    def suffix(self) -> str:
        """The usual ending, with the dot."""
        return self.endings[0]

    def encode(self, annotation: Annotation, image: np.ndarray | None = None) -> bytes:
        """The bytes of the file. image: RGB uint8 (H, W, 3), for the formats that need it.

        Raises ExportError where the format cannot hold the annotation, or the image is missing or of another size.
        """
        if self.joiner is not None:
            return b"".join(self.joiner([annotation]))
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
        return PurePath(path).suffix.lower() in self.endings

    def check_ending(self, path: str | os.PathLike[str]) -> None:
        """Raise ExportError if a file's name ends otherwise: programs would take it for something else."""
        if not self.fits(path):
            got = PurePath(path).suffix or "no ending"
            raise ExportError(
                f"{os.fspath(path)}: must end with {' or '.join(self.endings)} for the format {self.name}, got {got!r}"
            )
