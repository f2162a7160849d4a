"""`Database`: one SQLite file, opened so that what was committed is on disk, and its errors as sentences.

One connection writes, behind a lock and in `BEGIN IMMEDIATE` alone: a deferred transaction that reads before it writes
is refused at once when another process has written meanwhile, whatever the time it was given. Readers have connections
of their own and wait for nobody. `journal_mode` and `synchronous` are read back, since SQLite answers a mode that it
cannot have with another one, and no error.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from samui.errors import StoreError

BUSY_SECONDS = 2.0  # that a writer waits for another; whoever waits is told within three
APPLICATION = 0x53414D55  # "SAMU", in the file's head
_FULL = 2  # PRAGMA synchronous
Row = tuple[Any, ...]
Migration = Sequence[str]


class Database:
    """A file and its connections. Thread-safe."""

    def __init__(
        self, file: Path, migrations: Sequence[Migration], *, journal: str = "wal", busy: float = BUSY_SECONDS
    ) -> None:
        """Open the file, made if missing, and bring its tables up to date: PRAGMA user_version counts the migrations.

        journal: "wal", or "delete" where processes on several machines share the file. Raises StoreError.
        """
        self.file, self.journal, self._busy = file, journal, busy
        self.watch: Callable[[str], None] | None = None  # is told every statement, for tests that count them
        self._idle: list[sqlite3.Connection] = []
        self._lock, self._idle_lock = threading.RLock(), threading.Lock()
        self._closed = False
        with self._told():
            self._writer = self._connect()
            try:
                self._migrate(migrations)
            except BaseException:
                self._writer.close()
                raise
            self._inode = _inode(file)

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, committed to disk when the block ends, and undone if it raises. Raises StoreError."""
        with self._told(), self._lock:
            self._check_there()
            with self._transaction():
                yield self._writer

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of one query, as they were committed last. Raises StoreError."""
        with self._told():
            reader = self._reader()
            try:
                return reader.execute(sql, values).fetchall()
            finally:
                self._leave(reader)

    def row(self, sql: str, values: Sequence[Any] = ()) -> Row | None:
        """The first row of a query, None without one. Raises StoreError."""
        found = self.rows(sql, values)
        return found[0] if found else None

    def copy(self, target: Path) -> None:
        """Write all that is committed now into a new file, whole also while others write. Raises StoreError."""
        with self._told():
            reader = self._connect()
            try:
                reader.execute("VACUUM INTO ?", (str(target),))
            finally:
                reader.close()

    def is_whole(self) -> bool:
        """Whether the file holds together; some 5 ms a megabyte. Raises StoreError."""
        try:
            return self.row("PRAGMA quick_check(1)") == ("ok",)
        except DamagedError:
            return False

    def close(self) -> None:
        """Close all connections; the last one of all processes empties the journal into the file."""
        with self._lock, self._idle_lock:
            self._closed = True
            for one in (*self._idle, self._writer):
                with contextlib.suppress(sqlite3.Error):
                    one.close()
            self._idle.clear()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.file, timeout=self._busy, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            connection.set_trace_callback(lambda statement: self.watch(statement) if self.watch else None)
            (mode,) = connection.execute(f"PRAGMA journal_mode={self.journal}").fetchone()
            connection.execute("PRAGMA synchronous=FULL")
            (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
            connection.execute("PRAGMA foreign_keys=ON")
            if mode != self.journal or synchronous != _FULL:
                got = f"journal_mode {mode}, synchronous {synchronous}"
                raise StoreError(f"{self.file}: must keep what is committed ({self.journal}, FULL), got {got}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _reader(self) -> sqlite3.Connection:
        with self._idle_lock:
            if self._closed:
                raise StoreError(f"{self.file}: must be open, and is closed")
            if self._idle:
                return self._idle.pop()
        reader = self._connect()
        reader.execute("PRAGMA query_only=ON")
        return reader

    def _leave(self, reader: sqlite3.Connection) -> None:
        with self._idle_lock:
            if not self._closed:
                self._idle.append(reader)
                return
        reader.close()

    def _migrate(self, migrations: Sequence[Migration]) -> None:
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            raise StoreError(
                f"{self.file}: must be of version {len(migrations)} or older, got {version}; a newer samui has written "
                "it, and nothing was changed: update samui"
            )
        if version == len(migrations):
            return
        (tables,) = self._writer.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (application,) = self._writer.execute("PRAGMA application_id").fetchone()
        if tables and application != APPLICATION:
            raise StoreError(f"{self.file}: must be a store of samui, got another program's SQLite file")
        if version:
            backup = self.file.with_name(f"{self.file.stem}.version-{version}{self.file.suffix}")
            backup.unlink(missing_ok=True)
            self.copy(backup)
        writer = self._writer
        with self._transaction():
            (version,) = writer.execute("PRAGMA user_version").fetchone()  # another process may have been faster
            for statements in migrations[version:]:
                for statement in statements:
                    writer.execute(statement)
            writer.execute(f"PRAGMA application_id={APPLICATION}")
            writer.execute(f"PRAGMA user_version={max(version, len(migrations))}")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:  # a full disk has ended it already
                self._writer.execute("ROLLBACK")
            raise

    def _check_there(self) -> None:
        """StoreError if the file's name leads to another file, or to none: what is committed then nobody finds."""
        if self._closed:
            raise StoreError(f"{self.file}: must be open, and is closed")
        if _inode(self.file) != self._inode:
            raise StoreError(f"{self.file}: must stay where it is while samui runs, and was moved, removed or replaced")

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise told(self.file, error) from error


def told(file: Path, error: sqlite3.Error) -> StoreError:
    """An error of SQLite as a sentence with where, rule and what a person can do."""
    text = str(error)
    if "full" in text:
        return StoreError(f"{file.parent}: must have room for more, got {_free(file.parent)}; make room there")
    if "locked" in text or "busy" in text:
        return StoreError(f"{file}: must not be locked by another program for more than {BUSY_SECONDS:g} s, and is")
    if "readonly" in text or "unable to open" in text:
        return StoreError(f"{file.parent}: must be a folder that can be written, got: {text}")
    if "malformed" in text or "not a database" in text:
        return DamagedError(f"{file}: must be an undamaged store, got: {text}")
    if "disk I/O" in text:
        return StoreError(
            f"{file.parent}: must be on a disk that works and has room, got: {text}, {_free(file.parent)}"
        )
    return StoreError(f"{file}: must do what was asked of it, got: {text}")


class DamagedError(StoreError):
    """A file that is no SQLite database, or one that does not hold together."""


def _free(folder: Path) -> str:
    try:
        return f"{shutil.disk_usage(folder).free} bytes free"
    except OSError as error:
        return error.strerror or str(error)


def _inode(file: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino
