"""What the page and the API ask for, in one place and without Gradio: begin, act, open, change the model, save.

Four things cost memory, and each has a bound of its own: sessions, embeddings, decoded pictures, models.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from samui.errors import ExportError, RequestError, SamuiError, StaleError, UnknownSessionError
from samui.models.checkpoints import Watch, download
from samui.models.downloads import Downloads
from samui.models.embeddings import EmbeddingCache, Encoding, embedding_key
from samui.models.loaded import Predictors
from samui.models.predictor import Embedding, Predictor
from samui.pixels.images import read_image
from samui.pixels.snap import snap_to_edges
from samui.serve import describe, export, finding, offer, wire
from samui.serve.open_image import OpenImage, store
from samui.serve.pictures import Pictures
from samui.serve.scratch import Scratch
from samui.serve.seats import AbandonedError, Seat, Sessions
from samui.serve.settings import Settings
from samui.serve.waiting import wait_for
from samui.timings import Timings
from samui.types import Prediction, Prompt
from samui.work import actions
from samui.work.segment import snaps_by_default
from samui.work.session import Session, Tools

log = logging.getLogger(__name__)
Event = dict[str, Any]


class Service:
    """All sessions of one server. Thread-safe; `act` never runs the encoder unless an embedding was evicted."""

    def __init__(
        self,
        settings: Settings,
        load: Callable[[str], Predictor],
        scratch: Path,
        fetch: Callable[[str, Watch], object] = download,
    ) -> None:
        """load: from a model's name to a predictor. scratch: folder under which this run keeps uploads and exports.

        fetch: gets a model's files to this machine, telling the bytes; what it has got, `load` finds.
        """
        self.settings = settings
        self.predictors = Predictors(load)
        self.downloads = Downloads(fetch)
        self.embeddings = EmbeddingCache(
            settings.embedding_bytes, settings.disk_cache, disk_budget_bytes=settings.disk_bytes
        )
        self.pictures = Pictures(settings.picture_bytes, lambda file: self._read(file, file.name).pixels)
        self.scratch = Scratch(scratch)
        self.sessions = Sessions(
            cap=settings.seats,
            idle=settings.idle_seconds,
            budget_bytes=settings.session_bytes,
            on_close=self._closed,
        )

    def warm(self) -> None:
        """Load the model that new pages start with and run it once, so that the first person need not wait for that."""
        predictor = self.predictors.get(self.settings.model)
        embedding = predictor.embed(np.zeros((64, 64, 3), np.uint8))
        predictor.predict(embedding, Prompt([(32, 32)], [1]))

    def close(self) -> None:
        """End all sessions and remove their files."""
        self.sessions.close_all()
        self.scratch.close()

    # --- one request, one reply -------------------------------------------------------------------------------------

    def begin(self, data: Any) -> Event:
        """Give a page its seat: the one of the token that it kept, under a new token, or a new one."""
        try:
            if not isinstance(data, Mapping):
                raise RequestError(f"request: must be an object, got {type(data).__name__}")
            seat, resumed = self.sessions.take(data.get("session"))
            if resumed:
                seat.stop()  # nobody listens to it any more
            else:
                seat.model = self.settings.model
            with seat.lock:
                return {**self._describe(seat), "resumed": resumed}
        except SamuiError as error:
            return wire.error_reply(error)
        except Exception:
            return wire.unexpected_reply("begin")

    def act(self, data: Any) -> Event:
        """Answer one request of a page (protocol: `samui.serve.wire`). Always an envelope, never an exception."""
        told = data if isinstance(data, Mapping) else {}
        marks = {name: told.get(name) if isinstance(told.get(name), int) else 0 for name in ("epoch", "rev")}
        try:
            request = wire.parse(data)
            seat = self.sessions.get(request.session)
            return {**marks, **self._act(seat, request)}
        except SamuiError as error:
            return {**marks, **wire.error_reply(error)}
        except Exception:
            return {**marks, **wire.unexpected_reply("act")}

    def _act(self, seat: Seat, request: wire.Request) -> Event:
        if isinstance(request.action, actions.Abandon):
            seat.abandoned += 1
            return {"ok": True}
        replaceable = isinstance(request.action, (actions.SetPrompt, actions.Prepare, actions.Hover))
        if replaceable:
            seat.newest_rev = max(seat.newest_rev, request.rev)
        timings = Timings(encode=seat.encode_ms)
        with seat.lock:
            if request.epoch != seat.epoch:
                raise StaleError(f"request.epoch: must be {seat.epoch}, that of the open image, got {request.epoch}")
            if replaceable and 0 < request.rev < seat.newest_rev:
                return {"ok": True, "overtaken": True}
            seat.check_image()
            if isinstance(request.action, actions.GoBack):
                seat.go_back()
                return {"ok": True, "moved": True}
            tools = self._tools(seat, timings)
            if isinstance(request.action, actions.Hover):
                hover = wire.encode_hover(*seat.session.preview(request.action, tools))
                return {"ok": True, "hover": hover, "timings": timings.told()}
            if isinstance(request.action, actions.Prepare):
                after = seat.session.prepare(request.action, tools)
                if timings.decode or after.state is seat.session.state:
                    seat.prepared = timings
                else:  # it was prepared before
                    timings.take(seat.prepared)
                return self._reply(seat, request.seen, timings, after)
            if isinstance(request.action, actions.Cancel):
                seat.stop()
            telling = (actions.Report, actions.Cancel, actions.TellFound)
            # A page that got no answer asks again with the same rev: applied once is enough.
            again = 0 < request.rev <= seat.applied_rev
            if not again and not isinstance(request.action, telling):
                if seat.session.apply(request.action, tools):
                    timings.take(seat.prepared)
                seat.applied_rev = request.rev
            answer = self._reply(seat, request.seen, timings)
            if isinstance(request.action, telling[1:]):
                answer |= describe.found(seat, masks=isinstance(request.action, actions.TellFound))
            return answer

    def _reply(self, seat: Seat, seen: int, timings: Timings, prepared: Session | None = None) -> Event:
        session = prepared or seat.session
        answer = wire.reply(session, seen=seat.recall(seen), timings={})
        answer["serial"] = seat.remember(session.state, prepared=prepared is not None)
        answer["timings"] = {name: None if ms is None else round(ms, 2) for name, ms in timings.told().items()}
        return answer

    def _tools(self, seat: Seat, timings: Timings) -> Tools:
        """What the seat's session needs: its model on its image's embedding, timed; and snapping on its pixels."""
        predictor = self._predictor(seat)
        image = seat.image

        def predict(prompt: Prompt) -> Prediction:
            embedding = self._embedding(seat, predictor)
            started = time.perf_counter()
            prediction = predictor.predict(embedding, prompt)
            timings.add_decode(started)
            return prediction

        def snap(mask: np.ndarray, prompt: Prompt) -> np.ndarray:
            return snap_to_edges(self.pictures.get(image.file), mask, prompt)

        return Tools(predict, snap, predictor.name, seat.found and seat.found.pick)

    def _embedding(self, seat: Seat, predictor: Predictor) -> Embedding:
        """Of a seat's image; runs the encoder if it was evicted, or waits for it."""
        with seat.lock:
            image, key = seat.image, seat.embedding_key
        held = self.embeddings.get(key)
        if held is None:
            pixels = self.pictures.get(image.file)
            key = embedding_key(predictor, pixels)
            held = self.embeddings.get_or_encode(predictor, pixels, key=key)
            with seat.lock:  # everything mode holds no lock meanwhile, and the seat may have another image or model
                if seat.image is image and seat.predictor is predictor:
                    seat.embedding_key = key
        return held

    def _predictor(self, seat: Seat) -> Predictor:
        """Of a seat, which holds it: models that are in use are never loaded twice."""
        if seat.predictor is None:
            seat.predictor = self.predictors.get(seat.model)
        return seat.predictor

    # --- long work, told step by step -------------------------------------------------------------------------------

    def open(self, token: Any, source: Path, name: str) -> Iterator[Event]:
        """Open an image in a seat: events "reading", "image" (it can be shown), "encoding", "ready" or "cancelled".

        The file is copied. Until "image" the seat keeps its old image and work, and a cancel brings them back. Raises
        SamuiError.
        """
        seat = self.sessions.get(token)
        seat.opens += 1
        mark = seat.abandoned
        is_late = partial(seat.is_late, seat.opens, mark)
        yield {"event": "open", "stage": "reading"}
        picture = self._read(source, name)
        self.sessions.sweep()
        # The encoder runs beside all that the page needs to show the image.
        begun = None if is_late() else self.embeddings.begin(self._predictor(seat), picture.pixels)
        image = store(self.scratch.seat(seat.key), source, picture)
        self.pictures.put(image.file, picture.pixels)
        with seat.lock:
            late = is_late()
            if not late:
                before = seat.work
                old, predictor = seat.leave(), self._predictor(seat)
                seat.stop()
                seat.epoch += 1
                seat.image, seat.encode_ms, seat.embedding_key, seat.found = image, None, "", None
                seat.session = Session(image.size, snap=snaps_by_default(predictor))
                seat.forget()
                epoch = seat.epoch
        if late:
            self._remove(image)
            if begun is not None:
                begun.drop()
            self._check_open(seat)
            if mark != seat.abandoned:
                yield {"event": "open", "stage": "cancelled", "epoch": seat.epoch}
            return
        try:
            yield {"event": "open", "stage": "image", "epoch": epoch, "image": describe.image(seat)}
            if begun is None or begun.predictor is not predictor:  # another model was chosen meanwhile
                begun = self.embeddings.begin(predictor, picture.pixels)
            key, encode_ms = yield from self._wait(seat, epoch, "open", seat.model, begun, partial(seat.check, mark))
            with seat.lock:
                if seat.epoch != epoch:
                    return
                seat.embedding_key, seat.encode_ms = key, encode_ms
                told = self._ready(seat, "open")
        except AbandonedError:
            with seat.lock:
                if seat.epoch == epoch:
                    old, seat.work = image, before
                    seat.epoch += 1
                    seat.forget()
                told = {"event": "open", "stage": "cancelled", "epoch": seat.epoch}
        finally:
            self._remove(old)
        yield told

    def change_model(self, token: Any, name: Any) -> Iterator[Event]:
        """Load another model for a seat and encode its image with it.

        Events "downloading" with bytes, "loading", "encoding", "ready" or "cancelled", which also ends what a newer
        choice overtakes. Objects stay, the active prompt is decoded anew; an image that is opened meanwhile gets the
        model too. Raises SamuiError; the seat then keeps model and work, as after a cancel.
        """
        try:
            yield from self._change_model(self.sessions.get(token), offer.check(name, self.settings, self.predictors))
        except AbandonedError:
            yield {"event": "model", "stage": "cancelled"}

    def _change_model(self, seat: Seat, name: str) -> Iterator[Event]:
        seat.choices += 1
        check = partial(seat.check, seat.abandoned, seat.choices)
        if not self.predictors.has(name):
            for done, total in self.downloads.follow(name):
                check()
                yield {"event": "model", "stage": "downloading", "name": name, "done": done, "total": total}
        yield {"event": "model", "stage": "loading", "name": name}
        predictor = yield from wait_for(partial(self.predictors.get, name), check)
        while True:
            with seat.lock:
                check()
                epoch, image = seat.epoch, seat.image
                if image is None:
                    seat.model, seat.predictor = name, predictor
                    model = describe.model(name, predictor, self.settings)
                    told = {"event": "model", "stage": "ready", "epoch": epoch, "model": model}
                    break
                begun = self.embeddings.begin(predictor, self.pictures.get(image.file))
            key, encode_ms = yield from self._wait(seat, epoch, "model", name, begun, check)
            with seat.lock:
                check()
                if seat.epoch != epoch:
                    continue  # it is wanted for another image now
                seat.stop()  # what it has found stays
                seat.epoch += 1
                seat.model, seat.predictor, seat.embedding_key, seat.encode_ms = name, predictor, key, encode_ms
                seat.session = seat.session.for_other_model(self._tools(seat, Timings()))
                seat.forget()
                told = self._ready(seat, "model")
                break
        log.info("session %s uses %s", seat.key, predictor.name)
        yield told

    def everything(self, token: Any, parameters: Any = None) -> Iterator[Event]:
        """Find all masks of a seat's image (events: `finding.run`). Raises SamuiError."""
        seat = self.sessions.get(token)
        predictor = self._predictor(seat)
        checked = finding.parse_parameters(parameters, predictor, hosted=self.settings.hosted)

        parts = partial(self._embedding, seat, predictor), lambda: self.pictures.get(seat.image.file)
        yield from finding.run(seat, checked, predictor, *parts)

    def save(
        self, token: Any, format_name: Any, only: int | None = None, *, epoch: int | None = None
    ) -> tuple[Path, str]:
        """Write a seat's objects in a format; (file in the seat's folder, name for the person). Raises SamuiError.

        epoch: of the image that is meant, None for the one that is open.
        """
        seat = self.sessions.get(token)
        with seat.lock:
            if seat.session is None:
                raise ExportError("save: there must be an image; open one first")
            if epoch not in (None, seat.epoch):
                raise StaleError(f"save.epoch: must be {seat.epoch}, that of the open image, got {epoch}")
            image, objects = seat.image, seat.session.state.objects
        annotation = export.annotate(image.name, image.size, objects)
        name, data = export.encode(annotation, format_name, lambda: self.pictures.get(image.file), only=only)
        file = export.keep(self.scratch.seat(seat.key), name, data)
        self._check_open(seat)
        return file, name

    def _wait(
        self, seat: Seat, epoch: int, event: str, name: str, begun: Encoding, check: Callable[[], None]
    ) -> Generator[Event, None, tuple[str, float]]:
        """Tell that the encoder runs, wait for it, and return the embedding's key and the milliseconds."""
        model = describe.model(name, begun.predictor, self.settings)
        seat.encoding = epoch
        try:
            yield {"event": event, "stage": "encoding", "epoch": epoch, "image": describe.image(seat), "model": model}
            return (yield from wait_for(begun.result, check))
        finally:  # also when it failed: a click then tries again, and says what is wrong
            begun.drop()
            seat.encoding = 0 if seat.encoding == epoch else seat.encoding

    def _ready(self, seat: Seat, event: str) -> Event:
        state = {**self._reply(seat, 0, Timings(encode=seat.encode_ms)), "epoch": seat.epoch, "rev": 0}
        told = {"event": event, "stage": "ready", "epoch": seat.epoch, "state": state}
        told["image"], told["model"] = describe.image(seat), describe.model(seat.model, seat.predictor, self.settings)
        return {**told, "timings": {"encode": round(seat.encode_ms, 1)}}

    # --- what a page is told ----------------------------------------------------------------------------------------

    def _describe(self, seat: Seat) -> Event:
        models = offer.models(self.settings, self.predictors)
        told: Event = {
            "ok": True,
            "session": seat.token,
            "epoch": seat.epoch,
            "rev": 0,
            "image": describe.image(seat),
            "stage": "empty" if seat.image is None else "encoding" if seat.encoding == seat.epoch else "ready",
            "settings": describe.settings(seat.model, self._predictor(seat), self.settings, models),
        }
        if seat.session is None:
            return told
        return told | self._reply(seat, 0, Timings(seat.encode_ms)) | describe.found(seat, listens=False)

    def image_of(self, token: str) -> OpenImage:
        """The image that a session has open. Raises SessionError."""
        seat = self.sessions.get(token)
        seat.check_image()
        return seat.image

    def export_of(self, token: str, folder: str, name: str) -> Path:
        """One of a session's last exports, by the name of its folder and its own. Raises SessionError."""
        return export.find(self.scratch.seat(self.sessions.get(token).key), folder, name)

    # --- parts ------------------------------------------------------------------------------------------------------

    def _read(self, source: Path, name: str) -> Any:
        return read_image(source, max_pixels=self.settings.max_pixels, max_bytes=self.settings.max_bytes, name=name)

    def _remove(self, image: OpenImage | None) -> None:
        if image is not None:
            self.pictures.drop(image.file)
            shutil.rmtree(image.file.parent, ignore_errors=True)

    def _check_open(self, seat: Seat) -> None:
        """UnknownSessionError if a seat was closed while something was written into its folder, which goes again."""
        if seat.closed:
            self.scratch.drop(seat.key)
            raise UnknownSessionError("session: must be open until its files are written, got one that has ended")

    def _closed(self, seat: Seat) -> None:
        seat.stop()
        self._remove(seat.image)
        self._remove(seat.left and seat.left.image)
        self.scratch.drop(seat.key)
