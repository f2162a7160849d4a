"""What several unit tests share."""

import pytest

from tests.fakes import FakePredictor


@pytest.fixture
def predictor(monkeypatch):
    """The fake, in place of whatever model the command line loads."""
    fake = FakePredictor()
    monkeypatch.setattr("samui.predictor.load_predictor", lambda name, **options: fake)
    return fake
