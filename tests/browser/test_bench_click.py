import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.browser


def measured(*options):
    """What a `bench` prints in a process of its own, since Playwright runs once in a thread."""
    command = [sys.executable, "-m", "samui", "bench", *options, "--megapixels", "1", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_bench_click_measures_real_taps():
    result = measured("click", "--clicks", "3", "--hold", "0")
    assert result["setting"]["width"] * result["setting"]["height"] == pytest.approx(1e6, rel=0.01)
    assert result["machine"]["model"] == "bundled"
    first, corrections = result["first click (ms)"], result["correction (ms)"]
    assert (first["total"]["n"], corrections["total"]["n"]) == (3, 4)
    for row in (first, corrections):
        assert all(row[part]["p50"] > 0 for part in ("total", "decode", "network", "decoder alone"))
        assert row["total"]["p95"] >= row["decode"]["p50"]
        assert row["decoded ahead"]["p95"] == 0
    earliest = result["earliest clicks (ms)"]
    assert list(earliest) == ["1st", "2nd", "3rd"]
    assert all(row["total"] > row["server"] > row["decode"] > 0 for row in earliest.values())
    sent = result["reply (bytes)"]
    assert 200 < sent["sent"]["p50"] < sent["before compression"]["p50"]
    assert len(result["bars"]) == 4


def test_bench_open_measures_real_opens():
    rows = measured("open", "--opens", "2")["open (ms)"]
    assert {row["n"] for row in rows.values()} == {2}
    assert rows["first mask possible"]["p50"] > rows["reading the file alone"]["p50"] > 0
    assert rows["picture on the page"]["p50"] > rows["reading the file alone"]["p50"]
