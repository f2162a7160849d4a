"""While the button is down, the mask is made that its release would ask for."""

import pytest

from tests.browser.conftest import BOX, CUP, INSIDE

pytestmark = pytest.mark.browser

CALLS = "**/component_server/**"


def action_of(request):
    """Name of the action that a request to the server carries, None for another one."""
    if "component_server" not in request.url:
        return None
    return request.post_data_json["data"].get("action")


@pytest.fixture
def asked(person):
    """The actions that the page has asked for, oldest first. Without previews under the pointer."""
    person.key("h")
    actions = []
    person.page.on("request", lambda request: actions.append(action_of(request)))
    return actions


def prepared(person, gesture, part="points"):
    """Do something, and wait until the page has what was made ahead for it: a prompt of points, or with a box."""

    def brings(response):
        if action_of(response.request) != "prepare":
            return False
        return bool(response.request.post_data_json["data"][part])

    with person.page.expect_response(brings) as answer:
        gesture()
    answer.value.finished()
    person.page.evaluate("() => new Promise((resolve) => setTimeout(resolve))")  # where the page reads the answer


def held_back(person, action):
    """Hold back what the page asks with this action; returns the list of what is held."""
    held = []

    def sort(route):
        if action_of(route.request) == action:
            held.append(route)
        else:
            route.continue_()

    person.page.route(CALLS, sort)
    return held


def shown(person):
    """What the page shows, without times and the numbers of replies."""
    told = person.snapshot()
    mask = [person.covers(x, y) for x in range(20, 600, 40) for y in range(20, 400, 40)]
    return [told[name] for name in ("prompt", "candidates", "candidate", "objects")], mask


def test_mask_of_a_held_click_is_there_before_the_server_is_asked_for_it(person, asked):
    held = held_back(person, "prompt")
    prepared(person, lambda: person.press(*INSIDE))
    assert not person.covers(*INSIDE)
    person.page.mouse.up()
    assert person.covers(*INSIDE)
    told = person.snapshot()
    assert told["pending"] is True
    assert len(told["prompt"]["points"]) == 1
    assert person.button("Undo").is_enabled()
    before = shown(person)
    held[0].continue_()
    person.settle()
    assert shown(person) == before
    assert asked == ["prepare", "prompt"]
    times = person.snapshot()["timings"]
    assert times["total"] < times["roundtrip"]
    assert times["ahead"] == times["decode"] > 0


def test_held_click_gives_the_mask_of_a_tap(person, asked, drive, app):
    prepared(person, lambda: person.press(*INSIDE))
    person.page.mouse.up()
    prepared(person.settle(), lambda: person.press(130, 40))
    person.page.mouse.up()
    person.settle()
    tapped = drive(app.url).open(CUP).click(*INSIDE).settle().click(130, 40).settle()
    assert shown(person) == shown(tapped)
    assert shown(person.key("Control+z").settle()) == shown(tapped.key("Control+z").settle())


def test_without_snapping_the_preview_is_the_mask_of_a_tap(person):
    person.button("Snap to edges").click()
    held = held_back(person.settle(), "prompt")
    prepared(person, lambda: person.hover(*INSIDE))
    assert not person.covers(*INSIDE)
    person.click(*INSIDE)
    assert person.covers(*INSIDE)
    assert len(person.snapshot()["candidates"]) == 3
    held[0].continue_()
    assert person.settle().covers(*INSIDE)
    assert person.snapshot()["timings"]["ahead"] > 0


def test_without_snapping_the_preview_is_not_shown_for_an_exclude_click(person):
    person.button("Snap to edges").click()
    prepared(person.settle(), lambda: person.hover(*INSIDE))
    held = held_back(person, "prompt")
    person.click(*INSIDE, button="right")
    assert not person.covers(*INSIDE)
    held[0].continue_()
    assert [point[2] for point in person.settle().snapshot()["prompt"]["points"]] == [0]


def test_tap_asks_for_nothing_ahead(person, asked):
    person.click(*INSIDE).settle()
    assert asked == ["prompt"]


def test_press_that_becomes_a_drag_draws_its_box_and_no_point(person, asked):
    (x, y), (x1, y1) = BOX
    prepared(person, lambda: person.press(x, y))
    person.page.mouse.move(*person.client(x + 50, y + 50))
    person.page.mouse.move(*person.client(x1, y1))
    person.page.mouse.up()
    told = person.settle().snapshot()["prompt"]
    assert told["points"] == []
    assert told["box"] == pytest.approx([x, y, x1, y1], abs=1)
    assert person.covers(*INSIDE)


def test_mask_of_a_drag_that_rests_is_there_when_it_is_released(person, asked):
    (x, y), (x1, y1) = BOX
    held = held_back(person, "prompt")
    person.press(x, y).page.mouse.move(*person.client(x + 50, y + 50))
    prepared(person, lambda: person.page.mouse.move(*person.client(x1, y1)), part="box")
    person.page.mouse.up()
    assert person.covers(*INSIDE)
    held[0].continue_()
    assert person.settle().covers(*INSIDE)
    assert asked[-2:] == ["prepare", "prompt"]


def test_press_that_is_called_off_leaves_nothing(person, asked):
    prepared(person, lambda: person.press(*INSIDE))
    person.key("Escape").page.mouse.up()
    told = person.settle().snapshot()
    assert (told["prompt"]["points"], told["candidates"]) == ([], [])
    assert "prompt" not in asked


@pytest.mark.parametrize("key", ["Control+z", "2"], ids=["undone meanwhile", "another candidate meanwhile"])
def test_what_was_made_ahead_for_another_state_is_not_shown(person, asked, drive, app, key):
    person.click(130, 40).settle()
    prepared(person, lambda: person.press(*INSIDE))  # as a correction of the first click
    held = held_back(person, "prompt")
    before = shown(person.key(key).settle())
    person.page.mouse.up()
    assert shown(person)[1] == before[1]
    held[0].continue_()
    tapped = drive(app.url).open(CUP).click(130, 40).settle().key(key).settle().click(*INSIDE).settle()
    assert shown(person.settle()) == shown(tapped)


def test_held_click_survives_a_server_that_cannot_be_reached(person, asked):
    prepared(person, lambda: person.press(*INSIDE))
    person.page.route(CALLS, lambda route: route.abort())
    person.page.mouse.up()
    person.page.get_by_role("alert").filter(has_text="cannot be reached").wait_for()
    assert person.covers(*INSIDE)
    person.page.unroute(CALLS)
    before = shown(person.settle())
    person.page.reload()
    person.page.wait_for_function("!!window.samui && !samui.snapshot().pending")
    assert shown(person) == before


def test_slow_decoder_is_not_kept_busy_with_what_may_not_come(person, asked):
    def say(route):
        response = route.fetch()
        told = response.json()
        if told.get("timings", {}).get("decode"):
            told["timings"]["decode"] = 900
        route.fulfill(response=response, json=told)

    person.page.route(CALLS, say)
    person.click(*INSIDE).settle()
    asked.clear()
    person.press(130, 40).page.wait_for_timeout(100)
    person.page.mouse.up()
    person.settle()
    assert asked == ["prompt"]
