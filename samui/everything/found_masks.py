"""What everything mode has found in one seat: the masks by id, and the run that finds them.

Found masks are no objects. They stay here, outside the undo list, until an action keeps, merges, rejects or refines
them; the session's state notes which ids are gone from the list, so undo brings them back.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from samui.errors import SessionError
from samui.everything import Found, FoundMask, Report

FOUND_BYTES = 128 * 2**20  # of run lengths; a run that finds more ends there
_RUN_IDS = 2**28  # ids of one run; a grid of 256 points a side with four layers of crops has fewer candidates


class FoundMasks:
    """The masks of the newest run of a seat, and the flag that stops it. Changes happen under the seat's lock."""

    def __init__(self, run: int, epoch: int) -> None:
        """run: counts the runs of a seat from 1, so that no two of their masks share an id. epoch: of its image."""
        self.run, self.epoch = run, epoch
        self.running = True
        self.report: Report | None = None
        self._masks: dict[int, FoundMask] = {}
        self._bytes = 0
        self._stop = threading.Event()

    @property
    def nbytes(self) -> int:
        """Bytes of all run lengths."""
        return self._bytes

    def items(self) -> list[tuple[int, FoundMask]]:
        """All masks with their ids, as they were found or, after the run, best first."""
        return list(self._masks.items())

    def cancel(self) -> bool:
        """Stop the run before its next decoder pass; False if it has ended already. What was found stays."""
        self._stop.set()
        return self.running

    def cancelled(self) -> bool:
        """Whether the run must stop: asked for, or no more room."""
        return self._stop.is_set() or self.is_full

    @property
    def is_full(self) -> bool:
        return self._bytes > FOUND_BYTES

    def change(self, found: Found) -> tuple[dict[int, FoundMask], list[int]]:
        """Take over what a decoder pass changed; returns the new masks by id, and the ids that are no more."""
        removed = [self._id(id) for id in found.removed]
        added = {self._id(mask.id): mask for mask in found.added}
        for id in removed:
            gone = self._masks.pop(id, None)
            self._bytes -= gone.rle.counts.nbytes if gone else 0
        self._masks.update(added)
        self._bytes += sum(mask.rle.counts.nbytes for mask in added.values())
        return added, removed

    def finish(self, masks: Sequence[FoundMask], report: Report) -> dict[int, FoundMask]:
        """Take over the masks that remain at the end; returns, by id, those that changed since they were found."""
        before = self._masks
        self._masks = {self._id(mask.id): mask for mask in masks}
        self._bytes = sum(mask.rle.counts.nbytes for mask in masks)
        self.report = report
        return {id: mask for id, mask in self._masks.items() if before.get(id) is not mask}

    def pick(self, ids: Iterable[int]) -> list[FoundMask]:
        """The masks with these ids. SessionError for an id that is not there."""
        picked = []
        for id in ids:
            if id not in self._masks:
                raise SessionError(f"masks: must be found ones, got id {id}")
            picked.append(self._masks[id])
        return picked

    def _id(self, number: int) -> int:
        """The id of the mask with this number in its run: unique among all runs of the seat."""
        return self.run * _RUN_IDS + number
