"""The named endpoints with the fake predictor: what a client is told of work that another one overtook."""

import gradio as gr
import pytest

from samui.serve.service import Service
from samui.serve.settings import Settings
from samui.ui.page import build_page
from samui.ui.uploads import Uploads
from tests.fakes import FakePredictor
from tests.pictures import photo


def test_image_that_a_newer_one_overtakes_is_told_as_such(tmp_path, monkeypatch):
    service = Service(Settings(model="fake"), lambda name: FakePredictor(), tmp_path / "scratch")
    uploads = Uploads(service.settings, tmp_path / "uploads")
    file = uploads.folder / "hash" / "photo.png"
    file.parent.mkdir(parents=True)
    photo().save(file)
    opened = service.open

    def overtaken(token, source, name):
        for step in opened(token, source, name):
            yield step
            if step["stage"] == "reading":
                list(opened(token, source, "newer.png"))

    monkeypatch.setattr(service, "open", overtaken)
    (call,) = (event.fn for event in build_page(service, uploads).fns.values() if event.api_name == "open")
    with pytest.raises(gr.Error) as caught:
        call({"path": str(file)}, "")
    assert caught.value.message == "open: must be the newest of its session, got one that was overtaken or cancelled"
    service.close()
