"""The number of threads is that of the cores which the process may use, limits of containers included."""

import pytest
import torch

from samui.errors import ModelError
from samui.models import threads

# What /proc/self/cgroup says, files under the mount, cores.
LIMITS = {
    "none": ("0::/\n", {}, None),
    "unlimited": ("0::/\n", {"cpu.max": "max 100000\n"}, None),
    "two cores": ("0::/\n", {"cpu.max": "200000 100000\n"}, 2.0),
    "part of a core": ("0::/\n", {"cpu.max": "50000 100000\n"}, 0.5),
    "the strictest on the way up": (
        "0::/a/b\n",
        {"a/b/cpu.max": "max 100000", "a/cpu.max": "150000 100000", "cpu.max": "400000 100000"},
        1.5,
    ),
    "a path of the machine outside": ("0::/docker/abc\n", {"cpu.max": "300000 100000"}, 3.0),
    "version 1": (
        "4:memory:/x\n1:cpu:/x\n",
        {"cpu/x/cpu.cfs_quota_us": "250000\n", "cpu/x/cpu.cfs_period_us": "100000\n", "memory/cpu.max": "1 1"},
        2.5,
    ),
    "version 1 under two names": (
        "3:cpu,cpuacct:/\n",
        {"cpu,cpuacct/cpu.cfs_quota_us": "100000", "cpu,cpuacct/cpu.cfs_period_us": "100000"},
        1.0,
    ),
    "version 1 unlimited": ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
    "not as known": ("0::/\n", {"cpu.max": "a lot"}, None),
    "no period": ("0::/\n", {"cpu.max": "100 0"}, None),
}


@pytest.mark.parametrize(("own", "files", "cores"), LIMITS.values(), ids=LIMITS)
def test_the_limit_is_the_containers(own, files, cores, tmp_path):
    (tmp_path / "own").write_text(own)
    for name, text in files.items():
        file = tmp_path / "groups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert threads.limit(tmp_path / "groups", tmp_path / "own") == cores


def test_without_control_groups_there_is_no_limit(tmp_path):
    assert threads.limit(tmp_path, tmp_path / "nothing") is None


@pytest.fixture
def torch_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("asked", "cores", "expected"),
    [
        (None, None, 4),
        (None, 2.0, 2),
        (None, 2.5, 2),
        (None, 0.5, 1),
        (None, 6.0, 4),
        (None, 8.0, 4),
        (3, 2.0, 3),
        (6, None, 6),
    ],
)
def test_torch_takes_what_was_asked_for_or_no_more_than_the_limit(asked, cores, expected, torch_threads, monkeypatch):
    monkeypatch.setattr(threads, "limit", lambda: cores)
    torch.set_num_threads(4)
    assert threads.settle(asked) == expected == torch.get_num_threads()


def test_more_threads_than_the_system_bears_are_refused(torch_threads, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 40)
    before = torch.get_num_threads()
    for asked in (161, 100_000, 10**20):
        with pytest.raises(ModelError) as refused:
            threads.settle(asked)
        assert str(refused.value) == f"threads: must be from 1 to 160, got {asked}"
    assert torch.get_num_threads() == before
    assert threads.settle(160) == 160


@pytest.mark.parametrize(("cores", "most"), [(None, 64), (1, 64), (16, 64), (17, 68), (256, 1024)])
def test_four_threads_a_core_may_be_asked_for_and_64_anywhere(cores, most, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert threads.most() == most
