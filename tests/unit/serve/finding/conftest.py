"""A page with an image open, for runs of everything mode with the fake predictor."""

import cv2
import numpy as np
import pytest

from samui.serve import finding
from samui.serve.service import Service
from samui.serve.settings import Settings
from tests.fakes import FakePredictor, Page
from tests.unit.serve.finding.runs import SIZE


@pytest.fixture
def fake():
    return FakePredictor()


@pytest.fixture
def service(tmp_path, fake, monkeypatch):
    monkeypatch.setattr(finding, "_PAUSE", 0.0)
    service = Service(Settings(model="fake"), lambda name: fake, tmp_path / "scratch", lambda name, watch: None)
    yield service
    service.close()


@pytest.fixture
def photo(tmp_path):
    file = tmp_path / "photo.png"
    cv2.imwrite(str(file), np.random.default_rng(0).integers(0, 255, (*SIZE, 3), np.uint8))
    return file


@pytest.fixture
def page(service, photo):
    page = Page(service)
    page.open(photo)
    return page
