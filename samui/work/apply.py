"""`apply`: from a state and an action to the next state. Pure: it changes nothing, and knows no undo list.

Each action that changes a session has one function here. What fails on the way raises; no state is ever half made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from samui.errors import SessionError
from samui.everything import FoundMask
from samui.pixels.colours import hex_colour
from samui.pixels.rle import Rle
from samui.pixels.views import views_of
from samui.types import Prompt
from samui.work import actions, found
from samui.work.close_ups import look_closer
from samui.work.gestures import (
    BoxGesture,
    ChoiceGesture,
    CloseUpGesture,
    Gestures,
    MaskGesture,
    PointGesture,
    revise,
    with_close_up,
)
from samui.work.put import put_back
from samui.work.shown import shown
from samui.work.state import MAX_OBJECTS, Object, State
from samui.work.steps import Predict, Step, extend, first_of, replay
from samui.work.tools import Tools
from samui.work.views import Views


def apply(state: State, action: actions.Action, tools: Tools) -> State:
    """The state after an action; the same object where the action changes nothing.

    Runs the decoder for a new prompt, to reopen an object and to refine a found mask, and snaps the mask that is shown;
    never the encoder. Raises SessionError if the state does not allow the action, PromptError for a prompt outside the
    image, and what the tools raise.
    """
    changes = _CHANGES.get(type(action))
    if changes is None:
        raise SessionError(f"action: must change the session, got {type(action).__name__}")
    return changes(state, action, tools)


def drawn(state: State, tools: Tools) -> State:
    """The state with the mask of its gestures; the same object if it has that already."""
    if state.is_drawn:
        return state
    return replace(state, mask=shown(state.gestures, state.steps, state.snap, tools))


def for_other_model(now: State, tools: Tools) -> State:
    """The same work for the model behind `tools`, which cannot take this one's logits.

    Objects stay; the active prompt is decoded anew, click by click; choices among the old candidates go, and close-ups.
    """
    objects = tuple(replace(item, logits=None) for item in now.objects)
    if not now.steps:
        return replace(now, objects=objects)
    gestures = tuple(one for one in now.gestures if not isinstance(one, (ChoiceGesture, CloseUpGesture)))
    steps = extend((), now.prompt, tools.predict)
    return replace(now, objects=objects, gestures=gestures, steps=steps, mask=shown(gestures, steps, now.snap, tools))


def _set_prompt(now: State, action: actions.SetPrompt, tools: Tools) -> State:
    prompt = action.prompt
    if prompt.is_empty:
        return _without_prompt(now)
    prompt.check_inside(*now.size)
    steps = extend(now.steps, prompt, tools.predict, tools.views)
    gestures = now.gestures if steps == now.steps else revise(now.gestures, prompt)
    if action.close_ups and tools.views is not None:
        gestures, steps = _looked_closer(gestures, steps, prompt, now.size, tools.views, tools.predict)
    if steps == now.steps:
        return now
    return replace(now, gestures=gestures, steps=steps, mask=shown(gestures, steps, now.snap, tools))


def _looked_closer(
    gestures: Gestures, steps: tuple[Step, ...], prompt: Prompt, size: tuple[int, int], views: Views, predict: Predict
) -> tuple[Gestures, tuple[Step, ...]]:
    """Gestures and steps with the first answer from several views, and those after it anew on top of that.

    The same ones where there is nothing closer to look at, or somebody has worked on an answer already.
    """
    if not all(isinstance(one, (PointGesture, BoxGesture)) for one in gestures):
        return gestures, steps
    first = first_of(prompt)
    looked_in = views_of(first, size)
    found = look_closer(first, steps[0].prediction, looked_in, views) if len(looked_in) > 1 else None
    if found is None:
        return gestures, steps
    prediction, picks = found
    return with_close_up(gestures, picks), extend((Step(first, prediction, 0),), prompt, predict, views)


def _choose(now: State, action: actions.Choose, tools: Tools) -> State:
    if not now.steps:
        raise SessionError(f"candidate: there is none to choose from, got {action.rank}")
    ranking = now.steps[-1].prediction.ranking
    if action.rank >= len(ranking):
        raise SessionError(f"candidate: must be below {len(ranking)}, got {action.rank}")
    index = ranking[action.rank]
    if index == now.candidate:
        return now
    steps = (*now.steps[:-1], replace(now.steps[-1], candidate=index))
    gestures = (*now.gestures, ChoiceGesture(index))
    return replace(now, gestures=gestures, steps=steps, mask=shown(gestures, steps, now.snap, tools))


def _draw(now: State, action: actions.Draw, tools: Tools) -> State:
    if not now.gestures:
        raise SessionError("stroke: there must be a mask to correct; click on a thing or drag a box round it")
    gestures = (*now.gestures, action.stroke)
    return replace(now, gestures=gestures, mask=shown(gestures, now.steps, now.snap, tools))


def _accept(now: State, action: actions.Accept, tools: Tools) -> State:
    if now.mask is None:
        raise SessionError("accept: there is no mask yet; click on a thing or drag a box round it")
    if now.mask.area == 0:
        raise SessionError("accept: the mask must cover at least one pixel, got 0")
    if now.reopened is None and len(now.objects) >= MAX_OBJECTS:
        raise SessionError(f"accept: at most {MAX_OBJECTS} objects an image, got one more")
    old = now.find(now.reopened) if now.reopened is not None else None
    id = old.id if old else now.next_id
    label = now.label if action.label is None else action.label
    step, gestures = now.steps[-1], now.gestures
    if old and _is_given(gestures, old.mask):
        gestures = old.gestures  # reopened and not changed since
    new = Object(
        id=id,
        uid=old.uid if old else tools.uid(),
        label=label,
        colour=action.colour or (old.colour if old else hex_colour(id - 1)),
        visible=True,
        mask=now.mask,
        score=step.score,
        gestures=gestures,
        candidate=step.candidate,
        snapped=now.snap,
        model=tools.model,
        logits=None
        if step.view
        else _owned(step.prompt.mask_logits),  # of a part of the image: they come of the gestures
    )
    objects = tuple(new if item is old else item for item in now.objects) if old else (*now.objects, new)
    return replace(_without_prompt(now), objects=objects, label=label, next_id=now.next_id + (old is None))


def _copy(now: State, action: actions.Copy, tools: Tools) -> State:
    known = {(item.mask, item.label) for item in now.objects}
    items = [item for item in action.objects if (item.mask, item.label) not in known]  # twice is as good as once
    for i, item in enumerate(items):
        if item.mask.size != now.size:
            size, own = (f"{width}x{height}" for height, width in (now.size, item.mask.size))
            raise SessionError(f"copy.objects[{i}]: must be of {size} as this image, got {own}")
    if not items:
        return now
    if len(now.objects) + len(items) > MAX_OBJECTS:
        raise SessionError(f"copy: at most {MAX_OBJECTS} objects an image, got {len(now.objects) + len(items)}")
    new = [replace(item, id=now.next_id + i, uid=tools.uid(), logits=None) for i, item in enumerate(items)]
    return replace(_without_prompt(now), objects=(*now.objects, *new), next_id=now.next_id + len(new))


def _clear(now: State, action: actions.Clear, tools: Tools) -> State:
    return _without_prompt(now)


def _reset(now: State, action: actions.Reset, tools: Tools) -> State:
    if not now.gestures and not now.objects:
        return now
    return replace(_without_prompt(now), objects=(), taken=frozenset())


def _reopen(now: State, action: actions.Reopen, tools: Tools) -> State:
    item = now.find(action.id)
    if item.logits is None and item.model == tools.model:
        steps = replay(item.gestures, tools.predict, tools.views)
    else:
        steps = extend((), item.prompt, tools.predict)
    candidate = min(item.candidate, len(steps[-1].prediction) - 1)  # another model may have had more of them
    steps = (*steps[:-1], replace(steps[-1], candidate=candidate))
    # It stays as it was accepted until it is worked on.
    gestures = (*_before_mask(item), MaskGesture(item.mask, now.snap))
    return replace(now, gestures=gestures, steps=steps, mask=item.mask, reopened=item.id, label=item.label)


def _delete(now: State, action: actions.Delete, tools: Tools) -> State:
    item = now.find(action.id)
    rest = tuple(one for one in now.objects if one is not item)
    return replace(_without_prompt(now) if now.reopened == item.id else now, objects=rest)


def _relabel(now: State, action: actions.Relabel, tools: Tools) -> State:
    after = _edited(now, action.id, label=action.label)
    if now.reopened == action.id and now.label != action.label:  # else accepting would undo it
        after = replace(after, label=action.label)
    return after


def _recolour(now: State, action: actions.Recolour, tools: Tools) -> State:
    return _edited(now, action.id, colour=action.colour)


def _show(now: State, action: actions.Show, tools: Tools) -> State:
    return _edited(now, action.id, visible=action.visible)


def _snap(now: State, action: actions.Snap, tools: Tools) -> State:
    if action.on and tools.snap is None:
        raise SessionError("snap: is not available here")
    if action.on == now.snap:
        return now
    return replace(now, snap=action.on, mask=shown(now.gestures, now.steps, action.on, tools))


def _keep(now: State, action: actions.Keep, tools: Tools) -> State:
    return found.keep(now, action.masks, _offered(now, action.masks, tools), _label(now, action), tools)


def _merge(now: State, action: actions.Merge, tools: Tools) -> State:
    return found.merge(now, action.masks, _offered(now, action.masks, tools), _label(now, action), tools)


def _reject(now: State, action: actions.Reject, tools: Tools) -> State:
    _offered(now, action.masks, tools)
    return replace(now, rejected=now.rejected | set(action.masks))


def _restore(now: State, action: actions.Restore, tools: Tools) -> State:
    return replace(now, rejected=frozenset()) if now.rejected else now


def _refine(now: State, action: actions.Refine, tools: Tools) -> State:
    (mask,) = _picked((action.mask,), tools)
    kept = next((item for item in now.objects if item.mask is mask.rle), None)
    if kept is not None:  # the first of two clicks has kept it already
        return _reopen(now, actions.Reopen(kept.id), tools)
    _offered(now, (action.mask,), tools)
    return found.refine(now, action.mask, mask, tools.predict)


def _put_back(now: State, action: actions.PutBack, tools: Tools) -> State:
    return put_back(now, action)


_CHANGES: dict[type, Callable[[State, Any, Tools], State]] = {
    actions.SetPrompt: _set_prompt,
    actions.Choose: _choose,
    actions.Draw: _draw,
    actions.Accept: _accept,
    actions.Copy: _copy,
    actions.Import: _copy,
    actions.Clear: _clear,
    actions.Reset: _reset,
    actions.Reopen: _reopen,
    actions.Delete: _delete,
    actions.Relabel: _relabel,
    actions.Recolour: _recolour,
    actions.Show: _show,
    actions.Snap: _snap,
    actions.Keep: _keep,
    actions.Merge: _merge,
    actions.Reject: _reject,
    actions.Restore: _restore,
    actions.Refine: _refine,
    actions.PutBack: _put_back,
}


def _without_prompt(now: State) -> State:
    """The state without an active object; the same one if there is none."""
    return replace(now, gestures=(), steps=(), mask=None, reopened=None) if now.gestures else now


def _owned(logits: np.ndarray | None) -> np.ndarray | None:
    """A copy: a view would keep the logits of all candidates alive."""
    return None if logits is None else logits.copy()


def _is_given(gestures: Gestures, mask: Rle) -> bool:
    """Whether the last gesture gave exactly this mask."""
    return isinstance(gestures[-1], MaskGesture) and gestures[-1].mask is mask


def _before_mask(item: Object) -> Gestures:
    return item.gestures[:-1] if _is_given(item.gestures, item.mask) else item.gestures


def _edited(now: State, id: int, **changes: object) -> State:
    item = now.find(id)
    if all(getattr(item, name) == value for name, value in changes.items()):
        return now
    new = replace(item, **changes)  # type: ignore[arg-type]  # names and types are those of the callers above
    return replace(now, objects=tuple(new if one is item else one for one in now.objects))


def _label(now: State, action: actions.Keep | actions.Merge) -> str:
    return now.label if action.label is None else action.label


def _picked(ids: Sequence[int], tools: Tools) -> list[FoundMask]:
    if tools.found is None:
        raise SessionError(f"masks: must be found ones, got id {ids[0]}")
    return tools.found(ids)


def _offered(now: State, ids: Sequence[int], tools: Tools) -> list[FoundMask]:
    """The found masks with these ids that are still in the list."""
    for id in ids:
        if id in now.taken or id in now.rejected:
            raise SessionError(f"masks: must still be in the list, got id {id}")
    return _picked(ids, tools)
