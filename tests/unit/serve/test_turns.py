"""Turns at the decoder: so many at once, in order of arrival, and what is overtaken costs none."""

import threading

import pytest

from samui.serve.turns import OvertakenError, Turns, cores


class Crowd:
    """Threads that want a turn each, and what they did with it."""

    def __init__(self, at_once):
        self.turns = Turns(at_once)
        self.order, self.at_once, self.most = [], 0, 0
        self._changed = threading.Condition()
        self._free = {}

    def come(self, name, wanted=lambda: True):
        """A thread that has come: it has its turn, or waits for it."""
        self._free[name] = threading.Event()
        waiting, running = self.turns.waiting, self.at_once
        thread = threading.Thread(target=self._work, args=(name, wanted))
        thread.start()
        while (self.turns.waiting, self.at_once) == (waiting, running):
            thread.join(0.001)
        return thread

    def until_begun(self, count):
        """So many have had their turn, or have it."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.order) >= count, 30)

    def end(self, name):
        self._free[name].set()

    def _work(self, name, wanted):
        try:
            with self.turns.turn(wanted):
                with self._changed:
                    self._changed.notify_all()
                    self.order.append(name)
                    self.at_once += 1
                    self.most = max(self.most, self.at_once)
                assert self._free[name].wait(30)
                with self._changed:
                    self.at_once -= 1
        except OvertakenError:
            with self._changed:
                self.order.append(f"{name} overtaken")


def test_no_more_than_so_many_run_at_once_and_in_order_of_arrival():
    crowd = Crowd(2)
    names = list("abcdefg")
    threads = [crowd.come(name) for name in names]
    assert crowd.turns.waiting == 5
    for n, (name, thread) in enumerate(zip(names, threads, strict=True), 1):
        crowd.end(name)
        thread.join(30)
        crowd.until_begun(min(n + 2, len(names)))  # the next one, in its own thread
    assert crowd.order[:2] in (["a", "b"], ["b", "a"])
    assert crowd.order[2:] == names[2:]
    assert crowd.most == 2
    assert crowd.turns.waiting == 0


def test_what_is_overtaken_leaves_at_once_and_the_next_one_moves_up():
    crowd, newest = Crowd(1), [1]
    first = crowd.come("first")
    old = crowd.come("old", lambda: newest[0] == 1)
    new = crowd.come("new")
    newest[0] = 2
    crowd.turns.look()
    old.join(30)
    assert crowd.order == ["first", "old overtaken"]
    crowd.end("new")
    crowd.end("first")
    first.join(30), new.join(30)
    assert crowd.order == ["first", "old overtaken", "new"]


def test_what_was_overtaken_without_a_look_costs_no_turn_either():
    crowd, newest = Crowd(1), [1]
    first = crowd.come("first")
    old = crowd.come("old", lambda: newest[0] == 1)
    newest[0] = 2
    crowd.end("first")
    first.join(30), old.join(30)
    assert crowd.order == ["first", "old overtaken"]
    with crowd.turns.turn():
        pass


def test_a_call_that_fails_gives_its_turn_back():
    turns = Turns(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), turns.turn():
            raise ZeroDivisionError
    with turns.turn():
        pass


def test_there_are_as_many_turns_as_cores():
    assert Turns().at_once == cores() >= 1
