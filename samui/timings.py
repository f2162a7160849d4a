"""How long the parts of one request took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Timings:
    """Milliseconds of one action."""

    encode: float | None = None
    decode: float | None = None
    server: float | None = None
    started: float = field(default_factory=time.perf_counter)

    def told(self) -> dict[str, float | None]:
        return {"encode": self.encode, "decode": self.decode, "server": since(self.started)}


def since(started: float) -> float:
    """Milliseconds since a reading of time.perf_counter."""
    return (time.perf_counter() - started) * 1000
