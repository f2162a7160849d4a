"""What everything mode has found in a seat: ids, bytes, and what the end of a run changes."""

from dataclasses import replace

import numpy as np
import pytest

from samui.errors import SessionError
from samui.everything import Found, FoundMask, Parameters, Report
from samui.everything.found_masks import FoundMasks
from samui.pixels.rle import Rle


def mask(number: int) -> FoundMask:
    rle = Rle.encode(np.arange(60).reshape(6, 10) % (number + 2) == 0)
    return FoundMask(number, rle, 0.9, 1.0, rle.box, rle.area, (1.0, 1.0), 0, (0, 0, 10, 6), "#102030")


A, B, C = (mask(number) for number in range(3))


def bytes_of(*masks):
    return sum(one.rle.counts.nbytes for one in masks)


def test_bytes_are_those_of_the_masks_that_are_there():
    found = FoundMasks(1, 1)
    assert found.nbytes == 0
    found.change(Found((A, B), ()))
    assert found.nbytes == bytes_of(A, B)
    found.change(Found((C,), (A.id,)))
    assert found.nbytes == bytes_of(B, C)
    found.change(Found((), (A.id,)))  # has gone already
    assert found.nbytes == bytes_of(B, C)
    found.finish([C], Report(Parameters()))
    assert found.nbytes == bytes_of(C)


def test_change_tells_ids_that_no_other_run_has():
    first, second = FoundMasks(1, 1), FoundMasks(2, 1)
    last = 3 * sum(4**layer * 256**2 for layer in range(5)) - 1  # of the largest grid with all crops
    added, _ = first.change(Found((A, replace(B, id=last)), ()))
    others, removed = second.change(Found((A,), (B.id,)))
    assert max(added) < min(others) < removed[0]
    assert list(first.items()) == list(added.items())
    assert first.pick(added) == list(added.values())
    with pytest.raises(SessionError, match=f"masks: must be found ones, got id {min(others)}"):
        first.pick(others)


def test_finish_tells_the_masks_that_are_not_as_they_were_found():
    found = FoundMasks(3, 1)
    added, _ = found.change(Found((A, B), ()))
    cleaned = replace(B, rle=C.rle)
    id_of = {one.id: id for id, one in added.items()}
    report = Report(Parameters())
    assert found.finish([cleaned, A], report) == {id_of[B.id]: cleaned}
    assert found.items() == [(id_of[B.id], cleaned), (id_of[A.id], A)]
    assert found.report is report
