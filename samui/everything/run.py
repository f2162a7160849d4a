"""The run of everything mode: `stream` yields masks as it finds them, `everything` returns those that remain."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from samui.errors import ImageError
from samui.everything import outline
from samui.everything.found import Event, Finished, Found, FoundMask, Masks, Progress, Report
from samui.everything.grid import Crop, crops, order, points
from samui.everything.nms import box_iou, keep_best
from samui.everything.parameters import Parameters
from samui.everything.regions import remove_small_regions
from samui.pixels.colours import NeighbourColours
from samui.pixels.geometry import Frame, run_lengths
from samui.pixels.rle import Rle

if TYPE_CHECKING:
    import PIL.Image

    from samui.models.predictor import Embedding, Predictor

Box = tuple[int, int, int, int]
_FIRST_PASS = 2  # points
_NEAR_EDGE = 20  # pixels; `is_box_near_crop_edge` of segment-anything


def everything(predictor: Predictor, image: np.ndarray | PIL.Image.Image, **parameters: Any) -> Masks:
    """All masks of an RGB uint8 (H, W, 3) array or a PIL image, highest predicted IoU first; `.report` says of what.

    parameters: those of `Parameters`. Runs the encoder once, once more a crop, and the decoder for every point of the
    grid. Raises ParameterError for a value out of range, ImageError for what is no such image.
    """
    for event in stream(predictor, image, Parameters(**parameters)):
        if isinstance(event, Finished):
            return Masks(event.masks, event.report)
    raise AssertionError("a run must end with Finished")


def stream(
    predictor: Predictor,
    image: np.ndarray | PIL.Image.Image | None,
    parameters: Parameters | None = None,
    *,
    embedding: Embedding | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """The events of a run: Progress and Found after each decoder pass, Finished at the end.

    image: as for `everything`; may be None if `embedding` is given, the image's own, and there are no crops.
    cancelled: asked before each call of the model; once it says True, Finished follows with what was found so far.
    """
    parameters = parameters or Parameters()
    start = time.perf_counter()
    if image is None and (embedding is None or parameters.crops_n_layers):
        raise ImageError("image: must be given without an embedding and with crops_n_layers above 0, got None")
    # What is neither an array nor a picture is left to the predictor, which refuses it.
    pixels: Any = _as_rgb(image) if hasattr(image, "convert") else image
    if image is not None and embedding is not None and pixels.shape[:2] != embedding.size:
        raise ImageError(f"image: must have the embedding's size {embedding.size}, got {pixels.shape[:2]}")
    if embedding is None:
        yield Progress("encode", 0, 0, 0.0)
        embedding = predictor.embed(pixels)

    run = _Run(parameters, embedding.size)
    parts = crops(*embedding.size, parameters)
    total = sum(parameters.layer_points(part.layer) ** 2 for part in parts)
    done = 0
    stopped = False
    for crop in parts:
        if stopped := stopped or cancelled():
            break
        if crop.layer:
            yield Progress("encode", done, total, time.perf_counter() - start)
            embedding = predictor.embed(crop.cut(pixels))
        clicks = points(crop, parameters)
        view = run.begin(crop, embedding.frame)
        sequence = order(len(clicks))
        step = min(parameters.points_per_batch, predictor.points_per_pass)
        # A first pass of its own, so that a mask shows up at once where a whole pass takes a second.
        for part in np.split(sequence, range(min(_FIRST_PASS, step), len(sequence), step)):
            if stopped := cancelled():
                break
            run.add(view, part, clicks[part], *predictor.predict_points(embedding, clicks[part]))
            done += len(part)
            change = run.change()
            yield Progress("decode", done, total, time.perf_counter() - start)
            if change.added or change.removed:
                yield change
    yield Finished(*run.finish(), stopped, time.perf_counter() - start)


class _View(NamedTuple):
    """A crop as a run looks at it. frame: of its embedding. first_id: of its first candidate."""

    crop: Crop
    frame: Frame
    first_id: int


class _Run:
    """The masks of one run so far, and the rules that decide which remain."""

    def __init__(self, parameters: Parameters, size: tuple[int, int]) -> None:
        self._rules, self._size = parameters, size
        self._past: list[FoundMask] = []  # of crops that are done: those that remain among their own crop's
        self._masks: list[FoundMask] = []  # of the crop at hand: all that passed the filters
        self._shown: dict[int, FoundMask] = {}
        self._colours = NeighbourColours(size)
        self._counts: Counter[str] = Counter()
        self._highest: dict[str, float] = {}

    def begin(self, crop: Crop, frame: Frame) -> _View:
        """Begin a crop and settle the one before; returns what `add` takes for it. frame: of its embedding."""
        self._settle()
        return _View(crop, frame, self._counts["candidates"])

    def add(self, view: _View, indices: np.ndarray, clicks: np.ndarray, logits: np.ndarray, scores: np.ndarray) -> None:
        """Filter the candidates (n, k, h, w) with scores (n, k) of clicks (n, 2), whose grid indices are `indices`."""
        wanted = self._rules.pred_iou_thresh
        self._counts["candidates"] += scores.size
        self._note("highest_score", float(scores.max()))
        passed = scores > np.float32(wanted) if wanted > 0 else np.ones(scores.shape, np.bool_)
        self._counts["pred_iou_thresh"] += int(np.count_nonzero(~passed))
        for i, k in np.argwhere(passed):
            made = self._outline(view, logits[i, k])
            if made is None:
                continue
            rle, box, stability = made
            x, y = clicks[i] + view.crop.box[:2]
            self._masks.append(
                FoundMask(
                    id=view.first_id + int(indices[i]) * scores.shape[1] + int(k),
                    rle=rle,
                    score=float(scores[i, k]),
                    stability=stability,
                    box=box,
                    area=rle.area,
                    point=(float(x), float(y)),
                    candidate=int(k),
                    crop=view.crop.box,
                )
            )

    def change(self) -> Found:
        """What is new since the last call among the masks that remain."""
        remaining = {mask.id: mask for mask in self._remaining()}
        removed = {id: mask for id, mask in self._shown.items() if id not in remaining}
        for id in removed:
            del self._shown[id]
            self._colours.drop(id)
        added = []
        for id, mask in remaining.items():
            if id not in self._shown:
                # The better mask of a thing looks like the one that it replaces: nothing flickers on the page.
                like = next((old.colour for old in removed.values() if box_iou(old.box, mask.box) > 0.5), None)
                mask = replace(mask, colour=self._colours.pick(id, mask.rle, like=like))
                self._shown[id] = mask
                added.append(mask)
        return Found(tuple(added), tuple(removed))

    def finish(self) -> tuple[tuple[FoundMask, ...], Report]:
        """The masks that remain, best first, and what became of the others."""
        self._settle()
        remaining = self._remaining()
        self._counts["crops_nms_thresh"] = len(self._past) - len(remaining)
        masks = self._without_small_regions([self._shown[mask.id] for mask in remaining])
        masks.sort(key=lambda mask: -mask.score)
        told: dict[str, Any] = {**self._counts, **self._highest}
        return tuple(masks), Report(self._rules, **told)

    def _outline(self, view: _View, logits: np.ndarray) -> tuple[Rle, Box, float] | None:
        """Mask, its box and its stability of a candidate (h, w) of a crop; None if a rule removes it."""
        stability = outline.stability(logits, view.frame, self._rules.stability_score_offset)
        self._note("highest_stability", stability)
        wanted = self._rules.stability_score_thresh
        if wanted > 0 and not np.float32(stability) > np.float32(wanted):  # not a number: no pixel is near the mask
            self._counts["stability_score_thresh"] += 1
            return None
        runs = view.crop.place(view.frame.spans(logits), self._size)
        rle = Rle(self._size, run_lengths(runs, self._size))
        box = rle.box
        if box is None:
            self._counts["empty"] += 1
            return None
        if _is_cut(box, view.crop, self._size):
            self._counts["crop_edge"] += 1
            return None
        return rle, box, stability

    def _settle(self) -> None:
        """Close the current crop: only masks that no better one covers stay."""
        best = self._best()
        self._counts["box_nms_thresh"] += len(self._masks) - len(best)
        self._past += best
        self._masks = []

    def _best(self) -> list[FoundMask]:
        """The masks of the crop at hand that no better one covers, best first."""
        masks = sorted(self._masks, key=lambda mask: mask.id)  # of equal scores the first in the grid wins
        kept = keep_best(_corners(masks), [mask.score for mask in masks], self._rules.box_nms_thresh)
        return [masks[i] for i in kept]

    def _remaining(self) -> list[FoundMask]:
        """The masks that no better one of their crop covers, and none of a smaller crop."""
        masks = self._past + self._best()
        if self._rules.crops_n_layers == 0:
            return masks
        nearness = [1 / ((m.crop[2] - m.crop[0]) * (m.crop[3] - m.crop[1])) for m in masks]
        return [masks[i] for i in keep_best(_corners(masks), nearness, self._rules.crops_nms_thresh)]

    def _without_small_regions(self, masks: list[FoundMask]) -> list[FoundMask]:
        """Masks without small islands and holes; of those that now cover each other, the ones that did not change."""
        rules = self._rules
        if rules.min_mask_region_area == 0:
            return masks
        cleaned, unchanged = [], []
        for mask in masks:
            rle = remove_small_regions(mask.rle, rules.min_mask_region_area)
            box = rle.box
            assert box is not None  # the largest island of a mask always stays
            unchanged.append(float(rle is mask.rle))
            cleaned.append(mask if rle is mask.rle else replace(mask, rle=rle, box=box, area=rle.area))
        kept = keep_best(_corners(cleaned), unchanged, max(rules.box_nms_thresh, rules.crops_nms_thresh))
        self._counts["min_mask_region_area"] = len(masks) - len(kept)
        return [cleaned[i] for i in kept]

    def _note(self, what: str, value: float) -> None:
        if value > self._highest.get(what, -np.inf):
            self._highest[what] = value


def _as_rgb(image: Any) -> np.ndarray:
    return np.asarray(image.convert("RGB"))


def _corners(masks: Sequence[FoundMask]) -> np.ndarray:
    """Boxes as the reference has them for its rules: right and bottom are the last pixel, not the one after it."""
    return np.array([mask.box for mask in masks]).reshape(-1, 4) - np.array([0, 0, 1, 1])


def _is_cut(box: Box, crop: Crop, size: tuple[int, int]) -> bool:
    """Whether a mask ends near an edge of its crop that is not near the image's: the crop shows it in part only."""
    corners = np.array(box) - np.array([0, 0, 1, 1])
    near_crop = np.abs(corners - np.array(crop.box)) <= _NEAR_EDGE
    near_image = np.abs(corners - np.array([0, 0, size[1], size[0]])) <= _NEAR_EDGE
    return bool((near_crop & ~near_image).any())
