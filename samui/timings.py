"""How long the parts of one request took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Timings:
    """Milliseconds of one action. ahead: how many of the decoder's had passed before the action came."""

    encode: float | None = None
    decode: float | None = None
    ahead: float | None = None
    server: float | None = None
    decoded: float = 0.0  # when the decoder ended, as time.perf_counter tells it
    started: float = field(default_factory=time.perf_counter)

    def add_decode(self, began: float) -> None:
        """A decoder call that began at a reading of time.perf_counter has ended now."""
        self.decode = (self.decode or 0.0) + since(began)
        self.decoded = time.perf_counter()

    def take(self, made: Timings) -> None:
        """The decoder ran for an earlier request, in part perhaps after this one came."""
        self.decode = made.decode
        if made.decode is not None:
            self.ahead = max(0.0, made.decode - max(0.0, made.decoded - self.started) * 1000)

    def told(self) -> dict[str, float | None]:
        return {"encode": self.encode, "decode": self.decode, "ahead": self.ahead, "server": since(self.started)}


def since(started: float) -> float:
    """Milliseconds since a reading of time.perf_counter."""
    return (time.perf_counter() - started) * 1000
