"""`SeatViews`: a seat's image in closer views, from the cache or encoded beside the requests of people."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from samui.models.choice import Choice
from samui.models.embedding_key import view_key
from samui.models.embeddings import EmbeddingCache, UnwantedError
from samui.models.predictor import Embedding, Predictor
from samui.models.waits import until
from samui.pixels.views import View, whole
from samui.serve.turns import OvertakenError
from samui.timings import Timings
from samui.types import Prediction, Prompt
from samui.work.views import MissingViewsError, in_image


class SeatViews:
    """Embeddings of the views that one request needs: `samui.work.views.Views` for who must not encode on the spot.

    It holds them, so that a small cache cannot take one away while the next is encoded.
    """

    def __init__(
        self,
        cache: EmbeddingCache,
        predictor: Predictor,
        key: str,
        embedding: Embedding,
        timings: Timings,
        wanted: Callable[[], bool],
    ) -> None:
        """key, embedding: of the whole image. wanted: whether the answer still is; it is asked between two views."""
        self._cache, self._predictor, self._key = cache, predictor, key
        self._timings, self._wanted = timings, wanted
        self.size = embedding.size
        self._held = {whole(embedding.size): embedding}

    @property
    def choice(self) -> Choice:
        """See `Views.choice`."""
        return self._predictor.choice

    def need(self, views: Sequence[View]) -> None:
        """MissingViewsError for those that are not in memory."""
        for view in views:
            if view not in self._held and (held := self._cache.get(view_key(self._key, view.box))) is not None:
                self._held[view] = held
        if missing := [view for view in views if view not in self._held]:
            raise MissingViewsError(missing)

    def encode(self, views: Sequence[View], pixels: np.ndarray) -> None:
        """Encode views in the background, one after the other, and wait for them. pixels: of the whole image.

        Raises OvertakenError once the answer is not wanted any more, and what the encoder raises. Must not be called
        under a seat's lock.
        """
        for view in views:
            cut, key = view.cut(pixels), view_key(self._key, view.box)
            encoding = self._cache.begin(self._predictor, cut, key=key, on_disk=False)
            try:
                for _ in until(encoding.wait):
                    self._check_wanted()
                encoding.result()
                # Once more by its key: a cache that is full may have lost it already.
                self._held[view] = self._cache.get_or_encode(self._predictor, cut, key=key, on_disk=False)
            except UnwantedError:
                raise OvertakenError from None
            finally:
                encoding.drop()
            self._check_wanted()

    def covered(self, view: View) -> tuple[float, float]:
        """See `Views.covered`."""
        return self._held[view].frame.covered

    def predict(self, prompt: Prompt, view: View) -> Prediction:
        """See `Views.predict`; adds its time to that of the action. Raises OvertakenError if it is not wanted."""
        self._check_wanted()
        started = time.perf_counter()
        found = self._predictor.predict(self._held[view], view.inside(prompt))
        self._timings.add_decode(started)
        return in_image(found, view, self.size)

    def _check_wanted(self) -> None:
        if not self._wanted():
            raise OvertakenError
