"""What a machine is told of the server."""

import sys

import cv2
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from samui.errors import SamuiError
from samui.serve.service import Service
from samui.serve.settings import Settings
from samui.ui.health import Metrics, health
from tests.fakes import FakePredictor, Page


@pytest.fixture
def service(tmp_path):
    def load(name):
        predictor = FakePredictor()
        predictor.name = name
        return predictor

    made = Service(Settings(model="fake"), load, tmp_path / "scratch")
    yield made
    made.close()


@pytest.fixture
def photo(tmp_path):
    file = tmp_path / "photo.png"
    cv2.imwrite(str(file), np.zeros((60, 80, 3), np.uint8))
    return file


def ask(route):
    with TestClient(Starlette(routes=[route])) as client:
        return client.get(route.path)


def test_server_is_ready_when_its_model_is_loaded(service):
    assert ask(health(service)).status_code == 503
    service.warm()
    answer = ask(health(service))
    assert (answer.status_code, answer.json()) == (200, {"alive": True, "ready": True, "at_work": 0, "waiting": 0})


def test_people_at_work_are_those_with_an_image(service, photo):
    service.warm()
    service.begin({})
    Page(service).open(photo)
    assert ask(health(service)).json()["at_work"] == 1


def figures(metrics):
    lines = [line for line in ask(metrics.route).text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_figures_count_answers_by_action_and_outcome_encodes_and_seats(service, photo):
    metrics = Metrics(service)
    functions = metrics.timed({(1, "act"): service.act, (1, "begin"): service.begin})
    functions[1, "begin"]({})
    page = Page(service)
    page.open(photo)
    asked = {"token": page.token, "epoch": page.epoch, "seen": 0, "action": "prompt", "points": [[20, 20, 1]]}
    functions[1, "act"]({**asked, "rev": 9})
    functions[1, "act"]({**asked, "rev": 5})
    functions[1, "act"]({**asked, "rev": 10, "epoch": 99})
    functions[1, "act"]({"action": "x" * 1000})
    told = figures(metrics)
    count = "samui_request_seconds_count"
    assert told[count + '{action="begin",outcome="ok"}'] == 1
    assert told[count + '{action="prompt",outcome="ok"}'] == 1
    assert told[count + '{action="prompt",outcome="overtaken"}'] == 1
    assert told[count + '{action="prompt",outcome="epoch"}'] == 1
    assert told[count + '{action="act",outcome="request"}'] == 1
    assert (told["samui_seats"], told["samui_seats_at_work"], told["samui_encodes_total"]) == (2, 1, 1)


def test_without_its_library_the_flag_is_refused_in_words(service, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(SamuiError, match=r"^--metrics: must have prometheus-client, `pip install prometheus-client`$"):
        Metrics(service)
