"""`bench workspace`: what keeping on disk costs a person, and what a folder of many images costs the list.

An accept is timed through the same `Service.act` as the page, up to the reply that says that it is kept: in turns on a
server whose store is a folder's, and on one that keeps nothing. The large store is filled with rows of the usual size
and without image files, and asked what the page asks.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from samui.bench import machine
from samui.bench.paths import tell
from samui.bench.photo import photo
from samui.bench.timing import measure, summarise, timed
from samui.errors import SamuiError
from samui.models.predictor import Predictor
from samui.pixels.rle import Rle
from samui.serve.service import Service
from samui.serve.settings import Settings
from samui.work.gestures import PointGesture
from samui.work.state import Object
from samui.workspace.folder import open_workspace
from samui.workspace.rows import Filter
from samui.workspace.shelf import Shelf
from samui.workspace.sqlite import insert_operation, insert_version, new_key
from samui.workspace.store import Operation

NOTE = "a commit waits for the disk: compare within one run alone"
_SIDE = 400  # pixels, of the masks in the large store
Row = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `bench workspace` beyond model, device and precision."""
    parser.add_argument("--accepts", type=int, default=200, metavar="N", help="accepts on each server (default 200)")
    text = "images of the large store (default 50000)"
    parser.add_argument("--images", type=int, default=50_000, metavar="N", help=text)
    parser.add_argument("--objects", type=int, default=5, metavar="N", help="objects on each of them (default 5)")
    parser.add_argument("--photo", default="coffee", help="name of a sample, or an image file (default coffee)")
    parser.add_argument("--megapixels", type=float, default=1.0, metavar="N", help="size to scale it to (default 1)")


def run(args: argparse.Namespace) -> Row:
    """Accepts with and without a store, and questions to a large store: milliseconds, megabytes."""
    for name, least in (("accepts", 3), ("images", 1), ("objects", 0)):
        if getattr(args, name) < least:
            raise SamuiError(f"--{name}: must be at least {least}, got {getattr(args, name)}")
    from samui.models import load_predictor

    predictor = load_predictor(args.model, device=args.device, dtype=args.dtype, threads=args.threads)
    with tempfile.TemporaryDirectory(prefix="samui-bench-") as folder:
        tell(f"{args.accepts} accepts with and without a store")
        accepts = accept(Path(folder), predictor, photo(args.photo, args.megapixels), args.accepts)
        tell(f"a store of {args.images} images")
        questions, sizes = large(Path(folder), args.images, args.objects)
    setting = {"photo": args.photo, "images": args.images, "objects": args.images * args.objects, "note": NOTE}
    told = machine.describe(predictor)
    return {"accept (ms)": accepts, "large store (ms)": questions, "sizes": sizes, "machine": told, "setting": setting}


def accept(folder: Path, predictor: Predictor, pixels: np.ndarray, count: int) -> Row:
    """Milliseconds from an accept to the reply, kept on disk and not, and of the click before it, in turns."""
    photos = folder / "photos"
    photos.mkdir()
    cv2.imwrite(str(photos / "photo.jpg"), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    settings = Settings(model=predictor.name)
    plain = Service(settings, lambda _: predictor, folder / "plain")
    kept = Service(settings, lambda _: predictor, folder / "kept", folder=open_workspace(photos, data=folder / "data"))
    rows = ("click", "accept, without a store", "accept, kept on disk", "12 kB to disk, alone")
    times: dict[str, list[float]] = {name: [] for name in rows}
    try:
        pages = {"accept, without a store": _Page(plain, photos), "accept, kept on disk": _Page(kept, photos)}
        dice = np.random.default_rng(0)
        height, width = pixels.shape[:2]
        for n in range(count + 3):
            point = [float(dice.uniform(0, width)), float(dice.uniform(0, height)), 1]
            for name, page in pages.items():
                click = timed(partial(page.act, "prompt", points=[point]))
                spent = timed(partial(page.act, "accept", label="thing"))
                synced = timed(partial(_synced, folder / "alone"))
                if n >= 3:
                    times["click"].append(click)
                    times[name].append(spent)
                    times["12 kB to disk, alone"].append(synced)
    finally:
        plain.close()
        kept.close()
    told: Row = {name: summarise(spent) for name, spent in times.items()}
    beyond = told["accept, kept on disk"]["p50"] - told["accept, without a store"]["p50"]
    return told | {"kept on disk, beyond": {"p50": beyond, "p95": "", "n": count}}


def _synced(file: Path) -> None:
    """What no store can do without: bytes of a mask's size, written and on disk."""
    with open(file, "ab") as out:
        out.write(bytes(12_000))
        out.flush()
        os.fsync(out.fileno())


class _Page:
    """What a browser does, without one."""

    def __init__(self, service: Service, photos: Path) -> None:
        self._service, self._rev, self._seen = service, 0, 0
        self._token = service.begin({"token": None})["token"]
        shelf = service.server.store.folder
        if shelf is None:
            events = list(service.open(self._token, photos / "photo.jpg", "photo.jpg"))
        else:
            events = list(service.open_kept(self._token, f"folder:{shelf.images.all()[0].uid}"))
        self._epoch = events[-1]["epoch"]

    def act(self, action: str, **fields: Any) -> None:
        """One request; an error of it ends the bench."""
        self._rev += 1
        request = {"token": self._token, "epoch": self._epoch, "rev": self._rev, "seen": self._seen, "action": action}
        told = self._service.act(request | fields)
        if not told["ok"] or told.get("saved") is False:
            raise SamuiError(f"{action}: must succeed, got {told.get('error') or told.get('why')}")
        self._seen = told.get("serial", self._seen)


def large(folder: Path, images: int, objects: int) -> tuple[Row, Row]:
    """Milliseconds of what a page asks a large store, and its megabytes."""
    place = folder / "large"
    place.mkdir()
    shelf = Shelf(place)
    fill(shelf, images, objects)
    uids = [image.uid for image in shelf.images.all()]
    middle = uids[len(uids) // 2]
    questions: dict[str, Callable[[], Any]] = {
        "list of all images": lambda: shelf.images.all(),
        "counts by state": shelf.images.counts,
        "next to do": lambda: shelf.images.neighbour(middle, 1, Filter(state="todo")),
        "place of an image": lambda: shelf.images.place(middle),
        "images with a label": lambda: shelf.images.all(Filter(label="label 3")),
        "images by a part of the name": lambda: shelf.images.all(Filter(name="7.jpg")),
        "labels with their counts": shelf.labels.all,
        "objects of an image": lambda: shelf.objects(middle),
        "history of an image": lambda: shelf.history.moments(middle),
        "rename a label and back": partial(_rename, shelf),
    }
    told: Row = {name: measure(ask, repeat=10, warm_up=1) for name, ask in questions.items()}
    started = time.perf_counter()
    copy = shelf.copies.make()
    told["copy of the whole store"] = summarise([(time.perf_counter() - started) * 1000])
    sizes = {"store (MB)": shelf.store_file.stat().st_size / 1e6, "copy (MB)": copy.stat().st_size / 1e6}
    shelf.close()
    told["opened, and all images listed"] = summarise([timed(lambda: _listed(place))])
    return told, sizes


def _rename(shelf: Shelf) -> None:
    shelf.labels.rename("label 3", "label 3b")
    shelf.labels.undo()


def _listed(place: Path) -> None:
    shelf = Shelf(place)
    shelf.images.all()
    shelf.close()


def fill(shelf: Shelf, images: int, objects: int) -> None:
    """Rows of so many images with so many objects each, in a few transactions."""
    masks = [_mask(seed) for seed in range(64)]
    for first in range(0, images, 5000):
        with shelf.database.writing() as writer:
            for n in range(first, min(first + 5000, images)):
                state = "progress" if objects and n % 2 else "todo"
                id = writer.execute(
                    "INSERT INTO image (uid, path, name, bytes, mtime, height, width, state, revision, objects)"
                    " VALUES (?, ?, ?, 1, 1, ?, ?, ?, ?, ?)",
                    (new_key(), f"{n % 50:02}/{n:06}.jpg", f"{n:06}.jpg", _SIDE, _SIDE, state, objects, objects),
                ).lastrowid
                assert id is not None
                for number, item in enumerate(_objects(masks, n, objects), start=1):
                    seq = insert_operation(writer, Operation("", "Accept"), id, number)
                    insert_version(writer, id, item, float(number), seq)


def _objects(masks: list[Rle], n: int, count: int) -> Iterator[Object]:
    dice = np.random.default_rng(n)
    for number in range(1, count + 1):
        counts = masks[(n + number) % len(masks)].counts.copy()
        counts[0] += number  # a mask of its own
        counts[-1] -= number
        mask = Rle((_SIDE, _SIDE), counts)
        x, y = dice.uniform(0, _SIDE, 2)
        gestures = (PointGesture((float(x), float(y)), 1), PointGesture((float(y), float(x)), 0))
        label = f"label {(n + number) % 10}"
        uid = new_key().hex()
        yield Object(number, uid, label, "#1f77b4", True, mask, 0.9, gestures, 1, True, "bundled")


def _mask(seed: int) -> Rle:
    """A blob with an outline as photos have them: some 1.5 kB of run lengths at this size."""
    dice = np.random.default_rng(seed)
    field = cv2.GaussianBlur(dice.standard_normal((_SIDE, _SIDE)), (0, 0), 6)
    mask = np.zeros((_SIDE, _SIDE), np.bool_)
    mask[20:-20, 20:-20] = field[20:-20, 20:-20] > 0.03
    return Rle.encode(mask)
