"""The images of a folder as a page asks for them: rows, places, counts, the way to the next one, states, notes."""

from __future__ import annotations

from typing import Any

from samui.errors import RequestError
from samui.serve.gallery import in_folder, in_library
from samui.serve.server import Server
from samui.serve.wire import questions
from samui.serve.wire.questions import Question, encode_counts, encode_row
from samui.workspace.folder import Workspace
from samui.workspace.rows import ANY, Image

Answer = dict[str, Any]


def describe(server: Server) -> Answer | None:
    """What `begin` tells a page of the folder, or without one of the library; None if nothing outlasts the server."""
    shelf = server.gallery.shelf
    if shelf is None:
        return None
    told: Answer = {"kind": "library", "name": "", "last": None, "notes": list(shelf.notes)}
    told["counts"] = encode_counts(shelf.images.counts())
    if isinstance(shelf, Workspace):
        first = shelf.images.last() or shelf.images.all(limit=1)
        told |= {"kind": "folder", "name": shelf.folder.resolve().name}
        told["last"] = in_folder(first[0].uid) if first else None
    return told


def rows(server: Server, question: Question) -> Answer:
    """Some rows of the list, and how many there are."""
    images, filter = server.gallery.folder.images, question.filter()
    offset, limit = question.whole("offset", 0), question.whole("limit", questions.MAX_ROWS, most=questions.MAX_ROWS)
    found = images.all(filter, offset=offset, limit=limit)
    return {"count": images.count(filter), "rows": [_row(image) for image in found]}


def place(server: Server, question: Question) -> Answer:
    """Where an image stands: in the folder, and in the list that a filter leaves (null where it leaves it out)."""
    gallery, filter = server.gallery, question.filter()
    images = gallery.folder.images
    image = images.get(gallery.uid(question.image()))
    at = None if image.missing else images.place(image.uid)
    told = {"row": _row(image), "at": at, "counts": encode_counts(images.counts())}
    if at is None or filter == ANY:
        return {**told, "place": at}
    index = images.place(image.uid, filter)
    there = images.all(filter, offset=index, limit=1)
    return {**told, "place": index if there and there[0].uid == image.uid else None}


def following(server: Server, question: Question) -> Answer:
    """The image after (by: 1) or before one (by: -1) among those that are meant; without one, the first.

    "row" is null at the end. todo: only one that is to do, from the other end again where there is none further on.
    """
    image = _following(server, question)
    return {"row": None if image is None else _row(image)}


def ahead(server: Server, question: Question) -> Answer:
    """Have the image that `following` gives ready."""
    image = _following(server, question)
    if image is not None:
        seat = server.seats.get(question.token)
        server.gallery.ahead.want(server, seat, server.gallery.folder.file(image.uid), image.name)
    return {}


def look(server: Server, _question: Question) -> Answer:
    """How many images there are, and a version that is another one whenever anything of them has changed."""
    gallery = server.gallery
    images = gallery.folder.images
    assert gallery.watch is not None, "there is a folder"
    gallery.watch.look()
    return {"counts": encode_counts(images.counts()), "version": f"{gallery.watch.changes} {images.version()}"}


def state(server: Server, question: Question) -> Answer:
    """Say how far an image is."""
    gallery, meant, id = server.gallery, question.text("state", 100), question.operation()
    images, uid = gallery.folder.images, gallery.uid(question.image())
    image = images.set_state(uid, meant, operation=id, author=gallery.folder.author)
    return {"row": _row(image), "counts": encode_counts(images.counts())}


def note(server: Server, question: Question) -> Answer:
    """Write down what a person has to say about an image."""
    gallery, text, id = server.gallery, question.note(), question.operation()
    images, uid = gallery.folder.images, gallery.uid(question.image())
    return {"row": _row(images.set_note(uid, text, operation=id, author=gallery.folder.author))}


def recent(server: Server, _question: Question) -> Answer:
    """The images of the library that were opened last, the newest first."""
    return {"rows": [encode_row(image, in_library(image.uid)) for image in server.gallery.library.recent()]}


def _following(server: Server, question: Question) -> Image | None:
    gallery, given, filter = server.gallery, question.maybe_image(), question.filter()
    images, uid = gallery.folder.images, None if given is None else gallery.uid(given)
    by = question.whole("by", 1, least=-1, most=1)
    if by == 0:
        raise RequestError("request.by: must be 1 or -1, got 0")
    if question.get("todo") is not None and question.flag("todo"):
        return images.to_do(uid, by, filter)
    if uid is None:
        found = images.all(filter, limit=1)
        return found[0] if found else None
    return images.neighbour(uid, by, filter)


def _row(image: Image) -> Answer:
    return encode_row(image, in_folder(image.uid))
