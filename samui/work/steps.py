"""How a prompt of several clicks is decoded: one click after the other, each with the logits that it corrects.

SAM was trained on clicks that correct its own last mask, with that mask's logits as an input (Kirillov et al. 2023,
appendix A), and is better when they go back in. So that a mask depends on the prompt alone, and not on how fast
somebody clicked, a prompt always stands for this sequence: its box first if it has one, then its points one by one.
The page, the command line and the API all decode through `extend`.

A prompt whose first answer came from a close-up stays in that view, so that a later click corrects the very mask that
is shown. It moves out to the next larger view where the mask reaches the border, or a click lies beyond it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from samui.pixels.views import View, views_of, whole
from samui.types import Prediction, Prompt
from samui.work.gestures import ChoiceGesture, CloseUpGesture, Gesture, PointGesture, close_up_of, prompt_of
from samui.work.views import Views, contact, gathered, moved

_REACHED = 0.05  # of a side of a view: a mask that covers more of it goes on beyond
_NEAR = 1 / 16  # of a view's side: what an include point this near to its border lies on goes on beyond, too

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

    @property
    def view(self) -> tuple[int, int, int, int] | None:
        """The part of the image that the candidate's logits show; None for all of it."""
        return self.prediction.placing(self.candidate).view


def extend(steps: Sequence[Step], prompt: Prompt, predict: Predict, views: Views | None = None) -> tuple[Step, ...]:
    """Return the steps that decode `prompt`, taking over those at the head of `steps` that belong to it.

    The last step's prediction answers the prompt. Runs the decoder once for each step that is not taken over: once for
    a new click at the end, for all from the changed one on after a point moved. A prompt with `mask_logits` of its own
    is decoded in one step. views: for what follows on an answer from a close-up; such a step runs the decoder once more
    for each view that it moves out of.
    """
    if prompt.mask_logits is not None:
        return (_decode(prompt, predict),)
    kept = _common_head(steps, prompt)
    for partial in _partials(prompt)[_position(kept, prompt) :]:
        if not kept:
            kept = (_decode(partial, predict),)
        elif kept[-1].view is None or views is None:
            last = kept[-1]
            partial = replace(partial, mask_logits=last.prediction.logits[last.candidate])
            kept = (*kept, _decode(partial, predict))
        else:
            kept = (*kept, _decode_in_view(partial, kept[-1], views))
    return kept


def replay(gestures: Sequence[Gesture], predict: Predict, views: Views | None = None) -> tuple[Step, ...]:
    """The steps of gestures from nothing: as `extend` decodes their points and box, with their choices and close-ups.

    Runs the decoder once a point, and once for the box; for a close-up once for each view that it took something from.
    """
    prompt = prompt_of(gestures)
    chosen: dict[int, int] = {}  # number of points -> candidate that was chosen when there were that many
    points = 0
    for one in gestures:
        if isinstance(one, PointGesture):
            points += 1
        elif isinstance(one, ChoiceGesture):
            chosen[points] = one.candidate
    close_up = close_up_of(gestures)
    steps: tuple[Step, ...] = ()
    for partial in _partials(prompt):
        first = None if steps or close_up is None or views is None else _looked_up(partial, close_up, views)
        steps = extend(steps, partial, predict, views) if first is None else (first,)
        candidate = chosen.get(len(partial.points))
        if candidate is not None:
            steps = (*steps[:-1], replace(steps[-1], candidate=candidate))
    return steps


def first_of(prompt: Prompt) -> Prompt:
    """What of a prompt is decoded first: its box, or else its first point."""
    return _partials(prompt)[0]


def _decode(prompt: Prompt, predict: Predict) -> Step:
    prediction = predict(prompt)
    return Step(prompt, prediction, prediction.best)


def _looked_up(prompt: Prompt, close_up: CloseUpGesture, views: Views) -> Step | None:
    """The first step of a prompt, from the candidates of views that were taken; None if there are none."""
    height, width = views.size
    picks = [pick for pick in close_up.picks if pick.view[2] <= width and pick.view[3] <= height]
    wanted = list(dict.fromkeys(View(pick.view) for pick in picks))
    views.need(wanted)
    found = {view.box: views.predict(prompt, view) for view in wanted}
    parts = [(found[pick.view], pick.candidate, pick.score) for pick in picks]
    parts = [part for part in parts if part[1] < len(part[0])]
    if not parts:  # it was made on another image, or by a model with more candidates
        return None
    return Step(prompt, gathered(parts), 0)


def _decode_in_view(prompt: Prompt, last: Step, views: Views) -> Step:
    """The step that corrects one whose candidate comes from a close-up: there, or in a larger view if it must be."""
    placing, size = last.prediction.placing(last.candidate), last.prediction.size
    assert last.view is not None
    mine, logits = View(last.view), last.prediction.logits[last.candidate]
    larger = [view for view in reversed(views_of(prompt, size)) if _area(view) > _area(mine)]
    for view in [mine, *larger]:
        is_all = view == whole(size)
        if not (is_all or _holds_all(view, prompt, size)):
            continue
        views.need([view])
        before = logits if view == mine else moved(logits, placing, view, views.covered(view), size)
        partial = replace(prompt, mask_logits=before)
        found = views.predict(partial, view)
        if is_all or contact(found, found.best) <= _REACHED:
            break
    return Step(partial, found, found.best)


def _area(view: View) -> int:
    return view.size[0] * view.size[1]


def _holds_all(view: View, prompt: Prompt, size: tuple[int, int]) -> bool:
    """Whether a view shows all include points of a prompt, not too near to a border behind which the image goes on."""
    x0, y0, x1, y1 = view.box
    left, top, right, bottom = view.inner_sides(size)
    dx, dy = _NEAR * (x1 - x0), _NEAR * (y1 - y0)
    return all(
        x0 + dx * left <= x <= x1 - dx * right and y0 + dy * top <= y <= y1 - dy * bottom
        for (x, y), label in zip(prompt.points, prompt.labels, strict=True)
        if label
    )


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
