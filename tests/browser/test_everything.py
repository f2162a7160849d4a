"""Everything mode on the real page: run, cancel, filter, keep, merge, reject, refine, by mouse, keys and touch."""

import math

import numpy as np
import pytest

from tests.browser.conftest import CAT, CUP

pytestmark = pytest.mark.browser

WIDTH, HEIGHT = 600, 400  # of coffee.jpg

# Whether the layer of found masks paints each pixel of a grid.
PAINTED = """() => {
  const canvas = document.querySelector(".layer.found"), { view, image } = samui.snapshot();
  const ratio = canvas.width / canvas.getBoundingClientRect().width, out = [];
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  for (let y = 2.5; y < image.height; y += 8) for (let x = 2.5; x < image.width; x += 8) {
    const column = Math.floor((view.x + x * view.scale) * ratio), row = Math.floor((view.y + y * view.scale) * ratio);
    out.push(data[4 * (row * canvas.width + column) + 3] > 0);
  }
  return out;
}"""


def told(person):
    return person.snapshot()["everything"]


def start(person, grid="4"):
    person.button("Everything").click()
    person.page.get_by_label("Grid of points", exact=True).select_option(grid)
    person.button("Find all masks").click()
    return person


def done(person):
    person.page.wait_for_function("!samui.snapshot().everything.running", timeout=120_000)
    return person.settle()


@pytest.fixture
def found(person):
    return done(start(person))


def seat(person, app):
    return app.service.seats.get(person.page.evaluate("sessionStorage.getItem('samui.session')"))


def slide(person, name, value):
    """Set a slider; the page hears of it as of a drag."""
    person.page.get_by_label(name, exact=True).evaluate(
        "(e, value) => { e.value = value; e.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )


def places(person, app):
    """For each shown mask an image position at which it is the smallest one, if it has one."""
    shown, masks = told(person)["shown"], dict(seat(person, app).work.found.items())
    smallest = np.full((HEIGHT, WIDTH), -1, np.int64)
    for id in shown:  # largest first
        smallest[masks[id].mask] = id
    spots = {}
    for id in shown:
        ys, xs = np.nonzero(smallest == id)
        if len(xs):
            middle = len(xs) // 2
            spots[id] = (int(xs[middle]) + 0.5, int(ys[middle]) + 0.5)
    return spots


def test_run_paints_what_it_finds_and_says_how_it_ended(found, app):
    state = told(found)
    assert state["on"]
    assert not state["running"]
    assert state["report"].startswith(f"{len(state['found'])} masks: of 48 candidates")
    masks = dict(seat(found, app).work.found.items())
    assert {m["id"]: m["area"] for m in state["found"]} == {id: m.area for id, m in masks.items()}
    union = np.logical_or.reduce([masks[id].mask for id in state["shown"]])
    assert found.page.evaluate(PAINTED) == union[2:HEIGHT:8, 2:WIDTH:8].ravel().tolist()
    assert found.page.get_by_text(f"{len(state['shown'])} of {len(state['found'])} shown").first.is_visible()
    assert found.complaints == []


def test_masks_appear_while_it_runs_and_cancel_keeps_them(person, app):
    start(person, grid="16")
    person.page.wait_for_function("samui.snapshot().everything.found.length > 0", timeout=120_000)
    assert told(person)["running"]
    assert person.page.get_by_label("Points looked at").is_visible()
    person.button("Cancel finding masks").click()
    done(person)
    state = told(person)
    assert state["found"]
    assert not seat(person, app).work.found.running
    slide(person, "Lowest score", 0)
    slide(person, "Lowest stability", 0)
    person.button("Keep all shown").click()
    assert len(person.settle().snapshot()["objects"]) == len(state["found"])


def test_answer_to_cancel_that_comes_after_the_end_does_not_bring_the_run_back(person):
    def late(route):
        cancel = route.request.post_data_json["data"].get("action") == "cancel"
        response = route.fetch()
        if cancel:
            person.page.wait_for_function("!samui.snapshot().everything.running", timeout=120_000)
        route.fulfill(response=response)

    start(person, grid="16")
    person.page.wait_for_function("samui.snapshot().everything.found.length > 0", timeout=120_000)
    person.page.route("**/component_server/**", late)
    person.button("Cancel finding masks").click()
    done(person)
    assert not told(person)["running"]
    assert told(person)["report"]


@pytest.mark.parametrize("broken", ["silent", "refused"])
def test_run_whose_events_are_lost_ends_with_its_masks(person, app, broken):
    """A stream that never says anything, as behind a dead line, and one that fails: then Gradio loads the page anew."""
    person.page.route("**/queue/data**", lambda route: route.abort() if broken == "refused" else None)
    start(person)
    ended = "window.samui && !samui.snapshot().everything.running && samui.snapshot().everything.found.length > 0"
    person.page.wait_for_function(ended, timeout=60_000)
    masks = dict(seat(person, app).work.found.items())
    assert {m["id"]: m["area"] for m in told(person)["found"]} == {id: m.area for id, m in masks.items()}


def test_clicks_are_answered_while_it_runs(person):
    start(person, grid="16")
    person.page.wait_for_function("samui.snapshot().everything.found.length > 0", timeout=120_000)
    person.key("Escape").click(300, 180).settle()
    assert told(person)["running"]
    assert person.covers(300, 180)


def test_another_image_ends_the_run(person, app):
    start(person, grid="32")
    person.page.wait_for_function("samui.snapshot().everything.found.length > 0", timeout=120_000)
    person.open(CAT)
    assert told(person)["found"] == []
    assert not told(person)["running"]
    assert seat(person, app).work.found is None


def test_filters_act_at_once_and_keep_all_keeps_what_passes(found, app):
    calls = seat(found, app).line.runs
    slide(found, "Lowest score", 0)
    slide(found, "Lowest stability", 0)
    state = told(found)
    assert len(state["shown"]) == len(state["found"])
    middle = sorted(m["score"] for m in state["found"])[len(state["found"]) // 2]
    slide(found, "Lowest score", round(middle, 2))
    shown = {m["id"] for m in state["found"] if m["score"] >= round(middle, 2)}
    assert set(told(found)["shown"]) == shown
    sizes = [m["area"] for m in state["found"] if m["id"] in shown]
    least = math.floor(100 * math.log(max(sizes), WIDTH * HEIGHT))  # percent of the whole range: the largest passes
    slide(found, "Smallest area", least)
    areas = [m["area"] for m in state["found"] if m["id"] in told(found)["shown"]]
    assert sorted(areas) == sorted(size for size in sizes if size >= round((WIDTH * HEIGHT) ** (least / 100)))
    assert 0 < len(areas) < len(shown)
    found.button("Keep all shown").click()
    objects = found.settle().snapshot()["objects"]
    assert sorted(o["area"] for o in objects) == sorted(areas)
    assert seat(found, app).line.runs == calls


def test_hover_lights_up_the_smallest_mask_with_its_score(found, app):
    for id, spot in list(places(found, app).items())[:3]:
        found.hover(*spot)
        found.page.wait_for_function("id => samui.snapshot().everything.over === id", arg=id)
        score = seat(found, app).work.found.pick([id])[0].score
        found.page.get_by_label("Status").get_by_text(f"score {score:.2f}").wait_for()


def test_click_keeps_the_mask_and_undo_offers_it_again(found, app):
    id, spot = list(places(found, app).items())[-1]
    mask = seat(found, app).work.found.pick([id])[0]
    before = told(found)["shown"]
    found.click(*spot).settle()
    (kept,) = found.snapshot()["objects"]
    assert (kept["area"], kept["box"]) == (mask.area, list(mask.box))
    assert told(found)["shown"] == [other for other in before if other != id]
    masks = seat(found, app).work.found.pick(told(found)["shown"])
    rest = np.logical_or.reduce([other.mask for other in masks]) & ~mask.mask
    assert found.page.evaluate(PAINTED) == rest[2:HEIGHT:8, 2:WIDTH:8].ravel().tolist()
    found.key("Control+z").settle()
    assert found.snapshot()["objects"] == []
    assert told(found)["shown"] == before


def test_shift_clicks_select_and_merge_makes_one_object(found, app):
    (one, at), (two, there) = list(places(found, app).items())[-2:]
    found.click(*at, modifiers=["Shift"]).click(*there, modifiers=["Shift"])
    assert set(told(found)["selected"]) == {one, two}
    masks = [m.mask for m in seat(found, app).work.found.pick([one, two])]
    found.button("Merge selected").click()
    (merged,) = found.settle().snapshot()["objects"]
    assert merged["area"] == np.logical_or(*masks).sum()
    assert told(found)["selected"] == []


def test_select_button_makes_taps_select(app, drive):
    person = done(start(drive(app.url, width=390, height=844, ratio=2, touch=True).open(CUP)))
    spots = list(places(person, app).items())[-2:]
    person.button("Select several").click()
    person.page.locator("#samui-canvas").scroll_into_view_if_needed()
    for _, spot in spots:
        person.page.touchscreen.tap(*person.client(*spot))
    assert set(told(person)["selected"]) == {id for id, _ in spots}
    assert person.page.evaluate("document.documentElement.scrollWidth") <= 390
    person.button("Keep").click()
    assert len(person.settle().snapshot()["objects"]) == 2


def test_delete_rejects_and_show_rejected_brings_back(found, app):
    before = told(found)["shown"]
    id, spot = list(places(found, app).items())[-1]
    found.hover(*spot)
    found.page.wait_for_function("id => samui.snapshot().everything.over === id", arg=id)
    found.key("Delete").settle()
    assert id not in told(found)["shown"]
    assert found.snapshot()["objects"] == []
    found.button("Show rejected").click()
    found.settle()
    assert told(found)["shown"] == before


@pytest.mark.parametrize("way", ["key", "double click"])
def test_refine_makes_the_mask_active_and_clicks_correct_it(found, app, way):
    id, spot = list(places(found, app).items())[-1]
    mask = seat(found, app).work.found.pick([id])[0]
    if way == "key":
        found.hover(*spot).page.wait_for_function("id => samui.snapshot().everything.over === id", arg=id)
        found.key("r")
    else:
        found.double_click(*spot)
    found.settle()
    state = found.snapshot()
    assert not state["everything"]["on"]
    assert state["prompt"]["points"] == [[*mask.point, 1]]
    assert found.covers(*spot)
    assert seat(found, app).work.session.state.mask == mask.rle
    x0, y0, x1, y1 = mask.box
    found.click((x0 + x1) / 2 + 3, (y0 + y1) / 2 + 3, button="right").settle()
    assert len(found.snapshot()["prompt"]["points"]) == 2
    found.key("Enter").settle()
    assert len(found.snapshot()["objects"]) == 1


def test_keyboard_alone_finds_selects_keeps_and_leaves(person):
    person.page.locator("#samui-canvas").focus()
    person.key("e")
    person.page.get_by_label("Grid of points", exact=True).select_option("4")
    person.button("Find all masks").focus()
    person.key("Enter")
    done(person)
    person.page.locator("#samui-canvas").focus()
    largest = told(person)["shown"][:2]
    assert person.key("]").settle().snapshot()["everything"]["over"] == largest[0]
    assert person.key("]").settle().snapshot()["everything"]["over"] == largest[1]
    person.key("Enter").settle()
    assert len(person.snapshot()["objects"]) == 1
    assert largest[1] not in told(person)["shown"]
    person.key("ArrowRight").key("Shift+Space").settle()
    assert len(told(person)["selected"]) == 1
    person.key("Escape").settle()
    assert not told(person)["on"]
    assert not person.page.get_by_role("region", name="Everything", exact=True).is_visible()
    assert not any(person.page.evaluate(PAINTED))


def test_drag_moves_the_picture_and_draws_no_box(found):
    before = found.snapshot()["view"]
    x, y = found.client(300, 180)
    found.press(300, 180)
    found.page.mouse.move(x + 20, y + 10)
    found.page.mouse.move(x + 40, y + 20)
    found.page.mouse.up()
    after = found.settle().snapshot()
    assert after["prompt"]["box"] is None
    assert after["objects"] == []
    moved = after["view"]["x"] - before["x"], after["view"]["y"] - before["y"]
    assert moved == pytest.approx((40, 20), abs=1)


def test_reload_brings_the_found_masks_back(found):
    before = told(found)
    found.reload()
    found.page.wait_for_function("samui.snapshot().image && !samui.snapshot().pending")
    assert told(found)["found"] == before["found"]
    assert not told(found)["running"]


def test_nothing_found_says_which_threshold_removed_how_many(person):
    person.button("Everything").click()
    person.page.get_by_text("Options of the next run").click()
    person.page.get_by_label("Predicted IoU above", exact=True).fill("0.99")
    person.page.get_by_label("Grid of points", exact=True).select_option("4")
    person.button("Find all masks").click()
    done(person)
    person.page.get_by_text("No masks found: of 48 candidates pred_iou_thresh 0.99 removed 48").first.wait_for()


def test_parameter_out_of_range_is_told_and_nothing_runs(person):
    person.button("Everything").click()
    person.page.get_by_text("Options of the next run").click()
    person.page.get_by_label("Layers of crops", exact=True).fill("9")
    person.button("Find all masks").click()
    message = "crops_n_layers: must be a whole number from 0 to 4, got 9"
    person.page.get_by_role("alert").filter(has_text=message).wait_for()
    assert not told(person)["running"]


def test_every_control_of_the_mode_has_an_accessible_name(found):
    found.page.get_by_text("Options of the next run").click()
    nameless = found.page.evaluate(
        """() => [...document.querySelectorAll(".everything button, .everything input, .everything select, progress")]
          .filter((e) => !(e.ariaLabel || e.textContent.trim() || (e.labels && e.labels.length)))
          .map((e) => e.outerHTML)"""
    )
    assert nameless == []
