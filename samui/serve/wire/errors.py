"""Errors as a page reads them: an envelope with a kind that tells it what to do."""

from __future__ import annotations

import logging
from typing import Any

from samui.errors import (
    FullError,
    ImageError,
    ModelError,
    PromptError,
    RequestError,
    SamuiError,
    SessionError,
    StaleError,
    UnknownSessionError,
)

log = logging.getLogger(__name__)

_KINDS = {
    UnknownSessionError: "session",
    StaleError: "epoch",
    FullError: "full",
    PromptError: "prompt",
    RequestError: "request",
    SessionError: "state",
    ImageError: "image",
    ModelError: "model",
    SamuiError: "error",
}


def error_reply(error: SamuiError) -> dict[str, Any]:
    """The envelope of an error; `kind` tells the page what to do about it."""
    kind = next(name for kind, name in _KINDS.items() if isinstance(error, kind))
    return {"ok": False, "error": str(error), "kind": kind}


def unexpected_reply(where: str) -> dict[str, Any]:
    """The envelope of a bug of ours, called while it is handled: the log has all of it, the page none."""
    log.exception("unexpected error in %s", where)
    return {"ok": False, "error": f"{where}: something unexpected went wrong; the log says more", "kind": "internal"}
