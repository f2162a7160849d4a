"""kill -9 of a process that keeps a scripted series of changes, at random moments, each time begun anew at the last
acknowledgement or before it: nothing acknowledged is lost, nothing is there twice, and the store is readable.

`SAMUI_KILLS=200 python -m pytest tests/unit/workspace/test_kill.py` for more of them.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from samui.workspace.database import Database
from samui.workspace.schema import MIGRATIONS
from samui.workspace.store import Operation
from tests.unit.workspace.conftest import thing, told

ROOT = Path(__file__).resolve().parents[3]
KILLS = int(os.environ.get("SAMUI_KILLS", "20"))
CHANGES = 60 * KILLS
SECONDS = 0.02  # at most, from the first chance to keep something to the kill


def series():
    """The objects before and after each change: new ones, other labels, deletions, as a person makes them."""
    dice, now = random.Random(7), ()
    yield now
    for n in range(1, CHANGES + 1):
        kind = dice.random()
        if kind < 0.6 or len(now) < 3:
            now = (*now[-40:], thing(n, dice.choice(["cat", "dog", ""])))
        elif kind < 0.8:
            at = dice.randrange(len(now))
            now = (*now[:at], replace(now[at], label=f"label {n}"), *now[at + 1 :])
        else:
            at = dice.randrange(len(now))
            now = (*now[:at], *now[at + 1 :])
        yield now


def operation(image, n):
    return Operation(image, "Change", f"{n:032x}")


def keep(folder, image, first):
    """In the process that will be killed: keep the changes from `first` on, and say so after each."""
    from samui.workspace.folder import open_workspace

    states = list(series())
    workspace = open_workspace(folder)
    tell("begun")
    for n in range(first, CHANGES):
        workspace.commit(operation(image, n), states[n], states[n + 1])
        tell(f"kept {n}")
    os._exit(0)


def tell(line):
    """All of a line or none of it, whenever the kill comes."""
    os.write(1, f"{line}\n".encode())


def main():
    """Fork a process a line, so that each starts in milliseconds, and tell its number and its end."""
    import samui.workspace.folder  # noqa: F401 (before the fork)

    for line in sys.stdin:
        folder, image, first = line.rstrip("\n").split("\t")
        pid = os.fork()
        if pid == 0:
            try:
                keep(folder, image, int(first))
            finally:
                os._exit(1)
        print("pid", pid, flush=True)
        os.waitpid(pid, 0)
        print("gone", flush=True)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_nothing_acknowledged_is_lost_and_nothing_is_there_twice(opened, photos):
    image = opened().images.all()[0].uid
    states, dice = list(series()), random.Random(11)
    command = [sys.executable, "-c", "from tests.unit.workspace.test_kill import main; main()"]
    acknowledged, kills, unknown, again = 0, 0, 0, 0
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as zygote:
        while acknowledged < CHANGES:
            first = max(0, acknowledged - dice.randint(0, 3))  # answers get lost too: what was kept is sent again
            zygote.stdin.write(f"{photos}\t{image}\t{first}\n")
            zygote.stdin.flush()
            again += acknowledged - first
            pid, killer = None, None
            for line in zygote.stdout:
                word, *rest = line.split()
                if word == "pid":
                    pid = int(rest[0])
                elif word == "kept":
                    assert int(rest[0]) <= acknowledged
                    acknowledged = max(acknowledged, int(rest[0]) + 1)
                elif word == "gone":
                    break
                is_moment = word == "begun" or (word == "pid" and dice.random() < 0.1)  # also while it opens the store
                if is_moment and killer is None and kills < KILLS:
                    kills += 1
                    killer = threading.Timer(dice.uniform(0, SECONDS), stop, [pid])
                    killer.start()
            if killer is not None:
                killer.join()
            unknown += check(photos, image, states, acknowledged)
        zygote.stdin.close()
    assert kills == KILLS
    workspace = opened()
    assert told(workspace.objects(image)) == told(states[-1])
    assert len(workspace.history.moments(image, limit=10**6)) == CHANGES
    print(f"{kills} kills, {CHANGES} changes, {unknown} kept without an acknowledgement, {again} sent again")


def stop(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def check(photos, image, states, acknowledged):
    """The store is whole and has what was acknowledged, or that and the change after it; whether it has the latter."""
    database = Database(photos / ".samui" / "store.sqlite", MIGRATIONS)
    try:
        assert database.is_whole()
        (kept,) = database.row("SELECT count(*) FROM op")
        assert kept in (acknowledged, acknowledged + 1)
        uids = [uid.hex() for (uid,) in database.rows("SELECT uid FROM object WHERE ended IS NULL ORDER BY z")]
        assert uids == [item.uid for item in states[kept]]
        return kept - acknowledged
    finally:
        database.close()


if __name__ == "__main__":
    main()
