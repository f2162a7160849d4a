"""The numbers that compare candidates: read from a checkpoint's folder, checked, and what they make of candidates."""

import json

import numpy as np
import pytest

from samui.errors import ModelError
from samui.models.choice import FEATURES, FILE, Choice, read


def row(**given):
    return [given.get(name, 0.0) for name in FEATURES]


def test_without_a_file_what_a_view_cuts_off_comes_last(tmp_path):
    usual = read(tmp_path)
    assert usual == Choice()
    features = np.array([row(score=0.9, touching=1.0), row(score=0.1), row(score=0.4)])
    assert usual.worth(features).argsort().tolist() == [0, 1, 2]
    assert usual.expected(features).tolist() == pytest.approx([0.0, 0.1, 0.4])


def test_what_is_shown_already_and_sure_stays_and_is_not_said_to_be_better_for_it():
    usual = Choice()
    features = np.array([row(score=0.7, first=1.0, sure_first=0.2), row(score=0.9)])
    assert usual.worth(features).argmax() == 0
    assert usual.expected(features).tolist() == pytest.approx([0.7, 0.9])


def test_a_checkpoints_own_numbers_are_taken(tmp_path):
    given = {"weights": {"score": 2.0, "agreement": 1}, "slope": 3.0, "offset": -1.0}
    (tmp_path / FILE).write_text(json.dumps(given))
    own = read(tmp_path)
    assert own == Choice({"score": 2.0, "agreement": 1.0}, 3.0, -1.0)
    features = np.array([row(score=0.5), row(score=0.5, agreement=0.5), row(score=9.0)])
    assert own.worth(features).tolist() == [1.0, 1.5, 18.0]
    expected = own.expected(features)
    assert expected[0] == pytest.approx(1 / (1 + np.exp(-2)))
    assert (np.diff(expected) > 0).all()
    assert expected.max() <= 1


BROKEN = {
    "no JSON": ("{", "must be readable JSON, got"),
    "a list": ("[1]", "must be an object with weights, got [1]"),
    "no weights": ("{}", "must be an object with weights, got {}"),
    "unknown": ('{"weights": {"colour": 1}}', "weights must be of score, touching, first"),
    "text": ('{"weights": {"score": "1"}}', "weights.score must be a finite number, got '1'"),
    "not a number": ('{"weights": {"score": NaN}}', "weights.score must be a finite number, got nan"),
    "turned round": ('{"weights": {}, "slope": -1}', "slope must be above 0, got -1"),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused(tmp_path, text, message):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ModelError, match=r"choice\.json") as error:
        read(tmp_path)
    assert message in str(error.value)
