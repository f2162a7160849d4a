"""Plain routes beside Gradio's: the picture of a session, its last exports, the samples.

Only its token leads to a session's files; Gradio's own file route, which knows no sessions, serves none.
"""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from samui.errors import SamuiError
from samui.serve.service import Service
from samui.ui import samples

# The address of an image changes with the image, so a browser may keep it; caches in between may not.
_KEEP = {"Cache-Control": "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff"}
_KEEP_A_WHILE = {**_KEEP, "Cache-Control": "private, max-age=600"}  # the file may be written anew
_DROP = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def routes(service: Service) -> list[Route]:
    """The routes to give to `launch(app_kwargs={"routes": ...})`."""

    def image(request: Request) -> Response:
        try:
            found = service.image_of(request.path_params["token"])
        except SamuiError as error:
            return PlainTextResponse(str(error), status_code=404)
        if found.file.parent.name != request.path_params["image"]:
            return PlainTextResponse("image: must be the one that is open", status_code=404)
        return FileResponse(found.display, media_type=found.media_type, headers=_KEEP)

    def thumbnail(request: Request) -> Response:
        try:
            data = service.thumbnail_of(request.path_params["token"], request.path_params["image"])
        except SamuiError as error:
            return PlainTextResponse(str(error), status_code=404, headers=_DROP)
        return Response(data, media_type="image/webp", headers=_KEEP_A_WHILE)

    def export(request: Request) -> Response:
        try:
            file = service.export_of(*(request.path_params[part] for part in ("token", "folder", "name")))
        except SamuiError as error:
            return PlainTextResponse(str(error), status_code=404)
        return FileResponse(file, filename=file.name, headers=_DROP)

    def sample(request: Request) -> Response:
        try:
            file: Path = samples.find(request.path_params["name"])
        except SamuiError as error:
            return PlainTextResponse(str(error), status_code=404)
        return FileResponse(file, media_type="image/jpeg")

    return [
        Route("/samui/image/{token}/{image}", image),
        Route("/samui/thumbnail/{token}/{image}", thumbnail),
        Route("/samui/export/{token}/{folder}/{name}", export),
        Route("/samui/sample/{name}", sample),
    ]
