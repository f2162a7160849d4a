"""What stands between strangers and Gradio: all checks of a request, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import gradio as gr
from starlette.middleware import Middleware
from starlette.routing import Route

from samui.ui.answers import SafeAnswers
from samui.ui.body_limit import BodyLimit
from samui.ui.gradio_calls import GradioCalls, calls_of
from samui.ui.origins import Origins
from samui.ui.root_path import RootPath
from samui.ui.server_functions import Function, ServerFunctions
from samui.ui.upload_limit import UploadLimit
from samui.ui.uploads import Uploads


def guards(
    page: gr.Blocks, uploads: Uploads, routes: Iterable[Route], functions: Mapping[tuple[int, str], Function]
) -> list[Middleware]:
    """The middleware of a page, to give to `launch(app_kwargs={"middleware": ...})`.

    routes: the page's own. functions: the server functions of its canvases.
    """
    return [
        Middleware(RootPath, own=[route.path.partition("{")[0] for route in routes]),
        Middleware(SafeAnswers),
        Middleware(Origins),
        Middleware(BodyLimit),
        Middleware(ServerFunctions, functions=functions),
        Middleware(GradioCalls, functions=calls_of(page), uploads=uploads),
        Middleware(UploadLimit, uploads=uploads),
    ]
