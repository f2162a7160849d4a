"""The masks that the page's own tests read are written as this server writes them."""

import json
from pathlib import Path

import numpy as np
import pytest

from samui.pixels.rle import Rle
from samui.serve import wire

FILE = Path(__file__).resolve().parents[2] / "javascript" / "masks.json"
MASKS = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("told", MASKS, ids=lambda told: told["name"])
def test_a_mask_of_the_page_s_tests_is_what_the_server_sends(told):
    mask = np.array([[pixel == "#" for pixel in row] for row in told["rows"]])
    sent = wire.encode_mask(Rle.encode(mask))
    assert json.loads(json.dumps(sent)) == {name: told[name] for name in ("size", "counts", "box", "area")}
