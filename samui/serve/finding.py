"""Everything mode for a page: a run in a seat, told step by step.

The decoder's lock is held for one pass of a few points at a time, so a click of anybody waits for one pass at most.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from samui.errors import ParameterError, RequestError
from samui.everything import RANGES, Finished, Found, FoundMask, Parameters, Progress, stream
from samui.everything.found_masks import FOUND_BYTES, FoundMasks
from samui.models.predictor import Predictor
from samui.serve import wire
from samui.serve.in_turn import InTurn
from samui.serve.seat import Seat
from samui.serve.server import Server

HOSTED_POINTS = 64 * 64  # of a run on a public page, over all crops
_PAUSE = 0.25  # seconds between two events, so that the page draws in peace; the first masks wait for nothing
# What a page may set. The thresholds here are floors: what lies between them and SAM's own is filtered on the page.
_SETTABLE = ("points_per_side", "pred_iou_thresh", "stability_score_thresh", "min_mask_region_area", "crops_n_layers")


def defaults(predictor: Predictor) -> dict[str, Any]:
    """What a page starts with: parameters of a run, their ranges, and the filters that it sets at first.

    Thresholds are the model's own: SAM's were made for SAM's scores, and those of others are lower throughout.
    """
    usual, traits = Parameters(), predictor.traits
    parameters = {name: getattr(usual, name) for name in _SETTABLE}
    parameters["points_per_side"] = traits.points_per_side
    parameters["pred_iou_thresh"] = traits.score_floor
    parameters["stability_score_thresh"] = traits.stability_floor
    return {
        "parameters": parameters,
        "filters": {"score": traits.score_filter, "stability": traits.stability_filter},
        "ranges": {name: RANGES[name] for name in _SETTABLE},
    }


def parse_parameters(value: Any, predictor: Predictor, *, hosted: bool) -> Parameters:
    """Parameters of a run from a page's request; what is left out is the page's default.

    Raises RequestError for other names, ParameterError for a value out of range or too many points on a public page.
    """
    if value is None:
        value = {}
    if not isinstance(value, Mapping):
        raise RequestError(f"parameters: must be an object, got {type(value).__name__}")
    for name in value:
        if name not in _SETTABLE:
            raise RequestError(f"parameters: must be among {', '.join(_SETTABLE)}, got {str(name)[:60]!r}")
    parameters = Parameters(**{**defaults(predictor)["parameters"], **value})
    layers = range(parameters.crops_n_layers + 1)
    points = sum(4**layer * parameters.layer_points(layer) ** 2 for layer in layers)
    if hosted and points > HOSTED_POINTS:
        raise ParameterError(f"points_per_side: must give at most {HOSTED_POINTS} points on this page, got {points}")
    return parameters


def run(server: Server, seat: Seat, parameters: Any = None) -> Iterator[dict[str, Any]]:
    """Find all masks of a seat's image: events "started", "masks" again and again, then "done" or "cancelled".

    A run before it in the same seat ends. Events stop without a last one when the seat opens another image or changes
    its model. Each decoder pass takes its turn among the clicks of all seats. Raises SamuiError.
    """
    predictor = server.predictor_of(seat)
    checked = parse_parameters(parameters, predictor, hosted=server.settings.hosted)
    with seat.lock:
        work = seat.work
        seat.stop()
        found = FoundMasks(seat.line.next_run(), seat.line.epoch)
        seat.update(lambda work: replace(work, found=found))
    told = {"event": "everything", "run": found.run, "epoch": found.epoch}
    try:
        yield {**told, "stage": "started", "size": work.session.size}
        image = server.pixels_of(work) if checked.crops_n_layers else None
        embedding = server.embedding_of(seat, work, predictor)
        events = stream(InTurn(predictor, server.turns), image, checked, embedding=embedding, cancelled=found.cancelled)
        yield from _tell(events, seat, found, told)
    finally:  # also when the page has gone
        found.cancel()
        found.running = False


def _tell(events: Iterator[Any], seat: Seat, found: FoundMasks, told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    batch = _Batch()
    progress: dict[str, Any] = {}
    last = last_masks = float("-inf")
    for event in events:
        with seat.lock:
            work = seat.contents.work
            if work is None or work.found is not found or seat.line.epoch != found.epoch:
                return
            if isinstance(event, Found):
                batch.take(*found.change(event))
            elif isinstance(event, Finished):
                batch.added.update(found.finish(event.masks, event.report))
                end = {"stage": "cancelled" if event.cancelled else "done", **_end(found, batch.added)}
        if isinstance(event, Finished):
            yield {**told, **end}
            return
        if isinstance(event, Progress):
            left = event.remaining
            progress = {"done": event.done, "total": event.total, "left": None if left is None else round(left, 1)}
        now = time.monotonic()
        if now - last < _PAUSE and not (batch.added and now - last_masks >= _PAUSE):
            continue
        last, last_masks = now, now if batch.added else last_masks
        yield {**told, "stage": "masks", **batch.told(), **progress}


class _Batch:
    """What has changed in the masks of a run since the page was last told."""

    def __init__(self) -> None:
        self.added: dict[int, FoundMask] = {}
        self._removed: list[int] = []

    def take(self, fresh: Mapping[int, FoundMask], gone: Iterable[int]) -> None:
        """One more change: masks that are new, and ids of those that are no more."""
        self._removed += [id for id in gone if self.added.pop(id, None) is None]
        self.added.update(fresh)

    def told(self) -> dict[str, Any]:
        """The changes for the page; afterwards the batch is empty."""
        # A mask comes back when the one that replaced it is replaced, too; that is no removal for the page.
        gone = [id for id in self._removed if id not in self.added]
        added = wire.encode_found(self.added.items())
        self.added, self._removed = {}, []
        return {"added": added, "removed": gone}


def _end(found: FoundMasks, added: Mapping[int, FoundMask]) -> dict[str, Any]:
    """The last event of a run: which masks remain, those that the page does not have yet, and what became of the rest.

    report: one sentence.
    """
    order = [id for id, _ in found.items()]
    full = f"; it ended early, since its masks take more than {FOUND_BYTES >> 20} MB" if found.is_full else ""
    unsent = wire.encode_found((id, mask) for id, mask in found.items() if id in added)
    return {"order": order, "added": unsent, "report": f"{found.report}{full}"}
