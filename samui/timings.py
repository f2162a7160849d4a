"""How long the parts of one request took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Timings:
    """Milliseconds of one action. ahead: how many of those of the decoder had passed before the action came."""

    encode: float | None = None
    decode: float | None = None
    ahead: float | None = None
    server: float | None = None
    started: float = field(default_factory=time.perf_counter)

    def take(self, decode: float | None, waited: float = 0.0) -> None:
        """Of a decoder call that was made ahead, and for whose end the action waited so many milliseconds."""
        self.decode, self.ahead = decode, decode and max(0.0, decode - waited)

    def told(self) -> dict[str, float | None]:
        return {"encode": self.encode, "decode": self.decode, "ahead": self.ahead, "server": since(self.started)}


def since(started: float) -> float:
    """Milliseconds since a reading of time.perf_counter."""
    return (time.perf_counter() - started) * 1000
