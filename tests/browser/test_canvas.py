"""Gestures, keys, drawing and the queue of the canvas, on the real page."""

import json

import pytest

from tests.browser.conftest import BOX, CAT, CUP, INSIDE

pytestmark = pytest.mark.browser

# How many device pixels the mask's layer paints, and how many of them differ from `covers` (centres that lie on the
# edge of an image pixel, to within rounding, count as neither).
LAYER = """() => {
  const canvas = document.querySelector(".layer.mask"), { view } = samui.snapshot();
  const ratio = canvas.width / canvas.getBoundingClientRect().width;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const edge = (value) => Math.abs(value - Math.round(value)) < 1e-6;
  let wrong = 0, painted = 0;
  for (let y = 0; y < canvas.height; y++) for (let x = 0; x < canvas.width; x++) {
    const on = data[4 * (y * canvas.width + x) + 3] > 0;
    const u = ((x + 0.5) / ratio - view.x) / view.scale, v = ((y + 0.5) / ratio - view.y) / view.scale;
    painted += on;
    wrong += !edge(u) && !edge(v) && on !== samui.covers(u, v);
  }
  return { wrong, painted };
}"""


def prompt(person):
    return person.snapshot()["prompt"]


@pytest.mark.parametrize("ratio", [1, 1.5, 2])
@pytest.mark.parametrize("steps", [0, 4])
def test_painted_pixels_are_those_that_the_mask_covers(app, drive, ratio, steps):
    person = drive(app.url, ratio=ratio).open(CUP)
    person.drag(*BOX).settle()
    for _ in range(steps):
        person.key("+")
    person.settle()
    told = person.page.evaluate(LAYER)
    assert told["painted"] > 10_000
    assert told["wrong"] == 0


def test_point_is_moved_selected_and_deleted(person):
    person.click(*INSIDE).click(200, 300).settle()
    person.drag((200, 300), (380, 250)).settle()
    assert prompt(person)["points"][1] == pytest.approx([380, 250, 1], abs=0.5)
    person.click(380, 250).key("Delete").settle()
    assert len(prompt(person)["points"]) == 1


def test_box_is_drawn_while_dragging_and_escape_takes_it_back(person):
    person.press(100, 100)
    person.page.mouse.move(*person.client(300, 200))
    person.page.wait_for_function("samui.snapshot().prompt.box !== null")
    assert prompt(person)["box"] == pytest.approx([100, 100, 300, 200], abs=0.5)
    person.key("Escape")
    person.page.mouse.up()
    assert person.settle().snapshot()["prompt"] == {"points": [], "box": None}
    assert person.snapshot()["rev"] == 0


def test_box_moves_by_its_body_and_grows_by_its_handles(person):
    person.drag((100, 100), (300, 200)).settle()
    person.drag((150, 130), (170, 140)).settle()
    assert prompt(person)["box"] == pytest.approx([120, 110, 320, 210], abs=0.5)
    person.drag((320, 160), (400, 170)).settle()
    assert prompt(person)["box"] == pytest.approx([120, 110, 400, 210], abs=0.5)
    person.drag((150, 130), (200, 190), modifiers=["Shift"]).settle()
    assert prompt(person)["box"] == pytest.approx([150, 130, 200, 190], abs=0.5)
    person.key("Delete").settle()
    assert prompt(person)["box"] is None


def test_wander_of_three_pixels_is_a_click_and_a_sliver_is_no_box(person):
    person.press(*INSIDE)
    x, y = person.client(*INSIDE)
    person.page.mouse.move(x + 2, y + 2)
    person.page.mouse.up()
    assert prompt(person.settle())["points"] == [pytest.approx([*INSIDE, 1], abs=0.5)]
    person.key("Escape").settle()
    person.drag((100, 100), (300, 100)).settle()
    assert prompt(person) == {"points": [], "box": None}


def test_every_way_to_exclude(person):
    person.click(*INSIDE, button="right").click(200, 150, modifiers=["Alt"])
    person.button("Exclude").click()
    person.click(400, 300).key("x").click(100, 350).settle()
    assert [label for *_, label in prompt(person)["points"]] == [0, 0, 0, 1]


def test_keyboard_alone_clicks_boxes_and_accepts(person):
    person.page.locator("#samui-canvas").focus()
    person.key("ArrowRight").key("ArrowDown").key("Space").settle()
    points = prompt(person)["points"]
    assert len(points) == 1
    assert points[0][2] == 1
    for _ in range(6):
        person.key("ArrowLeft")
    person.key("Shift+Space").settle()
    assert [label for *_, label in prompt(person)["points"]] == [1, 0]
    person.key("Escape").key("b")
    for _ in range(10):
        person.key("ArrowDown").key("ArrowRight")
    person.key("b").settle()
    assert prompt(person)["box"] is not None
    person.key("Enter").settle()
    assert len(person.snapshot()["objects"]) == 1


def test_space_on_a_button_presses_it_and_clicks_nothing_at_the_cursor(person):
    person.page.locator("#samui-canvas").focus()
    person.key("ArrowRight")
    person.button("Outline only").focus()
    person.key("Space").settle()
    assert person.button("Outline only").get_attribute("aria-pressed") == "true"
    assert prompt(person)["points"] == []


def test_corner_of_a_box_is_forgotten_with_its_image(person):
    person.page.locator("#samui-canvas").focus()
    person.key("ArrowRight").key("b").open(CAT)
    person.page.locator("#samui-canvas").focus()
    for _ in range(10):
        person.key("ArrowDown").key("ArrowRight")
    person.key("b").settle()
    assert prompt(person)["box"] is None


def test_tab_goes_through_the_candidates_and_shift_tab_leaves(person):
    person.click(*INSIDE).settle()
    chosen = [person.key("Tab").settle().snapshot()["candidate"] for _ in range(3)]
    assert chosen == [1, 2, 0]
    person.key("Shift+Tab")
    assert person.page.evaluate("document.activeElement.id") != "samui-canvas"


def test_space_drag_moves_the_picture_and_adds_nothing(person):
    before = person.snapshot()["view"]
    x, y = person.client(*INSIDE)
    person.page.keyboard.down("Space")
    person.page.mouse.move(x, y)
    person.page.mouse.down()
    person.page.mouse.move(x + 40, y + 30)
    person.page.mouse.up()
    person.page.keyboard.up("Space")
    after = person.settle().snapshot()
    assert (after["view"]["x"] - before["x"], after["view"]["y"] - before["y"]) == pytest.approx((40, 30), abs=1)
    assert after["prompt"]["points"] == []


def test_wheel_zooms_at_the_pointer(person):
    at = person.client(*INSIDE)
    before = person.snapshot()["view"]["scale"]
    person.page.mouse.move(*at)
    person.page.mouse.wheel(0, -300)
    person.page.wait_for_function("before => samui.snapshot().view.scale > before", arg=before)
    assert person.client(*INSIDE) == pytest.approx(at, abs=1)


def test_fit_and_actual_size(person):
    fitted = person.snapshot()["view"]
    person.button("Actual size").click()
    assert person.snapshot()["view"]["scale"] == pytest.approx(1)
    person.button("Fit to the canvas").click()
    assert person.snapshot()["view"] == fitted


def test_two_fingers_zoom_one_taps_and_a_long_press_deletes(app, drive):
    person = drive(app.url, width=390, height=844, ratio=2, touch=True).open(CUP)
    session = person.page.context.new_cdp_session(person.page)

    def touch(kind, *points):
        fingers = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    x, y = person.client(*INSIDE)
    before = person.snapshot()["view"]["scale"]
    touch("touchStart", (x - 20, y))
    touch("touchStart", (x - 20, y), (x + 20, y))
    touch("touchMove", (x - 60, y), (x + 60, y))
    touch("touchEnd")
    assert person.settle().snapshot()["prompt"] == {"points": [], "box": None}
    assert person.snapshot()["view"]["scale"] == pytest.approx(3 * before, rel=0.05)
    person.page.touchscreen.tap(*person.client(*INSIDE))
    assert len(prompt(person.settle())["points"]) == 1
    touch("touchStart", person.client(*INSIDE))
    person.page.wait_for_function("samui.snapshot().prompt.points.length === 0")
    touch("touchEnd")
    assert prompt(person.settle())["points"] == []


def test_unreachable_server_is_told_and_the_clicks_arrive_later(person):
    person.page.route("**/component_server/**", lambda route: route.abort())
    person.click(*INSIDE).click(340, 230)
    alert = person.page.get_by_role("alert").filter(has_text="cannot be reached")
    alert.wait_for()
    assert person.snapshot()["pending"] is True
    assert len(prompt(person)["points"]) == 2
    person.page.unroute("**/component_server/**")
    person.settle()
    assert not alert.is_visible()
    assert len(prompt(person)["points"]) == 2
    assert person.covers(*INSIDE)


def test_refused_action_is_told_and_the_work_stays(person):
    person.click(*INSIDE).settle()
    before = person.snapshot()

    def spoil(route):
        request = route.request.post_data_json
        if request["data"].get("action") == "prompt":
            request["data"]["points"] = [[-5, 10, 1]]
        route.continue_(post_data=json.dumps(request))

    person.page.route("**/component_server/**", spoil)
    person.click(340, 230).settle()
    person.page.get_by_role("alert").filter(has_text="must lie inside 600x400").wait_for()
    after = person.snapshot()
    assert after["prompt"] == before["prompt"]
    assert after["candidates"] == before["candidates"]
    assert person.covers(*INSIDE)
    person.button("Dismiss the message").click()
    assert not person.page.get_by_role("alert").filter(has_text="must lie inside").is_visible()


@pytest.mark.parametrize("status", [404, 413, 500])
def test_step_that_the_server_does_not_take_is_left_out_with_what_builds_on_it(person, status):
    person.click(*INSIDE).settle()
    before = person.snapshot()

    def refuse(route):
        if route.request.post_data_json["data"].get("action") == "prompt":
            route.fulfill(status=status, body="no")
        else:
            route.continue_()

    person.page.route("**/component_server/**", refuse)
    person.click(340, 230).key("2")  # of the mask that would have been
    alert = person.page.get_by_role("alert").filter(has_text="The server does not take this step")
    alert.wait_for()
    assert "so it was left out. The step behind it was left out." in alert.inner_text()
    after = person.settle().snapshot()
    assert after["prompt"] == before["prompt"]
    assert after["candidate"] == 0
    assert person.covers(*INSIDE)
    person.page.unroute("**/component_server/**")
    person.click(340, 230).settle()
    assert len(prompt(person)["points"]) == 2
    assert not alert.is_visible()


def test_clicks_during_a_slow_answer_go_out_as_one_prompt(person):
    sent = []  # routes, the first of which waits until all clicks are made

    def hold(route):
        sent.append(route)
        if len(sent) > 1:
            route.continue_()

    person.key("h")  # the preview under the pointer has calls of its own
    person.page.route("**/component_server/**", hold)
    with person.page.expect_request("**/component_server/**"):
        person.click(300, 180)
    for x, y in ((340, 230), (250, 120), (200, 250)):
        person.click(x, y)
    sent[0].continue_()
    person.settle()
    assert [len(route.request.post_data_json["data"]["points"]) for route in sent] == [1, 4]
    assert len(prompt(person)["points"]) == 4


def test_page_whose_seat_is_lost_gets_another_one_with_all_that_it_held(person, app):
    person.click(*INSIDE).key("Enter").settle()
    kept = person.snapshot()["objects"]
    person.click(340, 230).settle()
    app.service.seats.close_all()
    person.click(250, 120)
    person.page.get_by_text("your work is back in a new one").wait_for()
    told = person.settle().snapshot()
    assert (told["objects"], len(told["prompt"]["points"]), told["image"]["name"]) == (kept, 2, "coffee.jpg")
    person.page.get_by_role("alert").filter(has_text="session").wait_for(state="hidden")


def test_facade_cannot_be_changed(person):
    person.page.evaluate("() => { try { samui.covers = () => true; } catch {} try { window.samui = 1; } catch {} }")
    assert not person.covers(*INSIDE)
    person.page.evaluate("samui.snapshot().prompt.points.push([1, 1, 1])")
    assert prompt(person)["points"] == []


def test_every_control_has_an_accessible_name(person):
    person.click(*INSIDE).key("Enter").settle()
    nameless = person.page.evaluate(
        """() => [...document.querySelectorAll(".samui button, .samui input, .samui select, .samui canvas")]
          .filter((e) => e.offsetParent && !e.ariaHidden && !e.closest("[aria-hidden], .candidate > canvas"))
          .filter((e) => e.tagName !== "CANVAS" || e.tabIndex >= 0)
          .filter((e) => !(e.ariaLabel || e.textContent.trim() || (e.labels && e.labels.length)))
          .map((e) => e.outerHTML)"""
    )
    assert nameless == []


@pytest.mark.parametrize("width", [390, 700, 1400])
def test_nothing_overflows_sideways(app, drive, width):
    person = drive(app.url, width=width).open(CUP)
    assert person.page.evaluate("document.documentElement.scrollWidth") <= width
    assert person.page.evaluate("document.querySelector('#samui-canvas').getBoundingClientRect().height") >= 300


@pytest.mark.parametrize("width", [390, 768])
def test_narrow_page_shows_its_whole_status_and_sliders_for_fingers(app, drive, width):
    person = drive(app.url, width=width, height=844).open(CUP)
    person.click(*INSIDE).settle()
    status = person.page.get_by_label("Status")
    assert "paint" in status.inner_text()
    assert status.evaluate("e => e.scrollHeight <= e.clientHeight && e.scrollWidth <= e.clientWidth")
    slider = person.page.get_by_label("Opacity of the masks").bounding_box()
    assert slider["width"] >= 100
    assert slider["height"] >= 32


def test_narrow_page_shows_a_message_wherever_it_is_scrolled_to(app, drive, tmp_path):
    person = drive(app.url, width=390, height=844).open(CUP)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"not really")
    person.page.get_by_label("Format").scroll_into_view_if_needed()
    person.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    person.page.locator("input[type=file]").set_input_files(str(broken))
    alert = person.page.get_by_role("alert").filter(has_text="broken.jpg")
    alert.wait_for()
    box = alert.bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 844


def test_page_logs_no_errors(person):
    person.click(*INSIDE).key("Enter").key("Control+z").key("Control+Shift+z").settle()
    assert person.complaints == []


def test_label_stays_for_the_next_objects_and_a_reopened_object_brings_its_own(person):
    field = person.page.get_by_label("Label for the next objects", exact=True)
    person.click(*INSIDE).settle()
    person.key("Enter").settle()
    field.fill("saucer")
    person.drag((450, 20), (590, 150)).settle()
    person.key("Enter").settle()
    assert [o["label"] for o in person.snapshot()["objects"]] == ["", "saucer"]
    assert field.input_value() == "saucer"
    person.button("Reopen object 1").click()
    person.settle()
    assert field.input_value() == ""
    person.key("Enter").settle()
    assert [o["label"] for o in person.snapshot()["objects"]] == ["", "saucer"]
    field.fill("cup")
    person.open(CUP)
    assert field.input_value() == "cup"


def test_double_click_on_an_object_reopens_it_with_its_prompt(person):
    person.click(*INSIDE).click(340, 230).settle()
    before = prompt(person)
    person.key("Enter").settle()
    assert prompt(person) == {"points": [], "box": None}
    person.double_click(*INSIDE).settle()
    assert prompt(person) == before
    assert person.covers(*INSIDE)
    assert len(person.snapshot()["objects"]) == 1
