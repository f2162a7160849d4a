"""Two people's changes of the objects of one image, put together: three lists of objects in, one list out. Pure.

What both changed in different parts of an object, or in different objects, is kept of both. Where both changed the same
part, what was kept first stands, and the other version is handed back, so that nobody's work is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from samui.work.state import Object

_OWN = ("label", "colour", "visible")  # each changes by itself
_NAMES = ("id", "uid", "logits")  # say nothing about what somebody did
_MADE = tuple(field.name for field in fields(Object) if field.name not in (*_OWN, *_NAMES))
PARTS = (*((name,) for name in _OWN), _MADE)


@dataclass(frozen=True, eq=False)
class Combined:
    """objects: what is held from now on, in the order in which they are drawn; the very tuple `after` where nobody else
    changed anything.

    overtaken: versions of objects that could not go in, since somebody else had changed the same part first.
    conflicts: a sentence for each of these, and for each object that was to be deleted and stays.
    """

    objects: tuple[Object, ...]
    overtaken: tuple[Object, ...] = ()
    conflicts: tuple[str, ...] = ()


def combine(
    held: Sequence[Object], before: Sequence[Object], after: Sequence[Object], *, by: str = "somebody else"
) -> Combined:
    """What is held, with the difference of two lists applied, object by object of the same uid.

    by: who made what is held, for the sentences.
    """
    if _identical(held, before):
        return Combined(tuple(after))
    have, old, new = ({item.uid: item for item in items} for items in (held, before, after))
    kept: dict[str, Object] = {}
    overtaken, conflicts = [], []
    for uid in dict.fromkeys((*have, *new)):
        theirs, was, mine = have.get(uid), old.get(uid), new.get(uid)
        if mine is None or mine is was or (was is not None and alike(mine, was)):
            if theirs is None or (mine is None and was is not None and alike(theirs, was)):
                continue  # gone
            kept[uid] = theirs
            if mine is None and was is not None:
                conflicts.append(f"object {theirs.id}: was changed by {by} meanwhile, and stays")
        elif theirs is None:
            if was is None:
                kept[uid] = mine
            else:
                overtaken.append(mine)
                conflicts.append(f"object {mine.id}: was deleted by {by} first; your version is in the history")
        else:
            kept[uid], lost = _version(theirs, was, mine)
            if lost:
                overtaken.append(mine)
                conflicts.append(f"object {mine.id}: was changed by {by} first; your version is in the history")
    order = _order(list(have), list(old), list(new))
    return Combined(numbered([kept[uid] for uid in order if uid in kept], have), tuple(overtaken), tuple(conflicts))


def alike(one: Any, other: Any) -> bool:
    """Whether two values are the same in content; of objects, all but id and logits."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, Object):
        return one.uid == other.uid and all(_alike_in(part, one, other) for part in PARTS)
    if is_dataclass(one) and type(one).__eq__ is object.__eq__:
        return all(alike(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    return bool(one == other)


def reusing(objects: Iterable[Object], known: Iterable[Object]) -> tuple[Object, ...]:
    """The same objects, each as the very value that is known already where it is alike; with the id that it has now."""
    values = {item.uid: item for item in known}
    return tuple(
        values[item.uid] if item.uid in values and is_same(values[item.uid], item) else item for item in objects
    )


def carried(objects: tuple[Object, ...], mine: Sequence[Object], held: Sequence[Object]) -> tuple[Object, ...]:
    """Objects of an earlier or a later moment, after what is held has become other than what was thought (`mine`).

    So a step of undo takes back one's own work alone.
    """
    ids = {item.uid: item.id for item in held}
    combined = combine(objects, mine, held).objects
    return tuple(
        replace(item, id=ids[item.uid]) if ids.get(item.uid, item.id) != item.id else item for item in combined
    )


def is_same(one: Object, other: Object) -> bool:
    """Whether two objects are the same in all but their logits."""
    return one.id == other.id and alike(one, other)


def _identical(one: Sequence[Object], other: Sequence[Object]) -> bool:
    return one is other or (len(one) == len(other) and all(map(is_same, one, other)))


def _alike_in(part: Iterable[str], one: Object, other: Object) -> bool:
    return all(alike(getattr(one, name), getattr(other, name)) for name in part)


def _version(theirs: Object, was: Object | None, mine: Object) -> tuple[Object, bool]:
    """An object that both have, and whether some part of mine could not go in."""
    if was is not None and alike(theirs, was):
        return (mine if mine.id == theirs.id else replace(mine, id=theirs.id)), False
    changes: dict[str, Any] = {}
    lost = False
    for part in PARTS:
        if _alike_in(part, mine, theirs) or (was is not None and _alike_in(part, mine, was)):
            continue
        if was is not None and _alike_in(part, theirs, was):
            changes |= {name: getattr(mine, name) for name in part}
            if part is _MADE:
                changes["logits"] = mine.logits
        else:
            lost = True
    return (replace(theirs, **changes) if changes else theirs), lost


def _order(have: list[str], old: list[str], new: list[str]) -> list[str]:
    """The uids of both: in my order if I changed it, else in theirs. What only one has keeps its place below others,
    and what is new on top stays there."""
    both = set(old) & set(new)
    if [uid for uid in new if uid in both] == [uid for uid in old if uid in both]:
        return _woven(have, new)
    return _woven(new, have)


def _woven(base: list[str], others: list[str]) -> list[str]:
    order, known = list(base), set(base)
    above: str | None = None
    for uid in reversed(others):
        if uid not in known:
            order.insert(len(order) if above is None else order.index(above), uid)
        above = uid
    return order


def numbered(objects: Sequence[Object], have: Mapping[str, Object]) -> tuple[Object, ...]:
    """The objects, each with a number of its own; those that are held already keep theirs."""
    taken = {item.id for item in objects if item.uid in have}
    free = 1 + max((item.id for item in objects), default=0)
    numbered = []
    for item in objects:
        if item.uid not in have:
            if item.id in taken:
                item = replace(item, id=free)
                free += 1
            taken.add(item.id)
        numbered.append(item)
    return tuple(numbered)
