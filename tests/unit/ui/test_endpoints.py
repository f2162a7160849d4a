"""The named endpoints with the fake predictor: what a client is told of work that another one overtook."""

import gradio as gr
import pytest

from samui.serve.service import Service
from samui.serve.settings import Settings
from samui.ui.page import build_page
from samui.ui.uploads import Uploads
from tests.fakes import FakePredictor
from tests.pictures import photo


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = Service(Settings(model="fake"), lambda _: FakePredictor(), tmp_path_factory.mktemp("scratch"))
    yield service
    service.close()


@pytest.fixture(scope="module")
def uploads(service, tmp_path_factory):
    return Uploads(service.settings, tmp_path_factory.mktemp("uploads"))


@pytest.fixture(scope="module")
def endpoints(service, uploads):
    """The endpoints' functions by name."""
    return {event.api_name: event.fn for event in build_page(service, uploads).fns.values()}


@pytest.fixture
def sent(uploads):
    """A photo as its sender names it."""
    file = uploads.folder / "hash" / "photo.png"
    file.parent.mkdir(exist_ok=True)
    photo().save(file)
    return {"path": str(file)}


def test_image_that_a_newer_one_overtakes_is_told_as_such(service, endpoints, sent, monkeypatch):
    opened = service.open

    def overtaken(token, source, name):
        for step in opened(token, source, name):
            yield step
            if step["stage"] == "reading":
                list(opened(token, source, "newer.png"))

    monkeypatch.setattr(service, "open", overtaken)
    with pytest.raises(gr.Error) as caught:
        endpoints["open"](sent, "")
    assert caught.value.message == "open: must be the newest of its session, got one that was overtaken or cancelled"


@pytest.mark.parametrize("candidate", ["0", "1", "2", 2])
def test_candidate_by_its_index_is_that_of_one_prompt_and_one_decoding(service, endpoints, sent, candidate):
    token = endpoints["open"](sent, "")["session"]
    predictor = service.seats.get(token).contents.predictor
    calls = predictor.predict_calls
    told = endpoints["segment"](token, [[20, 20, 1]], None, candidate)
    assert told["candidates"][told["candidate"]]["index"] == int(candidate)
    assert predictor.predict_calls == calls + 1
    areas = [endpoints["segment"](token, [[20, 20, 1]], None, str(i))["mask"]["area"] for i in range(3)]
    assert told["mask"]["area"] == areas[int(candidate)]
    assert areas == sorted(set(areas))


WRONG = {
    "prompt": ([[30, 12, 1]], None, "9"),
    "no index": ([[30, 12, 1]], None, "rest"),
    "nothing": ([[30, 12, 1]], None, None),
    "below": ([[30, 12, 1]], None, "-1"),
    "box": ([], [5, 5, 30, 20], "3"),
    "empty prompt": ([], None, "0"),
    "the same prompt": ([[20, 20, 1]], None, "9"),
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_wrong_candidate_leaves_the_session_as_it_was(service, endpoints, sent, arguments):
    token = endpoints["open"](sent, "")["session"]
    endpoints["segment"](token, [[20, 20, 1]], None, "2")
    session = service.seats.get(token).work.session
    before, undo = session.state, session.can_undo
    with pytest.raises(gr.Error, match="candidate: must be best"):
        endpoints["segment"](token, *arguments)
    after = service.seats.get(token).work.session
    assert (after.state, after.can_undo, after.can_redo) == (before, undo, False)


def test_wrong_candidate_is_told_beside_those_there_are(endpoints, sent):
    token = endpoints["open"](sent, "")["session"]
    for points, text in (([[9, 9]], "must be best or one of 0, 1, 2, got '9'"), ([], "must be best, got '9'")):
        with pytest.raises(gr.Error) as caught:
            endpoints["segment"](token, points, None, "9")
        assert caught.value.message == f"candidate: {text}"
