import argparse
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from samui.bench import click, exported, latency, limit, opening, plot, report
from samui.bench.borrowed import BorrowedMasks
from samui.bench.photo import photo
from samui.bench.timing import alternate, measure, summarise
from samui.cli import main
from samui.errors import SamuiError
from samui.types import Prompt
from tests.fakes import FakePredictor


@pytest.mark.parametrize(
    ("values", "p50", "p95"),
    [([7], 7, 7), ([4, 2], 3, 4), ([3, 1, 2], 2, 3), (range(1, 21), 10.5, 19), (range(1, 101), 50.5, 95)],
)
def test_summary_is_median_and_95th_percentile(values, p50, p95):
    assert summarise(list(values)) == {"p50": p50, "p95": p95, "n": len(values)}


def test_alternate_takes_turns_and_does_not_count_the_warm_up():
    calls = []
    found = alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, repeat=3, warm_up=2)
    assert "".join(calls) == "ab" * 5
    assert {name: row["n"] for name, row in found.items()} == {"a": 3, "b": 3}


def test_each_timed_call_waits_for_the_pause_outside_of_its_time(monkeypatch):
    slept = []
    monkeypatch.setattr("samui.bench.timing.time.sleep", slept.append)
    alternate({"a": lambda: None, "b": lambda: None}, repeat=3, warm_up=1, pause=0.5)
    assert slept == [0.5] * 6


def test_measure_ends_when_its_time_is_over_but_not_before_three():
    assert measure(lambda: None, repeat=50, seconds=-1.0)["n"] == 3


def test_a_table_has_aligned_columns_with_numbers_on_the_right():
    assert report.table([{"part": "decode", "p50": 9.5}, {"part": "all", "p50": 120.0}]).splitlines() == [
        "part      p50",
        "decode   9.50",
        "all     120.0",
    ]


def test_text_has_a_heading_for_each_part():
    text = report.text({"machine": {"cores": 2, "gpu": None}, "steps": {"mask": {"p50": 1.0, "met": True}}})
    assert text == "machine\n  cores  2\n  gpu    -\n\nsteps\n         p50  met\n  mask  1.00  yes"


def test_json_is_one_line_with_short_numbers():
    printed = report.as_json({"a": {"p50": 1 / 3, "off": 1.23456e-6}, "b": [True, None, 12.0]})
    assert "\n" not in printed
    assert json.loads(printed) == {"a": {"p50": 0.3333, "off": 1.235e-6}, "b": [True, None, 12.0]}


@pytest.mark.parametrize(
    ("value", "cell"),
    [(0.0, "0.00"), (2e-6, "2.0e-06"), (0.5, "0.50"), (0.9964, "0.996"), (1.0, "1.00"), (123.4, "123.4")],
)
def test_numbers_show_the_digits_that_count(value, cell):
    assert report.table([{"x": value}]).split() == ["x", cell]


def test_the_encoder_of_vit_b_takes_about_930_billion_operations():
    from transformers import SamVisionConfig

    layers = 12 * 4096 * 768 * (3 * 768 + 768 + 2 * 3072)
    attention = 2 * 4096 * 768 * (4 * 4096 + 8 * 14 * 14)
    rest = 4096 * 768 * 3 * 16 * 16 + 4096 * 256 * (768 + 9 * 256)
    assert limit.encoder_gflop(SamVisionConfig()) == pytest.approx(2e-9 * (layers + attention + rest))
    assert limit.encoder_gflop(SamVisionConfig()) == pytest.approx(933, rel=0.01)


@pytest.mark.parametrize(
    ("installed", "device", "reason"),
    [
        (["onnx", "onnxruntime"], "cpu", None),
        (["onnx"], "cpu", "left out, since onnxruntime cannot be imported (`pip install -r requirements-bench.txt`)"),
        (["onnx", "onnxruntime"], "cuda:0", "left out, since the export runs on the CPU and samui on cuda:0"),
    ],
)
def test_why_onnxruntime_is_left_out_is_one_line(installed, device, reason, monkeypatch):
    monkeypatch.setattr(exported, "find_spec", lambda name: object() if name in installed else None)
    assert exported.left_out(device) == reason


def test_a_part_that_is_none_is_refused(capsys):
    assert main(["bench", "latency", "--only", "paint"]) == 1
    told = capsys.readouterr().err
    assert [part for part in ("paint", *latency.PARTS) if part not in told] == []


def made(total: float, sent: int = 9000) -> click.Click:
    """A click whose parts are known: decoder 10 ms on the page and 9 ms alone."""
    return {
        "total": total,
        "decode": 10.0,
        "ahead": 0.0,
        "server": 13.0,
        "roundtrip": total - 3,
        "paint": 1.0,
        "alone": 9.0,
        "sent": sent,
        "read": 2 * sent,
    }


def test_the_parts_of_a_click_add_up_to_its_total():
    row = click.summarise_clicks([made(20.0)], [])["first click (ms)"]
    parts = ("decode", "server without decode", "network", "paint", "page before the call")
    assert sum(row[name]["p50"] for name in parts) == row["total"]["p50"] == 20.0


@pytest.mark.parametrize(
    ("told", "parts"),
    [
        ({"ahead": None}, {"decode": 10.0, "server": 13.0, "roundtrip": 17.0, "ahead": 0.0}),
        ({"ahead": 10.0, "server": 3.0}, {"decode": 0.0, "server": 3.0, "roundtrip": 17.0, "ahead": 10.0}),
        ({"ahead": 10.0, "total": 4.0}, {"decode": 0.0, "server": 0.0, "roundtrip": 0.0, "ahead": 10.0}),
        ({"ahead": 9.9, "total": 17.5}, {"decode": 0.0, "server": 0.0, "roundtrip": 0.0, "ahead": 9.9}),
    ],
    ids=["decoded when asked for", "decoded ahead", "painted before the answer", "painted slowly before the answer"],
)
def test_what_was_made_before_the_button_was_released_is_no_part_of_the_click(told, parts):
    page = {name: made(20.0)[name] for name in ("total", "decode", "server", "roundtrip", "paint")}
    found = click.parts_of({**page, **told})
    assert found == {"total": told.get("total", 20.0), "paint": 1.0, **parts}


@pytest.mark.parametrize(
    ("clicks", "met"),
    [
        ([made(24.0)] * 20, [True, True, True]),
        ([made(24.1)] * 20, [False, True, True]),
        ([made(20.0)] * 18 + [made(41.0)] * 2, [True, False, True]),
        ([made(20.0, sent=15_001)] * 20, [True, True, False]),
    ],
    ids=["all met", "too slow", "too uneven", "too large"],
)
def test_bars_compare_with_the_decoder_alone(clicks, met):
    bars = click.summarise_clicks(clicks, [])["bars"]
    assert [bar["met"] for bar in bars] == met
    assert bars[0]["value"] == pytest.approx(clicks[0]["total"] - 9.0)


def test_a_network_of_random_weights_decodes_each_click_and_answers_with_the_masks_of_another():
    own, lender = FakePredictor(), FakePredictor()
    own.low_res_size = (128, 128)
    borrower = BorrowedMasks(own)
    image = np.zeros((100, 100, 3), np.uint8)
    embedding = borrower.embed(image)
    asked = [Prompt([(20, 20)], [1]), Prompt([(70, 70)], [1]), Prompt([(20, 20), (38, 20)], [1, 0])]
    before = borrower.predict(embedding, asked[0])
    assert np.array_equal(before.logits, FakePredictor().predict(embedding, asked[0]).logits)

    borrower.borrow(lender, image, asked)
    found = borrower.predict(embedding, Prompt([(68, 71)], [1]))  # nearest to the second
    assert own.predict_calls == 2
    assert found.logits.shape == (3, 128, 128)
    assert found.mask(1)[70, 70]
    assert not found.mask(1)[20, 20]
    corrected = borrower.predict(embedding, Prompt([(20, 20), (24, 20)], [1, 0]))  # nearest to the first, but the third
    assert corrected.mask(1)[20, [10, 35]].tolist() == [True, False]


def test_a_plan_of_clicks_asks_for_each_of_them_once():
    plan = click._plan((300, 400), 20)
    assert [len(part) for part in plan] == [3, 20, 2]
    assert [len(prompt.points) for prompt in click._prompts(plan)] == [1] * 23 + [1, 2, 3, 4, 5] * 2
    assert len({prompt.points for prompt in click._prompts(plan)}) == 23 + 10


def test_corrections_have_a_table_of_their_own():
    result = click.summarise_clicks([made(20.0)], [made(30.0), made(32.0)])
    assert result["correction (ms)"]["total"] == {"p50": 31.0, "p95": 32.0, "n": 2}
    bar = result["bars"][-1]
    assert (bar[""], bar["value"], bar["met"]) == ("correction p50 - decoder alone p50 (ms)", 22.0, False)


def test_a_photo_is_scaled_to_the_size_asked_for():
    pixels = photo("coffee", 2.0)
    assert pixels.dtype == np.uint8
    assert pixels.shape[0] * pixels.shape[1] == pytest.approx(2e6, rel=0.01)
    assert pixels.shape[1] / pixels.shape[0] == pytest.approx(600 / 400, rel=0.01)


@pytest.mark.parametrize(
    ("name", "megapixels", "message"),
    [
        ("nothing", 1.0, "--photo: must be one of astronaut, .* or an image file, got 'nothing'"),
        ("coffee", 0.0, "--megapixels: must be from 0.01 to 200, got 0"),
        ("coffee", float("nan"), "--megapixels: must be from 0.01 to 200, got nan"),
    ],
)
def test_a_photo_that_cannot_be_made_says_why(name, megapixels, message):
    with pytest.raises(SamuiError, match=message):
        photo(name, megapixels)


@pytest.mark.parametrize("count", [0, 1001])
def test_number_of_clicks_is_checked_before_anything_starts(count):
    with pytest.raises(SamuiError, match=f"--clicks: must be from 1 to 1000, got {count}"):
        click.run(argparse.Namespace(clicks=count))


@pytest.mark.parametrize("count", [0, 1001])
def test_number_of_opens_is_checked_before_anything_starts(count):
    with pytest.raises(SamuiError, match=f"--opens: must be from 1 to 1000, got {count}"):
        opening.run(argparse.Namespace(opens=count))


def test_a_missing_playwright_is_one_line(monkeypatch):
    from samui.bench.browser import open_page

    monkeypatch.setitem(__import__("sys").modules, "playwright.sync_api", None)
    with pytest.raises(SamuiError, match=r"bench click: must have playwright, .* `pip install playwright`"):
        open_page("http://127.0.0.1:1").__enter__()


def test_peak_memory_sees_an_array_that_is_gone_again():
    # In a process of its own: here, what earlier tests left may be given back at the same moment.
    script = """
import numpy as np
from samui.bench.machine import PeakMemory
with PeakMemory() as memory:
    np.ones(64 * 2**20, np.uint8)
print("none" if memory.more is None else memory.more)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    if ran.stdout.strip() != "none":  # on Linux
        assert 60 < float(ran.stdout) < 80


def test_command_line_refuses_an_unknown_bench(capsys):
    assert main(["bench", "nothing"]) == 1
    assert "nothing" in capsys.readouterr().err


@pytest.mark.slow
def test_a_plot_has_a_panel_for_each_job_of_all_results(tmp_path):
    def row(job, path, p50):
        return {"job": job, "path": path, "p50": p50, "p95": 1.5 * p50, "n": 3, "times": 8000 / p50}

    encoder = {"against transformers (ms)": [row("open", "transformers", 8000.0), row("open", "samui auto", 2000.0)]}
    grid = {"against transformers (ms)": [row("grid", "transformers", 8.0)]}
    plot.draw([encoder], tmp_path / "one.png")
    plot.draw([encoder, grid], tmp_path / "two.png")
    one, two = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("one", "two"))
    assert two.shape[1] == pytest.approx(2 * one.shape[1], rel=0.05)
    assert (one == np.array([0xDE, 0x6F, 0x2F])).all(-1).sum() > 1000  # samui's bar


@pytest.mark.slow
def test_a_plot_of_nothing_is_refused(tmp_path):
    with pytest.raises(SamuiError, match="plot: must be given results with the table"):
        plot.draw([{"machine": {}}], tmp_path / "none.png")
