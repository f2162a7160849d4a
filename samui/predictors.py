"""The models that a process has loaded, by name."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from samui.predictor.base import Predictor


class Predictors:
    """Loads each model once, however many ask for it at once, and keeps the few that were used last. Thread-safe."""

    def __init__(self, load: Callable[[str], Predictor], *, cap: int = 2) -> None:
        """load: from a name to a predictor. cap: models in memory at most."""
        self._load, self._cap = load, cap
        self._held: OrderedDict[str, Predictor] = OrderedDict()
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}

    def get(self, name: str) -> Predictor:
        """The predictor of a model, loaded if need be (seconds to minutes). Raises ModelError."""
        with self._lock:
            if name in self._held:
                self._held.move_to_end(name)
                return self._held[name]
            one_at_a_time = self._loading.setdefault(name, threading.Lock())
        with one_at_a_time:
            with self._lock:
                if name in self._held:
                    return self._held[name]
            predictor = self._load(name)
            with self._lock:
                self._held[name] = predictor
                self._loading.pop(name, None)
                while len(self._held) > self._cap:
                    self._held.popitem(last=False)
            return predictor
