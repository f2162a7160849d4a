"""`bench latency` measures every path; numbers are not asserted, for they are the machine's."""

import numpy as np
import pytest

from samui.bench import against
from tests.model.conftest import picture

pytestmark = pytest.mark.model


def test_each_job_is_timed_by_each_path(bundled):
    rows = against.times(bundled, picture(300, 400), repeat=1, encodes=1)
    assert list(rows) == ["open an image", "decode one point", "decode 64 points", "click"]
    for row in rows.values():
        assert row["times, float32"] == row["transformers"] / row["samui float32"] > 0
        assert row["times, auto"] == row["transformers"] / row["samui auto"] > 0


def test_memory_is_that_of_a_process_for_each_path(bundled):
    rows = against.memory(bundled)
    assert list(rows) == ["transformers", "samui float32", "samui auto"]
    assert all(row["before"] is None or row["peak"] >= row["before"] > 0 for row in rows.values())


def test_rates_of_products_are_finite():
    rates = against.rates("cpu")
    assert list(rates) == ["torch float32", "samui float32", "torch bfloat16", "samui bfloat16"]
    assert np.isfinite(list(rates.values())).all()
