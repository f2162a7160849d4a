"""The numbers that compare candidates, fitted: better ones are found, worse ones left, scores calibrated."""

import json

import numpy as np
import pytest
import torch

from samui.models.choice import FEATURES, FILE, Choice, read
from tests.fakes import NearSighted
from training import choice as fitting
from training.choice import Case, calibrate, chosen, clicks, cross_validated, fit_weights, mean_chosen, place

COLUMN = {name: k for k, name in enumerate(FEATURES)}


def made(count, *, tells, seed=0):
    """Clicks with six candidates each, whose IoU one feature tells and the others do not."""
    draw = np.random.default_rng(seed)
    cases = []
    for _ in range(count):
        features = draw.uniform(0, 1, (6, len(FEATURES)))
        features[:, [COLUMN[name] for name in ("touching", "first", "sure_first")]] = 0
        ious = np.clip(features[:, COLUMN[tells]] + draw.normal(0, 0.05, 6), 0, 1)
        cases.append(Case(features, ious))
    return cases


def test_weights_are_found_where_the_usual_ones_choose_badly():
    cases = made(60, tells="agreement")
    assert cross_validated(cases, seed=0) > mean_chosen(cases, Choice()) + 0.15
    fitted = fit_weights(cases)
    assert mean_chosen(made(60, tells="agreement", seed=1), fitted) > 0.8


def test_weights_stay_near_the_usual_ones_where_those_choose_well():
    fitted = fit_weights(made(60, tells="score"))
    assert fitted.weights["score"] == pytest.approx(1.0, abs=0.3)
    assert all(abs(fitted.weights[name]) < 0.2 for name in ("contact", "stability", "agreement", "share", "closeness"))


def test_the_expected_iou_is_what_comes_of_it():
    cases = made(200, tells="score")
    slope, offset = calibrate(cases, Choice())
    choice = Choice(slope=slope, offset=offset)
    features = np.concatenate([case.features for case in cases])
    ious = np.concatenate([case.ious for case in cases])
    high = choice.evidence(features) > 0.7
    assert choice.expected(features[high]).mean() == pytest.approx(ious[high].mean(), abs=0.05)


def test_what_is_shown_already_is_preferred_a_little():
    features = np.zeros((2, len(FEATURES)))
    features[:, COLUMN["score"]], features[0, COLUMN["first"]] = (0.6, 0.61), 1
    case = Case(features, np.array([0.1, 0.9]))
    assert chosen(case, Choice()) == 0.1
    assert chosen(case, Choice({"score": 1.0})) == 0.9


def test_clicks_lie_on_the_thing():
    truth = np.zeros((40, 60), bool)
    truth[10:20, 30:50] = True
    draw = np.random.default_rng(0)
    for _ in range(30):
        x, y = place(truth, draw)
        assert truth[int(y), int(x)]


def test_clicks_are_on_training_photos_and_compared_with_their_truth(data, monkeypatch):
    held = []
    monkeypatch.setattr(fitting, "is_held_out", lambda name, photo: held.append(photo) or int(photo[-4:]) % 2 == 0)
    found = [case for case in clicks(NearSighted(), data, count=20, seed=0) if case is not None]
    assert held
    assert found
    assert all(case.features.shape == (len(case.ious), len(FEATURES)) for case in found)
    assert all(case.features[:, COLUMN["first"]].sum() <= 1 for case in found)
    assert max(case.ious.max() for case in found) <= 1


@pytest.mark.parametrize(("tells", "taken"), [("score", False), ("agreement", True)])
def test_the_file_holds_what_chooses_better(tmp_path, monkeypatch, tells, taken):
    monkeypatch.setattr("samui.models.load_predictor", lambda name, **options: NearSighted())
    monkeypatch.setattr(fitting, "clicks", lambda predictor, data, *, count, seed: iter([None, *made(60, tells=tells)]))
    told = fitting.fit_choice(tmp_path, tmp_path, count=60, seed=0)
    assert told["clicks"] == 60
    own = read(tmp_path)
    assert (dict(own.weights) != dict(Choice().weights)) is taken
    assert own.slope == told["slope"]
    assert json.loads((tmp_path / FILE).read_text())["weights"] == told["weights"]
    assert torch.get_default_dtype() == torch.float32
