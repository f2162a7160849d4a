"""`Lost`: in numbers, what of some objects a format cannot hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from samui.formats.annotation import Annotation
from samui.formats.format import Format


@dataclass(frozen=True)
class Lost:
    """Of how many objects what is not in the file. All 0 if all of it can be read back.

    objects: all there were. melted: objects that cannot be told apart. holes: objects with a hole that was closed.
    joined: objects whose parts are joined by a line one pixel wide. covered: objects that lie, at least in part,
    beneath others. labels, scores, prompts: objects that had one. lowest_iou: of an object as it was with what the file
    holds of it; 1.0 where no pixel is lost.
    """

    objects: int = 0
    melted: int = 0
    holes: int = 0
    joined: int = 0
    covered: int = 0
    labels: int = 0
    scores: int = 0
    prompts: int = 0
    lowest_iou: float = 1.0

    def __bool__(self) -> bool:
        """Whether anything is lost."""
        return any((self.melted, self.holes, self.joined, self.covered, self.labels, self.scores, self.prompts))

    def __add__(self, other: Lost) -> Lost:
        counts = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        return Lost(**counts, lowest_iou=min(self.lowest_iou, other.lowest_iou))

    def __str__(self) -> str:
        """In words: "3 of 40 objects lost a hole; 40 of 40 objects lost their score; lowest IoU 0.960"."""
        return self._told(_WORDS)

    @property
    def of_pixels(self) -> str:
        """In words, what masks lost, and not what was known of them."""
        return self._told(("melted", "holes", "joined", "covered"))

    def _told(self, names: Iterable[str]) -> str:
        counts = ((getattr(self, name), _WORDS[name]) for name in names)
        told = [f"{count} of {self.objects} objects {words}" for count, words in counts if count]
        if self.lowest_iou < 1:
            told.append(f"lowest IoU {self.lowest_iou:.3f}")
        return "; ".join(told) or "nothing lost"


_WORDS = {
    "melted": "cannot be told apart",
    "holes": "lost a hole",
    "joined": "have their parts joined by a line",
    "covered": "lost what lies beneath others",
    "labels": "lost their label",
    "scores": "lost their score",
    "prompts": "lost their prompt",
}
_COUNTS = ("objects", *_WORDS)


def lost(annotation: Annotation, format: Format) -> Lost:
    """What a format cannot hold of an annotation.

    Costs nothing where it holds everything, else up to two decodings of each mask. Of a format that cannot be read at
    all, pictures for looking at, nothing is told.
    """
    objects, keeps = annotation.objects, format.keeps
    if format.reader is None:
        return Lost(len(objects))
    told = {
        "labels": sum(bool(one.label) and format.kept_label(one.label) != one.label for one in objects),
        "scores": 0 if keeps.scores else sum(one.score is not None for one in objects),
        "prompts": 0 if keeps.prompts else sum(not one.prompt.is_empty for one in objects),
        "melted": 0 if keeps.apart or len(objects) < 2 else len(objects),
    }
    ratios = [1.0]
    if format.holds is not None:
        told["holes"] = told["joined"] = 0
        for one in objects:
            held = format.holds(one.rle)
            if held != one.rle:  # it has pixels more
                ratios.append(one.rle.area / max(held.area, 1))
                told["holes" if keeps.islands else "joined"] += 1
    if keeps.apart and not keeps.overlap:
        areas = np.array([one.rle.area for one in objects], np.int64)
        left = _uncovered(annotation)
        told["covered"] = int((left < areas).sum())
        ratios += (left / np.maximum(areas, 1))[left < areas].tolist()
    return Lost(len(objects), **told, lowest_iou=min(ratios))


def _uncovered(annotation: Annotation) -> np.ndarray:
    """Pixels of each object that no later one covers."""
    top = np.zeros(annotation.size, np.int32)
    for number, mask in enumerate(annotation.masks(), start=1):
        top[mask] = number
    return np.bincount(top.ravel(), minlength=len(annotation.objects) + 1)[1:]
