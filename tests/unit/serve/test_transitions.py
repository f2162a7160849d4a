"""Every transition of a seat is all or nothing: whichever step of it fails, the seat is as it was, or wholly as it
should be."""

import contextlib
import hashlib
import sys
import threading
from pathlib import Path

import pytest

import samui
from samui.errors import SamuiError
from samui.serve.service import Service
from samui.serve.settings import Settings
from tests.fakes import FakePredictor, Page

HOME = str(Path(samui.__file__).parent)
# What puts things back in order, in `finally` and `except`, and what only asks for the time.
CLEANING = {
    "_kept",
    "tell",
    "remove",
    "key",
    "drop",
    "_leave",
    "forget",
    "cancel",
    "stop",
    "since",
    "told",
    "waiting",
}


class FaultError(Exception):
    """Raised by the test in the place of whatever may go wrong."""


class Fault:
    """Raises at the nth call of a function of samui that this thread makes, and counts them."""

    def __init__(self, at):
        self.at, self.calls, self.where = at, 0, None

    def __enter__(self):
        sys.setprofile(self._event)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)

    def _event(self, frame, event, _):
        code = frame.f_code
        goes_on = frame.f_lasti > 4  # a generator after a yield: no new step
        if (
            event != "call"
            or goes_on
            or code.co_name[0] == "<"
            or code.co_name in CLEANING
            or not code.co_filename.startswith(HOME)
        ):
            return
        self.calls += 1
        if self.calls == self.at:
            sys.setprofile(None)
            self.where = f"{Path(code.co_filename).name}:{code.co_name}"
            raise FaultError(self.where)


class Stage:
    """A page whose seat has two images with objects, found masks, and a prompt of two points."""

    def __init__(self, folder, photo):
        self.models, self.photo = {}, photo
        self.service = Service(Settings(model="fake"), self._load, folder, lambda name, watch: None)
        self.service.server.predictors.get("other")
        self.page = Page(self.service)
        for seed in (1, 2):
            self.page.open(photo(seed=seed), f"{seed}.png")
            self.page.click((20, 20, 1))
            self.page.act("accept", label=f"cat {seed}")
        run(self.service.everything(self.page.token, {"points_per_side": 2, "stability_score_thresh": 0.0}))
        self.page.click((50, 30, 1))
        self.page.click((50, 30, 1), (40, 20, 0))
        photo(seed=3)

    def _load(self, name):
        fake = self.models.setdefault(name, FakePredictor())  # kept alive: loading is no part of what is repeated
        fake.name = fake.key = name
        return fake

    @property
    def seat(self):
        return self.service.seats.get(self.page.token)

    @property
    def a_found_mask(self):
        return self.seat.work.found.items()[0][0]


def run(events):
    for _ in events:
        pass


def blob(content):
    return hashlib.sha256(content).hexdigest()


def digest(stage):
    """All that a seat is, to the byte: what it holds, its epoch, its files. Two equal stages have equal ones."""
    seat, parts = stage.seat, []
    predictor = seat.contents.predictor
    parts += [seat.line.epoch, seat.contents.model, predictor and predictor.key]
    for work in (seat.contents.work, seat.contents.left):
        if work is None:
            parts.append(None)
            continue
        parts += [work.image.name, blob(work.image.file.read_bytes()), work.model, work.session.history.at]
        parts += [(id, blob(mask.rle.counts)) for id, mask in (work.found.items() if work.found else [])]
        for state in work.session.history.states:
            parts += [[type(one).__name__ for one in state.gestures], state.label, state.snap, state.next_id]
            parts += [state.reopened, sorted(state.taken), sorted(state.rejected)]
            parts.append(state.mask and blob(state.mask.counts))
            for step in state.steps:
                prompt = step.prompt
                parts += [prompt.points, prompt.labels, prompt.box, step.candidate, blob(step.prediction.logits)]
            for item in state.objects:
                parts += [item.id, item.label, item.colour, item.visible, blob(item.mask.counts), item.model]
                parts.append(None if item.logits is None else blob(item.logits))
    files = [file for file in stage.service.server.scratch.folder.rglob("*") if file.is_file()]
    return hashlib.sha256(repr((parts, len(files), len(seat.changes))).encode()).hexdigest()


TRANSITIONS = {
    "open": lambda s: run(s.service.open(s.page.token, s.photo(seed=3), "3.png")),
    "change model": lambda s: run(s.service.change_model(s.page.token, "other")),
    "go back": lambda s: s.page.act("back"),
    "three points at once": lambda s: s.page.click((50, 30, 1), (40, 20, 0), (30, 30, 1), (20, 40, 1), (60, 40, 0)),
    "moved point": lambda s: s.page.click((51, 30, 1), (40, 20, 0)),
    "accept": lambda s: s.page.act("accept", label="dog"),
    "reopen": lambda s: s.page.act("reopen", object=1),
    "keep": lambda s: s.page.act("keep", masks=[s.a_found_mask]),
    "refine": lambda s: s.page.act("refine", mask=s.a_found_mask),
    "snap": lambda s: s.page.act("snap", on=True),
    "undo": lambda s: s.page.act("undo"),
    "reset": lambda s: s.page.act("reset"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TRANSITIONS)
def test_seat_is_as_it_was_or_as_it_should_be_whichever_step_fails(name, tmp_path, photo):
    stages = []

    def stage():
        stages.append(Stage(tmp_path / f"run {len(stages)}", photo))
        return stages[-1]

    try:
        whole = stage()
        before = digest(whole)
        TRANSITIONS[name](whole)
        after = digest(whole)
        assert after != before
        at, now, failed = 0, stage(), 0
        while True:
            at += 1
            with Fault(at) as fault, contextlib.suppress(FaultError, SamuiError):
                TRANSITIONS[name](now)
            if fault.where is None:  # it has no more steps than that
                break
            now.service.server.keeper.tell(now.seat)  # what a store could not keep is kept at the next action
            found = digest(now)
            assert found in (before, after), f"half a change after step {at}, {fault.where}"
            failed += found == before
            check_nobody_waits(now)
            if found != before:
                now = stage()
        assert failed > 3
        assert digest(now) == after
        now.page.epoch = now.seat.line.epoch
        assert now.page.act("state")["ok"]
    finally:
        for one in stages:
            one.service.close()


def check_nobody_waits(stage):
    """No lock and no turn is left behind."""
    free = []
    seat = stage.seat

    def look():
        for lock in (seat.lock, seat.line.lock, seat.telling):
            free.append(lock.acquire(timeout=10))
            lock.release()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert free == [True] * 3
    for _ in range(stage.service.server.turns.at_once + 1):
        with stage.service.server.turns.turn():
            pass
