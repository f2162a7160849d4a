"""The models that a page may choose from: any at all, or on a hosted page only those that are loaded anyway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from samui.errors import ModelError
from samui.models.checkpoints import BUNDLED, KNOWN, KnownModel
from samui.models.loaded import Predictors
from samui.serve import wire
from samui.serve.settings import Settings


def models(settings: Settings, predictors: Predictors) -> Sequence[KnownModel]:
    """The rows of the model table. Loads the model that pages start with where the choice is fixed."""
    if settings.free_models:
        return KNOWN
    current = predictors.get(settings.model).name
    return [known for known in KNOWN if known.name in (BUNDLED, current)]


def check(name: Any, settings: Settings, predictors: Predictors) -> str:
    """The name that a page asks for. Raises RequestError for no name, ModelError for one that is not on offer."""
    name = wire.parse_model(name)
    allowed = [known.name for known in models(settings, predictors)]
    if not settings.free_models and name not in (*allowed, settings.model):
        raise ModelError(f"model: must be one of {', '.join(allowed)} on this page, got {name!r}")
    return name
