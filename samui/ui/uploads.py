"""Files that a browser or a client has uploaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from samui.errors import RequestError


def uploaded_file(data: Any) -> tuple[Path, str]:
    """(file, the name that it had) of Gradio's FileData, as a dict or an object.

    Raises RequestError unless the file lies in the upload folder: a request names a path, and must not reach another.
    """
    fields = data if isinstance(data, Mapping) else getattr(data, "__dict__", {})
    path, name = fields.get("path"), fields.get("orig_name")
    if not isinstance(path, str):
        raise RequestError(f"file: must be an uploaded file, got {str(data)[:60]!r}")
    file, folder = Path(path).resolve(), Path(get_upload_folder()).resolve()
    if not file.is_relative_to(folder) or not file.is_file():
        raise RequestError(f"file: must be an uploaded file, got {path[:60]!r}")
    return file, Path(name).name if isinstance(name, str) and name else file.name
