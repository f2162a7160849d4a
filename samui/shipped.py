"""What ships beside the code: sample photos and the built-in checkpoint, in a copy of the repository and in a wheel."""

from __future__ import annotations

from pathlib import Path

from samui.errors import SamuiError

_HERE = Path(__file__).resolve().parent
# A wheel has them in the package, the repository beside it. Beside an installed package lies what others installed.
_PLACES = (_HERE / "assets", _HERE.parent / "assets")


def folder(part: str) -> Path:
    """The folder of "samples" or "models/samui-tiny". If it is in neither place, the path is where a wheel has it."""
    return next((place / part for place in _PLACES if (place / part).is_dir()), _PLACES[0] / part)


def check(path: Path) -> Path:
    """The folder itself. Raises SamuiError if it is missing."""
    if not path.is_dir():
        places = " or ".join(str(place) for place in _PLACES)
        raise SamuiError(f"{path.name}: must be in {places}, got an installation without it; install samui again")
    return path
