"""`Tools`: what an action may need beyond a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import uuid4

import numpy as np

from samui.everything import FoundMask
from samui.types import Prompt
from samui.work.steps import Predict
from samui.work.views import Views


def _uid() -> str:
    return uuid4().hex


@dataclass(frozen=True)
class Tools:
    """A model on an image, as functions, so that a session needs neither. What they raise reaches the caller.

    predict: runs the decoder (ModelError, PromptError). snap: (bool (H, W), prompt) -> bool (H, W), the mask moved to
    the image's edges (ImageError where the image cannot be read any more); None where it is not available. model: name
    of the model behind `predict`, kept with the objects that it makes. found: from ids to the masks that everything
    mode has found (SessionError for others); None where it has not run. uid: a new name for an object, never given
    twice. views: the same model on parts of the image, for close-ups and for what came from one
    (MissingViewsError); None where there are none.
    """

    predict: Predict
    snap: Callable[[np.ndarray, Prompt], np.ndarray] | None = None
    model: str = ""
    found: Callable[[Sequence[int]], list[FoundMask]] | None = None
    uid: Callable[[], str] = _uid
    views: Views | None = None
