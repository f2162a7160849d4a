"""What a checkpoint says about itself, checked."""

from pathlib import Path

import pytest

from samui.errors import ModelError
from samui.models.traits import Traits, read

WHERE = Path("folder/config.json")
USUAL = Traits(points_per_side=16)


def test_what_a_checkpoint_does_not_say_is_its_familys():
    assert read({"model_type": "sam"}, USUAL, WHERE) == USUAL
    given = {"snap": True, "score_floor": 0, "points_per_side": 24}
    assert read({"samui": given}, USUAL, WHERE) == Traits(snap=True, score_floor=0, points_per_side=24)


def test_a_trait_of_a_newer_version_has_no_effect_and_is_told(caplog):
    assert read({"samui": {"snap": True, "sings": 3}}, USUAL, WHERE) == Traits(snap=True, points_per_side=16)
    assert "config.json: samui.sings is not known here" in caplog.text


WRONG = {
    "not an object": ([1], "samui must be a JSON object, got [1]"),
    "number for a switch": ({"snap": 1}, "samui.snap must be true or false, got 1"),
    "text for a number": ({"score_floor": "0.2"}, "samui.score_floor must be a number from 0 to 1, got '0.2'"),
    "switch for a number": ({"score_floor": True}, "samui.score_floor must be a number from 0 to 1, got True"),
    "above one": ({"score_filter": 1.5}, "samui.score_filter must be a number from 0 to 1, got 1.5"),
    "not a number": ({"score_filter": float("nan")}, "samui.score_filter must be a number from 0 to 1, got nan"),
    "no points": ({"points_per_side": 0}, "samui.points_per_side must be a whole number from 1 to 256, got 0"),
    "half a point": ({"points_per_side": 2.5}, "samui.points_per_side must be a whole number from 1 to 256, got 2.5"),
    "null": ({"snap": None}, "samui.snap must be true or false, got None"),
    "floor above filter": ({"score_filter": 0.5}, "samui.score_floor must be at most score_filter 0.5, got 0.7"),
}


@pytest.mark.parametrize(("given", "message"), WRONG.values(), ids=WRONG)
def test_a_trait_that_breaks_a_rule_is_refused(given, message):
    with pytest.raises(ModelError) as caught:
        read({"samui": given}, USUAL, WHERE)
    assert str(caught.value) == f"{WHERE}: {message}"
