"""`bench latency` measures every path; numbers are not asserted, for they are the machine's."""

import argparse

import numpy as np
import pytest

from samui.bench import against, exported, footprint, latency, limit
from samui.bench.paths import AUTO, FLOAT32, ONNX, TRANSFORMERS
from tests.model.conftest import picture

pytestmark = pytest.mark.model

ALL = [TRANSFORMERS, ONNX, FLOAT32, AUTO]
ONCE = dict.fromkeys(against.JOBS, 1)
RATES = {"torch float32": 100.0, "samui float32": 200.0, "torch bfloat16": 300.0, "samui bfloat16": 400.0}


@pytest.fixture(scope="module")
def onnx(bundled, tmp_path_factory):
    pytest.importorskip("onnxruntime", reason="requirements-bench.txt has it from Python 3.11 on")
    folder = tmp_path_factory.mktemp("onnx")
    exported.export(bundled.source, folder)
    return folder


@pytest.fixture(scope="module")
def paths(bundled, onnx):
    return against.Paths(bundled, picture(300, 400), onnx)


def test_each_job_is_timed_by_each_path(paths, monkeypatch):
    monkeypatch.setattr(against, "_GRID", 3)
    rows = against.times(paths, list(against.JOBS), ONCE, RATES, gflop=10.0)
    assert [(row["job"], row["path"]) for row in rows] == [
        (job, path) for job in against.JOBS.values() for path in ALL if (job, path) != ("click", ONNX)
    ]
    reference = {row["job"]: row["p50"] for row in rows if row["path"] == TRANSFORMERS}
    for row in rows:
        assert row["times"] == reference[row["job"]] / row["p50"] > 0
        # The built-in model is in float32 by "auto" too, so 200 GFLOP/s are the limit of all paths.
        encoder = row["job"] == against.JOBS["encoder"]
        assert row.get("of limit") == (pytest.approx(10.0 / (row["p50"] / 1000) / 200.0) if encoder else None)


def test_every_path_gives_transformers_masks(paths):
    rows = against.same(paths)
    assert [row["path"] for row in rows] == ALL[1:]
    for row in rows:
        assert row["embedding off"] < 1e-5
        assert row["mean IoU"] >= row["least"] > 0.999


def test_masks_of_another_image_are_not_the_same(paths, monkeypatch):
    other = paths.ours[FLOAT32].embed(picture(300, 400, seed=1))
    monkeypatch.setitem(paths.embeddings, FLOAT32, other)
    row = against.same(paths)[1]
    assert row["path"] == FLOAT32
    assert row["embedding off"] > 0.1
    assert row["mean IoU"] < 0.9


def test_paths_decode_as_many_points_at_once_as_they_are_made_for(paths, monkeypatch):
    calls, own = [], paths._transformers_decode
    monkeypatch.setattr(paths, "_transformers_decode", lambda points: calls.append(len(points)) or own(points))
    points = np.random.default_rng(0).uniform(0, 300, (70, 2))
    logits, scores = paths.decode(TRANSFORMERS, points)
    assert calls == [64, 6]
    for path in ALL[1:]:
        mine, _ = paths.decode(path, points)
        assert np.abs(mine - logits).max() < 1e-3
    assert scores.shape == (70, 3)


def test_memory_is_that_of_a_process_for_each_path(bundled, onnx):
    rows = footprint.memory(ALL, bundled.source, "cpu", 1, onnx)
    assert [row["path"] for row in rows] == ALL
    assert all(row["before"] is None or row["peak"] >= row["before"] > 0 for row in rows)
    if rows[0]["more"]:
        assert rows[2]["share"] == rows[2]["more"] / rows[0]["more"]


def test_rates_of_products_are_finite():
    rates = limit.rates("cpu")
    assert list(rates) == list(RATES)
    assert np.isfinite(list(rates.values())).all()


def test_without_onnxruntime_the_rest_is_measured_and_the_reason_told(monkeypatch):
    monkeypatch.setattr(exported, "find_spec", lambda name: None)
    parser = argparse.ArgumentParser()
    latency.add_arguments(parser)
    args = parser.parse_args(["--megapixels", "0.1", "--repeat", "1", "--only", "decoder"])
    args.model, args.device, args.dtype, args.threads = "bundled", "cpu", "auto", None
    result = latency.run(args)
    assert result["onnxruntime"].startswith("left out, since onnxruntime and onnx cannot be imported")
    assert [row["path"] for row in result["against transformers (ms)"]] == [TRANSFORMERS, FLOAT32, AUTO]
    assert not {"steps (ms)", "memory while encoding (MiB)"} & set(result)


def test_an_export_that_fails_is_one_line(tmp_path):
    with pytest.raises(exported.SamuiError, match=r"export to ONNX must end well, got exit code 1 \(.+\)"):
        exported.export(str(tmp_path), tmp_path)
