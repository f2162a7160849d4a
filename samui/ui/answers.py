"""The headers by which every answer tells browsers how to treat it."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from samui.ui.paths import FILES, path_of

# Gradio's page runs inline scripts and makes functions from text. Everything that it loads comes from its own server,
# except a script that tells a Space's frame its height. Frames are allowed: a Space is shown in one.
_PAGE = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob: https://cdnjs.cloudflare.com",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' blob: data:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "connect-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    ]
)
_FILE = "sandbox; default-src 'none'"  # so that nothing a stranger has sent runs a script in this page's name


class SafeAnswers:
    """ASGI middleware: adds nosniff, a referrer policy and a content security policy to each answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = _FILE if path_of(scope).startswith(FILES) else _PAGE

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers["Content-Security-Policy"] = policy
            await send(message)

        await self._app(scope, receive, tell)
