"""How a prompt of several clicks is decoded: one click after the other, each with the logits that it corrects.

SAM was trained on clicks that correct its own last mask, with that mask's logits as an input (Kirillov et al. 2023,
appendix A), and is better when they go back in. So that a mask depends on the prompt alone, and not on how fast
somebody clicked, a prompt always stands for this sequence: its box first if it has one, then its points one by one.
The page, the command line and the API all decode through `extend`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from samui.types import Prediction, Prompt
from samui.work.gestures import ChoiceGesture, Gesture, PointGesture, prompt_of

Predict = Callable[[Prompt], Prediction]


@dataclass(frozen=True, eq=False)
class Step:
    """One decoder call: its prompt (earlier logits included), what it proposed and the candidate that is looked at."""

    prompt: Prompt
    prediction: Prediction
    candidate: int

    @property
    def score(self) -> float:
        """Predicted IoU of the candidate that is looked at."""
        return float(self.prediction.scores[self.candidate])


def extend(steps: Sequence[Step], prompt: Prompt, predict: Predict) -> tuple[Step, ...]:
    """Return the steps that decode `prompt`, taking over those at the head of `steps` that belong to it.

    The last step's prediction answers the prompt. Runs the decoder once for each step that is not taken over: once for
    a new click at the end, for all from the changed one on after a point moved. A prompt with `mask_logits` of its own
    is decoded in one step.
    """
    if prompt.mask_logits is not None:
        return (_decode(prompt, predict),)
    kept = _common_head(steps, prompt)
    for partial in _partials(prompt)[_position(kept, prompt) :]:
        if kept:
            last = kept[-1]
            partial = replace(partial, mask_logits=last.prediction.logits[last.candidate])
        kept = (*kept, _decode(partial, predict))
    return kept


def replay(gestures: Sequence[Gesture], predict: Predict) -> tuple[Step, ...]:
    """The steps of gestures from nothing: as `extend` decodes their points and box, and with their choices.

    Runs the decoder once a point, and once for the box.
    """
    prompt = prompt_of(gestures)
    chosen: dict[int, int] = {}  # number of points -> candidate that was chosen when there were that many
    points = 0
    for one in gestures:
        if isinstance(one, PointGesture):
            points += 1
        elif isinstance(one, ChoiceGesture):
            chosen[points] = one.candidate
    steps: tuple[Step, ...] = ()
    for partial in _partials(prompt):
        steps = extend(steps, partial, predict)
        candidate = chosen.get(len(partial.points))
        if candidate is not None:
            steps = (*steps[:-1], replace(steps[-1], candidate=candidate))
    return steps


def _decode(prompt: Prompt, predict: Predict) -> Step:
    prediction = predict(prompt)
    return Step(prompt, prediction, prediction.best)


def _partials(prompt: Prompt) -> list[Prompt]:
    """The prompt with its first 0, 1, 2, ... points; without a box the sequence starts at one point."""
    first = 0 if prompt.box is not None else 1
    return [
        Prompt(points=prompt.points[:n], labels=prompt.labels[:n], box=prompt.box)
        for n in range(first, len(prompt.points) + 1)
    ]


def _common_head(steps: Sequence[Step], prompt: Prompt) -> tuple[Step, ...]:
    kept: list[Step] = []
    for step in steps:
        n = len(step.prompt.points)
        if (step.prompt.points, step.prompt.labels) != (prompt.points[:n], prompt.labels[:n]):
            break
        if step.prompt.box != prompt.box:
            break
        kept.append(step)
    return tuple(kept)


def _position(kept: tuple[Step, ...], prompt: Prompt) -> int:
    """Index in `_partials(prompt)` of the first one that `kept` does not answer."""
    if not kept:
        return 0
    done = len(kept[-1].prompt.points)
    return done + 1 if prompt.box is not None else done
