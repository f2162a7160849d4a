"""Opening and loading as a person sees them: bytes of a download, cancel, failure, and the models of a public page."""

import threading

import pytest

from samui.models import checkpoints, load_predictor
from samui.serve.service import Service
from samui.serve.settings import Settings
from tests.browser.conftest import CAT, CUP, INSIDE, launched
from tests.hub import running

pytestmark = pytest.mark.browser

NAME = "owner/name"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with a copy of the bundled model, whose weights stop after 4 MB until `free` is set."""
    with running(NAME, checkpoints.BUNDLED_FOLDER, tmp_path / "cache", monkeypatch) as hub:
        hub.free = threading.Event()

        def send(line, file, data):
            line.wfile.write(data[:4_000_000])
            if file.endswith(".safetensors"):
                assert hub.free.wait(60)
            line.wfile.write(data[4_000_000:])

        hub.send = send
        yield hub
        hub.free.set()


def model_field(person):
    return person.page.get_by_label("Model, a hub id or a folder", exact=True)


def load(person, name):
    model_field(person).fill(name)
    person.button("Load the model").click()
    return person


def test_download_shows_its_bytes_and_cancel_leaves_model_and_work(person, hub):
    person.click(*INSIDE).settle()
    before = person.snapshot()
    load(person, NAME)
    whole = (checkpoints.BUNDLED_FOLDER / "model.safetensors").stat().st_size / 1e6
    person.page.get_by_text(f"Downloading {NAME} 3.1 of {whole:.1f} MB").wait_for()
    assert person.page.get_by_label("Downloaded").get_attribute("value").startswith("0.3")
    person.button("Cancel loading the model").click()
    after = person.settle().snapshot()
    assert model_field(person).input_value() == "bundled"
    assert (after["prompt"], after["candidates"]) == (before["prompt"], before["candidates"])
    assert not person.button("Cancel loading the model").is_visible()
    hub.free.set()
    load(person, NAME).settle()
    assert person.page.get_by_label("Status").get_by_text(f"{NAME} on cpu").is_visible()
    assert person.covers(*INSIDE)
    assert person.complaints == []


def test_download_that_fails_is_told_and_the_old_model_goes_on(person, hub):
    load(person, "owner/other")
    person.page.get_by_role("alert").filter(has_text="model: owner/other is not on the hub").wait_for()
    person.click(*INSIDE).settle()
    assert person.covers(*INSIDE)
    assert person.page.get_by_label("Status").get_by_text("samui-tiny on cpu").is_visible()


def test_image_that_is_cancelled_while_it_is_encoded_gives_way_to_the_one_before(person, app, monkeypatch):
    person.click(*INSIDE).settle()
    person.key("Enter").settle()
    before = person.snapshot()
    free, encode = threading.Event(), app.service.server.embeddings._obtain

    def held(*given, **how):
        assert free.wait(60)
        return encode(*given, **how)

    monkeypatch.setattr(app.service.server.embeddings, "_obtain", held)
    person.open(CAT, wait=False)
    assert person.snapshot()["image"] != before["image"]
    person.button("Cancel opening the image").click()
    person.page.wait_for_function("size => samui.snapshot().image.width === size", arg=before["image"]["width"])
    free.set()
    after = person.settle().snapshot()
    assert (after["image"], after["objects"]) == (before["image"], before["objects"])
    person.click(*INSIDE).settle()
    assert person.covers(*INSIDE)


def test_image_whose_events_never_come_is_opened_all_the_same(person):
    person.page.route("**/queue/data**", lambda route: None)  # a line that stays silent, while calls go through
    before = person.snapshot()["image"]
    after = person.open(CAT).snapshot()
    assert after["stage"] == "ready"
    assert after["image"] != before
    person.click(*INSIDE).settle()
    assert person.snapshot()["candidates"]
    assert not person.button("Cancel opening the image").is_visible()


def test_image_whose_events_end_while_it_is_encoded_becomes_ready(person, app, monkeypatch):
    free = threading.Event()

    def silent(work, check):
        done = work()
        for seat in app.service.seats._seats.values():
            seat.line.encoding = 0
        assert free.wait(60)
        yield from ()
        return done

    monkeypatch.setattr("samui.serve.encoding.wait_for", silent)
    try:
        person.open(CAT)
        assert person.snapshot()["stage"] == "ready"
        person.click(*INSIDE).settle()
        assert person.snapshot()["candidates"]
    finally:
        free.set()


def test_image_that_is_cancelled_before_its_turn_is_not_opened_when_that_comes(person):
    held = []
    before = person.snapshot()
    person.page.route("**/queue/join**", lambda route: held.append(route))
    with person.page.expect_request("**/queue/join**"):
        person.page.locator("input[type=file]").set_input_files(str(CAT))
    person.button("Cancel opening the image").click()
    assert person.settle().snapshot()["image"] == before["image"]

    def abandons(request):
        return "component_server" in request.url and request.post_data_json["data"].get("action") == "abandon"

    with person.page.expect_request(abandons):
        held[0].continue_()
    after = person.settle().snapshot()
    assert (after["image"], after["stage"]) == (before["image"], "ready")


def test_public_page_offers_a_fixed_list_of_models_and_no_other_is_taken(drive, tmp_path):
    service = Service(Settings.for_host(model="bundled"), load_predictor, tmp_path / "scratch")
    page, url = launched(service)
    try:
        person = drive(url).open(CUP)
        offered = person.page.get_by_label("Model", exact=True)
        assert offered.locator("option").evaluate_all("all => all.map((one) => one.value)") == ["bundled"]
        assert not model_field(person).is_visible()
        assert not person.button("Load the model").is_visible()
        offered.evaluate("list => { list.append(new Option('x', 'somebody/else')); list.value = 'somebody/else'; }")
        offered.dispatch_event("change")
        refusal = "model: must be one of bundled on this page, got 'somebody/else'"
        person.page.get_by_role("alert").filter(has_text=refusal).wait_for()
        assert offered.input_value() == "bundled"
        person.click(*INSIDE).settle()
        assert person.covers(*INSIDE)
    finally:
        page.close()
        service.close()
