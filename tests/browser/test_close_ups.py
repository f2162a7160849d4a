"""Close-ups on the page: the whole image's mask at once, the closer one after it, and whatever a person does first."""

import pytest

from tests.browser.conftest import CAT, serving
from tests.browser.test_press import CALLS, action_of

pytestmark = pytest.mark.browser

EYE, OTHER_EYE = (172, 130), (322, 150)
SMALL = 0.06  # of the picture: an eye is a fortieth of it, the cat more than half


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """A page as it is by default."""
    with serving(tmp_path_factory.mktemp("close-ups")) as app:
        yield app


@pytest.fixture
def cat(app, drive):
    return drive(app.url).open(CAT)


def is_closer(request):
    return action_of(request) in ("prepare", "prompt") and request.post_data_json["data"].get("close_ups", False)


class HeldBack:
    """Holds back the questions for closer views of a page."""

    def __init__(self, person):
        self.routes, self.is_over = [], False
        person.page.route(CALLS, self._sort)

    def _sort(self, route):
        if is_closer(route.request) and not self.is_over:
            self.routes.append(route)
        else:
            route.continue_()

    def release(self, index=0):
        """Let one go, and from now on all that are new."""
        self.is_over = True
        self.routes[index].continue_()


def first_mask(person, gesture):
    """Do something, and wait until the answer from the whole image is painted; returns what the page shows."""
    with person.page.expect_request(is_closer):  # asked for once the first mask is there
        gesture()
    return person.snapshot()


def share(told):
    chosen = told["candidates"][told["candidate"]]
    return chosen["area"] / (told["image"]["width"] * told["image"]["height"])


def test_a_click_on_the_eye_gives_the_eye(cat):
    cat.click(*EYE).settle()
    told = cat.snapshot()
    assert share(told) < SMALL
    assert cat.covers(*EYE)
    assert not cat.covers(*OTHER_EYE)
    assert all(0 <= one["score"] <= 1 for one in told["candidates"])
    assert cat.complaints == []


def test_the_whole_images_mask_is_there_first_and_shrinks_to_the_eye(cat):
    held = HeldBack(cat)
    first = first_mask(cat, lambda: cat.click(*EYE))
    assert share(first) > SMALL
    assert cat.covers(*OTHER_EYE)
    held.release()
    cat.settle()
    assert share(cat.snapshot()) < SMALL
    assert cat.snapshot()["prompt"] == first["prompt"]
    cat.key("Control+z").settle()
    assert cat.snapshot()["candidates"] == []  # one click, one step


def test_the_next_click_comes_before_a_close_up(cat):
    held = HeldBack(cat)
    first_mask(cat, lambda: cat.click(*EYE))
    second = first_mask(cat, lambda: cat.click(*OTHER_EYE))
    assert len(second["prompt"]["points"]) == 2
    with cat.page.expect_response(lambda response: is_closer(response.request)):
        held.release(0)  # the answer to the first click is late now
    assert cat.snapshot()["pending"]  # that to the second is still on its way
    assert cat.snapshot()["candidates"] == second["candidates"]
    held.release(1)
    cat.settle()
    assert len(cat.snapshot()["prompt"]["points"]) == 2


def test_an_accepted_mask_is_the_one_that_was_seen(cat):
    held = HeldBack(cat)
    seen = first_mask(cat, lambda: cat.click(*EYE))
    with cat.page.expect_response(lambda response: action_of(response.request) == "accept"):
        cat.key("Enter")
    held.release()
    cat.settle()
    (item,) = cat.snapshot()["objects"]
    assert item["area"] == seen["candidates"][seen["candidate"]]["area"]
    assert cat.snapshot()["candidates"] == []


def test_later_clicks_encode_nothing_and_stay_at_the_eye(app, cat):
    cat.click(*EYE).settle()
    encodes = app.encodes
    cat.click(EYE[0] + 12, EYE[1] + 4).settle()
    assert app.encodes == encodes
    assert share(cat.snapshot()) < SMALL
