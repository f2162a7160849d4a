"""A service with the fake predictor, and photos to open in it."""

import cv2
import numpy as np
import pytest

from samui.errors import ModelError
from samui.serve.service import Service
from samui.serve.settings import Settings
from tests.fakes import FakePredictor


@pytest.fixture
def photo(tmp_path):
    def make(width=80, height=60, seed=0):
        file = tmp_path / f"{seed}-{width}x{height}.png"
        pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
        cv2.imwrite(str(file), pixels)
        return file

    return make


@pytest.fixture
def loaded():
    return {}


@pytest.fixture
def service(tmp_path, loaded):
    def load(name):
        if name.startswith("bad"):
            raise ModelError(f"model: must be good, got {name!r}")
        loaded[name] = FakePredictor()
        loaded[name].name = loaded[name].key = name
        return loaded[name]

    service = Service(Settings(model="fake"), load, tmp_path / "scratch", fetch=lambda name, watch: None)
    yield service
    service.close()
