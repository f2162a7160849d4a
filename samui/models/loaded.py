"""The models that a process has loaded, by name."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable

from samui.models.predictor import Predictor


class Predictors:
    """Loads each model once, however many ask for it at once, and keeps the few that were used last. Thread-safe.

    A model that some session still uses is never loaded a second time, even if it is not among those few.
    """

    def __init__(self, load: Callable[[str], Predictor], *, cap: int = 2) -> None:
        """load: from a name to a predictor. cap: models that are kept without anybody using them."""
        self._load, self._cap = load, cap
        self._kept: OrderedDict[str, Predictor] = OrderedDict()
        self._alive: weakref.WeakValueDictionary[str, Predictor] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}

    def get(self, name: str) -> Predictor:
        """The predictor of a model, loaded if need be (seconds to minutes). Raises ModelError."""
        with self._lock:
            if (found := self._find(name)) is not None:
                return found
            one_at_a_time = self._loading.setdefault(name, threading.Lock())
        with one_at_a_time:
            with self._lock:
                if (found := self._find(name)) is not None:
                    return found
            try:
                predictor = self._load(name)
                with self._lock:
                    # "auto" that came out as "bundled" is the same model as "bundled".
                    predictor = self._alive.setdefault(predictor.name, predictor)
                    self._alive[name] = predictor
                    self._keep(predictor)
            finally:  # once it can be found, else whoever asks in between loads it a second time
                with self._lock:
                    self._loading.pop(name, None)
            return predictor

    def has(self, name: str) -> bool:
        """Whether a model is loaded."""
        with self._lock:
            return self._find(name) is not None

    def _find(self, name: str) -> Predictor | None:
        found = self._alive.get(name)
        if found is not None:
            self._keep(found)
        return found

    def _keep(self, predictor: Predictor) -> None:
        self._kept[predictor.name] = predictor
        self._kept.move_to_end(predictor.name)
        while len(self._kept) > self._cap:
            self._kept.popitem(last=False)
