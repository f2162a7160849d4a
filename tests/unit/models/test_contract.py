"""Whoever stands in for a predictor has all of its members, with the same parameters."""

import inspect

import pytest

from samui.models.predictor import Predictor
from tests.fakes import FakePredictor
from tests.small_sam import make_predictor, make_stretching_predictor

METHODS = [name for name, member in vars(Predictor).items() if inspect.isfunction(member) and name[0] != "_"]
VALUES = list(Predictor.__annotations__)


@pytest.fixture(params=["fake", "sam", "stretching"])
def predictor(request, tmp_path):
    makers = {"fake": FakePredictor, "sam": make_predictor, "stretching": lambda: make_stretching_predictor(tmp_path)}
    return makers[request.param]()


def test_every_member_of_the_contract_is_there(predictor):
    assert len(METHODS) >= 6
    assert len(VALUES) >= 11
    for name in VALUES:
        assert getattr(predictor, name) is not None
    for name in METHODS:
        own = inspect.signature(getattr(type(predictor), name)).parameters.values()
        contract = inspect.signature(getattr(Predictor, name)).parameters.values()
        assert [(p.name, p.kind, p.default) for p in own] == [(p.name, p.kind, p.default) for p in contract]
