"""What opening an image and changing the model share: report that the encoder runs, wait, report the result."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from samui.models.embeddings import Encoding
from samui.serve import describe
from samui.serve.replies import reply_to
from samui.serve.seat import Seat
from samui.serve.server import Server
from samui.serve.waiting import wait_for
from samui.timings import Timings

Event = dict[str, Any]


def encoded(
    server: Server, seat: Seat, epoch: int, event: str, name: str, begun: Encoding, check: Callable[[], None]
) -> Generator[Event, None, tuple[str, float]]:
    """Report that the encoder runs, wait for it, and return the embedding's key and the milliseconds."""
    line = seat.line
    model = describe.model(name, begun.predictor, server.settings)
    line.encoding = epoch
    try:
        yield {"event": event, "stage": "encoding", "epoch": epoch, "image": describe.image(seat), "model": model}
        return (yield from wait_for(begun.result, check))
    finally:  # also when it failed: a click then tries again, and says what is wrong
        begun.drop()
        line.encoding = 0 if line.encoding == epoch else line.encoding


def ready(server: Server, seat: Seat, event: str) -> Event:
    """The last event of opening and changing: all that the page shows of the seat."""
    epoch, contents = seat.look()
    work, predictor = seat.work, server.predictor_of(seat)
    state = {**reply_to(seat, 0, Timings(encode=work.encode_ms)), "epoch": epoch, "rev": 0}
    return {
        "event": event,
        "stage": "ready",
        "epoch": epoch,
        "state": state,
        "image": describe.image(seat),
        "model": describe.model(contents.model, predictor, server.settings),
        "timings": {"encode": round(work.encode_ms or 0.0, 1)},
    }
