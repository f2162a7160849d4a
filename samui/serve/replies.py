"""Replies that tell a page what it does not have yet of its seat, numbered."""

from __future__ import annotations

from typing import Any

from samui.serve.seat import Seat
from samui.serve.wire import reply
from samui.timings import Timings
from samui.work.session import Session


def reply_to(seat: Seat, seen: int, timings: Timings, prepared: Session | None = None) -> dict[str, Any]:
    """What the page needs to show its session, or the session being prepared.

    seen: number of the reply that the page applied last, 0 for none.
    """
    session = prepared or seat.work.session
    answer = reply(session, seen=seat.line.recall(seen))
    answer["serial"] = seat.line.remember(session.state, prepared=prepared is not None)
    answer["timings"] = {name: None if ms is None else round(ms, 2) for name, ms in timings.told().items()}
    return answer
