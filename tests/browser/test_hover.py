"""The preview of the mask under the pointer, on the real page."""

import pytest

from tests.browser.conftest import INSIDE

pytestmark = pytest.mark.browser

# How many device pixels the mask's layer paints.
PAINTED = """() => {
  const canvas = document.querySelector(".layer.mask");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, i) => i % 4 === 3 && value > 0).length;
}"""


def test_hover_shows_a_preview_and_changes_nothing(person):
    person.hover(*INSIDE)
    person.page.wait_for_function(f"({PAINTED})() > 100")
    told = person.snapshot()
    assert told["candidates"] == []
    assert told["prompt"]["points"] == []
    assert not person.covers(*INSIDE)
    person.button("Hover preview").click()
    person.page.wait_for_function(f"({PAINTED})() === 0")


def slow_previews(person, decode):
    """Let each preview's answer say that the decoder took so many ms."""
    asked = []

    def say(route):
        response = route.fetch()
        told = response.json()
        if route.request.post_data_json["data"].get("action") == "hover":
            asked.append(told)
            told["timings"]["decode"] = decode
        route.fulfill(response=response, json=told)

    person.page.route("**/component_server/**", say)
    return asked


def rest_at(person, asked, x, y):
    """Let the pointer rest at an image position until its preview is there."""
    before = len(asked)
    with person.page.expect_response("**/component_server/**"):
        person.hover(x, y)
    assert len(asked) == before + 1


def test_hover_preview_goes_off_by_itself_when_it_is_slow_and_on_again_by_hand(person):
    asked = slow_previews(person, decode=900)
    button = person.button("Hover preview")
    for x in (300, 200, 400):
        rest_at(person, asked, x, 180)
    person.page.get_by_text("The hover preview is off: the decoder takes 900 ms here. H turns it on.").wait_for()
    assert button.get_attribute("aria-pressed") == "false"
    person.hover(250, 120).click(*INSIDE).settle()
    assert len(asked) == 3
    person.key("Escape").settle()
    person.key("h")
    for x in (300, 200, 400, 250):
        rest_at(person, asked, x, 180)
    assert button.get_attribute("aria-pressed") == "true"


def test_hover_preview_stays_on_while_it_is_fast(person):
    asked = slow_previews(person, decode=20)
    for x in (300, 200, 400, 250):
        rest_at(person, asked, x, 180)
    assert person.button("Hover preview").get_attribute("aria-pressed") == "true"
