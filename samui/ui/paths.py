"""The routes that the guards know, compared whole, so that a proxy's rule for one of them holds for every way to it."""

from __future__ import annotations

from gradio.route_utils import API_PREFIX
from starlette.types import Scope

CALLS = f"{API_PREFIX}/component_server"  # Gradio's route of server functions
UPLOAD = f"{API_PREFIX}/upload"
FILES = f"{API_PREFIX}/file="  # the beginning of the path


def path_of(scope: Scope) -> str:
    """The path of a request below the place where the page is served, without a slash at its end."""
    path: str = scope["path"]
    root = scope.get("root_path", "").rstrip("/")
    if root and (path == root or path.startswith(f"{root}/")):
        path = path[len(root) :]
    return path.rstrip("/") or "/"
