"""What a page asks about the folder or the library that its images come from, beside the work on an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from samui.errors import RequestError
from samui.serve import labelling, listing
from samui.serve.server import Server
from samui.serve.wire.questions import Question
from samui.serve.wire.values import short

Answer = dict[str, Any]

ASKS: dict[str, Callable[[Server, Question], Answer]] = {
    "list": listing.rows,
    "place": listing.place,
    "next": listing.following,
    "ahead": listing.ahead,
    "look": listing.look,
    "state": listing.state,
    "note": listing.note,
    "recent": listing.recent,
    "labels": labelling.labels,
    "label": labelling.change,
}


def answer(server: Server, data: Any) -> Answer:
    """Answer one question (docs/protocol.md). Raises SamuiError."""
    question = Question(data)
    if question.ask not in ASKS:
        raise RequestError(f"request.ask: must be one of {', '.join(ASKS)}, got {short(question.ask)}")
    server.seats.get(question.token)  # a stranger is told nothing
    return {"ok": True, **ASKS[question.ask](server, question)}
