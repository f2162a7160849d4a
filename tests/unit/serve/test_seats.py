"""The table of sessions: tokens, expiry, budgets, and that nobody at work is thrown out."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samui.errors import FullError, UnknownSessionError
from samui.serve.open_image import OpenImage
from samui.serve.seat import Contents, Work
from samui.serve.table import Seats, fair_share
from samui.types import Prompt
from samui.work import actions
from samui.work.session import Session
from samui.work.tools import Tools
from tests.fakes import FakePredictor

SIZE = (60, 80)
IMAGE = OpenImage(Path("s/i/a.jpg"), Path("s/i/b.jpg"), "image/jpeg", "a.jpg", SIZE)


def at_work(seat, session=None):
    """The seat with an image open."""
    seat.admitted = True
    seat.contents = Contents(work=Work(IMAGE, session or Session.begin(SIZE), "fake"))


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def closed():
    return []


@pytest.fixture
def table(clock, closed):
    return Seats(cap=3, idle=100, grace=10, budget_bytes=10**9, on_close=closed.append, clock=clock)


def test_tokens_are_long_and_all_different():
    table, tokens = Seats(cap=50), set()
    for _ in range(50):
        tokens.add(table.issue().token)
    assert len(tokens) == 50
    assert min(len(t) for t in tokens) >= 32


def test_seat_is_found_by_its_token_alone(table):
    seat = table.issue()
    assert table.get(seat.token) is seat
    for wrong in ("", "x", None, 5, ["a"], seat.token[:-1], seat.key):
        with pytest.raises(UnknownSessionError, match="session: must be one that this server issued"):
            table.get(wrong)


def test_idle_seat_expires_and_is_closed_by_the_next_sweep(table, clock, closed):
    seat = table.issue()
    clock.now += 101
    with pytest.raises(UnknownSessionError):
        table.get(seat.token)
    table.sweep()
    assert closed == [seat]
    assert len(table) == 0


def test_use_keeps_a_seat_from_expiring(table, clock):
    seat = table.issue()
    for _ in range(5):
        clock.now += 60
        assert table.get(seat.token) is seat


def join(table):
    """A newcomer who opens an image."""
    seat = table.issue()
    table.admit(seat)
    at_work(seat)
    return seat


def test_whoever_opens_an_image_takes_the_place_of_one_whose_file_was_refused(table, clock, closed):
    worker, refused, third = join(table), table.issue(), join(table)
    table.admit(refused)
    clock.now += 61
    for seat in (worker, third):
        table.get(seat.token)
    join(table)
    assert closed == [refused]


def test_one_whose_file_was_refused_has_a_minute_for_another(table, clock):
    refused = table.issue()
    table.admit(refused)
    for _ in range(2):
        join(table)
    clock.now += 9
    with pytest.raises(FullError):
        table.admit(table.issue())
    assert table.get(refused.token) is refused


def test_thousands_of_seats_without_an_image_keep_nobody_out(table, closed):
    worker = join(table)
    for _ in range(3_000):
        table.issue()
    assert len(table) == 1 + 1024
    newcomer = join(table)
    assert table.get(newcomer.token) is newcomer
    assert table.get(worker.token) is worker
    assert worker not in closed


def test_address_with_many_empty_seats_loses_its_own_oldest(table):
    others = [table.issue(sender="203.0.113.6") for _ in range(3)]
    own = [table.issue(sender="203.0.113.5") for _ in range(40)]
    for seat in own[:8]:
        with pytest.raises(UnknownSessionError):
            table.get(seat.token)
    for seat in own[8:] + others:
        assert table.get(seat.token) is seat


def test_seat_that_was_admitted_stays_so(table):
    workers = [join(table) for _ in range(3)]
    table.admit(workers[0])
    with pytest.raises(FullError):
        table.admit(table.issue())


def test_seat_that_was_closed_meanwhile_is_not_admitted(table):
    seat = table.issue()
    table.close(seat.token)
    with pytest.raises(UnknownSessionError):
        table.admit(seat)


def test_closed_by_its_owner_a_seat_is_gone(table, closed):
    seat = table.issue()
    table.close(seat.token)
    assert closed == [seat]
    assert seat.closed
    with pytest.raises(UnknownSessionError):
        table.close(seat.token)


def test_sixty_strangers_throw_out_nobody_at_work(table, clock):
    workers = [table.issue() for _ in range(3)]
    for seat in workers:
        at_work(seat)
    for _ in range(60):
        with pytest.raises(FullError, match="at most 3 people at work at once"):
            table.admit(table.issue())
    assert all(table.get(seat.token) is seat for seat in workers)


def test_seat_idle_beyond_the_grace_makes_room(table, clock, closed):
    old = table.issue()
    at_work(old)
    clock.now += 11
    for _ in range(2):
        join(table)
    join(table)
    assert closed == [old]


def test_handed_over_seat_has_a_new_token_and_its_use_ends_the_old_one(table):
    seat = table.issue()
    old = seat.token
    assert table.hand_over(old) is seat
    assert seat.token != old
    assert table.get(old) is seat
    assert table.get(seat.token) is seat
    with pytest.raises(UnknownSessionError):
        table.get(old)


def test_lost_answer_to_a_hand_over_loses_no_work(table):
    seat = table.issue()
    first = seat.token
    table.hand_over(first)
    assert table.hand_over(first) is seat
    assert table.get(seat.token) is seat
    with pytest.raises(UnknownSessionError):
        table.get(first)


@pytest.mark.parametrize("call", ["hand_over", "close"])
def test_seat_that_ends_while_a_call_waits_for_a_lock_is_unknown(table, monkeypatch, closed, call):
    seat, get = table.issue(), table.get

    def ended_meanwhile(token):
        found = get(token)
        table.close_all()
        return found

    monkeypatch.setattr(table, "get", ended_meanwhile)
    with pytest.raises(UnknownSessionError, match="session: must be one that this server issued"):
        getattr(table, call)(seat.token)
    assert closed == [seat]
    assert len(table) == 0


def test_closed_seat_is_gone_under_both_its_tokens(table, clock):
    seat = table.issue()
    old = seat.token
    table.hand_over(old)
    clock.now += 101
    table.sweep()
    for token in (old, seat.token):
        with pytest.raises(UnknownSessionError):
            table.get(token)


def test_sweep_closes_the_longest_unused_over_the_budget_of_bytes(clock, closed):
    table = Seats(budget_bytes=2_000_000, grace=10, on_close=closed.append, clock=clock)
    predictor = FakePredictor()
    embedding = predictor.embed(np.zeros((60, 80, 3), np.uint8))
    tools = Tools(lambda prompt: predictor.predict(embedding, prompt))
    seats = []
    for _ in range(4):
        seat = table.issue()
        session = Session.begin(SIZE).apply(actions.SetPrompt(Prompt([(9, 9)], [1])), tools)
        at_work(seat, session)
        seats.append(seat)
        clock.now += 20
    table.sweep()
    assert closed == seats[:2]
    assert sum(s.nbytes for s in seats[2:]) <= 2_000_000


def test_only_the_last_sent_states_are_remembered(table):
    line, states = table.issue().line, [Session.begin((4, 4)).state for _ in range(20)]
    serials = [line.remember(state) for state in states]
    assert line.recall(serials[-1]) is states[-1]
    assert line.recall(serials[0]) is None
    line.forget()
    assert line.recall(serials[-1]) is None


class Worker:
    """A person whose undo list grows by a decoder's answer at each click."""

    def __init__(self, table):
        predictor = FakePredictor()
        embedding = predictor.embed(np.zeros((*SIZE, 3), np.uint8))
        self.table, self.seat = table, table.issue()
        self.tools = Tools(lambda prompt: predictor.predict(embedding, prompt))
        at_work(self.seat)

    def click(self, times=1):
        for n in range(times):
            action = actions.SetPrompt(Prompt([(5 + n % 70, 9)], [1]))
            with self.seat.lock:
                session = self.seat.work.session.apply(action, self.tools)
                self.seat.update(lambda work, session=session: replace(work, session=session))
            self.table.weigh(self.seat)

    @property
    def undo_steps(self):
        return len(self.seat.work.session.history.states) - 1


ANSWER = 3 * 256 * 256 * 4  # bytes of the fake decoder's logits


def test_budget_bounds_people_at_work_and_throws_out_nobody(clock, closed):
    table = Seats(cap=64, budget_bytes=40 * ANSWER, grace=600, on_close=closed.append, clock=clock)
    workers = [Worker(table) for _ in range(6)]
    for _ in range(10):
        for worker in workers:
            worker.click(3)
        assert sum(worker.seat.nbytes for worker in workers) <= 40 * ANSWER
    assert closed == []
    assert min(worker.undo_steps for worker in workers) >= 5


def test_shorter_undo_lists_than_their_share_stay_whole(clock):
    table = Seats(budget_bytes=20 * ANSWER, clock=clock)
    small, large = Worker(table), Worker(table)
    small.click(5)
    large.click(30)
    assert small.undo_steps == 5
    assert 10 <= large.undo_steps <= 15


def test_image_that_was_left_gives_its_undo_list_before_the_one_at_work(clock):
    table = Seats(budget_bytes=12 * ANSWER, clock=clock)
    worker = Worker(table)
    worker.click(8)
    left = worker.seat.work
    at_work(worker.seat)
    worker.seat.contents = replace(worker.seat.contents, left=left)
    worker.click(8)
    assert worker.undo_steps == 8
    assert len(worker.seat.contents.left.session.history.states) < 6
    assert worker.seat.nbytes <= 12 * ANSWER


def test_newcomers_are_refused_while_what_cannot_be_shortened_fills_the_memory(clock):
    table = Seats(cap=9, budget_bytes=3 * ANSWER, clock=clock)
    workers = [Worker(table) for _ in range(2)]
    for worker in workers:
        worker.click(9)
    assert [worker.undo_steps for worker in workers] == [1, 1]
    with pytest.raises(FullError, match="the people at work need all the memory"):
        table.admit(table.issue())
    table.close(workers[0].seat.token)
    table.admit(table.issue())


def test_busy_seat_is_left_alone_and_shortened_by_its_own_next_change(clock):
    table = Seats(budget_bytes=8 * ANSWER, clock=clock)
    busy, other = Worker(table), Worker(table)
    busy.click(7)
    held, done = threading.Event(), threading.Event()

    def hold():
        with busy.seat.lock:
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    other.click(7)
    assert busy.undo_steps == 7
    done.set()
    thread.join()
    busy.click()
    assert busy.seat.nbytes + other.seat.nbytes <= 8 * ANSWER


def test_people_within_the_grace_are_not_closed_for_the_budget_of_bytes(clock, closed):
    table = Seats(budget_bytes=ANSWER, grace=10, on_close=closed.append, clock=clock)
    worker, idle = Worker(table), Worker(table)
    worker.click(3)
    idle.click(3)
    clock.now += 11
    table.get(worker.seat.token)
    table.sweep()
    assert closed == [idle.seat]


@pytest.mark.parametrize(
    ("sizes", "budget", "share"),
    [([], 10, 10), ([3, 4], 10, 10), ([1, 9, 9], 10, 4), ([5, 5], 10, 10), ([6, 5], 10, 5), ([2, 2, 20], 0, 0)],
)
def test_fair_share_takes_from_the_largest_alone(sizes, budget, share):
    assert fair_share(sizes, budget) == share
    assert sum(min(size, share) for size in sizes) <= max(budget, 0)
