"""Everything mode in a seat, with the fake predictor: a run step by step, what ends it, and what it may ask for."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from samui.errors import ParameterError, RequestError, SessionError, UnknownSessionError
from samui.everything import Finished, Found, Parameters, Report, found_masks
from samui.models.traits import Traits
from samui.pixels.rle import Rle
from samui.serve import finding
from samui.serve.service import Service
from samui.serve.settings import Settings
from tests.fakes import Page
from tests.unit.serve.finding.runs import GRID, SIZE, finish, seat_of, shown_by


def test_run_tells_progress_and_masks_and_ends_with_those_that_remain(page):
    events = list(page.service.everything(page.token, GRID))
    assert [events[0]["stage"], events[-1]["stage"]] == ["started", "done"]
    assert {event["epoch"] for event in events} == {page.epoch}
    assert [event["done"] for event in events if event["stage"] == "masks"][-1] == 16
    held = shown_by(events)
    assert set(held) == set(events[-1]["order"])
    assert events[-1]["order"] == [id for id, _ in seat_of(page).work.found.items()]
    one = held[events[-1]["order"][0]]
    mask = Rle.from_string(one["mask"]["size"], one["mask"]["counts"])
    assert (mask.size, mask.area, mask.box) == (SIZE, one["mask"]["area"], tuple(one["mask"]["box"]))
    assert one["score"] == pytest.approx(0.9)
    assert one["colour"].startswith("#")
    assert events[-1]["report"] == "48 masks: of 48 candidates none was removed"


@pytest.mark.slow
def test_masks_that_a_better_one_replaces_are_taken_away_on_the_page(page):
    events = list(page.service.everything(page.token, {**GRID, "points_per_side": 10}))
    assert any(event.get("removed") for event in events)
    assert set(shown_by(events)) == set(events[-1]["order"])


def test_slow_page_gets_the_same_masks_in_fewer_events(page, monkeypatch):
    every = list(page.service.everything(page.token, GRID))
    monkeypatch.setattr(finding, "_PAUSE", 3600.0)
    few = list(page.service.everything(page.token, GRID))
    assert len(few) < len(every)
    assert len(shown_by(few)) == len(few[-1]["order"]) == len(every[-1]["order"])
    assert set(shown_by(few)) == set(few[-1]["order"])


@pytest.mark.parametrize("again", [False, True], ids=["it stays", "it goes again"])
def test_mask_that_goes_and_comes_back_between_two_events_is_on_the_page(page, monkeypatch, again):
    finish(page)
    (_, first), (_, better), (_, best), *_ = seat_of(page).work.found.items()
    told = [Found((first,), ()), Found((better,), (first.id,)), Found((best, first), (better.id,))]
    told += [Found((), (first.id,))] if again else []
    end = Finished((best,) if again else (best, first), Report(Parameters()), False, 1.0)
    monkeypatch.setattr(finding, "stream", lambda *arguments, **options: iter([*told, end]))
    # The first event goes out at once, the others together.
    times = iter([0.0, *[0.1] * (len(told) - 2), 1.0])
    monkeypatch.setattr(finding, "_PAUSE", 0.25)
    monkeypatch.setattr(finding, "time", SimpleNamespace(monotonic=lambda: next(times)))
    *events, last = page.service.everything(page.token, GRID)
    assert [event["stage"] for event in events] == ["started", "masks", "masks"]
    assert set(shown_by(events)) == set(last["order"])


def test_mask_whose_small_regions_go_at_the_end_is_told_again(page, monkeypatch):
    finish(page)
    (_, first), (_, second), *_ = seat_of(page).work.found.items()
    cleaned = replace(first, rle=second.rle)
    told = [Found((first, second), ()), Finished((second, cleaned), Report(Parameters()), False, 1.0)]
    monkeypatch.setattr(finding, "stream", lambda *arguments, **options: iter(told))
    *events, last = page.service.everything(page.token, GRID)
    assert [mask["id"] for mask in last["added"]] == last["order"][1:]
    assert last["added"][0]["mask"]["counts"] == second.rle.to_string() != first.rle.to_string()
    assert set(shown_by(events)) == set(last["order"])


def test_run_neither_encodes_again_nor_changes_the_session(page, fake):
    page.click((20, 20, 1))
    before = seat_of(page).work.session.state
    finish(page)
    assert fake.embed_calls == 1
    assert seat_of(page).work.session.state is before


def test_masks_of_two_runs_share_no_id(page):
    assert not set(finish(page)) & set(finish(page))


def test_cancel_ends_before_the_next_pass_and_what_was_found_stays_usable(page, fake):
    run = page.service.everything(page.token, GRID)
    held = shown_by([next(run), *(next(run) for _ in range(2))])
    calls = fake.predict_calls
    assert page.act("cancel")["found"] == {"run": 1, "running": True}
    rest = list(run)
    assert rest[-1]["stage"] == "cancelled"
    assert fake.predict_calls == calls
    assert rest[-1]["order"]
    assert page.act("keep", masks=rest[-1]["order"][:1])["objects"]["order"] == [1]
    assert held
    assert page.act("cancel")["found"] == {"run": 1, "running": False}


def test_click_is_answered_between_two_passes(page):
    run = page.service.everything(page.token, GRID)
    next(run), next(run)
    assert page.click((20, 20, 1))["ok"]
    assert list(run)[-1]["stage"] == "done"


def test_other_image_ends_the_run_and_no_late_mask_arrives(page, photo):
    run = page.service.everything(page.token, GRID)
    next(run), next(run)
    page.open(photo)
    assert list(run) == []
    assert seat_of(page).work.found is None
    assert page.act("keep", masks=[2**28])["error"] == "masks: must be found ones, got id 268435456"


def test_other_model_ends_the_run_and_keeps_what_was_found(page, fake):
    order = finish(page)
    page.act("reject", masks=order[:1])
    run = page.service.everything(page.token, GRID)
    next(run), next(run), next(run)
    found = seat_of(page).work.found.items()
    page.epoch = list(page.service.change_model(page.token, "other"))[-1]["epoch"]
    calls = fake.predict_calls
    assert list(run) == []
    assert fake.predict_calls == calls
    assert page.act("keep", masks=[found[0][0]])["objects"]["order"] == [1]
    assert order[0] in seat_of(page).work.session.state.rejected


def test_second_run_in_a_seat_ends_the_first(page, fake):
    first = page.service.everything(page.token, GRID)
    next(first), next(first)
    finish(page)
    calls = fake.predict_calls
    assert list(first) == []
    assert fake.predict_calls == calls


def test_page_that_has_gone_ends_the_run(page):
    run = page.service.everything(page.token, GRID)
    next(run), next(run)
    run.close()
    assert not seat_of(page).work.found.running
    assert seat_of(page).work.found.cancelled()


def test_reloaded_page_gets_the_found_masks_back(page):
    order = finish(page)
    page.act("reject", masks=order[:2])
    again = Page(page.service, token=page.token)
    assert [mask["id"] for mask in again.first["found"]["masks"]] == order
    assert again.first["gone"] == {"taken": [], "rejected": sorted(order[:2])}
    assert [mask["id"] for mask in again.act("found")["found"]["masks"]] == order


def test_page_that_reloads_while_it_runs_is_told_of_no_run(page):
    run = page.service.everything(page.token, GRID)
    next(run), next(run), next(run)
    again = Page(page.service, token=page.token)
    assert again.first["found"]["running"] is False
    assert list(run)[-1]["stage"] == "cancelled"
    assert again.act("keep", masks=[again.first["found"]["masks"][0]["id"]])["ok"]


def test_run_counts_as_running_until_its_last_event_is_out(page):
    run = page.service.everything(page.token, GRID)
    while next(run)["stage"] != "done":
        pass
    assert page.act("cancel")["found"] == {"run": 1, "running": True}
    assert list(run) == []
    assert page.act("cancel")["found"] == {"run": 1, "running": False}


def test_found_masks_count_in_the_bytes_of_the_seat_and_end_a_run_that_is_too_large(page, monkeypatch):
    before = seat_of(page).nbytes
    finish(page)
    found = seat_of(page).work.found
    assert seat_of(page).nbytes - before == found.nbytes == sum(m.rle.counts.nbytes for _, m in found.items()) > 0
    monkeypatch.setattr(found_masks, "FOUND_BYTES", 100)
    *_, last = page.service.everything(page.token, GRID)
    assert last["stage"] == "cancelled"
    assert "it ended early" in last["report"]


def test_no_mask_says_which_threshold_removed_how_many(page):
    *_, last = page.service.everything(page.token, {**GRID, "pred_iou_thresh": 0.95})
    assert last["order"] == []
    assert last["report"] == "no masks found: of 48 candidates pred_iou_thresh 0.95 removed 48 (highest 0.9)"


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"points_per_side": 0}, ParameterError, "points_per_side: must be a whole number from 1 to 256, got 0"),
        ({"points_per_side": "8"}, ParameterError, "points_per_side: must be a whole number from 1 to 256, got '8'"),
        ({"pred_iou_thresh": 1.5}, ParameterError, "pred_iou_thresh: must be from 0 to 1, got 1.5"),
        ({"crops_n_layers": 9}, ParameterError, "crops_n_layers: must be a whole number from 0 to 4, got 9"),
        ({"box_nms_thresh": 0.5}, RequestError, "parameters: must be among points_per_side, .*, got 'box_nms_thresh'"),
        ([1], RequestError, "parameters: must be an object, got list"),
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused_with_the_range(page, parameters, error, message):
    with pytest.raises(error, match=message):
        list(page.service.everything(page.token, parameters))
    assert seat_of(page).work.found is None


def test_public_page_bounds_the_grid(tmp_path, fake, photo):
    service = Service(Settings.for_host(model="fake"), lambda name: fake, tmp_path / "hosted")
    page = Page(service)
    page.open(photo)
    with pytest.raises(ParameterError, match="points_per_side: must give at most 4096 points on this page, got 5120"):
        list(service.everything(page.token, {"points_per_side": 32, "crops_n_layers": 1}))
    service.close()


def test_without_an_image_or_a_session_it_says_so(service):
    with pytest.raises(SessionError, match="session: must have an image; open one first"):
        list(service.everything(Page(service).token))
    with pytest.raises(UnknownSessionError):
        list(service.everything("made-up"))


def test_thresholds_of_a_page_fit_the_scores_of_its_model(fake):
    usual = finding.defaults(fake)
    assert usual["filters"] == {"score": 0.88, "stability": 0.95}
    assert usual["parameters"]["pred_iou_thresh"] < usual["filters"]["score"]
    fake.traits = Traits(score_filter=0.3, score_floor=0.2, stability_floor=0.4, points_per_side=24)
    told = finding.defaults(fake)
    assert told["filters"] == {"score": 0.3, "stability": 0.95}
    parameters = ("pred_iou_thresh", "stability_score_thresh", "points_per_side")
    assert [told["parameters"][name] for name in parameters] == [0.2, 0.4, 24]
    assert finding.parse_parameters(None, fake, hosted=True).pred_iou_thresh < 0.5


@pytest.mark.slow
def test_crops_are_searched_on_the_page_too(page, fake):
    finish(page, crops_n_layers=1)
    assert fake.embed_calls == 1 + 4
