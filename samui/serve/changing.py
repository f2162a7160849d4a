"""Changing the model of a seat, told step by step."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from samui.models.predictor import Predictor
from samui.serve import describe, offer
from samui.serve.encoding import encoded, ready
from samui.serve.line import AbandonedError, Ticket
from samui.serve.seat import Contents, Seat
from samui.serve.server import Server
from samui.serve.tools import SeatTools
from samui.serve.waiting import wait_for
from samui.timings import Timings

Event = dict[str, Any]
log = logging.getLogger(__name__)


def change_model(server: Server, seat: Seat, name: Any) -> Iterator[Event]:
    """Load another model for a seat and encode its image with it.

    Events "downloading" with bytes, "loading", "encoding", "ready" or "cancelled", which also ends a change that a
    newer choice overtakes. Objects stay, the active prompt is decoded anew; an image that is opened meanwhile gets the
    model too. Raises SamuiError; the seat then keeps model and work, as after a cancel.
    """
    name = offer.check(name, server.settings, server.predictors)
    ticket = seat.line.begin("model")
    try:
        if not server.predictors.has(name):
            for done, total in server.downloads.follow(name):
                ticket.check()
                yield {"event": "model", "stage": "downloading", "name": name, "done": done, "total": total}
        yield {"event": "model", "stage": "loading", "name": name}
        predictor = yield from wait_for(partial(server.predictors.get, name), ticket.check)
        told = None
        while told is None:  # the image may change meanwhile
            told = yield from _changed(server, seat, name, predictor, ticket)
    except AbandonedError:
        told = {"event": "model", "stage": "cancelled"}
    else:
        log.info("seat %s uses %s", seat.key, predictor.name)
    yield told


def _changed(server: Server, seat: Seat, name: str, predictor: Predictor, ticket: Ticket) -> Any:
    """A generator: encode the seat's image with the model, and put both in place; None if the image has changed."""
    epoch, contents = seat.look()
    work = contents.work
    if work is None:
        with seat.lock:
            ticket.check()
            if seat.contents.work is not None:
                return None
            seat.contents = replace(seat.contents, model=name, predictor=predictor)
        model = describe.model(name, predictor, server.settings)
        return {"event": "model", "stage": "ready", "epoch": epoch, "model": model}
    pixels = server.pixels_of(work)
    begun = server.embeddings.begin(predictor, pixels)
    key, encode_ms = yield from encoded(server, seat, epoch, "model", name, begun, ticket.check)
    embedding = server.embeddings.get_or_encode(predictor, pixels, key=key)
    tools = SeatTools(predictor, embedding, lambda: pixels, Timings()).for_work()
    with seat.lock, server.turns.turn():
        ticket.check()
        if seat.line.epoch != epoch:
            return None
        session = seat.work.session.for_other_model(tools)
        work = replace(seat.work, session=session, model=predictor.key, embedding_key=key, encode_ms=encode_ms)
        seat.stop()  # what it has found stays
        seat.move(Contents(name, predictor, work, seat.contents.left))
        return ready(server, seat, "model")
