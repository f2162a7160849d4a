"""Two people's changes put together: a random pair of edits of one list loses nothing of either."""

import random
from dataclasses import replace

import numpy as np
import pytest

from samui.pixels.rle import Rle
from samui.work.combine import PARTS, alike, carried, combine, reusing
from samui.work.gestures import MaskGesture, PointGesture
from samui.work.state import Object

MASKS = [Rle.encode(np.random.default_rng(n).random((5, 7)) < 0.5) for n in range(4)]


def thing(id, **changes):
    made = Object(
        id, f"{id:032x}", "", "#000000", True, MASKS[0], 0.5, (PointGesture((1.0, 1.0), 1),), 0, False, "fake"
    )
    return replace(made, **changes)


def edited(objects, dice, who):
    """The objects after some random changes of one person."""
    after = list(objects)
    for n in range(dice.randint(1, 5)):
        kind = dice.choice(["add", "delete", "label", "colour", "mask", "move"])
        if kind == "add" or not after:
            after.insert(dice.randint(0, len(after)), thing(90 + n, uid=f"{who}{n}".ljust(32, "0")))
            continue
        at = dice.randrange(len(after))
        if kind == "delete":
            del after[at]
        elif kind == "move":
            after.insert(dice.randrange(len(after)), after.pop(at))
        else:
            value = {"label": who, "colour": f"#{dice.randrange(1 << 24):06x}", "mask": dice.choice(MASKS[1:])}
            after[at] = replace(after[at], **{kind: value[kind]})
    return tuple(after)


@pytest.mark.parametrize("seed", range(60))
def test_nothing_of_either_is_lost(seed):
    dice = random.Random(seed)
    base = tuple(thing(n) for n in range(1, 6))
    theirs, mine = edited(base, dice, "a"), edited(base, dice, "b")
    both = combine(theirs, base, mine)
    now = {item.uid: item for item in both.objects}
    old, hers, his = ({item.uid: item for item in items} for items in (base, theirs, mine))
    assert len(now) == len(both.objects)
    assert len({item.id for item in both.objects}) == len(both.objects)
    assert bool(both.overtaken) <= bool(both.conflicts)
    for uid in {*hers, *his, *old}:
        if uid not in old:
            assert uid in now  # what either has made is there
            continue
        if uid not in hers and (uid not in his or alike(his[uid], old[uid])):
            assert uid not in now
        if uid in hers and uid in his:
            for part in PARTS:
                for name in part:
                    changed = getattr(hers[uid], name) != getattr(old[uid], name)
                    expected = hers[uid] if changed else his[uid]
                    lost = [one for one in both.overtaken if one.uid == uid]
                    assert getattr(now[uid], name) == getattr(expected, name) or lost
    again = combine(both.objects, base, mine)  # what was applied already changes nothing more
    assert [(item.uid, item.label, item.colour) for item in again.objects] == [
        (item.uid, item.label, item.colour) for item in both.objects
    ]


def test_without_others_it_is_the_very_tuple():
    base = (thing(1), thing(2))
    after = (thing(2), thing(1))
    assert combine(base, base, after).objects is after
    assert combine((thing(1), thing(2)), base, after).objects is after


def test_values_are_alike_by_content():
    one = thing(1, gestures=(MaskGesture(MASKS[1], True),))
    same = thing(1, gestures=(MaskGesture(Rle(MASKS[1].size, MASKS[1].counts.copy()), True),), logits=np.zeros((2, 2)))
    assert alike(one, same)
    assert not alike(one, replace(same, gestures=(MaskGesture(MASKS[2], True),)))
    assert reusing((same, thing(2)), (one,))[0] is one


def test_undo_after_others_takes_back_ones_own_alone():
    before, mine = (thing(1),), (thing(1), thing(2))
    held = (thing(1, label="theirs"), thing(3, uid="f" * 32), thing(4, uid=thing(2).uid))
    earlier = carried(before, mine, held)
    assert [(item.uid[-1], item.id, item.label) for item in earlier] == [("1", 1, "theirs"), ("f", 3, "")]
    assert [item.id for item in carried(mine, mine, held)] == [1, 3, 4]
