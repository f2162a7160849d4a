"""Repeated timings in milliseconds, and their summary: median, 95th percentile, count."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Summary = dict[str, float]


def summarise(values: Sequence[float]) -> Summary:
    """{p50, p95, n} of at least one number; p95 is the smallest value that 95 % of them do not exceed."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    p50 = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return {"p50": p50, "p95": ordered[math.ceil(0.95 * len(ordered)) - 1], "n": len(ordered)}


def timed(function: Callable[[], Any]) -> float:
    """Milliseconds of one call."""
    started = time.perf_counter()
    function()
    return (time.perf_counter() - started) * 1000


def measure(function: Callable[[], Any], *, repeat: int, warm_up: int = 2, seconds: float = 60.0) -> Summary:
    """Summary of `repeat` calls after `warm_up` untimed ones; fewer, but at least three, once `seconds` are over."""
    return alternate({"": function}, repeat=repeat, warm_up=warm_up, seconds=seconds)[""]


def alternate(
    functions: Mapping[str, Callable[[], Any]],
    *,
    repeat: int,
    warm_up: int = 2,
    seconds: float = 60.0,
    pause: float = 0.0,
) -> dict[str, Summary]:
    """`measure` several functions in turns, so that whatever else the machine does affects all of them alike.

    pause: seconds before each timed call.
    """
    for _ in range(warm_up):
        for function in functions.values():
            function()
    values: dict[str, list[float]] = {name: [] for name in functions}
    started = time.perf_counter()
    for done in range(repeat):
        if done >= 3 and time.perf_counter() - started > seconds:
            break
        for name, function in functions.items():
            time.sleep(pause)
            values[name].append(timed(function))
    return {name: summarise(found) for name, found in values.items()}
