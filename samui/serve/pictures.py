"""Decoded pictures kept under a budget of bytes, so that sessions hold paths and not arrays of 36 MB."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np


class Pictures:
    """Pixels by file, least recently used out; a file whose pixels are gone is read again. Thread-safe."""

    def __init__(self, budget_bytes: int, read: Callable[[Path], np.ndarray]) -> None:
        """read: from a file to RGB uint8 (H, W, 3)."""
        self._budget, self._read = budget_bytes, read
        self._held: OrderedDict[Path, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of all pixels that are held."""
        with self._lock:
            return sum(pixels.nbytes for pixels in self._held.values())

    def get(self, file: Path) -> np.ndarray:
        """The pixels of a file, RGB uint8 (H, W, 3). Raises what `read` raises."""
        with self._lock:
            if file in self._held:
                self._held.move_to_end(file)
                return self._held[file]
        pixels = self._read(file)
        self.put(file, pixels)
        return pixels

    def put(self, file: Path, pixels: np.ndarray) -> None:
        """Hold the pixels of a file that has just been read."""
        with self._lock:
            self._held[file] = pixels
            self._held.move_to_end(file)
            total = sum(p.nbytes for p in self._held.values())
            while total > self._budget and len(self._held) > 1:
                _, dropped = self._held.popitem(last=False)
                total -= dropped.nbytes

    def drop(self, file: Path) -> None:
        """Forget a file."""
        with self._lock:
            self._held.pop(file, None)
