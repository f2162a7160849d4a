"""Opening an image in a seat, told step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from samui.models.embeddings import Encoding
from samui.models.predictor import Predictor
from samui.serve import describe
from samui.serve.encoding import encoded, ready
from samui.serve.keeping import fitting
from samui.serve.line import AbandonedError, Ticket
from samui.serve.open_image import OpenImage
from samui.serve.seat import Contents, Seat, Work
from samui.serve.server import Server, gone
from samui.work.segment import snaps_by_default
from samui.work.session import Session

Event = dict[str, Any]


def open_image(server: Server, seat: Seat, source: Path, name: str, home: str = "") -> Iterator[Event]:
    """Open an image in a seat: events "reading", "image" (it can be shown), "encoding", "ready" or "cancelled".

    The file is copied. home: its name in the store, "" where that is its content's. Until "image" the seat keeps its
    old image and work, and a cancel brings them back. An image that a newer one overtakes before it is shown ends
    without an event. Raises SamuiError.
    """
    server.seats.admit(seat)
    ticket = seat.line.begin("open")
    yield {"event": "open", "stage": "reading"}
    begun, image = _read(server, seat, source, name, home, ticket)
    removed = [image]
    try:
        moved = _moved(server, seat, image, ticket)
        if moved is None:
            server.check_open(seat)
            if ticket.abandoned:
                yield {"event": "open", "stage": "cancelled", "epoch": seat.line.epoch}
            return
        removed = moved.removed
        yield {"event": "open", "stage": "image", "epoch": moved.epoch, "image": describe.image(seat)}
        server.store.opened(image.key, image.size, image.file)
        if begun is None or begun.predictor is not moved.predictor:  # another model was chosen meanwhile
            begun = server.embeddings.begin(moved.predictor, server.pictures.get(image.file))
        check, model = ticket.check_cancelled, moved.after.model
        key, encode_ms = yield from encoded(server, seat, moved.epoch, "open", model, begun, check)
        with seat.lock:
            if seat.line.epoch != moved.epoch:
                return
            seat.update(lambda work: replace(work, embedding_key=key, encode_ms=encode_ms))
            told = ready(server, seat, "open")
    except AbandonedError:
        with seat.lock:
            if moved is not None and seat.line.epoch == moved.epoch:
                seat.move(moved.before)
                removed = [image]
        told = {"event": "open", "stage": "cancelled", "epoch": seat.line.epoch}
    finally:
        if begun is not None:
            begun.drop()
        server.remove(removed)
    yield told


@dataclass(frozen=True)
class _Moved:
    """A seat that shows another image. epoch: the new one. before, after: what the seat held, and holds.

    removed: images that can no longer be reached.
    """

    epoch: int
    predictor: Predictor
    before: Contents
    after: Contents
    removed: list[OpenImage]


def _read(
    server: Server, seat: Seat, source: Path, name: str, home: str, ticket: Ticket
) -> tuple[Encoding | None, OpenImage]:
    """Read the image and begin its encoder unless it is late; meanwhile make all that the page needs to show it."""
    picture = server.pictures.read(source, name)
    server.seats.sweep()
    predictor = server.predictor_of(seat)
    begun = None if ticket.is_off or seat.closed else server.embeddings.begin(predictor, picture.pixels)
    try:
        return begun, server.keep(seat, source, picture, home)
    except BaseException:
        if begun is not None:
            begun.drop()
        raise


def _moved(server: Server, seat: Seat, image: OpenImage, ticket: Ticket) -> _Moved | None:
    """Let the seat show the image; None if it is late."""
    server.predictor_of(seat)
    held = server.keeper.objects(image.key, server.seats.all())
    objects = fitting(held, image.size)
    if len(objects) < len(held):
        rest = len(held) - len(objects)
        image = replace(image, notes=(*image.notes, f"{rest} objects drawn on another size of it are kept, not shown"))
    with seat.lock:
        if ticket.is_off or seat.closed:
            return None
        before = seat.contents
        predictor = before.predictor
        assert predictor is not None, "predictor_of() has seen to it"
        label = "" if before.work is None else before.work.session.state.label
        session = Session.begin(image.size, snap=snaps_by_default(predictor), objects=objects, label=label)
        after = before.opened(Work(image, session, predictor.key))
        moved = _Moved(seat.line.epoch + 1, predictor, before, after, gone(before, after))
        seat.stop()
        seat.move(after)
        return moved
