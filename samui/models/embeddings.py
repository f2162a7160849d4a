"""Embeddings kept for all sessions of a process: an image is encoded once, memory has a budget, disk is a second tier.

Memory holds embeddings in the predictor's own precision, so that a mask never depends on what was evicted meanwhile.
The disk tier holds float16 (half the size); a mask from there may differ in outline pixels.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from samui.models import background
from samui.models.disk_tier import DiskTier
from samui.models.embedding_key import embedding_key
from samui.models.predictor import Embedding, Predictor
from samui.models.waits import until
from samui.timings import since

__all__ = ["CacheCounts", "EmbeddingCache", "Encoding", "UnwantedError", "embedding_key"]

Encode = Callable[[Predictor, np.ndarray], Embedding]
Start = Callable[[Callable[[], None]], None]


def plain(predictor: Predictor, image: np.ndarray) -> Embedding:
    """Encode where the call is, in its own thread."""
    return predictor.embed(image)


@dataclass(frozen=True)
class CacheCounts:
    """What a cache has done so far. hits: found in memory, or encoded meanwhile for another caller."""

    encodes: int = 0
    hits: int = 0
    disk_hits: int = 0
    evictions: int = 0


@dataclass(frozen=True, eq=False)
class Encoding:
    """An embedding on its way. predictor: the model that makes it."""

    predictor: Predictor
    _told: Future[tuple[str, float]] = field(default_factory=Future)
    _dropped: threading.Event = field(default_factory=threading.Event)

    def result(self) -> tuple[str, float]:
        """Wait until the cache holds it: (its key, milliseconds that it took). Raises what the encoder raises."""
        return self._told.result()

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; whether there is a result, or an error."""
        return bool(wait([self._told], seconds).done)

    def _is_wanted(self) -> bool:
        return not self._dropped.is_set()

    def drop(self) -> None:
        """Nobody waits for it any more: if its turn has not come yet, it ends, and `result` raises `UnwantedError`."""
        self._dropped.set()


class UnwantedError(Exception):
    """Whoever asked for an embedding no longer wants it, and nobody else does."""


class _Run:
    """An embedding that is being made. wants: one for each caller, whether that caller still wants it."""

    def __init__(self) -> None:
        self.embedding: Future[Embedding] = Future()
        self.wants: list[Callable[[], bool]] = []


class EmbeddingCache:
    """Embeddings by image content and predictor, least recently used out; safe to call from many threads.

    budget_bytes: of memory, in tensors. The newest embedding stays even if it alone is larger than the budget.
    disk_dir: folder of the disk tier, made if missing; None for no such tier. disk_budget_bytes: of its files.
    encode: runs the encoder; one that hands the call to a GPU goes here. start: runs what `begin` begins, by default in
    a thread of lower priority; `lambda work: work()` does it in the caller's own thread.
    """

    def __init__(
        self,
        budget_bytes: int,
        disk_dir: str | os.PathLike[str] | None = None,
        *,
        disk_budget_bytes: int = 4 << 30,
        encode: Encode = plain,
        start: Start = background.start,
    ) -> None:
        self.budget_bytes = budget_bytes
        self._encode, self._start = encode, start
        self._disk = None if disk_dir is None else DiskTier(Path(disk_dir), disk_budget_bytes)
        self._held: OrderedDict[str, Embedding] = OrderedDict()
        self._running: dict[str, _Run] = {}
        self._turns: weakref.WeakKeyDictionary[Predictor, threading.Lock] = weakref.WeakKeyDictionary()
        self._bytes = 0
        self._counts = CacheCounts()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of all embeddings in memory."""
        return self._bytes

    @property
    def counts(self) -> CacheCounts:
        """A snapshot of the counters."""
        return self._counts

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: str) -> Embedding | None:
        """The embedding under a key of `embedding_key`, if it is in memory."""
        with self._lock:
            return self._take(key)

    def has_room_beside(self, keys: Collection[str]) -> bool:
        """Whether one more embedding, as large as the largest of these, fits the budget beside them.

        They count as just used, so that what is held next drives out others. False if none of them is in memory.
        """
        with self._lock:
            sizes = []
            for key in dict.fromkeys(keys):
                if key in self._held:
                    self._held.move_to_end(key)
                    sizes.append(self._held[key].nbytes)
            return bool(sizes) and sum(sizes) + max(sizes) <= self.budget_bytes

    def begin(
        self, predictor: Predictor, image: np.ndarray, *, key: str | None = None, on_disk: bool = True
    ) -> Encoding:
        """`get_or_encode`, begun now and waited for later; it ends by itself if nobody waits, see `Encoding.drop`.

        The disk tier is written after the result can be had; on_disk: whether it is read and written at all.
        """
        encoding = Encoding(predictor)
        told = encoding._told

        def run() -> None:
            started = time.perf_counter()
            try:
                name = key or embedding_key(predictor, image)
                wanted = encoding._is_wanted
                embedding, is_new = self._obtain(name, predictor, image, wanted, on_disk=on_disk)
            except BaseException as error:
                told.set_exception(error)
                return
            told.set_result((name, since(started)))
            self._store(name, predictor, embedding, is_new and on_disk)

        self._start(run)
        return encoding

    def get_or_encode(
        self,
        predictor: Predictor,
        image: np.ndarray,
        *,
        key: str | None = None,
        wanted: Callable[[], bool] = lambda: True,
        on_disk: bool = True,
    ) -> Embedding:
        """The embedding of an RGB uint8 (H, W, 3) image: from memory, from disk, or by running the encoder here.

        Callers who ask for one image at one time share one run. An encoder's error goes to all who wait for it and
        leaves nothing behind: the next call tries again. key: that of `embedding_key`, if the caller knows it. wanted:
        whether it still is; a predictor encodes one image after the other, and UnwantedError ends what nobody wants at
        its turn. on_disk: whether the disk tier is read and written; the caller whose call encoded writes it, and those
        who waited do not wait for that.
        """
        key = key or embedding_key(predictor, image)
        embedding, is_new = self._obtain(key, predictor, image, wanted, on_disk=on_disk)
        self._store(key, predictor, embedding, is_new and on_disk)
        return embedding

    def _obtain(
        self, key: str, predictor: Predictor, image: np.ndarray, wanted: Callable[[], bool], *, on_disk: bool
    ) -> tuple[Embedding, bool]:
        """The embedding, and whether this very call ran the encoder for it."""
        with self._lock:
            held = self._take(key)
            running = self._running.get(key)
            if held is None:
                mine = self._running[key] = running or _Run()
                mine.wants.append(wanted)
        if held is not None:
            return held, False
        if running is not None:
            embedding = running.embedding.result()
            with self._lock:
                self._count(hits=1)
            return embedding, False
        try:
            embedding, is_new = self._find_or_encode(key, predictor, image, on_disk)
        except BaseException as error:
            with self._lock:
                if self._running.get(key) is mine:
                    del self._running[key]
            mine.embedding.set_exception(error)
            raise
        # Held before it stops counting as running, so that no caller falls between the two and encodes again.
        with self._lock:
            self._hold(key, embedding)
            del self._running[key]
        mine.embedding.set_result(embedding)
        return embedding, is_new

    def _find_or_encode(
        self, key: str, predictor: Predictor, image: np.ndarray, on_disk: bool
    ) -> tuple[Embedding, bool]:
        if self._disk is not None and on_disk:
            embedding = self._disk.read(key, predictor)
            if embedding is not None:
                with self._lock:
                    self._count(disk_hits=1)
                return embedding, False
        with self._turn(key, predictor):
            embedding = self._encode(predictor, image)
        with self._lock:
            self._count(encodes=1)
        return embedding, True

    def _store(self, key: str, predictor: Predictor, embedding: Embedding, is_new: bool) -> None:
        if is_new and self._disk is not None:
            self._disk.write(key, predictor, embedding)

    @contextlib.contextmanager
    def _turn(self, key: str, predictor: Predictor) -> Iterator[None]:
        with self._lock:
            run, turn = self._running[key], self._turns.setdefault(predictor, threading.Lock())
        for _ in until(lambda seconds: turn.acquire(timeout=seconds)):
            self._check_wanted(key, run)
        try:
            self._check_wanted(key, run)
            yield
        finally:
            turn.release()

    def _check_wanted(self, key: str, run: _Run) -> None:
        """UnwantedError if nobody wants it; whoever asks from then on begins anew."""
        with self._lock:
            if not any(wants() for wants in run.wants):
                del self._running[key]
                raise UnwantedError

    def _take(self, key: str) -> Embedding | None:
        embedding = self._held.get(key)
        if embedding is not None:
            self._held.move_to_end(key)
            self._count(hits=1)
        return embedding

    def _hold(self, key: str, embedding: Embedding) -> None:
        self._held[key] = embedding
        self._bytes += embedding.nbytes
        while self._bytes > self.budget_bytes and len(self._held) > 1:
            _, oldest = self._held.popitem(last=False)
            self._bytes -= oldest.nbytes
            self._count(evictions=1)

    def _count(self, **more: int) -> None:
        self._counts = replace(self._counts, **{name: getattr(self._counts, name) + n for name, n in more.items()})
