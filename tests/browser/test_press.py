"""While the button is down, the mask is made that its release would ask for."""

import pytest

from tests.browser.conftest import BOX, CUP, INSIDE

pytestmark = pytest.mark.browser

CALLS = "**/component_server/**"
LONG = 150  # ms: longer than the page waits until it asks ahead


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


def prepared(person, gesture, corner=None):
    """Do something, and wait until the page has what was made ahead for it: points, or a box that ends at a corner."""

    def brings(response):
        if action_of(response.request) != "prepare":
            return False
        asked = response.request.post_data_json["data"]
        return bool(asked["points"]) if corner is None else (asked["box"] or [])[2:] == pytest.approx(corner, abs=1)

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


def let_go(person, held):
    """Send on the first request that is held back, once the browser has told of it."""
    while not held:
        person.page.wait_for_timeout(10)
    held[0].continue_()


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
    let_go(person, held)
    person.settle()
    assert shown(person) == before
    assert asked == ["prepare", "prompt"]
    times = person.snapshot()["timings"]
    assert times["total"] < times["roundtrip"]
    assert times["ahead"] == pytest.approx(times["decode"], abs=1)


def test_answer_to_a_held_click_leaves_out_the_mask_that_is_shown(person, asked):
    prepared(person, lambda: person.press(*INSIDE))
    with person.page.expect_response(lambda response: action_of(response.request) == "prompt") as answer:
        person.page.mouse.up()
    assert "mask" not in answer.value.json()


def test_press_of_the_right_button_is_made_ahead_as_an_exclude_point(person, asked):
    person.click(*INSIDE).settle().page.mouse.move(*person.client(130, 40))
    prepared(person, lambda: person.page.mouse.down(button="right"))
    person.page.mouse.up(button="right")
    assert [point[2] for point in person.settle().snapshot()["prompt"]["points"]] == [1, 0]
    assert person.snapshot()["timings"]["ahead"] > 0


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
    let_go(person, held)
    assert person.settle().covers(*INSIDE)
    assert person.snapshot()["timings"]["ahead"] > 0


def test_without_snapping_the_preview_is_not_shown_for_an_exclude_click(person):
    person.button("Snap to edges").click()
    prepared(person.settle(), lambda: person.hover(*INSIDE))
    held = held_back(person, "prompt")
    person.click(*INSIDE, button="right")
    assert not person.covers(*INSIDE)
    let_go(person, held)
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
    prepared(person, lambda: person.page.mouse.move(*person.client(x1, y1)), corner=(x1, y1))
    person.page.mouse.up()
    assert person.covers(*INSIDE)
    let_go(person, held)
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
    let_go(person, held)
    tapped = drive(app.url).open(CUP).click(130, 40).settle().key(key).settle().click(*INSIDE).settle()
    assert shown(person.settle()) == shown(tapped)


def test_what_was_made_ahead_is_not_shown_while_an_action_is_unanswered(person, asked):
    person.click(130, 40).settle()
    prepared(person, lambda: person.press(*INSIDE))
    held = held_back(person, "undo")
    before = shown(person.key("Control+z"))[1]
    person.page.mouse.up()
    assert shown(person)[1] == before
    let_go(person, held)
    assert len(person.settle().snapshot()["prompt"]["points"]) == 1


def rest_while_another_is_out(person):
    """Press, and rest in a drag while what was asked for the press is held back; returns what is held."""
    held = []
    person.page.route(CALLS, lambda route: held.append(route), times=1)
    (x, y), corner = BOX
    person.press(x, y).page.wait_for_timeout(LONG)
    person.page.mouse.move(*person.client(x + 50, y + 50))
    person.page.mouse.move(*person.client(*corner))
    person.page.wait_for_timeout(LONG)
    return held


def test_rest_of_a_drag_is_asked_for_when_the_one_before_is_answered(person, asked):
    held = rest_while_another_is_out(person)
    assert asked == ["prepare"]
    prepared(person, held[0].continue_, corner=BOX[1])
    person.page.mouse.up()
    assert person.covers(*INSIDE)
    person.settle()
    assert asked == ["prepare", "prepare", "prompt"]


def test_rest_of_a_drag_that_is_called_off_is_not_asked_for(person, asked):
    held = rest_while_another_is_out(person)
    person.key("Escape")
    prepared(person, held[0].continue_)
    person.page.mouse.up()
    person.settle()
    assert asked == ["prepare"]


def test_held_click_survives_a_server_that_cannot_be_reached(person, asked):
    prepared(person, lambda: person.press(*INSIDE))
    person.page.route(CALLS, lambda route: route.abort())
    person.page.mouse.up()
    person.page.get_by_role("alert").filter(has_text="cannot be reached").wait_for()
    assert person.covers(*INSIDE)
    person.page.unroute(CALLS)
    before = shown(person.settle())
    person.reload()
    assert shown(person) == before


def decodes_take(person, ms):
    """Let the server's answers say that the decoder took so many ms."""

    def say(route):
        response = route.fetch()
        told = response.json()
        times = told.get("timings", {})
        if times.get("decode"):
            times |= {"decode": ms, "ahead": times.get("ahead") and ms}
        route.fulfill(response=response, json=told)

    person.page.route(CALLS, say)


@pytest.mark.parametrize("hold", [0, 300], ids=["after a tap", "after a held click"])
def test_slow_decoder_is_not_kept_busy_with_what_may_not_come(person, asked, hold):
    decodes_take(person, 900)
    person.click(*INSIDE, hold=hold).settle()
    asked.clear()
    person.click(130, 40, hold=LONG).settle()
    assert asked == ["prompt"]


def test_drag_round_points_counts_a_decoder_call_for_each(person, asked):
    decodes_take(person, 100)
    person.click(*INSIDE).settle()
    asked.clear()
    person.press(*BOX[0]).page.mouse.move(*person.client(*BOX[1]))
    person.page.wait_for_timeout(LONG)
    person.page.mouse.up()
    person.settle()
    boxes = [action for action in asked if action != "prompt"]
    assert len(boxes) <= 1  # for the press, if that lasted


def test_preview_that_is_there_already_tells_its_time_again(person):
    person.button("Snap to edges").click()
    prepared(person.settle(), lambda: person.hover(*INSIDE))
    person.page.mouse.move(5, 5)
    prepared(person, lambda: person.hover(*INSIDE))
    assert person.snapshot()["timings"]["decode"] > 0
