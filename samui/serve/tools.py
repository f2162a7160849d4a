"""`SeatTools`: a model on the image of a seat, gathered before an action and timed."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from samui.everything.found_masks import FoundMasks
from samui.models.predictor import Embedding, Predictor
from samui.pixels.snap import snap_to_edges
from samui.serve.views import SeatViews
from samui.timings import Timings
from samui.types import Prediction, Prompt
from samui.work import actions
from samui.work.session import Session
from samui.work.tools import Tools

_DECODING = (actions.SetPrompt, actions.Prepare, actions.Hover, actions.Reopen, actions.Refine)
_SNAPPING = (*_DECODING, actions.Choose, actions.Draw)


class SeatTools:
    """What a session needs of its server, without a way back to it: values that were looked up beforehand."""

    def __init__(
        self,
        predictor: Predictor,
        embedding: Embedding | None,
        pixels: Callable[[], np.ndarray],
        timings: Timings,
        found: FoundMasks | None = None,
        views: SeatViews | None = None,
    ) -> None:
        """embedding: of the image, None for actions that decode nothing. pixels: gives it, RGB uint8 (H, W, 3).

        views: the image in parts, for actions that decode.
        """
        self._predictor, self._embedding, self._pixels = predictor, embedding, pixels
        self._timings, self._found, self._views = timings, found, views

    def for_work(self) -> Tools:
        """The same as a session takes them."""
        found = self._found.pick if self._found else None
        return Tools(self.predict, self.snap, self._predictor.name, found, views=self._views)

    def predict(self, prompt: Prompt) -> Prediction:
        """Run the decoder, and add its time to that of the action."""
        assert self._embedding is not None, "an action that decodes must be among those that `decodes` knows"
        started = time.perf_counter()
        prediction = self._predictor.predict(self._embedding, prompt)
        self._timings.add_decode(started)
        return prediction

    def snap(self, mask: np.ndarray, prompt: Prompt) -> np.ndarray:
        """Move a bool (H, W) mask to the edges of the image."""
        return snap_to_edges(self._pixels(), mask, prompt)


def decodes(action: actions.Action) -> bool:
    """Whether an action may run the decoder, so that it needs the embedding of the image."""
    if isinstance(action, (actions.SetPrompt, actions.Prepare)) and action.prompt.is_empty:
        return False
    return isinstance(action, _DECODING)


def snaps(action: actions.Action, session: Session) -> bool:
    """Whether an action may snap a mask, so that it needs the pixels of the image."""
    if isinstance(action, (actions.Undo, actions.Redo)):
        return not session.beside(action).is_drawn
    return isinstance(action, actions.Snap) or (session.state.snap and isinstance(action, _SNAPPING))
