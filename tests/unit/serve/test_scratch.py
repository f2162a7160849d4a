"""Folders of a run: made, dropped, and swept after a kill."""

import contextlib
import os
import subprocess
import sys

import pytest

from samui.errors import SamuiError
from samui.serve.scratch import Scratch, sweep


def folders(parent):
    return [path for path in parent.iterdir() if path.is_dir()]


def test_folder_of_a_seat_goes_with_it_and_the_rest_stays(tmp_path):
    scratch = Scratch(tmp_path)
    (scratch.seat("a") / "upload").write_bytes(b"1")
    (scratch.seat("b") / "upload").write_bytes(b"2")
    scratch.drop("a")
    assert sorted(p.name for p in scratch.folder.iterdir()) == ["b"]
    scratch.close()
    assert list(tmp_path.iterdir()) == []


def open_files():
    """(device, number) of the files that this process has open."""
    found = set()
    for descriptor in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):  # that of the listing itself
            status = os.fstat(int(descriptor))
            found.add((status.st_dev, status.st_ino))
    return found


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="this system does not list a process's open files")
def test_closed_run_lets_its_lock_go(tmp_path):
    scratch = Scratch(tmp_path)
    (lock,) = (path.stat() for path in tmp_path.iterdir() if path.is_file())
    assert (lock.st_dev, lock.st_ino) in open_files()
    scratch.close()
    assert (lock.st_dev, lock.st_ino) not in open_files()


@pytest.mark.slow
def test_folders_of_killed_runs_are_swept_at_the_next_start(tmp_path):
    code = "import os; from pathlib import Path; from samui.serve.scratch import Scratch; "
    code += f"kept = Scratch(Path({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", code + "; os.kill(os.getpid(), 9)"], check=False)
    assert len(folders(tmp_path)) == 1
    running = Scratch(tmp_path)
    assert folders(tmp_path) == [running.folder]
    running.close()
    assert list(tmp_path.iterdir()) == []


def test_number_of_a_dead_process_that_another_one_has_now_keeps_nothing_alive(tmp_path):
    """What an earlier release named after its process, whose number is that of a living one."""
    (tmp_path / f"run-{os.getpid()}-0123abcd").mkdir()
    running = Scratch(tmp_path)
    assert folders(tmp_path) == [running.folder]


@pytest.mark.slow
def test_run_of_another_process_is_left_alone_until_it_ends(tmp_path):
    code = "import sys; from pathlib import Path; from samui.serve.scratch import Scratch; "
    code += "kept = Scratch(Path(sys.argv[1])); "
    code += "print('up', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"up\n"
        (theirs,) = folders(tmp_path)
        sweep(tmp_path)
        assert folders(tmp_path) == [theirs]
        other.kill()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_sweep_leaves_running_processes_and_other_files_alone(tmp_path):
    running = Scratch(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    sweep(tmp_path)
    assert running.folder.is_dir()
    assert (tmp_path / "notes.txt").exists()


def test_only_the_owner_may_look_into_the_folder(tmp_path):
    assert Scratch(tmp_path).folder.stat().st_mode & 0o077 == 0


def test_folder_of_somebody_else_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(SamuiError, match="must belong to the user who starts the server"):
        Scratch(tmp_path)
