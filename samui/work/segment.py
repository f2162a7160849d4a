"""Masks for prompts on one image, without a page: what the command line and scripts call.

The work goes through the same `Session` as the page, so equal prompts give equal masks, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from samui.errors import PromptError
from samui.models.choice import Choice
from samui.models.predictor import Embedding, Predictor
from samui.pixels.rle import Rle
from samui.pixels.snap import snap_to_edges
from samui.pixels.views import View, whole
from samui.types import Box, Prediction, Prompt
from samui.work import actions
from samui.work.session import Session
from samui.work.tools import Tools
from samui.work.views import in_image


@dataclass(frozen=True, eq=False)
class Segment:
    """A mask for one prompt. rle: at image size. score: predicted IoU. candidate: its index in the model's own order.

    prediction: all that the decoder proposed last, before snapping.
    """

    rle: Rle
    score: float
    candidate: int
    prediction: Prediction

    @property
    def mask(self) -> np.ndarray:
        """Bool (H, W), made anew at each access."""
        return self.rle.decode()

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """(x0, y0, x1, y1) of the mask in pixels, right and bottom exclusive; None for an empty one."""
        return self.rle.box

    @property
    def area(self) -> int:
        """Number of pixels of the mask."""
        return self.rle.area


class ImageViews:
    """A predictor on one image, whole and in part: `samui.work.views.Views` for who may encode on the spot.

    Each view is encoded once. Not for several threads at once.
    """

    def __init__(self, predictor: Predictor, image: np.ndarray) -> None:
        """image: RGB uint8 (H, W, 3)."""
        self._predictor, self._image = predictor, image
        self.size: tuple[int, int] = image.shape[0], image.shape[1]
        self._embeddings: dict[View, Embedding] = {}
        self._ready: dict[Box, Prediction] = {}

    @property
    def choice(self) -> Choice:
        """See `Views.choice`."""
        return self._predictor.choice

    def need(self, views: Sequence[View]) -> None:
        """Encode those that are not encoded yet."""
        for view in views:
            self._embedding(view)

    def covered(self, view: View) -> tuple[float, float]:
        """See `Views.covered`."""
        return self._embedding(view).frame.covered

    def predict(self, prompt: Prompt, view: View) -> Prediction:
        """See `Views.predict`."""
        found = self._predictor.predict(self._embedding(view), view.inside(prompt))
        return in_image(found, view, self.size)

    def predict_whole(self, prompt: Prompt) -> Prediction:
        """What the whole image gives."""
        if _is_box(prompt) and prompt.box in self._ready:
            return self._ready[prompt.box]
        return self._predictor.predict(self._embedding(whole(self.size)), prompt)

    def prepare_boxes(self, prompts: Sequence[Prompt]) -> None:
        """Decode the boxes among prompts in as few passes as it takes."""
        boxes = [prompt for prompt in prompts if _is_box(prompt)]
        found = self._predictor.predict_many(self._embedding(whole(self.size)), boxes)
        self._ready |= {prompt.box: one for prompt, one in zip(boxes, found, strict=True) if prompt.box}

    def tools(self) -> Tools:
        """The same as a session takes it, with snapping."""
        snap = partial(snap_to_edges, self._image)
        return Tools(self.predict_whole, snap, self._predictor.name, views=self)

    def _embedding(self, view: View) -> Embedding:
        if view not in self._embeddings:
            pixels = self._image if view == whole(self.size) else view.cut(self._image)
            self._embeddings[view] = self._predictor.embed(pixels)
        return self._embeddings[view]


def segment(
    predictor: Predictor,
    image: np.ndarray,
    prompt: Prompt,
    *,
    candidate: int | None = None,
    snap: bool | None = None,
    close_ups: bool | None = None,
) -> Segment:
    """The mask that the page gives for a prompt on an RGB uint8 (H, W, 3) image.

    candidate: index in the model's order, or best first with close-ups; None for the one with the highest score.
    snap: move the mask to the image's edges. close_ups: look for what is meant in closer views, too. None for either
    means as the page does by default with this model. Runs the encoder once, and the decoder once a point and once for
    the box; with close-ups both once more for each closer view of the box or of the first point. Raises PromptError for
    a prompt outside the image or a candidate that does not exist.
    """
    _check([prompt], image.shape[:2])
    tools = ImageViews(predictor, image).tools()
    state = _prompted(_begin(predictor, image, snap), prompt, candidate, _closely(predictor, close_ups), tools).state
    assert state.mask is not None
    step = state.steps[-1]
    return Segment(state.mask, step.score, step.candidate, step.prediction)


def segment_each(
    predictor: Predictor,
    image: np.ndarray,
    prompts: Sequence[Prompt],
    *,
    candidate: int | None = None,
    label: str = "",
    snap: bool | None = None,
    close_ups: bool | None = None,
) -> Session:
    """A session whose objects answer the prompts on an RGB uint8 (H, W, 3) image, one object a prompt.

    The arguments are those of `segment`; label: of all objects. Several boxes share one decoder pass. Raises
    PromptError as `segment` does, and SessionError for an empty mask.
    """
    _check(prompts, image.shape[:2])
    views = ImageViews(predictor, image)
    if len(prompts) > 1:
        views.prepare_boxes(prompts)
    tools = views.tools()
    session = _begin(predictor, image, snap)
    for prompt in prompts:
        session = _prompted(session, prompt, candidate, _closely(predictor, close_ups), tools)
        session = session.apply(actions.Accept(label=label), tools)
    return session


def snaps_by_default(predictor: Predictor) -> bool:
    """Whether masks are snapped to edges unasked: for models that find a thing but not its edge."""
    return predictor.traits.snap


def looks_closer_by_default(predictor: Predictor) -> bool:
    """Whether prompts are answered from closer views unasked: for models that see little of an image at once, fast."""
    return predictor.traits.cheap_encoder


def _closely(predictor: Predictor, asked: bool | None) -> bool:
    return looks_closer_by_default(predictor) if asked is None else asked


def _check(prompts: Sequence[Prompt], size: tuple[int, int]) -> None:
    for i, prompt in enumerate(prompts):
        if prompt.is_empty:
            raise PromptError(f"prompts[{i}]: must have a point or a box, got neither")
        prompt.check_inside(*size, where=f"prompts[{i}]" if len(prompts) > 1 else "prompt")


def _is_box(prompt: Prompt) -> bool:
    """Whether it is a box and nothing else, so that equal boxes have equal answers."""
    return prompt.box is not None and not prompt.points and prompt.mask_logits is None


def _begin(predictor: Predictor, image: np.ndarray, snap: bool | None) -> Session:
    return Session.begin(image.shape[:2], snap=snaps_by_default(predictor) if snap is None else snap)


def _prompted(session: Session, prompt: Prompt, candidate: int | None, close_ups: bool, tools: Tools) -> Session:
    session = session.apply(actions.SetPrompt(prompt, close_ups), tools)
    if candidate is None:
        return session
    ranking = session.state.steps[-1].prediction.ranking
    if candidate not in ranking:
        raise PromptError(f"candidate: must be from 0 to {len(ranking) - 1}, got {candidate}")
    return session.apply(actions.Choose(ranking.index(candidate)), tools)
