"""`Traits`: what a model is like beyond its arithmetic; the page and the command line ask for them, not for its name.

They stand in the checkpoint's config.json under "samui", so that a copy of it or a fine-tune saved by transformers
has them too: `{"model_type": "sam", "samui": {"snap": true, "score_floor": 0.2}}`. Missing ones are the family's.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from samui.errors import ModelError

KEY = "samui"  # in config.json
_MAX_SIDE = 256  # of a grid of points
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Traits:
    """What a model is like.

    snap: masks are snapped to edges unasked, since the model finds a thing but not its edge. score_floor,
    stability_floor: predicted IoU and stability, 0 to 1, below which everything mode on a page drops a mask.
    score_filter, stability_filter: what of the rest the page shows at first. points_per_side: of the grid that
    everything mode on a page starts with. cheap_encoder: parts of an image may be encoded as freely as prompts decoded.
    """

    snap: bool = False
    score_floor: float = 0.7
    stability_floor: float = 0.8
    score_filter: float = 0.88
    stability_filter: float = 0.95
    points_per_side: int = 32
    cheap_encoder: bool = False


def read(config: Mapping[str, Any], usual: Traits, where: Path) -> Traits:
    """The traits in the content of a config.json over the `usual` ones. where: the file, for errors.

    A name that is not known has no effect, with a line in the log: a newer samui may have written it. Raises ModelError
    for a value that breaks a rule.
    """
    given = config.get(KEY, {})
    if not isinstance(given, Mapping):
        raise ModelError(f"{where}: {KEY} must be a JSON object, got {given!r}")
    known = {field.name for field in fields(Traits)}
    for name in sorted(set(given) - known):
        log.warning("%s: %s.%s is not known here and has no effect", where, KEY, name)
    for name in known & set(given):
        _check(given[name], getattr(usual, name), f"{where}: {KEY}.{name}")
    traits = replace(usual, **{name: value for name, value in given.items() if name in known})
    for what in ("score", "stability"):
        floor, shown = getattr(traits, f"{what}_floor"), getattr(traits, f"{what}_filter")
        if floor > shown:
            raise ModelError(f"{where}: {KEY}.{what}_floor must be at most {what}_filter {shown:g}, got {floor:g}")
    return traits


def _check(value: Any, usual: bool | int | float, where: str) -> None:
    """ModelError unless a value is of the kind of the usual one, and in its range."""
    if isinstance(usual, bool):
        if not isinstance(value, bool):
            raise ModelError(f"{where} must be true or false, got {value!r}")
    elif isinstance(usual, int):
        if type(value) is not int or not 1 <= value <= _MAX_SIDE:
            raise ModelError(f"{where} must be a whole number from 1 to {_MAX_SIDE}, got {value!r}")
    elif type(value) not in (int, float) or not 0 <= value <= 1:
        raise ModelError(f"{where} must be a number from 0 to 1, got {value!r}")
