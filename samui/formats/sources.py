"""From what samui holds to annotations: the objects of a session, and the masks of everything mode."""

from __future__ import annotations

from collections.abc import Iterable

from samui.everything import FoundMask
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.prompt import SavedPrompt
from samui.work.state import Object


def from_objects(name: str, size: tuple[int, int], objects: Iterable[Object]) -> Annotation:
    """The objects of an image of size (H, W) as an annotation; hidden ones too."""
    saved = []
    for item in objects:
        prompt = SavedPrompt.of(item.prompt, candidate=item.candidate, snapped=item.snapped)
        saved.append(
            SavedObject(
                item.id,
                item.label,
                item.colour,
                item.mask,
                item.score,
                prompt,
                item.model,
                uid=item.uid,
                visible=item.visible,
                gestures=item.gestures,
            )
        )
    return Annotation(name, size, saved)


def from_found(name: str, size: tuple[int, int], masks: Iterable[FoundMask], model: str) -> Annotation:
    """Found masks of an image of size (H, W) as an annotation; ids count from 1, best first, but large ones come first.

    Formats draw later objects on top, and a small mask would vanish below a large one.
    """
    saved = []
    for id, mask in enumerate(masks, start=1):
        prompt = SavedPrompt.of(mask.prompt, candidate=mask.candidate, crop=mask.crop, stability=mask.stability)
        saved.append(SavedObject(id, "", mask.colour, mask.rle, mask.score, prompt, model))
    saved.sort(key=lambda one: (-one.rle.area, one.id))
    return Annotation(name, size, saved)
