"""What the page and the API ask for, in one place and without Gradio: begin, act, open, change the model, save."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from samui.errors import RequestError, SamuiError
from samui.models.checkpoints import Watch, download
from samui.models.downloads import Downloads
from samui.models.embeddings import EmbeddingCache
from samui.models.loaded import Predictors
from samui.models.predictor import Predictor
from samui.pixels.snap import snap_to_edges
from samui.serve import (
    acting,
    asking,
    bringing,
    changing,
    describe,
    export,
    finding,
    listing,
    offer,
    opening,
    saving,
    wire,
)
from samui.serve.gallery import Gallery
from samui.serve.keeping import Keeper
from samui.serve.open_image import OpenImage
from samui.serve.pictures import Pictures
from samui.serve.replies import reply_to
from samui.serve.scratch import Scratch
from samui.serve.seat import Seat
from samui.serve.server import Server
from samui.serve.settings import Settings
from samui.serve.table import Seats
from samui.serve.turns import Turns
from samui.timings import Timings
from samui.types import Prompt
from samui.workspace.folder import Workspace
from samui.workspace.library import Library
from samui.workspace.shelves import Shelves
from samui.workspace.store import MemoryStore, Store

Event = dict[str, Any]
log = logging.getLogger(__name__)


class Service:
    """All seats of one server. Thread-safe; `act` never runs the encoder unless an embedding was evicted."""

    def __init__(
        self,
        settings: Settings,
        load: Callable[[str], Predictor],
        scratch: Path,
        fetch: Callable[[str, Watch], object] = download,
        store: Store | None = None,
        *,
        folder: Workspace | None = None,
        library: Library | None = None,
    ) -> None:
        """load: from a model's name to a predictor. scratch: folder under which this run keeps uploads and exports.

        fetch: gets a model's files to this machine, telling the bytes; `load` then finds them. folder: keeps the
        objects of its images; library: those of other images, by their content; store: those of the rest, None for one
        that ends with the server. The service closes them.
        """
        shelves = Shelves(MemoryStore() if store is None else store, folder=folder, library=library)
        self._server = Server(
            settings=settings,
            predictors=Predictors(load),
            downloads=Downloads(fetch),
            embeddings=EmbeddingCache(
                settings.embedding_bytes, settings.disk_cache, disk_budget_bytes=settings.disk_bytes
            ),
            pictures=Pictures(settings),
            scratch=Scratch(scratch),
            seats=Seats(
                cap=settings.seats,
                idle=settings.idle_seconds,
                budget_bytes=settings.session_bytes,
                on_close=lambda seat: self._server.closed(seat),
            ),
            turns=Turns(settings.decoder_calls),
            store=shelves,
            keeper=Keeper(shelves),
            gallery=Gallery(shelves),
        )

    @property
    def server(self) -> Server:
        """The parts that all seats share."""
        return self._server

    @property
    def settings(self) -> Settings:
        return self._server.settings

    @property
    def seats(self) -> Seats:
        return self._server.seats

    def warm(self) -> None:
        """Load the model that new pages start with, and do once what a click does, so that nobody waits for that."""
        predictor = self._server.predictors.get(self.settings.model)
        image, prompt = np.zeros((64, 64, 3), np.uint8), Prompt([(32, 32)], [1])
        prediction = predictor.predict(predictor.embed(image), prompt)
        snap_to_edges(image, prediction.mask(prediction.best), prompt)

    def close(self) -> None:
        """End all seats and remove their files."""
        self._server.seats.close_all()
        lost = self._server.keeper.close()
        if lost:
            log.error("%d changes of objects could not be kept, and are lost with this process", lost)
        self._server.store.close()
        self._server.scratch.close()

    def begin(self, data: Any, sender: str | None = None) -> Event:
        """Give a page its seat: the one of the token that it kept, under a new token, or a new one.

        sender: the address that asks, None where all may have the same.
        """
        try:
            if not isinstance(data, Mapping):
                raise RequestError(f"request: must be an object, got {type(data).__name__}")
            seat, resumed = self.seats.take(data.get("token"), self.settings.model, sender)
            if resumed:
                seat.stop()  # nobody listens to it any more
            return {**self._describe(seat), "resumed": resumed}
        except SamuiError as error:
            return wire.error_reply(error)
        except Exception:
            return wire.unexpected_reply("begin")

    def act(self, data: Any) -> Event:
        """Answer one request of a page (docs/protocol.md). Always an envelope, never an exception."""
        told = data if isinstance(data, Mapping) else {}
        marks = {name: told.get(name) if isinstance(told.get(name), int) else 0 for name in ("epoch", "rev")}
        try:
            request = wire.parse(data)
            return {**marks, **acting.act(self._server, self.seats.get(request.token), request)}
        except SamuiError as error:
            return {**marks, **wire.error_reply(error)}
        except Exception:
            return {**marks, **wire.unexpected_reply("act")}

    def open(self, token: Any, source: Path, name: str) -> Iterator[Event]:
        """Open an image in a seat (events: `samui.serve.opening`). Raises SamuiError."""
        return opening.open_image(self._server, self.seats.get(token), source, name)

    def open_kept(self, token: Any, home: str) -> Iterator[Event]:
        """Open an image of the folder ("folder:UID") or of the library ("library:UID") in a seat, as `open` does."""
        seat = self.seats.get(token)
        source, name = self._server.store.file(home)
        return opening.open_image(self._server, seat, source, name, home)

    def workspace(self, data: Any) -> Event:
        """Answer what a page asks about the folder or the library. Always an envelope, never an exception."""
        try:
            return asking.answer(self._server, data)
        except SamuiError as error:
            return wire.error_reply(error)
        except Exception:
            return wire.unexpected_reply("workspace")

    def thumbnail_of(self, token: str, image: str) -> bytes:
        """A small WebP picture of an image of the folder or the library. Raises SamuiError."""
        self.seats.get(token)
        return self._server.gallery.thumbnail(image)

    def change_model(self, token: Any, name: Any) -> Iterator[Event]:
        """Load another model for a seat (events: `samui.serve.changing`). Raises SamuiError."""
        return changing.change_model(self._server, self.seats.get(token), name)

    def everything(self, token: Any, parameters: Any = None) -> Iterator[Event]:
        """Find all masks of a seat's image (events: `samui.serve.finding`). Raises SamuiError."""
        return finding.run(self._server, self.seats.get(token), parameters)

    def save(
        self, token: Any, format_name: Any, only: int | None = None, *, epoch: int | None = None
    ) -> tuple[Path, str]:
        """Write a seat's objects in a format; (file in the seat's folder, name for the person). Raises SamuiError.

        only: the id of one object, None for all. epoch: of the image that is meant, None for the one that is open.
        """
        return saving.save(self._server, self.seats.get(token), format_name, only, epoch=epoch)

    def bring(self, token: Any, file: Path, name: str, *, epoch: Any = None) -> Iterator[Event]:
        """Read the masks of a file for a seat's image (events: `samui.serve.bringing`). Raises SamuiError."""
        return bringing.bring(self.seats.get(token), file, name, epoch=epoch)

    def image_of(self, token: str) -> OpenImage:
        """The image that a seat has open. Raises SessionError."""
        return self.seats.get(token).work.image

    def export_of(self, token: str, folder: str, name: str) -> Path:
        """One of a seat's last exports, by the name of its folder and its own. Raises SessionError."""
        return export.find(self._server.scratch.seat(self.seats.get(token).key), folder, name)

    def _describe(self, seat: Seat) -> Event:
        """All that a page shows of a seat."""
        server, predictor = self._server, self._server.predictor_of(seat)
        epoch, contents = seat.look()
        work = contents.work
        told: Event = {
            "ok": True,
            "token": seat.token,
            "epoch": epoch,
            "rev": 0,
            "image": describe.image(seat),
            "stage": "empty" if work is None else "encoding" if seat.line.encoding == epoch else "ready",
            "workspace": listing.describe(server),
            "settings": describe.settings(
                contents.model,
                predictor,
                server.settings,
                offer.models(server.settings, server.predictors),
                keeps=server.store.outlasts,
            ),
        }
        if work is None:
            return told
        return told | reply_to(seat, 0, Timings(work.encode_ms)) | describe.found(seat, listens=False)
