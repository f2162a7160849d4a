"""Masks as a page reads them: COCO's compressed run lengths, with box and area."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from samui.everything import FoundMask
from samui.pixels.rle import Rle


def encode_found(masks: Iterable[tuple[int, FoundMask]]) -> list[dict[str, Any]]:
    """Masks of everything mode, by id, for the page."""
    return [
        {
            "id": id,
            "mask": encode_mask(found.rle),
            "score": round(found.score, 4),
            "stability": round(found.stability, 4),
            "colour": found.colour,
        }
        for id, found in masks
    ]


def encode_mask(mask: Rle | None) -> dict[str, Any] | None:
    """A mask for the page: size [H, W], COCO's compressed counts, box, area."""
    if mask is None:
        return None
    return {"size": list(mask.size), "counts": mask.to_string(), "box": mask.box, "area": mask.area}


def encode_hover(mask: Rle, score: float) -> dict[str, Any]:
    """The mask under the pointer, and its predicted IoU."""
    return {"mask": encode_mask(mask), "score": round(score, 4)}
