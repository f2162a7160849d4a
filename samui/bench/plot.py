"""`python -m samui.bench.plot FILE.json... OUT.png`: bars of `bench latency --json` results. Needs matplotlib."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from samui.errors import SamuiError

_TABLE = "against transformers (ms)"
_OURS, _OTHERS = "#2f6fde", "#a9b0bb"


def draw(results: Sequence[Mapping[str, Any]], out: Path) -> None:
    """A panel for each job: medians of each path as bars, 95th percentiles as lines, and how many times faster."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    jobs: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        for row in result.get(_TABLE, []):
            jobs.setdefault(row["job"], []).append(row)
    if not jobs:
        raise SamuiError(f"plot: must be given results with the table {_TABLE!r}, got none")
    figure, panels = pyplot.subplots(1, len(jobs), figsize=(3.6 * len(jobs), 2.6), squeeze=False)
    for panel, (job, rows) in zip(panels[0], jobs.items(), strict=True):
        scale, unit = (1000.0, "s") if max(row["p50"] for row in rows) >= 2000 else (1.0, "ms")
        middle, most = ([row[name] / scale for row in rows] for name in ("p50", "p95"))
        colours = [_OURS if row["path"].startswith("samui") else _OTHERS for row in rows]
        bars = panel.barh([row["path"] for row in rows], middle, color=colours)
        panel.errorbar(middle, range(len(rows)), xerr=[[0] * len(rows), _over(middle, most)], fmt="none", ecolor="#444")
        for bar, end, row in zip(bars, most, rows, strict=True):
            text = f"{row['p50'] / scale:.3g} {unit}, {row['times']:.1f}x"
            panel.text(end + 0.02 * max(most), bar.get_y() + bar.get_height() / 2, text, va="center", fontsize=8)
        panel.set_title(job, fontsize=10, loc="left")
        panel.set_xlim(0, 1.45 * max(most))
        panel.set_xticks([])
        panel.tick_params(left=False, labelsize=8)
        panel.spines[["top", "right", "bottom"]].set_visible(False)
        panel.invert_yaxis()
    figure.tight_layout()
    figure.savefig(out, dpi=110)
    pyplot.close(figure)


def _over(middle: Sequence[float], most: Sequence[float]) -> list[float]:
    return [high - low for low, high in zip(middle, most, strict=True)]


if __name__ == "__main__":
    *_files, _out = map(Path, sys.argv[1:])
    draw([json.loads(file.read_text(encoding="utf-8")) for file in _files], _out)
