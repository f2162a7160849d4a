"""`Server`: the parts that all seats of a process share, and what is asked of several of them together.

Four things cost memory, and each has a bound of its own: seats, embeddings, decoded pictures, models.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from samui.errors import ImageError, UnknownSessionError
from samui.models.downloads import Downloads
from samui.models.embeddings import EmbeddingCache, embedding_key
from samui.models.loaded import Predictors
from samui.models.predictor import Embedding, Predictor
from samui.pixels.images import Picture
from samui.serve.gallery import Gallery
from samui.serve.keeping import Keeper, fitting
from samui.serve.open_image import OpenImage, store
from samui.serve.pictures import Pictures
from samui.serve.scratch import Scratch
from samui.serve.seat import Contents, Seat, Work
from samui.serve.settings import Settings
from samui.serve.table import Seats
from samui.serve.turns import Turns
from samui.work.state import Object
from samui.workspace.shelves import Shelves


@dataclass(frozen=True, eq=False)
class Server:
    """What long work and single actions are done with. Each part is thread-safe by itself."""

    settings: Settings
    predictors: Predictors
    downloads: Downloads
    embeddings: EmbeddingCache
    pictures: Pictures
    scratch: Scratch
    seats: Seats
    turns: Turns
    store: Shelves
    keeper: Keeper
    gallery: Gallery

    def keep(self, seat: Seat, source: Path, picture: Picture, home: str = "") -> OpenImage:
        """The picture's files in the seat's folder. home: its name in the store, "" where that is its content's.

        ImageError if there is no room; then nothing is left of them.
        """
        try:
            home = home or self.store.adopt(source, picture.name)
            image = store(self.scratch.seat(seat.key), source, picture, home)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ImageError(f"{picture.name}: there must be room for its files, got: {reason}") from error
        try:
            self.pictures.put(image.file, picture.pixels)
        except BaseException:
            self.remove([image])
            raise
        return image

    def predictor_of(self, seat: Seat) -> Predictor:
        """The seat's model, loaded if need be; the seat then holds it, so no model that is in use is loaded twice."""
        contents = seat.contents
        if contents.predictor is not None:
            return contents.predictor
        predictor = self.predictors.get(contents.model)
        with seat.lock:
            if seat.contents.predictor is None and seat.contents.model == contents.model:
                seat.contents = replace(seat.contents, predictor=predictor)
        return predictor

    def pixels_of(self, work: Work) -> np.ndarray:
        """RGB uint8 (H, W, 3) of an image; read again if they were evicted."""
        return self.pictures.get(work.image.file)

    def embedding_of(self, seat: Seat, work: Work, predictor: Predictor) -> Embedding:
        """The embedding of the seat's open image; runs the encoder if it was evicted, or waits for it.

        Must not be called under the seat's lock.
        """
        key = work.embedding_key if work.model == predictor.key else ""
        held = self.embeddings.get(key) if key else None
        if held is None:
            pixels = self.pixels_of(work)
            key = key or embedding_key(predictor, pixels)
            held = self.embeddings.get_or_encode(predictor, pixels, key=key)
            self._note_key(seat, work, predictor, key)
        return held

    def key_of(self, seat: Seat, work: Work, predictor: Predictor) -> str:
        """The key of the embedding of an image that the seat has open; reads its pixels only where nobody knows it."""
        now = seat.contents.work
        known = now.embedding_key if now is not None and now.image is work.image and now.model == predictor.key else ""
        return known or embedding_key(predictor, self.pixels_of(work))

    def remove(self, images: Iterable[OpenImage]) -> None:
        """Forget images that can no longer be reached, and remove their files."""
        for image in images:
            self.pictures.drop(image.file)
            self.store.forget(image.key)
            shutil.rmtree(image.file.parent, ignore_errors=True)

    def objects_of(self, image: OpenImage) -> tuple[Object, ...]:
        """The objects of an image, those too that the store could not keep yet. Raises StoreError.

        Must not be called under a seat's lock. What was drawn on another size of it stays in the store alone.
        """
        return fitting(self.keeper.objects(image.key, self.seats.all()), image.size)

    def refresh(self, image: str | None = None) -> None:
        """Let all seats go on from what the store holds of an image, or of every image. Raises StoreError.

        Must not be called under a seat's lock.
        """
        self.keeper.refresh(self.seats.all(), image)

    def check_open(self, seat: Seat) -> None:
        """UnknownSessionError if a seat was closed while its folder was written to; the folder is removed again."""
        if seat.closed:
            self.scratch.drop(seat.key)
            raise UnknownSessionError("session: must be open until its files are written, got one that has ended")

    def closed(self, seat: Seat) -> None:
        """A seat has ended: its run of everything mode stops, its files go."""
        seat.stop()
        self.keeper.tell(seat)
        self.remove(seat.contents.images)
        self.scratch.drop(seat.key)

    def _note_key(self, seat: Seat, work: Work, predictor: Predictor, key: str) -> None:
        with seat.lock:  # meanwhile the seat may have another image or model
            now = seat.contents
            if now.work is not None and now.work.image is work.image and now.predictor is predictor:
                seat.update(lambda work: replace(work, embedding_key=key))


def gone(before: Contents, after: Contents) -> list[OpenImage]:
    """The images that could be reached before and cannot be after."""
    kept = {id(image) for image in after.images}
    return [image for image in before.images if id(image) not in kept]
