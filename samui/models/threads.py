"""How many threads torch takes on the CPU: the cores that this process has, not those of the machine around it.

torch itself counts the cores that the process is bound to (with MKL, physical ones). It does not see a limit on
processor time, such as containers have (`docker run --cpus 2` on 64 cores): it starts 64 threads, which use up their
share of each period in a thirty-second of it and then all wait.
"""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path

from samui.errors import ModelError

_GROUPS, _OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
log = logging.getLogger(__name__)


def most() -> int:
    """How many threads may be asked for.

    More than the machine has cores only cost time. With some thousands of them torch ends the process
    with a segmentation fault, since the system refuses to start more.
    """
    return max(64, 4 * (os.cpu_count() or 1))


def settle(asked: int | None) -> int:
    """Set the threads of torch for the whole process: those asked for, or no more than the limit allows; how many.

    Raises ModelError for more than `most`.
    """
    import torch  # not at the top: the command line asks for `most` long before it needs torch

    if asked is not None:
        if asked > most():
            raise ModelError(f"threads: must be from 1 to {most()}, got {asked}")
        torch.set_num_threads(asked)
    elif (cores := limit()) is not None and torch.get_num_threads() > max(1, math.floor(cores)):
        log.info("%d threads, since this process may use %g cores", max(1, math.floor(cores)), cores)
        torch.set_num_threads(max(1, math.floor(cores)))
    return torch.get_num_threads()


def limit(groups: Path = _GROUPS, own: Path = _OWN) -> float | None:
    """Cores' worth of processor time that Linux's control groups allow this process; None without a limit.

    groups: where they are mounted. own: the file that names those of this process. The strictest one on the way up
    counts. https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max) and cgroup-v1's cpu.cfs_quota_us.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return None
    found = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        # A container mostly sees its own group as the root, whatever the path says: what is not there is skipped.
        base = groups / controllers if controllers else groups
        folder = base / path.strip("/")
        for place in (folder, *folder.parents):
            found.append(_quota_2(place) if not controllers else _quota_1(place))
            if place == base:
                break
    return min((cores for cores in found if cores is not None), default=None)


def _quota_2(folder: Path) -> float | None:
    """Of `cpu.max`: "max 100000", or two numbers of microseconds, quota and period."""
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _quota_1(folder: Path) -> float | None:
    """Of the two files of version 1; a quota of -1 is none."""
    try:
        quota, period = (int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        return quota / period if quota > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
