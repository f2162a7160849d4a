"""Opening a store that may not be whole: it is checked where there is reason to, and set aside, never removed."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from pathlib import Path

from samui.errors import StoreError
from samui.workspace.database import DamagedError, Database
from samui.workspace.schema import MIGRATIONS

STORE = "store.sqlite"
COPIES = "copies"
_CLOSED = "closed"  # in the table meta: which file was closed in order


def open_store(place: Path, journal: str = "wal") -> tuple[Database, tuple[str, ...]]:
    """The store in a folder, and sentences that a person should read.

    One that was not closed in order, or that was copied or moved from elsewhere, is checked first. A damaged one is set
    aside, and the newest sound copy of it takes its place. Raises StoreError.
    """
    file = place / STORE
    try:
        database = Database(file, MIGRATIONS, journal=journal)
        try:
            if not _was_closed(database) and not database.is_whole():
                raise DamagedError(f"{file}: must be an undamaged store, got one that does not hold together")
            _note(database, "")
        except BaseException:
            database.close()
            raise
    except DamagedError as error:
        return _restored(place, journal, error)
    return database, ()


def close_store(database: Database) -> None:
    """Close a store, and take note that it was."""
    try:
        _note(database, _identity(database.file))
    except (StoreError, OSError):  # it is checked at the next start then
        pass
    finally:
        database.close()


def _was_closed(database: Database) -> bool:
    found = database.row("SELECT value FROM meta WHERE key = ?", (_CLOSED,))
    return found is None or found[0] == _identity(database.file)


def _note(database: Database, value: str) -> None:
    with database.writing() as writer:
        writer.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (_CLOSED, value))


def _identity(file: Path) -> str:
    """Which file it is; another one where it was copied, and after a move to another disk."""
    found = os.stat(file)
    return f"{found.st_dev}:{found.st_ino}"


def _restored(place: Path, journal: str, error: DamagedError) -> tuple[Database, tuple[str, ...]]:
    file = place / STORE
    for copy in sorted((place / COPIES).glob("*.sqlite"), key=lambda one: one.name, reverse=True):
        candidate = place / f"restored-{secrets.token_hex(4)}.sqlite"
        try:
            shutil.copyfile(copy, candidate)
            database = Database(candidate, MIGRATIONS, journal=journal)
            whole = database.is_whole()
            database.close()
            if not whole:
                continue
            damaged = place / time.strftime("damaged-%Y-%m-%dT%H-%M-%S.sqlite", time.gmtime())
            for ending in ("-wal", "-shm", ""):
                if Path(f"{file}{ending}").exists():
                    os.replace(f"{file}{ending}", f"{damaged}{ending}")
            os.replace(candidate, file)
            note = (
                f"{file}: was damaged ({str(error).rpartition('got ')[2].removeprefix('got: ')}), so work goes on from"
                f" the copy {copy.name}; `samui merge` takes over what can still be read of {damaged}"
            )
            return Database(file, MIGRATIONS, journal=journal), (note,)
        except (OSError, StoreError):
            continue
        finally:
            for rest in place.glob(f"{candidate.name}*"):
                rest.unlink(missing_ok=True)
    raise DamagedError(f"{error}; there is no sound copy of it in {place / COPIES}, and nothing was changed") from error
