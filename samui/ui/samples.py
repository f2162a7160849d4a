"""The sample photos that ship with samui, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from samui import shipped
from samui.errors import RequestError

FOLDER = shipped.folder("samples")


def offered() -> list[dict[str, str]]:
    """What the page offers: {name, title, url} of each sample, with the url relative to the page.

    Raises SamuiError for an installation without the photos.
    """
    return [
        {"name": file.stem, "title": file.stem.replace("-", " ").capitalize(), "url": f"samui/sample/{file.name}"}
        for file in sorted(shipped.check(FOLDER).glob("*.jpg"))
    ]


def find(name: Any) -> Path:
    """The file of a sample. RequestError for a name that is not offered, so no path ever comes from a request."""
    for file in FOLDER.glob("*.jpg"):
        if name in (file.stem, file.name):
            return file
    names = ", ".join(sample["name"] for sample in offered())
    raise RequestError(f"sample: must be one of {names}, got {str(name)[:60]!r}")
