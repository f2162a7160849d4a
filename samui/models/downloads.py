"""Models on their way from the hub, each once however many wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from samui.errors import ModelError
from samui.models.hub import StoppedError, Watch
from samui.models.waits import until


class Downloads:
    """Fetches each model once however many wait for it, and stops when nobody waits any more. Thread-safe."""

    def __init__(self, fetch: Callable[[str, Watch], object]) -> None:
        """fetch: from a model's name to its files on this machine; calls the watch as bytes arrive."""
        self._fetch = fetch
        self._running: dict[str, _Download] = {}
        self._lock = threading.Lock()

    def follow(self, name: str) -> Iterator[tuple[int, int]]:
        """Fetch a model; every quarter of a second the bytes that have come and those of the whole, 0 if not known yet.

        Ends when the model is there, at once if it already was. Raises ModelError if it cannot be had. A caller who
        stops listening leaves the download to the others who wait for it, and ends it if there are none.
        """
        with self._lock:
            running = self._running.get(name)
            download = self._running[name] = running or _Download()
            download.followers += 1  # before it starts, since it stops when nobody waits
        if running is None:
            threading.Thread(target=self._run, args=(name, download), daemon=True, name="samui-download").start()
        try:
            for _ in until(download.ended.wait):
                yield download.progress
            if download.error is not None:
                raise ModelError(str(download.error)) from download.error
        finally:
            with self._lock:
                download.followers -= 1
                if download.followers == 0:
                    self._forget(name, download)

    def _run(self, name: str, download: _Download) -> None:
        try:
            self._fetch(name, download.watch)
        except Exception as error:  # told to everybody who waits
            download.error = error
        finally:
            with self._lock:
                self._forget(name, download)
            download.ended.set()

    def _forget(self, name: str, download: _Download) -> None:
        """Whoever asks from now on begins anew; the hub's own lock keeps two from writing one file."""
        if self._running.get(name) is download:
            del self._running[name]


class _Download:
    """One model on its way: how far it is, who waits for it, and how it ended."""

    def __init__(self) -> None:
        self.progress = (0, 0)
        self.followers = 0
        self.error: Exception | None = None
        self.ended = threading.Event()

    def watch(self, done: int, total: int) -> None:
        self.progress = (done, total)
        if self.followers == 0:
            raise StoppedError
