"""`DiskTier`: embeddings in a folder, for the next start and for what memory has no room for."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from samui import files
from samui.errors import SamuiError
from samui.models.predictor import Embedding, Predictor

_SUFFIX = ".safetensors"
_TEMPORARY = (".tmp", ".part")  # as `samui.files` names what it has not finished, and as older versions did
_ABANDONED = 3600.0  # seconds after which a temporary file has no writer any more
log = logging.getLogger(__name__)


class DiskTier:
    """A folder of packed embeddings, one safetensors file each, least recently read out.

    They are float16 where that holds their values: half the size. Several processes may share the folder. A file that
    is truncated or altered counts as missing and is removed.
    """

    def __init__(self, folder: Path, budget_bytes: int) -> None:
        """folder: made if missing. budget_bytes: of its files. Raises SamuiError if it cannot be written."""
        self._folder, self._budget = folder, budget_bytes
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
        """Store an embedding under `key`, whole or not at all, and bring the folder back under its budget.

        A disk that is full or read-only and an embedding that cannot be packed are logged, never raised: work goes on
        without. Takes as long as the disk does.
        """
        try:
            arrays = predictor.pack(embedding)
            files.write(self._path(key), save(arrays, metadata={"sha256": _digest(arrays)}))
            self._trim()
        except Exception as error:
            log.warning("%s: embedding not kept on disk (%s)", self._folder, error)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _trim(self) -> None:
        """Remove what was read longest ago until the folder is under its budget, and what a killed process left."""
        found = []
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process trims too
                status = path.stat()
                if path.suffix == _SUFFIX:
                    found.append((status.st_mtime_ns, status.st_size, path))
                elif path.suffix in _TEMPORARY and time.time() - status.st_mtime > _ABANDONED:
                    path.unlink()
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self._budget:
                break
            path.unlink(missing_ok=True)
            total -= size


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape} ".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()
