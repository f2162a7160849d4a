"""What becomes of the masks that a run has found: kept, merged, rejected, refined; and what is refused."""

import numpy as np
import pytest

from samui.errors import SamuiError
from tests.fakes import Page
from tests.unit.serve.finding.runs import GRID, finish, seat_of


def test_keep_makes_objects_in_one_step_that_undo_takes_back(page):
    order = finish(page)
    told = page.act("keep", masks=order[:3], label="disc")
    found = dict(seat_of(page).work.found.items())
    state = seat_of(page).work.session.state
    assert [item.mask for item in state.objects] == [found[id].rle for id in order[:3]]
    assert [item.colour for item in state.objects] == [found[id].colour for id in order[:3]]
    assert {item.label for item in state.objects} == {"disc"}
    assert told["gone"] == {"taken": sorted(order[:3]), "rejected": []}
    told = page.act("undo")
    assert told["objects"]["order"] == []
    assert told["gone"]["taken"] == []
    assert page.act("redo")["gone"]["taken"] == sorted(order[:3])


def test_keep_leaves_the_active_prompt(page):
    order = finish(page)
    page.click((20, 20, 1))
    told = page.act("keep", masks=order[:1])
    assert told["prompt"]["points"] == [[20.0, 20.0, 1]]
    assert told["can"]["accept"]


def test_merge_makes_one_object_of_the_union(page):
    order = finish(page)
    page.act("merge", masks=order[:3])
    found = dict(seat_of(page).work.found.items())
    (item,) = seat_of(page).work.session.state.objects
    expected = np.logical_or.reduce([found[id].mask for id in order[:3]])
    assert np.array_equal(item.mask.decode(), expected)
    assert len(item.prompt.points) == 3
    assert item.score == pytest.approx(min(found[id].score for id in order[:3]))
    assert page.act("reopen", object=1)["ok"]
    assert page.act("merge", masks=order[3:4])["error"] == "merge: must be given at least 2 masks, got 1"


def test_rejected_masks_leave_the_list_and_come_back(page):
    order = finish(page)
    assert page.act("reject", masks=order[:2])["gone"]["rejected"] == sorted(order[:2])
    assert page.act("keep", masks=order[:1])["error"] == f"masks: must still be in the list, got id {order[0]}"
    assert page.act("undo")["gone"]["rejected"] == []
    page.act("redo")
    assert page.act("restore")["gone"]["rejected"] == []
    assert page.act("keep", masks=order[:1])["ok"]


def test_refine_shows_the_found_mask_and_a_click_corrects_its_logits(page, fake):
    order = finish(page)
    found = dict(seat_of(page).work.found.items())
    wanted = next(id for id in order if found[id].candidate == 0)
    told = page.act("refine", mask=wanted)
    state = seat_of(page).work.session.state
    assert state.mask is found[wanted].rle
    assert state.candidate == 0
    assert told["prompt"]["points"] == [[*found[wanted].point, 1]]
    assert wanted in told["gone"]["taken"]
    logits = state.prediction.logits[0]
    page.click((*found[wanted].point, 1), (5, 5, 0))
    assert np.array_equal(fake.prompts[-1].mask_logits, logits)
    page.act("accept")
    assert seat_of(page).work.session.state.objects[0].id == 1


def test_refine_of_a_kept_mask_works_on_its_object(page):
    order = finish(page)
    page.act("keep", masks=order[:1], label="disc")
    told = page.act("refine", mask=order[0])
    assert told["prompt"]["object"] == 1
    page.act("accept")
    assert [item.id for item in seat_of(page).work.session.state.objects] == [1]


def test_room_for_objects_is_checked_before_any_is_kept(page, monkeypatch):
    monkeypatch.setattr("samui.work.found.MAX_OBJECTS", 2)
    order = finish(page)
    assert page.act("keep", masks=order[:3])["error"] == "keep: at most 2 objects an image, got 3"
    assert seat_of(page).work.session.state.objects == ()
    assert page.act("keep", masks=order[:2])["ok"]


@pytest.mark.parametrize("action", ["keep", "merge", "reject"])
@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (None, "request.masks: must be a list of 1 to 10000 ids, got None"),
        ([], "request.masks: must be a list of 1 to 10000 ids, got 0"),
        ([1, "2"], "request.masks[1]: must be a whole number from 0, got '2'"),
        ([True], "request.masks[0]: must be a whole number from 0, got True"),
        ([7, 8], "masks: must be found ones, got id 7"),
    ],
    ids=["none", "empty", "text", "bool", "unknown"],
)
def test_malformed_ids_are_refused(page, action, masks, message):
    finish(page)
    told = page.act(action, masks=masks)
    assert (told["ok"], told["error"]) == (False, message)


def test_id_that_comes_twice_is_kept_once(page):
    order = finish(page)
    assert page.act("keep", masks=[order[0], order[0]])["objects"]["order"] == [1]


def test_strangers_masks_are_not_to_be_had(page, photo):
    order = finish(page)
    stranger = Page(page.service)
    stranger.open(photo)
    finish(stranger)
    stranger.service.everything(stranger.token, GRID)
    other = Page(page.service)
    other.open(photo)
    with pytest.raises(SamuiError):
        list(page.service.everything(page.token + "x", GRID))
    assert other.act("keep", masks=order[:1])["error"].startswith("masks: must be found ones")


def test_undo_list_counts_the_ids_that_are_gone(page):
    order = finish(page)
    before = seat_of(page).work.session.nbytes
    page.act("reject", masks=order)
    assert seat_of(page).work.session.nbytes - before == 64 * len(order)
