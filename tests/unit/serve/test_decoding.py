"""What is decoded at once stays within a budget, in order of arrival."""

import threading

import pytest

from samui.serve.decoding import DecodingBudget, give_back_memory


class Workers:
    """Threads that hold room for pixels until they are told to end; `running` names those that have it, in order."""

    def __init__(self, budget):
        self.budget, self.running, self.ends, self.threads = budget, [], {}, {}
        self.changed = threading.Condition()

    def start(self, name, pixels):
        end = self.ends[name] = threading.Event()
        waiting = len(self.budget._waiting) + 1

        def work():
            with self.budget.room(pixels):
                with self.changed:
                    self.running.append(name)
                    self.changed.notify_all()
                assert end.wait(20)

        thread = self.threads[name] = threading.Thread(target=work, daemon=True)
        thread.start()
        with self.budget._changed:  # it has room, or stands in the line
            self.budget._changed.notify_all()
        with self.changed:
            arrived = lambda: name in self.running or len(self.budget._waiting) >= waiting  # noqa: E731
            while not arrived():
                self.changed.wait(0.001)

    def end(self, name):
        self.ends[name].set()
        self.threads[name].join(20)
        assert not self.threads[name].is_alive()

    def wait_for(self, *names):
        with self.changed:
            assert self.changed.wait_for(lambda: self.running == [*names], 20), self.running


@pytest.fixture
def workers():
    workers = Workers(DecodingBudget(100))
    yield workers
    for end in workers.ends.values():
        end.set()
    for thread in workers.threads.values():
        thread.join(20)
    assert workers.budget.used == 0


def test_all_that_fits_goes_at_once_and_the_rest_waits(workers):
    workers.start("a", 60)
    workers.start("b", 40)
    workers.wait_for("a", "b")
    assert workers.budget.used == 100
    workers.start("c", 1)
    workers.wait_for("a", "b")
    workers.end("b")
    workers.wait_for("a", "b", "c")
    assert workers.budget.used == 61


def test_small_ones_do_not_overtake_a_large_one(workers):
    workers.start("a", 60)
    workers.start("large", 90)
    workers.start("small", 10)
    workers.wait_for("a")
    workers.end("a")
    workers.wait_for("a", "large", "small")


def test_larger_than_the_budget_goes_alone(workers):
    workers.start("a", 1)
    workers.start("huge", 1000)
    workers.start("b", 1)
    workers.wait_for("a")
    workers.end("a")
    workers.wait_for("a", "huge")
    workers.end("huge")
    workers.wait_for("a", "huge", "b")


def test_failure_gives_its_room_back():
    budget = DecodingBudget(100)
    with pytest.raises(ValueError, match="damaged"), budget.room(100):
        raise ValueError("damaged")
    with budget.room(100):
        assert budget.used == 100
    assert budget.used == 0


def test_memory_is_given_back_without_an_error():
    give_back_memory()
