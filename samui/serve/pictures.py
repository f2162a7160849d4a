"""The pictures of a server: read within its limits, and kept under a budget of bytes.

So sessions hold paths and not arrays of 36 MB.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np

from samui.pixels.images import Picture, read_image
from samui.serve.decoding import DecodingBudget, give_back_memory
from samui.serve.settings import Settings

_LARGE = 16 << 20  # pixels; from here on it shows when memory is kept
_EARLY = 2  # pictures that are read ahead, the one after this and the one before


class Pictures:
    """Pixels by file, least recently used out; a file whose pixels are gone is read again. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._decoding = DecodingBudget(settings.decoding_pixels)
        self._held: OrderedDict[Path, np.ndarray] = OrderedDict()
        self._reading: dict[Path, Future[np.ndarray]] = {}
        self._early: OrderedDict[tuple[Path, int, int], Picture] = OrderedDict()  # by file, its bytes and its time
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of all pixels that are held."""
        with self._lock:
            early = sum(picture.pixels.nbytes for picture in self._early.values())
            return early + sum(pixels.nbytes for pixels in self._held.values())

    def read(self, source: Path, name: str) -> Picture:
        """The picture of any file, by the server's limits, once there is room to decode it. Raises ImageError."""
        with self._lock:
            early = self._early.pop(_stamp(source), None) if self._early else None
        if early is not None:
            return replace(early, name=name)
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

    def read_ahead(self, source: Path, name: str) -> Picture:
        """`read`, of a file that will probably be read again soon: the last ones, as large as half the budget, are at
        hand then unless the file has changed. Raises ImageError."""
        stamp = _stamp(source)
        with self._lock:
            early = self._early.get(stamp)
        if early is not None:
            return early
        picture = self.read(source, name)
        with self._lock:
            self._early[stamp] = picture
            total = sum(one.pixels.nbytes for one in self._early.values())
            while self._early and (total > self._settings.picture_bytes // 2 or len(self._early) > _EARLY):
                _, dropped = self._early.popitem(last=False)
                total -= dropped.pixels.nbytes
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


def _stamp(file: Path) -> tuple[Path, int, int]:
    """What a file is known by until it changes."""
    try:
        stat = file.stat()
    except OSError:  # whoever reads it is told why
        return file, -1, -1
    return file, stat.st_size, stat.st_mtime_ns
