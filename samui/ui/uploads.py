"""Files that browsers and clients have sent: where they are, how many bytes they may take, and when they are removed.

Gradio writes an upload into a temporary file in its folder, renames it to HASH/NAME when it is whole, and answers with
that path; the event that opens it comes later, or never. Equal files of two people get the same path.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samui.errors import FullError, RequestError
from samui.serve.settings import Settings

_FRAME = 2**16  # bytes of a request beside those of its file
_LEAST = 2**16  # bytes that a file counts as at least: a request may bring a thousand empty ones
_BLOCK = 10**6  # bytes that an upload holds from its start; then at most twice what has come
_SENDS = 8  # uploads that one address may have under way
_CLOCK = 2.0  # seconds by which the times of files may differ from the clock


@dataclass(eq=False)
class Arrival:
    """An upload that is being written. allowed: most bytes that it may have; received: those that it has so far;
    reserved: those that nobody else gets. sender: address that it comes from, None if all may have the same."""

    allowed: int
    reserved: int
    received: int = 0
    sender: str | None = None
    began: float = field(default_factory=time.time)


class Uploads:
    """The folder of uploads under a budget of bytes. Thread-safe.

    A new upload takes the room of the oldest file that nobody is opening. Files being written or opened
    stay, so a new upload is refused if only such files are left.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        """folder: Gradio's upload folder, which need not exist yet."""
        self.largest, self._budget, self.folder = settings.max_bytes, settings.upload_bytes, folder.resolve()
        self._arriving: set[Arrival] = set()
        self._claims: Counter[Path] = Counter()  # openings that each path is still good for
        self._opening: Counter[Path] = Counter()
        self._emptied: set[Path] = set()  # folders of files that are gone
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of all files in the folder, and those that are reserved for uploads that are under way.

        A small file counts with 64 kB.
        """
        with self._lock:
            return self._taken()

    def expect(self, length: int | None, sender: str | None = None) -> Arrival:
        """Make room for the beginning of an upload. length: bytes of its request, None if it does not say.

        Raises RequestError if it is too large, FullError if there is no room even without unopened files, or if the
        sender has too many under way.
        """
        allowed = self.largest + _FRAME
        if length is not None and length > allowed:
            raise RequestError(f"upload: must be at most {megabytes(self.largest)}, got {megabytes(length)}")
        allowed = allowed if length is None else max(length, _LEAST)
        arrival = Arrival(allowed, min(allowed, _BLOCK), sender=sender)
        with self._lock:
            if sender is not None and sum(other.sender == sender for other in self._arriving) >= _SENDS:
                raise FullError(f"upload: must be at most {_SENDS} at once from one address; wait for one to end")
            self._make_room(arrival.reserved)
            self._arriving.add(arrival)
        return arrival

    def grow(self, arrival: Arrival) -> None:
        """Make room for as many bytes again as an upload has received. FullError if there is none.

        Bytes that are announced but do not come take nobody's room.
        """
        with self._lock:
            wanted = min(arrival.allowed, 2 * arrival.received)
            self._make_room(wanted - arrival.reserved)
            arrival.reserved = wanted

    def arrived(self, arrival: Arrival, paths: Iterable[str] = ()) -> None:
        """An upload has ended. paths: of the files that it brought, none if it failed or was broken off."""
        with self._lock:
            self._arriving.discard(arrival)
            self._claims.update(Path(path).resolve() for path in paths)
            self._sweep()

    @contextlib.contextmanager
    def opened(self, data: Any) -> Iterator[tuple[Path, str]]:
        """(file, the name that it had) of Gradio's FileData, a dict or an object; the file is removed afterwards.

        Raises RequestError unless the file lies in the folder: a request names a path, and must not reach another.
        """
        with self._lock:
            file, name = self._find(data)
            self._claims[file] = max(0, self._claims[file] - 1)
            self._opening[file] += 1
        try:
            yield file, name
        finally:
            with self._lock:
                self._opening[file] -= 1
                self._sweep()

    def check(self, path: str) -> Path:
        """The file with this path, which may have gone. Raises RequestError for a path outside the folder."""
        try:
            file = Path(path).resolve()
            file.lstat()
        except FileNotFoundError:
            pass
        except (OSError, ValueError):  # too long for a name, or not text
            raise RequestError(f"file: must be an uploaded file, got {path[:60]!r}") from None
        if not file.is_relative_to(self.folder):
            raise RequestError(f"file: must be an uploaded file, got {path[:60]!r}")
        return file

    def _find(self, data: Any) -> tuple[Path, str]:
        fields = data if isinstance(data, Mapping) else getattr(data, "__dict__", {})
        path, name = fields.get("path"), fields.get("orig_name")
        if not isinstance(path, str):
            raise RequestError(f"file: must be an uploaded file, got {str(data)[:60]!r}")
        file = self.check(path)
        name = Path(name).name if isinstance(name, str) and name else file.name
        if not file.is_file():
            raise RequestError(f"file: must still be there, got {name[:60]!r}, which is gone; send it again")
        return file, name

    def _taken(self) -> int:
        whole, parts = self._files()
        written = sum(size for _, size, _ in parts)
        # Bytes already written by an upload under way count once, as part of what is reserved for it.
        left_over = max(0, written - sum(arrival.received for arrival in self._arriving))
        return sum(size for _, size, _ in whole) + left_over + sum(arrival.reserved for arrival in self._arriving)

    def _make_room(self, wanted: int) -> None:
        self._sweep()
        taken = self._taken()
        for _, size, file in sorted(self._files()[0]):
            if taken + wanted <= self._budget:
                break
            if not self._opening[file]:
                self._remove(file)
                taken -= size
        if taken + wanted > self._budget:
            raise FullError(
                f"upload: all uploads at once must be at most {megabytes(self._budget)}, "
                f"got {megabytes(taken + wanted)}; try again in a minute"
            )

    def _sweep(self) -> None:
        """Remove files whose openings are over, and what broken-off uploads left behind."""
        oldest = min((arrival.began for arrival in self._arriving), default=float("inf"))
        for written, _, file in self._files()[1]:
            if written < oldest - _CLOCK:
                self._remove(file)
        for file in list(self._claims):
            if self._claims[file] > 0 and file.exists():
                continue
            # An upload under way may be about to bring the same file again.
            if not self._opening[file] and not self._arriving:
                del self._claims[file], self._opening[file]
                self._remove(file)
        if not self._arriving:
            for folder in self._emptied - {self.folder}:
                with contextlib.suppress(OSError):  # it holds another file, or has gone
                    folder.rmdir()
            self._emptied.clear()

    def _files(self) -> tuple[list[tuple[float, int, Path]], list[tuple[float, int, Path]]]:
        """Whole files and parts of files, as (time of the last write in s, bytes that it counts as, path)."""
        whole, parts = [], []
        for file in self.folder.rglob("*"):
            try:
                status = file.stat()
            except FileNotFoundError:  # opened meanwhile
                continue
            if file.is_file():
                if file.parent == self.folder:
                    parts.append((status.st_mtime, status.st_size, file))
                else:
                    whole.append((status.st_mtime, max(status.st_size, _LEAST), file))
        return whole, parts

    def _remove(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        self._emptied.add(file.parent)


def megabytes(size: int) -> str:
    return f"{size / 1e6:g} MB"
