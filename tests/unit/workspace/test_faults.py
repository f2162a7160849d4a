"""What goes wrong with files: each fault has its way and its sentence, and nothing that was kept is lost or hidden."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from samui.errors import ImageError, StoreError
from samui.workspace import placing
from samui.workspace.database import APPLICATION, DamagedError, Database
from samui.workspace.folder import open_workspace
from samui.workspace.placing import file_system, is_network, locks_hold
from samui.workspace.schema import MIGRATIONS
from samui.workspace.store import Operation
from tests.unit.workspace.conftest import thing, told

ROOT = Path(__file__).resolve().parents[3]


def drawn(workspace, *objects):
    """Keep these objects on the first image; its uid."""
    uid = workspace.images.all()[0].uid
    workspace.commit(Operation(uid, "Accept"), workspace.objects(uid), (*workspace.objects(uid), *objects))
    return uid


def store_of(folder):
    return folder / ".samui" / "store.sqlite"


def test_both_pragmas_are_read_back_and_a_store_that_cannot_promise_is_refused(tmp_path, monkeypatch):
    database = Database(tmp_path / "good.sqlite", MIGRATIONS)
    for connection in (database._writer, database._reader()):
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    database.close()
    # SQLite answers a mode that it cannot have with the one that it takes, and no error.
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda file, **options: connect(":memory:", **options))
    with pytest.raises(StoreError, match=r"must keep what is committed \(wal, FULL\), got journal_mode memory"):
        Database(tmp_path / "bad.sqlite", MIGRATIONS)


def test_every_write_is_in_an_immediate_transaction(opened, image):
    workspace = opened()
    statements = []
    workspace.database.watch = statements.append
    drawn(workspace, thing(1, "cat"))
    workspace.images.set_state(image, "done")
    workspace.labels.rename("cat", "lion")
    workspace.labels.undo()
    workspace.images.opened(image, (60, 80))
    workspace.scan()
    within = False
    for statement in statements:
        word = statement.lstrip().split(None, 1)[0].upper()
        if word == "BEGIN":
            assert statement == "BEGIN IMMEDIATE"
            within = True
        elif word in ("COMMIT", "ROLLBACK"):
            within = False
        elif word in ("INSERT", "UPDATE", "DELETE", "REPLACE"):
            assert within, statement
    assert statements.count("BEGIN IMMEDIATE") == statements.count("COMMIT") >= 5


def test_nothing_else_in_the_project_opens_sqlite():
    """So that no connection is without its pragmas, and no transaction is a deferred one."""
    found = [
        file.relative_to(ROOT / "samui").as_posix()
        for file in (ROOT / "samui").rglob("*.py")
        if "sqlite3.connect" in (text := file.read_text(encoding="utf-8")) or "isolation_level" in text
    ]
    assert found == ["workspace/database.py"]
    assert "isolation_level=None" in (ROOT / "samui" / "workspace" / "database.py").read_text(encoding="utf-8")


def test_full_disk_keeps_what_was_acknowledged_and_tells_the_folder_and_its_room(opened, photos):
    workspace = opened()
    uid = drawn(workspace, thing(1))
    full(workspace.database)
    with pytest.raises(StoreError, match=rf"^{photos}/.samui: must have room for more, got \d+ bytes free"):
        fill(workspace)
    kept = len(workspace.objects(uid))
    assert 1 < kept < 999
    full(workspace.database, pages=1 << 30)
    drawn(workspace, thing(5000))
    assert [item.id for item in workspace.objects(uid)] == [*range(1, kept + 1), 5000]


def fill(workspace):
    for n in range(2, 1000):
        drawn(workspace, thing(n))


def full(database, pages=None):
    """The file may not grow beyond so many pages: the very error of a full disk."""
    count = database._writer.execute("PRAGMA page_count").fetchone()[0] + 2 if pages is None else pages
    database._writer.execute(f"PRAGMA max_page_count={count}")


def test_store_that_another_program_locks_is_told_within_three_seconds_and_works_again(opened, photos, monkeypatch):
    monkeypatch.setattr("samui.workspace.database.BUSY_SECONDS", 0.05)
    workspace = opened()
    workspace.database._writer.execute("PRAGMA busy_timeout=50")
    other = sqlite3.connect(store_of(photos), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"must not be locked by another program for more than 0\.05 s, and is"):
        drawn(workspace, thing(1))
    assert workspace.images.counts().images == 3  # who reads waits for nobody
    other.execute("ROLLBACK")
    other.close()
    assert told(workspace.objects(drawn(workspace, thing(1)))) == [(1, "")]


def test_two_processes_that_write_at_once_are_both_kept(opened, photos):
    workspace = opened()
    uid = workspace.images.all()[0].uid
    code = (
        "import sys; from samui.workspace.folder import open_workspace; from samui.workspace.store import Operation\n"
        "from tests.unit.workspace.conftest import thing\n"
        "workspace = open_workspace(sys.argv[1])\n"
        "for n in range(100, 130): workspace.commit(Operation(sys.argv[2], 'Accept'), (), (thing(n),))\n"
        "workspace.close()\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(photos), uid], cwd=ROOT)
    for n in range(1, 31):
        workspace.commit(Operation(uid, "Accept"), (), (thing(n),))
    assert child.wait() == 0
    assert sorted(item.uid for item in workspace.objects(uid)) == [
        thing(n).uid for n in (*range(1, 31), *range(100, 130))
    ]


def test_store_of_a_newer_version_is_not_touched(opened, photos):
    opened().close()
    with sqlite3.connect(store_of(photos)) as connection:
        connection.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    connection.close()
    before = store_of(photos).read_bytes()
    with pytest.raises(StoreError, match=r"must be of version \d or older, got \d; a newer samui has written it"):
        opened()
    assert store_of(photos).read_bytes() == before


def test_store_of_an_older_version_is_brought_up_to_date_and_a_copy_of_it_stays(tmp_path):
    file = tmp_path / "store.sqlite"
    old = (("CREATE TABLE one (a)", "INSERT INTO one VALUES (7)"),)
    Database(file, old).close()
    newer = Database(file, (*old, ("ALTER TABLE one ADD COLUMN b DEFAULT 8",)))
    assert newer.row("SELECT a, b FROM one") == (7, 8)
    newer.close()
    before = Database(tmp_path / "store.version-1.sqlite", old)
    assert before.row("SELECT * FROM one") == (7,)
    before.close()
    failing = (*old, ("ALTER TABLE one ADD COLUMN b DEFAULT 8",), ("DROP TABLE one", "no SQL"))
    with pytest.raises(StoreError, match="syntax error"):
        Database(file, failing)
    again = Database(file, failing[:2])
    assert again.row("SELECT a FROM one") == (7,)
    again.close()


def test_file_of_another_program_is_left_alone(tmp_path):
    file = tmp_path / "store.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()
    with pytest.raises(StoreError, match="must be a store of samui, got another program's SQLite file"):
        Database(file, MIGRATIONS)
    assert APPLICATION.to_bytes(4, "big") == b"SAMU"


def test_folder_that_was_moved_or_copied_has_all_of_it(opened, photos, tmp_path):
    workspace = opened()
    uid = drawn(workspace, thing(1, "cat"))
    workspace.close()
    moved = tmp_path / "moved"
    photos.rename(moved)
    later = opened(moved)
    assert told(later.objects(uid)) == [(1, "cat")]
    later.close()
    shutil.copytree(moved, tmp_path / "copied")
    assert told(opened(tmp_path / "copied").objects(uid)) == [(1, "cat")]


def test_store_that_is_moved_away_while_it_is_open_takes_nothing_that_nobody_would_find(opened, photos, tmp_path):
    workspace = opened()
    uid = drawn(workspace, thing(1))
    photos.rename(tmp_path / "moved")
    with pytest.raises(StoreError, match="must stay where it is while samui runs, and was moved, removed or replaced"):
        workspace.commit(Operation(uid, "Accept"), (), (thing(2),))
    (tmp_path / "moved").rename(photos)
    workspace.commit(Operation(uid, "Accept"), (), (thing(2),))
    assert told(workspace.objects(uid)) == [(1, ""), (2, "")]


def damage(file):
    """Make the pages of objects unreadable, as a failing disk does."""
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    file.write_bytes(data)


def damage_a_part(file):
    """Another file in its place, as after a copy, some of whose pages are unreadable; the tables are still listed."""
    data = bytearray(file.read_bytes())
    at = len(data) - 3 * 4096
    data[at:] = b"\xa5" * (len(data) - at)
    other = file.with_suffix(".other")
    other.write_bytes(data)
    os.replace(other, file)


@pytest.mark.parametrize("harm", [damage, damage_a_part, lambda file: file.write_bytes(b"no database at all" * 999)])
def test_damaged_store_is_set_aside_and_the_newest_sound_copy_goes_on(opened, photos, harm):
    workspace = opened()
    uid = drawn(workspace, thing(1, "cat"))
    workspace.copies.wait()
    copy = workspace.copies.make()
    drawn(workspace, thing(2, "dog"))
    workspace.close()
    harm(store_of(photos))
    broken = store_of(photos).read_bytes()
    later = opened()
    (note,) = later.notes
    assert "store.sqlite: was damaged (" in note
    assert f"work goes on from the copy {copy.name}" in note
    assert told(later.objects(uid)) == [(1, "cat")]
    (kept,) = (photos / ".samui").glob("damaged-*.sqlite")
    assert kept.read_bytes() == broken


def test_damaged_store_without_a_copy_is_left_as_it_is(opened, photos):
    workspace = opened()
    drawn(workspace, thing(1))
    workspace.close()
    shutil.rmtree(photos / ".samui" / "copies")
    damage(store_of(photos))
    before = store_of(photos).read_bytes()
    with pytest.raises(DamagedError, match=r"store\.sqlite: must be an undamaged store.*nothing was changed"):
        opened()
    assert store_of(photos).read_bytes() == before


def test_no_folder_is_told_as_what_it_is(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for name, got in (("nowhere", "nothing there"), ("file", "a file")):
        with pytest.raises(ImageError, match=f"{name}: must be a folder of images, got {got}"):
            open_workspace(tmp_path / name)


READ_ONLY = """
import sys
from samui.workspace.folder import open_workspace
from samui.workspace.store import Operation
from tests.unit.workspace.conftest import thing, told
from pathlib import Path
import os, samui.pixels.decoder
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
workspace = open_workspace(sys.argv[1], data=Path(sys.argv[2]))
uid = next(image.uid for image in workspace.images.all() if image.path == "a.png")
print(told(workspace.objects(uid)), *workspace.notes, sep="|")
workspace.commit(Operation(uid, "Accept"), (), (thing(2, "mine"),))
workspace.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("journal_left", [False, True], ids=["closed in order", "after a kill"])
def test_folder_of_another_user_shows_its_work_and_keeps_new_work_elsewhere_until_it_can_be_joined(
    photos, journal_left
):
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to other users
        folder, data = Path(place) / "photos", Path(place) / "data"
        shutil.copytree(photos, folder)
        workspace = open_workspace(folder, data=data)
        uid = next(image.uid for image in workspace.images.all() if image.path == "a.png")
        if not journal_left:
            workspace.commit(Operation(uid, "Accept"), (), (thing(1, "theirs"),))
            workspace.close()
        else:
            workspace.close()
            crash(folder, uid)
            assert (folder / ".samui" / "store.sqlite-wal").stat().st_size > 0
        data.mkdir()
        told_there = as_another_user(READ_ONLY, place, folder, data)
        shown, note = told_there.splitlines()[-1].split("|")
        assert shown == "[(1, 'theirs')]"
        assert note.startswith(f"{folder}: cannot keep what is drawn (")
        assert "; new work goes to " in note
        # The folder can be written again: the work of both is in it.
        again = open_workspace(folder, data=data)
        assert told(again.objects(uid)) == [(1, "theirs"), (2, "mine")]
        assert "is in the folder now" in again.notes[0]
        again.close()
        once_more = open_workspace(folder, data=data)
        assert once_more.notes == ()
        once_more.close()


def crash(folder, uid):
    """Commit, and end without closing anything: the journal stays behind."""
    code = (
        "import sys, os; from samui.workspace.folder import open_workspace\n"
        "from samui.workspace.store import Operation; from tests.unit.workspace.conftest import thing\n"
        "open_workspace(sys.argv[1]).commit(Operation(sys.argv[2], 'Accept'), (), (thing(1, 'theirs'),))\n"
        "os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(folder), uid], cwd=ROOT).returncode == 9


def as_another_user(code, place, folder, data):
    """Run Python as somebody who may read the folder and not write it; what it printed."""
    for path in (Path(place), *Path(place).rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    if os.getuid() == 0:  # who may write everywhere
        os.chown(data, 65534, 65534)
    else:
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder), str(data)],
            cwd=ROOT, capture_output=True, text=True, env={**os.environ, "HOME": str(data)},
        )  # fmt: skip
    finally:
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_full_disk_at_the_start_shows_the_work_and_keeps_new_work_elsewhere(opened, photos, monkeypatch):
    workspace = opened()
    uid = drawn(workspace, thing(1, "cat"))
    workspace.close()
    monkeypatch.setattr(placing, "_refuses", lambda home: "No space left on device")
    later = opened()
    assert later.notes[0].startswith(f"{photos}: cannot keep what is drawn (No space left on device); new work goes to")
    assert told(later.objects(uid)) == [(1, "cat")]
    drawn(later, thing(2, "dog"))
    later.close()
    monkeypatch.undo()
    again = opened()
    assert told(again.objects(uid)) == [(1, "cat"), (2, "dog")]


@pytest.mark.parametrize(
    ("kind", "network"),
    [("ext4", False), ("tmpfs", False), ("fuseblk", False), ("nfs4", True), ("cifs", True), ("fuse.sshfs", True)],
)
def test_file_systems_that_several_machines_write_are_known(kind, network):
    assert is_network(kind) is network


def test_network_folder_whose_locks_hold_has_its_store_without_shared_memory(opened, photos, monkeypatch):
    workspace = opened()
    uid = drawn(workspace, thing(1, "cat"))
    workspace.close()
    monkeypatch.setattr(placing, "file_system", lambda folder: "nfs4")
    later = opened()
    assert later.notes == (f"{photos}: lies on a network, so its store keeps a slower kind of journal",)
    assert told(later.objects(uid)) == [(1, "cat")]
    drawn(later, thing(2, "dog"))
    assert later.database._writer.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert not list((photos / ".samui").glob("store.sqlite-*"))
    later.close()
    monkeypatch.undo()
    assert told(opened().objects(uid)) == [(1, "cat"), (2, "dog")]


def test_network_folder_without_locks_keeps_nothing_in_it(opened, photos, monkeypatch, tmp_path):
    monkeypatch.setattr(placing, "file_system", lambda folder: "nfs")
    monkeypatch.setattr(placing, "locks_hold", lambda folder: False)
    workspace = opened()
    assert workspace.store_file.is_relative_to(tmp_path / "data")
    assert "(locks of files do not hold there); new work goes to" in workspace.notes[0]
    assert not store_of(photos).exists()


def test_locks_are_tried_with_another_process(tmp_path, monkeypatch):
    assert locks_hold(tmp_path)
    monkeypatch.setattr("fcntl.lockf", lambda *_: None)  # a file system that grants every lock
    assert not locks_hold(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_file_system_of_a_folder_is_that_of_the_mount_it_lies_in():
    assert file_system(Path("/proc/self")) == "proc"


def test_copies_are_made_beside_a_writer_whole_and_the_last_five_stay(opened):
    workspace = opened()
    drawn(workspace, thing(1))
    workspace.copies.wait()
    assert len(workspace.copies.all()) == 1  # the first change of the hour makes one
    drawn(workspace, thing(2))
    workspace.copies.wait()
    assert len(workspace.copies.all()) == 1
    stop = threading.Event()

    def write():
        n = 100
        while not stop.is_set():
            drawn(workspace, thing(n := n + 1))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for n in range(7):
            copy = workspace.copies.make()
            os.replace(copy, copy.with_name(f"{n}.sqlite"))
            database = Database(copy.with_name(f"{n}.sqlite"), MIGRATIONS)
            assert database.is_whole()
            database.close()
    finally:
        stop.set()
        writer.join()
    workspace.copies.make()
    assert len(workspace.copies.all()) == 5
