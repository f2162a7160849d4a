"""Embeddings kept for all sessions of a process: an image is encoded once, memory has a budget, disk is a second tier.

Memory holds embeddings in the predictor's own precision, so that a mask never depends on what was evicted meanwhile.
The disk tier holds float16 (half the size) unless asked otherwise; a mask from there may differ in outline pixels.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sys
import tempfile
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from samui.errors import SamuiError
from samui.models.predictor import Embedding, Predictor
from samui.timings import since

_SUFFIX, _TEMPORARY = ".safetensors", ".part"
_NICE = 5  # of a thread that encodes: threads that answer clicks get three times its share of a core
_LOOK = 0.25  # seconds between two looks of who waits for its turn at whether it is wanted still
_ABANDONED = 3600.0  # seconds after which a temporary file has no writer any more
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CacheCounts:
    """What a cache has done so far. hits: found in memory, or encoded meanwhile for another caller."""

    encodes: int = 0
    hits: int = 0
    disk_hits: int = 0
    evictions: int = 0


@dataclass(frozen=True, eq=False)
class Encoding:
    """An embedding on its way, in a thread of its own. predictor: the model that makes it."""

    predictor: Predictor
    _told: Future[tuple[str, float]] = field(default_factory=Future)
    _dropped: threading.Event = field(default_factory=threading.Event)

    def result(self) -> tuple[str, float]:
        """Wait until the cache holds it: (its key, milliseconds that it took). Raises what the encoder raises."""
        return self._told.result()

    def drop(self) -> None:
        """Nobody waits for it any more: if its turn has not come yet, it ends, and `result` raises `UnwantedError`."""
        self._dropped.set()


class UnwantedError(Exception):
    """Whoever asked for an embedding wants it no more, and nobody else does."""


class _Run:
    """An embedding that is being made; wants: of each who asked for it, whether it is wanted still."""

    def __init__(self) -> None:
        self.embedding: Future[Embedding] = Future()
        self.wants: list[Callable[[], bool]] = []


class EmbeddingCache:
    """Embeddings by image content and predictor, least recently used out; safe to call from many threads.

    budget_bytes: of memory, in tensors. The newest embedding stays even if it alone is larger than the budget.
    disk_dir: folder of the disk tier, made if missing; None for no such tier. disk_budget_bytes: of its files.
    disk_half: float16 on disk, else the full float32.
    """

    def __init__(
        self,
        budget_bytes: int,
        disk_dir: str | os.PathLike[str] | None = None,
        *,
        disk_budget_bytes: int = 4 << 30,
        disk_half: bool = True,
    ) -> None:
        self.budget_bytes = budget_bytes
        self._disk = None if disk_dir is None else DiskTier(Path(disk_dir), disk_budget_bytes, half=disk_half)
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

    def begin(self, predictor: Predictor, image: np.ndarray) -> Encoding:
        """`get_or_encode`, begun now and waited for later; it ends by itself if nobody waits, see `Encoding.drop`.

        On Linux its threads step back for those that answer clicks meanwhile.
        """
        encoding = Encoding(predictor)
        told = encoding._told

        def run() -> None:
            started = time.perf_counter()
            try:
                _step_back()
                key = embedding_key(predictor, image)
                self.get_or_encode(predictor, image, key=key, wanted=lambda: not encoding._dropped.is_set())
            except BaseException as error:
                told.set_exception(error)
            else:
                told.set_result((key, since(started)))

        threading.Thread(target=run, name="samui-encoding", daemon=True).start()
        return encoding

    def get_or_encode(
        self,
        predictor: Predictor,
        image: np.ndarray,
        *,
        key: str | None = None,
        progress: Callable[[str], None] | None = None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Embedding:
        """The embedding of an RGB uint8 (H, W, 3) image: from memory, from disk, or by running the encoder.

        Callers who ask for one image at one time share one run. An encoder's error goes to all who wait for it and
        leaves nothing behind: the next call tries again. key: that of `embedding_key`, if the caller knows it.
        progress: called once, with "memory", "disk", or "waiting" or "encoding" before that begins. wanted: whether it
        still is; a predictor encodes one image after the other, and UnwantedError ends what nobody wants at its turn.
        """
        key = key or embedding_key(predictor, image)
        tell = progress or (lambda stage: None)
        with self._lock:
            held = self._take(key)
            running = self._running.get(key)
            if held is None:
                mine = self._running[key] = running or _Run()
                mine.wants.append(wanted)
        if held is not None:
            tell("memory")
            return held
        if running is not None:
            tell("waiting")
            embedding = running.embedding.result()
            with self._lock:
                self._count(hits=1)
            return embedding
        try:
            embedding = self._find_or_encode(key, predictor, image, tell)
        except BaseException as error:
            with self._lock:
                if self._running.get(key) is mine:
                    del self._running[key]
            mine.embedding.set_exception(error)
            raise
        # Held before it stops to count as running, so that no caller falls between the two and encodes again.
        with self._lock:
            self._hold(key, embedding)
            del self._running[key]
        mine.embedding.set_result(embedding)
        return embedding

    def shrink(self, budget_bytes: int = 0) -> None:
        """Drop the least recently used embeddings from memory until at most `budget_bytes` are held."""
        with self._lock:
            self._evict(budget_bytes, keep=0)

    def _find_or_encode(
        self, key: str, predictor: Predictor, image: np.ndarray, tell: Callable[[str], None]
    ) -> Embedding:
        if self._disk is not None:
            embedding = self._disk.read(key, predictor)
            if embedding is not None:
                tell("disk")
                with self._lock:
                    self._count(disk_hits=1)
                return embedding
        tell("encoding")
        with self._turn(key, predictor):
            embedding = predictor.embed(image)
        with self._lock:
            self._count(encodes=1)
        if self._disk is not None:
            self._disk.write(key, predictor, embedding)
        return embedding

    @contextlib.contextmanager
    def _turn(self, key: str, predictor: Predictor) -> Iterator[None]:
        with self._lock:
            run, turn = self._running[key], self._turns.setdefault(predictor, threading.Lock())
        while not turn.acquire(timeout=_LOOK):
            self._check_wanted(key, run)
        try:
            self._check_wanted(key, run)
            yield
        finally:
            turn.release()

    def _check_wanted(self, key: str, run: _Run) -> None:
        """UnwantedError if nobody wants it; who asks from then on begins anew."""
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
        self._evict(self.budget_bytes, keep=1)

    def _evict(self, budget: int, *, keep: int) -> None:
        while self._bytes > budget and len(self._held) > keep:
            _, embedding = self._held.popitem(last=False)
            self._bytes -= embedding.nbytes
            self._count(evictions=1)

    def _count(self, **more: int) -> None:
        self._counts = replace(self._counts, **{name: getattr(self._counts, name) + n for name, n in more.items()})


class DiskTier:
    """A folder of packed embeddings, one safetensors file each, least recently read out.

    Several processes may share the folder. A file that is truncated or altered counts as missing and is removed; a disk
    that is full or read-only is logged, and work goes on without.
    """

    def __init__(self, folder: Path, budget_bytes: int, *, half: bool) -> None:
        self._folder, self._budget, self._half = folder, budget_bytes, half
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._trim()
        except OSError as error:
            raise SamuiError(f"disk_dir: must be a folder that can be written, got {folder} ({error})") from None

    def read(self, key: str, predictor: Predictor) -> Embedding | None:
        """The embedding stored under `key`, or None."""
        path = self._path(key)
        try:
            with safe_open(path, framework="np") as file:
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
                if (file.metadata() or {}).get("sha256") != _digest(arrays):
                    raise ValueError("content does not match its checksum")
            embedding = predictor.unpack(arrays)
            os.utime(path)  # the time of last use, which `_trim` goes by
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            log.warning("%s: not a whole embedding (%s), encoding again", path, error)
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        return embedding

    def write(self, key: str, predictor: Predictor, embedding: Embedding) -> None:
        """Store an embedding under `key`, whole or not at all, and bring the folder back under its budget."""
        arrays = predictor.pack(embedding, half=self._half)
        content = save(arrays, metadata={"sha256": _digest(arrays)})
        temporary = None
        try:
            # A sibling that takes its name only once it is on the disk: no reader and no crash sees half a file.
            with tempfile.NamedTemporaryFile(dir=self._folder, suffix=_TEMPORARY, delete=False) as file:
                temporary = Path(file.name)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self._path(key))
            self._trim()
        except OSError as error:
            log.warning("%s: embedding not kept on disk (%s)", self._folder, error)
            if temporary is not None:
                temporary.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _trim(self) -> None:
        """Remove what was read longest ago until the folder is under its budget, and what a killed process left."""
        files = []
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process trims too
                status = path.stat()
                if path.suffix == _SUFFIX:
                    files.append((status.st_mtime_ns, status.st_size, path))
                elif path.suffix == _TEMPORARY and time.time() - status.st_mtime > _ABANDONED:
                    path.unlink()
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._budget:
                break
            path.unlink(missing_ok=True)
            total -= size


def embedding_key(predictor: Predictor, image: np.ndarray) -> str:
    """64 hexadecimal digits for an image's pixels and shape and a predictor's name, revision and precision."""
    digest = hashlib.sha256(f"{predictor.name}@{predictor.revision}/{predictor.dtype} {image.shape} ".encode())
    digest.update(np.ascontiguousarray(image))
    return digest.hexdigest()


def _step_back() -> None:
    """Lower this thread's priority, and with it that of the threads that torch will start for it."""
    if sys.platform == "linux":  # elsewhere priorities belong to processes
        with contextlib.suppress(OSError):  # a sandbox may forbid it; clicks then take turns
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + _NICE)


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape} ".encode())
        digest.update(np.ascontiguousarray(arrays[name]))
    return digest.hexdigest()
