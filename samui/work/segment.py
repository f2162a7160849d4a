"""Masks for prompts on one image, without a page: what the command line and scripts call.

The work goes through the same `Session` as the page, so equal prompts give equal masks, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from samui.errors import PromptError
from samui.models.predictor import Predictor
from samui.pixels.snap import snap_to_edges
from samui.types import Prediction, Prompt
from samui.work import actions
from samui.work.session import Session, Tools


def segment(
    predictor: Predictor,
    image: np.ndarray,
    prompts: Sequence[Prompt],
    *,
    candidate: int | None = None,
    label: str = "",
    snap: bool | None = None,
) -> Session:
    """A session whose objects answer the prompts on an RGB uint8 (H, W, 3) image, one object a prompt.

    candidate: index in the model's order, None for the one with the highest predicted IoU. snap: refine to the image's
    edges; None means as the page does by default. Runs the encoder once. Several boxes share one decoder pass.
    Raises PromptError for a prompt outside the image or a candidate that there is not, SessionError for an empty mask.
    """
    size = image.shape[:2]
    for i, prompt in enumerate(prompts):
        if prompt.is_empty:
            raise PromptError(f"prompts[{i}]: must have a point or a box, got neither")
        prompt.check_inside(*size, where=f"prompts[{i}]" if len(prompts) > 1 else "prompt")
    embedding = predictor.embed(image)
    ready: dict[tuple[float, ...], Prediction] = {}
    if len(prompts) > 1:
        boxes = [prompt for prompt in prompts if prompt.box is not None and not prompt.points]
        found = predictor.predict_many(embedding, boxes)
        ready = {prompt.box: prediction for prompt, prediction in zip(boxes, found, strict=True)}

    def predict(prompt: Prompt) -> Prediction:
        if prompt.box in ready and not prompt.points:
            return ready[prompt.box]
        return predictor.predict(embedding, prompt)

    tools = Tools(predict, lambda mask, prompt: snap_to_edges(image, mask, prompt), predictor.name)
    session = Session(size, snap=snaps_by_default(predictor) if snap is None else snap)
    for prompt in prompts:
        session.apply(actions.SetPrompt(prompt), tools)
        if candidate is not None:
            ranking = session.state.prediction.ranking
            if candidate not in ranking:
                raise PromptError(f"candidate: must be from 0 to {len(ranking) - 1}, got {candidate}")
            session.apply(actions.Choose(ranking.index(candidate)), tools)
        session.apply(actions.Accept(label=label), tools)
    return session


def snaps_by_default(predictor: Predictor) -> bool:
    """Whether masks are snapped to edges unasked: for models that find a thing but not its edge."""
    return predictor.traits.snap
