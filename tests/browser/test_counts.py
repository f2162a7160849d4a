"""How often the networks run, counted inside them: the encoder once an image, the decoder once a click."""

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def runs(app):
    """Forward passes of the bundled model since the test began, by part."""
    model = app.service.server.predictors.get("bundled")._model
    counts = {"encoder": 0, "decoder": 0}

    def counter(name):
        def count(*_):
            counts[name] += 1

        return count

    hooks = [
        model.vision_encoder.register_forward_hook(counter("encoder")),
        model.mask_decoder.register_forward_hook(counter("decoder")),
    ]
    yield counts
    for hook in hooks:
        hook.remove()


@pytest.fixture
def picture(tmp_path):
    """A photo that nobody has opened yet."""
    file = tmp_path / "new.png"
    noise = np.random.default_rng(7).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    cv2.imwrite(str(file), cv2.resize(noise, (640, 480), interpolation=cv2.INTER_CUBIC))
    return file


def test_encoder_runs_once_whatever_two_tabs_do(app, drive, runs, picture):
    first, second = drive(app.url), drive(app.url)
    first.open(picture)
    second.open(picture)
    for person, x in ((first, 100), (second, 500)):
        person.click(x, 100).settle().click(x, 300).settle()
        person.key("Control+z").settle().key("Control+Shift+z").settle()
        person.key("2").settle().key("Enter").settle()
        person.drag((50, 50), (400, 400)).settle().key("Escape").settle()
    first.visit(app.url)  # a reload goes on where it was
    assert len(first.snapshot()["objects"]) == 1
    assert runs["encoder"] == 1


def test_each_click_runs_the_decoder_once_and_undo_never(app, drive, runs, picture):
    person = drive(app.url).open(picture)
    person.key("h")  # the preview under the pointer has decoder calls of its own
    before = runs["decoder"]
    for i, (x, y) in enumerate([(100, 100), (200, 150), (500, 300)], 1):
        person.click(x, y).settle()
        assert runs["decoder"] == before + i
    person.key("Control+z").settle().key("Control+z").settle().key("Control+Shift+z").settle().key("3").settle()
    assert runs["decoder"] == before + 3


def test_a_held_click_runs_the_decoder_once(app, drive, runs, picture):
    person = drive(app.url).open(picture)
    person.key("h")
    before = runs["decoder"]
    for i, (x, y) in enumerate([(100, 100), (200, 150)], 1):
        person.click(x, y, hold=200).settle()
        assert runs["decoder"] == before + i


def test_without_snapping_preview_and_click_share_one_run_of_the_decoder(app, drive, runs, picture):
    person = drive(app.url).open(picture)
    person.button("Snap to edges").click()
    before = runs["decoder"]
    with person.settle().page.expect_response("**/component_server/**"):
        person.hover(320, 240)
    person.click(320, 240, hold=200).settle()
    assert runs["decoder"] == before + 1
    assert person.snapshot()["timings"]["ahead"] > 0
