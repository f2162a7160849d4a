"""The pictures of a server: read within its limits, and kept under a budget of bytes.

So sessions hold paths and not arrays of 36 MB.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from pathlib import Path

import numpy as np

from samui.pixels.images import Picture, read_image
from samui.serve.decoding import DecodingBudget, give_back_memory
from samui.serve.settings import Settings

_LARGE = 16 << 20  # pixels; from here on it shows when memory is kept


class Pictures:
    """Pixels by file, least recently used out; a file whose pixels are gone is read again. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._decoding = DecodingBudget(settings.decoding_pixels)
        self._held: OrderedDict[Path, np.ndarray] = OrderedDict()
        self._reading: dict[Path, Future[np.ndarray]] = {}
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of all pixels that are held."""
        with self._lock:
            return sum(pixels.nbytes for pixels in self._held.values())

    def read(self, source: Path, name: str) -> Picture:
        """The picture of any file, by the server's limits, once there is room to decode it. Raises ImageError."""
        limits = self._settings
        picture = read_image(
            source,
            max_pixels=limits.max_pixels,
            max_bytes=limits.max_bytes,
            name=name,
            room=self._decoding.room,
        )
        if picture.pixels.size >= 3 * _LARGE:
            give_back_memory()
        return picture

    def get(self, file: Path) -> np.ndarray:
        """The pixels of a file, RGB uint8 (H, W, 3); callers at once wait for one reading. Raises ImageError."""
        with self._lock:
            if file in self._held:
                self._held.move_to_end(file)
                return self._held[file]
            reading = self._reading.get(file)
            is_ours = reading is None
            if reading is None:
                reading = self._reading[file] = Future()
        if not is_ours:
            return reading.result()
        try:
            pixels = self.read(file, file.name).pixels
        except BaseException as error:
            self._end(file, reading)
            reading.set_exception(error)
            raise
        self._end(file, reading, pixels)
        reading.set_result(pixels)
        return pixels

    def put(self, file: Path, pixels: np.ndarray) -> None:
        """Hold the pixels of a file that has just been read."""
        with self._lock:
            self._hold(file, pixels)

    def drop(self, file: Path) -> None:
        """Forget a file, even one that is being read: whoever waits for it gets it, but it is not held."""
        with self._lock:
            dropped = self._held.pop(file, None)
            self._reading.pop(file, None)
        if dropped is not None and dropped.size >= 3 * _LARGE:
            del dropped
            give_back_memory()

    def _end(self, file: Path, reading: Future[np.ndarray], pixels: np.ndarray | None = None) -> None:
        with self._lock:
            if self._reading.get(file) is reading:  # not dropped meanwhile
                del self._reading[file]
                if pixels is not None:
                    self._hold(file, pixels)

    def _hold(self, file: Path, pixels: np.ndarray) -> None:
        self._held[file] = pixels
        self._held.move_to_end(file)
        total = sum(p.nbytes for p in self._held.values())
        while total > self._settings.picture_bytes and len(self._held) > 1:
            _, dropped = self._held.popitem(last=False)
            total -= dropped.nbytes
