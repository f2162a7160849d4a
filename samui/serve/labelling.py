"""The labels of a folder or a library: told, chosen from and changed for all images, those that are open included."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from samui.errors import RequestError
from samui.serve.seat import Seat, Work
from samui.serve.server import Server
from samui.serve.wire.questions import MAX_LABEL, Question, encode_label
from samui.serve.wire.values import short

Answer = dict[str, Any]
CHANGES = ("add", "rename", "merge", "edit", "order", "undo")


def labels(server: Server, _question: Question) -> Answer:
    """All labels in their order; fixed: whether there can be no others."""
    shelf = server.gallery.some_shelf
    return {"labels": [encode_label(label) for label in shelf.labels.all()], "fixed": bool(shelf.labels.fixed)}


def change(server: Server, question: Question) -> Answer:
    """Change the labels, on all images at once; "undone" says what an undo has taken back, null for nothing."""
    kind = question.text("change", MAX_LABEL)
    if kind not in CHANGES:
        raise RequestError(f"request.change: must be one of {', '.join(CHANGES)}, got {short(kind)}")
    shelf = server.gallery.some_shelf
    known, author = shelf.labels, shelf.author
    undone = None
    if kind == "add":
        known.add(question.text("name", MAX_LABEL))
    elif kind == "edit":
        colour = None if question.get("colour") is None else question.colour("colour")
        key = None if question.get("key") is None else question.text("key", MAX_LABEL)
        known.edit(question.text("name", MAX_LABEL), colour=colour, key=key, author=author)
    elif kind == "order":
        known.order(question.names("names"), author=author)
    elif kind == "rename":
        known.rename(question.text("name", MAX_LABEL), question.text("to", MAX_LABEL), author=author)
    elif kind == "merge":
        known.merge(question.names("names"), question.text("to", MAX_LABEL), author=author)
    else:
        undone = known.undo(author=author)
    if kind in ("rename", "merge", "undo"):
        for one in server.seats.all():
            _renew(server, one)
    return {**labels(server, question), "undone": undone}


def _renew(server: Server, seat: Seat) -> None:
    """Let the work of a seat have the labels that its objects have on disk now, in every step that can be undone."""
    contents = seat.contents
    held = {work.image.key: server.objects_of(work.image) for work in (contents.work, contents.left) if work}

    def on(work: Work | None) -> Work | None:
        if work is None or work.image.key not in held:
            return work
        session = work.session.holding(held[work.image.key])
        return work if session is work.session else replace(work, session=session)

    with seat.lock:
        now = seat.contents
        work, left = on(now.work), on(now.left)
        if work is not now.work or left is not now.left:
            seat.prepared = None
            seat.contents = replace(now, work=work, left=left)
