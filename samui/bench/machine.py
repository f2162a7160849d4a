"""What a measurement ran on: machine, versions, model; and how much memory the process took."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from samui.models.predictor import Predictor

_PACKAGES = ("torch", "transformers", "gradio", "numpy")
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def describe(predictor: Predictor) -> dict[str, Any]:
    """Machine, versions, model, device, precision and threads; flat, for a report's head."""
    import torch

    told: dict[str, Any] = {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu(),
        "cores": _cores(),
        "core limit": _limit(),
        "threads": torch.get_num_threads(),
        "kernels": torch.backends.cpu.get_cpu_capability(),
        "load": _load(),
        "samui": _version("samui", "from source"),
        "python": platform.python_version(),
        **{name: _version(name) for name in _PACKAGES},
        "model": predictor.name,
        "device": predictor.device,
        "dtype": predictor.dtype,
    }
    if predictor.device.startswith("cuda"):
        told["gpu"] = torch.cuda.get_device_name(predictor.device)
    return told


class PeakMemory:
    """Memory of the process in a `with` block, in MiB: `before` at its start, `peak` the most in it.

    Read from Linux's /proc; both stay None on systems without it.
    """

    before: float | None = None
    peak: float | None = None

    def __enter__(self) -> PeakMemory:
        try:
            _CLEAR.write_text("5")  # VmHWM starts again from what is held now (proc_pid_clear_refs(5))
            self.before = _status("VmRSS")
        except (OSError, KeyError):
            self.before = None
        return self

    @property
    def more(self) -> float | None:
        """MiB by which the peak exceeds `before`."""
        return None if self.before is None or self.peak is None else self.peak - self.before

    def __exit__(self, *error: object) -> None:
        if self.before is not None:
            self.peak = _status("VmHWM")


def _status(name: str) -> float:
    """MiB of one line of /proc/self/status."""
    for line in _STATUS.read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) / 1024
    raise KeyError(name)


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _limit() -> str:
    """The limit on processor time, such as containers have, in cores."""
    from samui.models import threads

    return "none" if (cores := threads.limit()) is None else f"{cores:g}"


def _load() -> str:
    """What else the machine does: its load average, if the system reports one."""
    if not hasattr(os, "getloadavg"):
        return "unknown"
    return f"{os.getloadavg()[0]:.1f} over the last minute"


def _version(package: str, otherwise: str = "not installed") -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return otherwise
