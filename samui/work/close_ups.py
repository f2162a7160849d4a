"""An answer from several views: of the candidates of all of them the likeliest that are really different.

Best first, three at most: what a person means by a click may be a part, a thing or a group, and each shows best in
another view. Near-equal ones are one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from samui.pixels.views import View
from samui.types import Prediction, Prompt
from samui.work.candidates import candidates, describe, likeness
from samui.work.gestures import MOST_PICKS, Pick
from samui.work.views import Views, gathered

ALIKE = 0.8  # IoU from which two masks count as one


def look_closer(
    prompt: Prompt, first: Prediction, looked_in: Sequence[View], views: Views
) -> tuple[Prediction, tuple[Pick, ...]] | None:
    """The answer to a prompt from several views, best first, and where its candidates come from; None if all are empty.

    first: the whole image's answer. looked_in: the views, the whole image first. Runs the decoder once for each of the
    others. The whole image's best candidate stays the best unless another one is clearly better.
    """
    views.need(looked_in)
    answers = {looked_in[0]: first} | {view: views.predict(prompt, view) for view in looked_in[1:]}
    found = candidates(answers)
    if not found:
        return None
    alike = likeness(found)
    features = describe(found, alike)
    taken: list[int] = []
    for i in np.argsort(-views.choice.worth(features), kind="stable").tolist():
        if len(taken) < MOST_PICKS and all(alike[i, j] < ALIKE for j in taken):
            taken.append(i)
    # Best first, so none is said to be better than the one before it.
    scores = np.minimum.accumulate(views.choice.expected(features)[taken]).astype(np.float32)
    parts = [(found[i], float(score)) for i, score in zip(taken, scores, strict=True)]
    picks = tuple(Pick(one.view.box, one.index, score) for one, score in parts)
    return gathered([(one.found, one.index, score) for one, score in parts]), picks
