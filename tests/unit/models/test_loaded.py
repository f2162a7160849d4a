"""The table of loaded models: each loads once, whoever asks, under whatever name."""

import gc
import threading

import pytest

from samui.errors import ModelError
from samui.models.loaded import Predictors
from tests.fakes import FakePredictor


class Loader:
    def __init__(self):
        self.calls = []

    def __call__(self, name):
        self.calls.append(name)
        if name == "broken":
            raise ModelError("model: must load, got 'broken'")
        predictor = FakePredictor()
        predictor.name = "bundled" if name == "auto" else name
        return predictor


@pytest.fixture
def load():
    return Loader()


def test_many_who_ask_at_once_load_a_model_once(load):
    table, found = Predictors(load), []
    threads = [threading.Thread(target=lambda: found.append(table.get("a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert load.calls == ["a"]
    assert len(set(map(id, found))) == 1


def test_who_asks_just_after_a_model_was_loaded_gets_the_same(load):
    table = Predictors(load)
    lock, asked, found = table._lock, [], []

    class Asking:
        """The table's lock; when it is free for the first time after the load, somebody asks."""

        def __enter__(self):
            lock.acquire()

        def __exit__(self, *error):
            lock.release()
            if load.calls and not asked:
                asked.append(True)
                found.append(table.get("a"))

    table._lock = Asking()
    predictor = table.get("a")
    assert load.calls == ["a"]
    assert found == [predictor]


def test_auto_and_what_it_came_out_as_are_one_model(load):
    table = Predictors(load)
    assert table.get("bundled") is table.get("auto")
    assert table.get("auto") is table.get("bundled")


def test_model_in_use_is_not_loaded_again_beyond_the_cap(load):
    table = Predictors(load, cap=2)
    used = [table.get(name) for name in "abc"]
    assert [table.get(name) for name in "abc"] == used
    assert load.calls == ["a", "b", "c"]


def test_model_that_nobody_uses_goes_once_the_cap_is_full(load):
    table = Predictors(load, cap=1)
    table.get("a")
    table.get("b")
    gc.collect()
    table.get("a")
    assert load.calls == ["a", "b", "a"]


def test_failed_load_is_tried_again_and_leaves_nothing(load):
    table = Predictors(load)
    for _ in range(2):
        with pytest.raises(ModelError):
            table.get("broken")
    assert load.calls == ["broken", "broken"]
    assert table._loading == {}
