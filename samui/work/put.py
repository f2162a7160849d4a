"""Objects that a page holds and a session lacks, taken over as they were: after a restart or an eviction."""

from __future__ import annotations

from dataclasses import replace

from samui.errors import PromptError, SessionError
from samui.work.actions import PutBack
from samui.work.gestures import CloseUpGesture, StrokeGesture
from samui.work.state import MAX_OBJECTS, Object, State


def put_back(now: State, action: PutBack) -> State:
    """The state with the objects of the page; the same one where it lacks none.

    Objects are told apart by uid. One that is here already stays as it is, unless the page holds more than any store;
    its id stays in any case. A new one keeps its id where that is free. Raises SessionError for a mask of another size
    and over MAX_OBJECTS, PromptError for prompts outside the image.
    """
    here = {item.uid: item for item in now.objects if item.uid not in action.gone}
    taken = {item.id for item in here.values()}
    next_id = now.next_id
    for i, item in enumerate(action.objects):
        _check(item, now.size, f"objects[{i}]")
        held = here.get(item.uid)
        if held is not None:
            if item.uid in action.newer and not _same(held, item):
                here[item.uid] = replace(item, id=held.id)
        elif item.uid not in action.gone:
            id = item.id if item.id not in taken else max(next_id, *taken) + 1
            taken.add(id)
            next_id = max(next_id, id + 1)
            here[item.uid] = item if id == item.id else replace(item, id=id)
    if len(here) > MAX_OBJECTS:
        raise SessionError(f"objects: at most {MAX_OBJECTS} objects an image, got {len(here)}")
    objects = tuple(here.values())
    if len(objects) == len(now.objects) and all(a is b for a, b in zip(objects, now.objects, strict=True)):
        return now
    return replace(now, objects=objects, next_id=next_id)


def _check(item: Object, size: tuple[int, int], where: str) -> None:
    height, width = size
    if item.mask.size != size:
        got = f"{item.mask.size[1]}x{item.mask.size[0]}"
        raise SessionError(f"{where}.mask: must be of {width}x{height} as the image, got {got}")
    item.prompt.check_inside(height, width, where=where)
    for one in item.gestures:
        if isinstance(one, StrokeGesture) and one.width > 2 * max(size):
            raise PromptError(f"{where}.gestures: strokes must be at most {2 * max(size)} wide, got {one.width:g}")
        for pick in one.picks if isinstance(one, CloseUpGesture) else ():
            if pick.view[2] > width or pick.view[3] > height:
                raise PromptError(f"{where}.gestures: views must lie inside {width}x{height}, got {pick.view}")


def _same(one: Object, other: Object) -> bool:
    return (one.label, one.colour, one.visible, one.mask) == (other.label, other.colour, other.visible, other.mask)
