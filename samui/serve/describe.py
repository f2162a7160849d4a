"""What a page is told about the image, the model and the found masks of its seat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from samui import formats
from samui.models.checkpoints import KnownModel
from samui.models.predictor import Predictor
from samui.serve import finding, wire
from samui.serve.seat import Seat
from samui.serve.settings import Settings
from samui.work.segment import looks_closer_by_default, snaps_by_default


def image(seat: Seat) -> dict[str, Any] | None:
    """Name, size in pixels, address, content and home of the image that is open; None without one."""
    work = seat.contents.work
    if work is None:
        return None
    image = work.image
    height, width = image.size
    return {
        "url": f"samui/image/{seat.token}/{image.file.parent.name}",  # another image, another address
        "width": width,
        "height": height,
        "name": image.name,
        "home": image.home,
        "content": image.content,
        "notes": list(image.notes),
    }


def model(name: str, predictor: Predictor, settings: Settings) -> dict[str, Any]:
    """A model as its list entry and the status line show it, with the reason for it if the server began with it."""
    note = predictor.why if name == settings.model else ""
    told = {"name": name, "title": predictor.title, "device": predictor.device, "dtype": predictor.dtype}
    closely = looks_closer(predictor, settings)
    return {**told, "note": note, "close_ups": closely, "everything": finding.defaults(predictor)}


def settings(
    name: str, predictor: Predictor, settings: Settings, models: Sequence[KnownModel], *, keeps: bool
) -> dict[str, Any]:
    """What a page may choose from, and what it starts with. name, predictor: of its model; models: the rows offered.

    keeps: whether what is saved outlasts the server; else the page keeps it.
    """
    return {
        "hosted": not settings.free_models,
        "keeps": keeps,
        "models": [{"name": m.name, "title": m.title, "told": m.told} for m in models],
        "model": model(name, predictor, settings),
        "snap": {"available": True, "on": snaps_by_default(predictor)},
        "formats": [{"name": f.name, "title": f.title} for f in formats.FORMATS.values()],
    }


def looks_closer(predictor: Predictor, settings: Settings) -> bool:
    """Whether prompts are answered from closer views, too: as the model does, unless settings say so."""
    return looks_closer_by_default(predictor) if settings.close_ups is None else settings.close_ups


def found(seat: Seat, *, masks: bool = True, listens: bool = True) -> dict[str, Any]:
    """Whether everything mode runs, and the masks that it has found so far. listens: whether this page began the run.

    A run that was cancelled still runs until its last event is out, which says what remains.
    """
    run = seat.work.found
    told: dict[str, Any] = {"run": run.run if run else 0, "running": listens and run is not None and run.running}
    if masks:
        told["masks"] = wire.encode_found(run.items()) if run else []
    return {"found": told}
