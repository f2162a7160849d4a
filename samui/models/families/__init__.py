"""The families of networks that samui runs, one adapter each, by the `model_type` of a checkpoint's config.json."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from samui.errors import ModelError
from samui.models.families.edgetam import EdgeTam
from samui.models.families.family import Family
from samui.models.families.sam import Sam
from samui.models.families.sam2 import Sam2
from samui.models.families.sam3_tracker import Sam3Tracker
from samui.models.families.sam_hq import SamHq

ADAPTERS: tuple[Family, ...] = (Sam(), SamHq(), Sam2(), Sam3Tracker(), EdgeTam())


def of(model_type: object, where: Path | str) -> Family:
    """The family of a `model_type`. where: the config.json that says it, for errors.

    Raises ModelError for a type without an adapter, and for a family that needs packages which are not installed.
    """
    for family in ADAPTERS:
        if model_type in family.types:
            missing = [package for package in family.needs if find_spec(package) is None]
            if missing:
                needs = " and ".join(family.needs)
                raise ModelError(
                    f"{where}: model_type {model_type} needs {needs}, got no {' and no '.join(missing)}; "
                    f"install with `pip install {' '.join(missing)}`"
                )
            return family
    known = ", ".join(name for family in ADAPTERS for name in family.types)
    raise ModelError(f"{where}: model_type must be one of {known}, got {model_type!r}")
