"""Masks for prompts on one image, without a page: what the command line and scripts call.

The work goes through the same `Session` as the page, so equal prompts give equal masks, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from samui.errors import PromptError
from samui.models.predictor import Predictor
from samui.pixels.rle import Rle
from samui.pixels.snap import snap_to_edges
from samui.types import Box, Prediction, Prompt
from samui.work import actions
from samui.work.session import Session
from samui.work.steps import Predict
from samui.work.tools import Tools


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


def segment(
    predictor: Predictor,
    image: np.ndarray,
    prompt: Prompt,
    *,
    candidate: int | None = None,
    snap: bool | None = None,
) -> Segment:
    """The mask that the page gives for a prompt on an RGB uint8 (H, W, 3) image.

    candidate: index in the model's order, None for the one with the highest predicted IoU. snap: move the mask to the
    image's edges; None means as the page does by default with this model. Runs the encoder once, and the decoder once a
    point and once for the box. Raises PromptError for a prompt outside the image or a candidate that does not exist.
    """
    _check([prompt], image.shape[:2])
    embedding = predictor.embed(image)
    tools = _tools(predictor, image, lambda asked: predictor.predict(embedding, asked))
    state = _prompted(_begin(predictor, image, snap), prompt, candidate, tools).state
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
) -> Session:
    """A session whose objects answer the prompts on an RGB uint8 (H, W, 3) image, one object a prompt.

    The arguments are those of `segment`; label: of all objects. Several boxes share one decoder pass. Raises
    PromptError as `segment` does, and SessionError for an empty mask.
    """
    _check(prompts, image.shape[:2])
    embedding = predictor.embed(image)
    ready: dict[Box, Prediction] = {}
    if len(prompts) > 1:
        boxes = [prompt for prompt in prompts if _is_box(prompt)]
        found = predictor.predict_many(embedding, boxes)
        ready = {prompt.box: prediction for prompt, prediction in zip(boxes, found, strict=True) if prompt.box}

    def predict(prompt: Prompt) -> Prediction:
        if _is_box(prompt) and prompt.box in ready:
            return ready[prompt.box]
        return predictor.predict(embedding, prompt)

    tools = _tools(predictor, image, predict)
    session = _begin(predictor, image, snap)
    for prompt in prompts:
        session = _prompted(session, prompt, candidate, tools).apply(actions.Accept(label=label), tools)
    return session


def snaps_by_default(predictor: Predictor) -> bool:
    """Whether masks are snapped to edges unasked: for models that find a thing but not its edge."""
    return predictor.traits.snap


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


def _tools(predictor: Predictor, image: np.ndarray, predict: Predict) -> Tools:
    return Tools(predict, lambda mask, prompt: snap_to_edges(image, mask, prompt), predictor.name)


def _prompted(session: Session, prompt: Prompt, candidate: int | None, tools: Tools) -> Session:
    session = session.apply(actions.SetPrompt(prompt), tools)
    if candidate is None:
        return session
    ranking = session.state.steps[-1].prediction.ranking
    if candidate not in ranking:
        raise PromptError(f"candidate: must be from 0 to {len(ranking) - 1}, got {candidate}")
    return session.apply(actions.Choose(ranking.index(candidate)), tools)
