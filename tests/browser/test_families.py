"""A folder of another family on the page: click, box, everything, undo, the built-in model and back."""

import pytest

from samui.models import load_predictor
from samui.serve.service import Service
from samui.serve.settings import Settings
from tests.browser.conftest import launched
from tests.browser.test_long_work import CUP, INSIDE, load, model_field
from tests.small_sam import save_small_sam2

pytestmark = pytest.mark.browser


@pytest.fixture
def small_sam2(tmp_path):
    return save_small_sam2(tmp_path / "small-sam2")


def test_a_sam_2_and_the_built_in_model_in_one_sitting(drive, tmp_path, small_sam2):
    service = Service(Settings(model=str(small_sam2)), load_predictor, tmp_path / "scratch")
    page, url = launched(service)
    try:
        person = drive(url).open(CUP)
        status = person.page.get_by_label("Status")
        assert status.get_by_text("small-sam2 on cpu").is_visible()
        person.click(*INSIDE).settle()
        first = person.snapshot()
        assert len(first["candidates"]) == 3
        image = first["image"]
        person.drag((0.2 * image["width"], 0.2 * image["height"]), (0.7 * image["width"], 0.8 * image["height"]))
        boxed = person.settle().snapshot()
        assert boxed["prompt"]["box"] is not None
        person.key("Enter").settle()
        assert len(person.snapshot()["objects"]) == 1
        person.click(*INSIDE).settle()
        person.key("Control+z").settle()
        assert person.snapshot()["prompt"]["points"] == []
        person.click(*INSIDE).settle()

        # What is typed finds models by what they are, and tells about the one whose name it is.
        model_field(person).fill("facebook/sam3")
        note = person.page.locator(".model-note")
        assert "ask for access at https://huggingface.co/facebook/sam3" in note.inner_text()
        offered = person.page.locator("#samui-models option").evaluate_all("all => all.map((one) => one.label)")
        assert any("SAM 2.1 tiny" in one and "156 MB" in one and "Apache-2.0" in one for one in offered)

        for name, title in (("bundled", "samui-tiny"), (str(small_sam2), "small-sam2")):
            load(person, name).settle()
            status.get_by_text(f"{title} on cpu").wait_for()
            now = person.snapshot()
            assert len(now["objects"]) == 1
            assert len(now["candidates"]) >= 1
            assert len(now["prompt"]["points"]) == 1
        assert person.complaints == []
    finally:
        page.close()
        service.close()
