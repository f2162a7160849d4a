"""`bench load`: clicks of several people at once beside an encoder at work, on one server without its page.

Each of the busy people has a seat and a photo, and clicks again as soon as the last mask is there, through the same
`Service.act` as the page: decoder, snapping where the model snaps, run lengths, reply. Meanwhile one more seat opens
photo after photo. People at work click about once in two seconds, so one busy clicker stands for a dozen of them.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from samui.bench import machine
from samui.bench.paths import tell
from samui.bench.photo import photo
from samui.bench.timing import summarise
from samui.errors import SamuiError
from samui.serve.service import Service
from samui.serve.settings import Settings

NOTE = "true only on a quiet machine: everything here shares its cores"
_LEAST_ENCODES = 3  # for each row, however long they take
_MOST = 256  # clickers; as many as a public page has seats
Row = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `bench load` beyond model, device and precision."""
    text = "people who click without a pause; a row for each (default 1 4 16)"
    parser.add_argument("--clickers", type=int, nargs="+", default=[1, 4, 16], metavar="K", help=text)
    text = "decoder calls at once, a set of rows for each (default: as the server does)"
    parser.add_argument("--calls", type=int, nargs="+", metavar="N", help=text)
    parser.add_argument("--photo", default="coffee", help="name of a sample, or an image file (default coffee)")
    parser.add_argument("--megapixels", type=float, default=3.0, metavar="N", help="size to scale it to (default 3)")
    parser.add_argument("--seconds", type=float, default=10.0, metavar="S", help="at least, for a row (default 10)")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """A row for each number of clickers: milliseconds of an encoder run and of a click, and clicks a second."""
    for count in args.clickers:
        if not 1 <= count <= _MOST:
            raise SamuiError(f"--clickers: must be from 1 to {_MOST}, got {count}")
    for count in args.calls or ():
        if count < 1:
            raise SamuiError(f"--calls: must be at least 1, got {count}")
    if not 0 <= args.seconds <= 3600:
        raise SamuiError(f"--seconds: must be from 0 to 3600, got {args.seconds:g}")
    from samui.models import load_predictor

    pixels = photo(args.photo, args.megapixels)
    predictor = load_predictor(args.model, device=args.device, dtype=args.dtype, threads=args.threads)
    rows = []
    for calls in args.calls or (None,):
        settings = settings_of(args.model, calls)
        with tempfile.TemporaryDirectory(prefix="samui-bench-") as folder:
            service = Service(settings, lambda _: predictor, Path(folder, "scratch"))
            try:
                rows += list(_rows(service, _files(Path(folder), pixels), args))
            finally:
                service.close()
    setting = {"photo": args.photo, "width": pixels.shape[1], "height": pixels.shape[0], "note": NOTE}
    return {"load": rows, "machine": machine.describe(predictor), "setting": setting}


def settings_of(model: str, calls: int | None) -> Settings:
    """Settings of the measured server. calls: decoder calls at once, None for the server's default."""
    limits: dict[str, Any] = {} if calls is None else {"decoder_calls": calls}
    return Settings(model=model, seats=_MOST + 1, **limits)


def _rows(service: Service, files: Callable[[], Path], args: argparse.Namespace) -> Iterator[Row]:
    calls = service.settings.decoder_calls
    for count in (0, *args.clickers):
        tell(f"{count} clickers")
        with_setting = {"clickers": count, "calls at once": "as the server does" if calls is None else calls}
        yield with_setting | measure(service, files, count, seconds=args.seconds)


def measure(service: Service, files: Callable[[], Path], clickers: int, *, seconds: float) -> Row:
    """Open photos for `seconds`, at least three, while `clickers` people click: times in milliseconds.

    files: gives a new photo at each call. A click counts if it ends while photos are being opened.
    """
    people = [_Clicker(service, files()) for _ in range(clickers)]
    opener = _Seat(service)
    stop, begun = threading.Event(), threading.Barrier(clickers + 1)
    encodes: list[float] = []
    started = ended = 0.0
    with ThreadPoolExecutor(max(1, clickers), thread_name_prefix="clicker") as pool:
        working = [pool.submit(one.work, begun, stop) for one in people]
        try:
            begun.wait()
            started = time.perf_counter()
            while len(encodes) < _LEAST_ENCODES or time.perf_counter() - started < seconds:
                encodes.append(opener.open(files()))
            ended = time.perf_counter()
        except threading.BrokenBarrierError:
            pass  # a click failed, and its error is the result below
        finally:
            stop.set()
        ends = [click for done in working for click in done.result()]
    for seat in (opener, *people):
        service.seats.close(seat.token)
    spent = [1000 * took for end, took in ends if started <= end <= ended]
    row: Row = {"encode p50": summarise(encodes)["p50"], "encodes": len(encodes)}
    if clickers:
        told = summarise(spent) if spent else {"p50": None, "p95": None}
        row |= {"click p50": told["p50"], "click p95": told["p95"]}
    return row | {"clicks/s": len(spent) / (ended - started)}


class _Seat:
    """A seat of a server, as a page has one."""

    def __init__(self, service: Service) -> None:
        self._service = service
        told = _checked(service.begin({}))
        self.token, self._epoch, self._rev = told["token"], told["epoch"], 0

    def open(self, file: Path) -> float:
        """Milliseconds that the encoder took, as reported to the page."""
        *_, last = self._service.open(self.token, file, file.name)
        if last.get("stage") != "ready":
            raise SamuiError(f"bench load: an image must become ready, got {last.get('stage')}")
        self._epoch = last["epoch"]
        self.size = last["image"]["width"], last["image"]["height"]
        return last["timings"]["encode"]

    def click(self, x: float, y: float) -> None:
        """Set a prompt of one point, as a person's first click does."""
        self._rev += 1
        fields = {"token": self.token, "epoch": self._epoch, "rev": self._rev, "seen": 0}
        _checked(self._service.act({**fields, "action": "prompt", "points": [[x, y, 1]], "box": None}))


class _Clicker(_Seat):
    """A person who clicks again as soon as the mask is there."""

    def __init__(self, service: Service, file: Path) -> None:
        super().__init__(service)
        self.open(file)

    def work(self, begun: threading.Barrier, stop: threading.Event) -> list[tuple[float, float]]:
        """Click until `stop` is set; for each click (when it ended, how long it took), in seconds."""
        places = np.random.default_rng(self.size[0]).uniform(0.08, 0.92, (997, 2)) * self.size
        try:
            self.click(*places[-1])  # the first one decodes the picture to snap on it
        except BaseException:
            begun.abort()
            raise
        begun.wait()
        clicks: list[tuple[float, float]] = []
        for x, y in itertools.cycle(places.tolist()):
            if stop.is_set():
                return clicks
            started = time.perf_counter()
            self.click(x, y)
            ended = time.perf_counter()
            clicks.append((ended, ended - started))
        return clicks


def _checked(told: dict[str, Any]) -> dict[str, Any]:
    if not told["ok"]:
        raise SamuiError(f"bench load: a click must be answered, got {told['error']}")
    return told


def _files(folder: Path, pixels: np.ndarray) -> Callable[[], Path]:
    """Gives a file at each call: another picture each time, but the same work."""
    count = itertools.count()
    picture = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)

    def file() -> Path:
        number = next(count)
        picture[:16, :16], picture[:16, 16:32] = number % 256, number // 256 % 256
        path = folder / "photo.jpg"
        cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
        return path

    return file
