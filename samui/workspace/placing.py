"""Where the store of a folder lies: in the folder, or, where that cannot be, in the person's data folder.

| folder | store |
|---|---|
| can be written | in it, in WAL mode |
| on a network file system whose locks hold | in it, with a rollback journal: two machines share no memory for WAL |
| on one whose locks do not hold | elsewhere: two writers at once would damage the file, and none would be told |
| read-only, of another user, full | elsewhere, begun with a copy of the folder's own store |
| can be written again | in it, and what was kept elsewhere meanwhile is joined to it |
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from samui.errors import StoreError
from samui.workspace.database import DamagedError, Database
from samui.workspace.recovery import STORE
from samui.workspace.schema import MIGRATIONS

PLACE = ".samui"  # the folder in the folder
# Whose files several machines may write at once, or whose shared memory is not to be trusted.
_NETWORK = (
    "nfs",
    "cifs",
    "smb",
    "9p",
    "afs",
    "ceph",
    "gluster",
    "lustre",
    "fuse",
    "virtiofs",
    "vboxsf",
    "drvfs",
    "prl",
)
_ATTEMPTS = 3  # at a copy of a store that somebody may be writing
_REFUSED = (
    "import fcntl, sys\n"
    "file = open(sys.argv[1], 'rb+')\n"
    "try: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
    "except OSError: sys.exit(7)\n"
)


@dataclass(frozen=True)
class Placed:
    """place: the folder of the store. journal: its mode. notes: sentences that a person should read. elsewhere: a place
    where the same folder's work was kept while it could not be kept in the folder, None without one."""

    place: Path
    journal: str = "wal"
    notes: tuple[str, ...] = ()
    elsewhere: Path | None = None


def default_data() -> Path:
    """The person's data folder: ~/.local/share/samui and its like on other systems."""
    return Path(platformdirs.user_data_path("samui", appauthor=False))


def placed(folder: Path, data: Path | None = None) -> Placed:
    """Where the store of a folder lies, ready to be opened. data: the person's data folder. Raises StoreError."""
    data = default_data() if data is None else data
    home, elsewhere = folder / PLACE, data / "folders" / _name(folder)
    why = _refuses(home)
    network = why is None and is_network(file_system(home))
    if network and not locks_hold(home):
        why = "locks of files do not hold there"
    if why is None:
        other = elsewhere if (elsewhere / STORE).is_file() else None
        if network:
            note = f"{folder}: lies on a network, so its store keeps a slower kind of journal"
            return Placed(home, "delete", (note,), other)
        return Placed(home, elsewhere=other)
    try:
        elsewhere.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        got = f"{why}; and {elsewhere}: {error.strerror}"
        raise StoreError(f"{folder}: must be a folder that can be written, got: {got}") from None
    if (home / STORE).is_file() and not (elsewhere / STORE).exists():
        bring(home / STORE, elsewhere / STORE)
    return Placed(elsewhere, notes=(f"{folder}: cannot keep what is drawn ({why}); new work goes to {elsewhere}",))


def bring(source: Path, target: Path) -> None:
    """Copy a store that cannot be opened where it lies, with what its journal has beyond it. Raises StoreError.

    A reader that may not write cannot open a WAL store at all, and one that is told that the file never changes does
    not see the journal: it would show an older state without a word.
    """
    incoming = target.with_name(f"incoming-{secrets.token_hex(4)}.sqlite")
    try:
        for _ in range(_ATTEMPTS):
            try:
                shutil.copyfile(source, incoming)
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(f"{source}-wal", f"{incoming}-wal")
            except OSError as error:
                raise StoreError(f"{source}: must be a store that can be read, got: {error.strerror}") from error
            with contextlib.suppress(DamagedError):
                database = Database(incoming, MIGRATIONS)
                whole = database.is_whole()
                database.close()
                if whole:
                    os.replace(incoming, target)
                    return
        raise DamagedError(f"{source}: must be undamaged and written by nobody just now, got one that is not whole")
    finally:
        for rest in target.parent.glob(f"{incoming.name}*"):
            rest.unlink(missing_ok=True)


def file_system(folder: Path) -> str:
    """The type of the file system of a folder, "" where the system does not tell."""
    real, best, kind = os.path.realpath(folder), "", ""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return "smb" if real.startswith("\\\\") else ""
    for line in mounts:
        _, place, found, *_rest = line.split(" ")
        place = place.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        inside = real == place or real.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best):
            best, kind = place, found
    return kind


def is_network(kind: str) -> bool:
    """Whether several machines may write the files of a file system of this type at once."""
    return kind.startswith(_NETWORK) and kind not in ("fuseblk", "fusectl")


def locks_hold(folder: Path) -> bool:
    """Whether another process is refused a lock that this one has on a file of the folder."""
    try:
        import fcntl
    except ImportError:  # Windows, whose locks of files are those of the server
        return True
    probe = folder / f".probe-{secrets.token_hex(8)}"
    try:
        with open(probe, "xb+") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            command = [sys.executable, "-S", "-E", "-c", _REFUSED, str(probe)]
            return subprocess.run(command, capture_output=True, timeout=30).returncode == 7
    except (OSError, subprocess.SubprocessError):
        return False
    finally:
        probe.unlink(missing_ok=True)


def _refuses(home: Path) -> str | None:
    """Why nothing can be written into a folder, which is made if missing; None if it can."""
    probe = home / f".probe-{secrets.token_hex(8)}"
    try:
        home.mkdir(exist_ok=True)
        try:
            with open(probe, "xb") as file:
                file.write(bytes(1 << 16))  # what SQLite needs before it can even read
                file.flush()
                os.fsync(file.fileno())
        finally:
            probe.unlink(missing_ok=True)
        store = home / STORE
        if store.exists() and not os.access(store, os.R_OK | os.W_OK):
            return f"{STORE} belongs to somebody else"
    except OSError as error:
        return error.strerror or str(error)
    return None


def _name(folder: Path) -> str:
    """A folder's own name in the data folder."""
    return hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:16]
