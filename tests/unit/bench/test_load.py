"""`bench load` with a fake predictor and tiny numbers."""

import argparse
import threading

import pytest

from samui.bench import load
from samui.cli import main
from samui.errors import SamuiError
from tests.fakes import FakePredictor


def arguments(**changes):
    parser = argparse.ArgumentParser()
    load.add_arguments(parser)
    given = {"model": "fake", "device": "cpu", "dtype": "auto", "threads": None, "megapixels": 0.02, "seconds": 0.0}
    return argparse.Namespace(**{**vars(parser.parse_args([])), **given, "clickers": [1, 3], **changes})


@pytest.fixture
def predictor(monkeypatch):
    predictor = FakePredictor()
    monkeypatch.setattr("samui.models.load_predictor", lambda *_, **__: predictor)
    return predictor


class Together(FakePredictor):
    """Decodes when so many clickers ask at once, and encodes when they are all at it."""

    def __init__(self, people):
        super().__init__()
        self._people = threading.Barrier(people)
        self.together = 0

    def predict(self, *given, **options):
        try:
            self._people.wait(10)
            self.together += 1
        except threading.BrokenBarrierError:
            pass
        return super().predict(*given, **options)


def test_a_row_for_each_number_of_clickers_beside_one_without_any(predictor):
    told = load.run(arguments())
    assert [row["clickers"] for row in told["load"]] == [0, 1, 3]
    assert all(row["encodes"] == 3 for row in told["load"])
    assert all(row["encode p50"] >= 0 for row in told["load"])
    alone, *busy = told["load"]
    assert alone["clicks/s"] == 0
    assert "click p50" not in alone
    assert {"click p50", "click p95", "clicks/s"} <= set(busy[0])
    assert predictor.embed_calls == 3 * 3 + 1 + 3  # each photo is another one, also between rows
    assert {"cpu", "cores", "torch", "load", "model"} <= set(told["machine"])
    assert told["setting"]["note"].startswith("true only on a quiet machine")


def test_clickers_click_at_the_same_time(monkeypatch):
    together = Together(3)
    monkeypatch.setattr("samui.models.load_predictor", lambda *_, **__: together)
    load.run(arguments(clickers=[3], calls=[3]))
    assert together.together >= 3


@pytest.mark.slow
def test_clicks_that_are_counted_are_those_that_the_decoder_answered(predictor):
    told = load.run(arguments(clickers=[2], seconds=0.3))
    row = told["load"][-1]
    assert 0 < row["clicks/s"] < 10_000
    assert 0 < row["click p50"] <= row["click p95"]
    assert predictor.predict_calls >= 2


@pytest.mark.usefixtures("predictor")
def test_calls_at_once_are_handed_to_the_server_in_a_set_of_rows_each():
    rows = load.run(arguments(clickers=[1], calls=[2, 64]))["load"]
    assert [(row["clickers"], row["calls at once"]) for row in rows] == [(0, 2), (1, 2), (0, 64), (1, 64)]
    (alone, busy) = load.run(arguments(clickers=[1]))["load"]
    assert alone["calls at once"] == busy["calls at once"] == "as the server does"


@pytest.mark.usefixtures("predictor")
def test_a_click_that_is_refused_ends_the_bench(monkeypatch):
    monkeypatch.setattr(load._Seat, "click", lambda *_: load._checked({"ok": False, "error": "no mask"}))
    with pytest.raises(SamuiError, match="bench load: a click must be answered, got no mask"):
        load.run(arguments())


@pytest.mark.usefixtures("predictor")
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"clickers": [0]}, "--clickers: must be from 1 to 256, got 0"),
        ({"clickers": [1, 257]}, "--clickers: must be from 1 to 256, got 257"),
        ({"calls": [0]}, "--calls: must be at least 1, got 0"),
        ({"seconds": -1.0}, "--seconds: must be from 0 to 3600, got -1"),
        ({"megapixels": 0.0}, "--megapixels: must be from 0.01 to 200, got 0"),
    ],
)
def test_options_out_of_range_are_named(changes, text):
    with pytest.raises(SamuiError, match=text):
        load.run(arguments(**changes))


@pytest.mark.usefixtures("predictor")
def test_command_prints_a_table(capsys):
    main(["bench", "load", "--clickers", "1", "--seconds", "0", "--megapixels", "0.02"])
    told = capsys.readouterr().out
    assert told.splitlines()[0] == "load"
    assert told.splitlines()[1].split()[:3] == ["clickers", "calls", "at"]
