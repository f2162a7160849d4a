"""What everything mode hands out: masks, the events of a run, and the report of what each threshold removed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from samui.everything.parameters import Parameters
from samui.pixels.rle import Rle
from samui.types import Prompt


@dataclass(frozen=True, eq=False)
class FoundMask:
    """One mask of an image.

    id: unique in its run, the same in every run with equal input. rle: the mask at image size. score: predicted IoU.
    stability: 0 to 1. box: (x0, y0, x1, y1) of the mask in pixels, right and bottom exclusive. area: pixels.
    point: (x, y) in image pixels, the click that found it. candidate: which of the decoder's masks for that click, in
    the model's own order. crop: (x0, y0, x1, y1) of the part of the image that the model saw. colour: "#rrggbb", far
    from those of the masks next to it.
    """

    id: int
    rle: Rle
    score: float
    stability: float
    box: tuple[int, int, int, int]
    area: int
    point: tuple[float, float]
    candidate: int
    crop: tuple[int, int, int, int]
    colour: str = ""

    @property
    def mask(self) -> np.ndarray:
        """Bool (H, W), made anew at each access."""
        return self.rle.decode()

    @property
    def prompt(self) -> Prompt:
        """What gives this mask again as candidate `candidate`, up to rounding; if it is from the whole image."""
        return Prompt([self.point], [1])


@dataclass(frozen=True)
class Progress:
    """How far a run is: stage "encode" before an encoder call, "decode" after a decoder pass.

    done, total: points of the grids of all crops. elapsed: seconds since the start.
    """

    stage: str
    done: int
    total: int
    elapsed: float

    @property
    def remaining(self) -> float | None:
        """Seconds left at the present pace, None until the pace is known."""
        return self.elapsed / self.done * (self.total - self.done) if self.done else None


@dataclass(frozen=True)
class Found:
    """Masks that a decoder pass added, and ids of those shown before that a better one replaces. Both provisional."""

    added: tuple[FoundMask, ...]
    removed: tuple[int, ...]


@dataclass(frozen=True)
class Report:
    """How many candidates there were and how many each rule removed, in the order in which the rules apply.

    highest_score, highest_stability: of all candidates that came to that rule, None if none came.
    """

    parameters: Parameters
    candidates: int = 0
    pred_iou_thresh: int = 0
    stability_score_thresh: int = 0
    empty: int = 0
    crop_edge: int = 0
    box_nms_thresh: int = 0
    crops_nms_thresh: int = 0
    min_mask_region_area: int = 0
    highest_score: float | None = None
    highest_stability: float | None = None

    @property
    def kept(self) -> int:
        """Number of masks that remain."""
        return self.candidates - sum(getattr(self, rule) for rule in _RULES)

    def __str__(self) -> str:
        """One sentence, such as "no masks found: of 192 candidates pred_iou_thresh 0.88 removed 192 (highest 0.57)"."""
        told = []
        highest = {"pred_iou_thresh": self.highest_score, "stability_score_thresh": self.highest_stability}
        for rule, words in _RULES.items():
            removed = getattr(self, rule)
            if removed:
                value = getattr(self.parameters, rule, None)
                top = highest.get(rule)
                note = "" if top is None else f" (highest {top:.3g})"
                told.append(f"{words or f'{rule} {value:g}'} removed {removed}{note}")
        head = {0: "no masks found", 1: "1 mask"}.get(self.kept, f"{self.kept} masks")
        candidates = "1 candidate" if self.candidates == 1 else f"{self.candidates} candidates"
        return f"{head}: of {candidates} {', '.join(told) or 'none was removed'}"


# Those without words are named by their parameter and its value.
_RULES = {
    "pred_iou_thresh": "",
    "stability_score_thresh": "",
    "empty": "being empty",
    "crop_edge": "being cut by a crop's edge",
    "box_nms_thresh": "",
    "crops_nms_thresh": "",
    "min_mask_region_area": "",
}


@dataclass(frozen=True)
class Finished:
    """The end of a run. masks: those that remain, highest predicted IoU first. cancelled: whether it ended early."""

    masks: tuple[FoundMask, ...]
    report: Report
    cancelled: bool
    elapsed: float


Event = Progress | Found | Finished


class Masks(list[FoundMask]):
    """A list of masks, best first, with `report`: what the thresholds removed."""

    def __init__(self, masks: tuple[FoundMask, ...], report: Report) -> None:
        super().__init__(masks)
        self.report = report
