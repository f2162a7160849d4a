"""Automatic precision: bfloat16 only where a device has it and it proves faster."""

import pytest
import torch

from samui.predictor import precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("has", "ratio", "chosen"),
    [(True, 2.0, "bfloat16"), (True, 1.3, "bfloat16"), (True, 1.2, "float32"), (False, 2.0, "float32")],
)
def test_bfloat16_is_taken_where_the_device_has_it_and_it_is_faster(has, ratio, chosen, monkeypatch):
    monkeypatch.setattr(precision, "_has_bfloat16", lambda device: has)
    monkeypatch.setattr(precision, "speed_up", lambda device: ratio)
    assert precision.automatic(CPU) == chosen


def test_a_cpu_without_instructions_for_it_is_not_tried(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(precision, "speed_up", lambda device: pytest.fail("tried"))
    assert precision.automatic(CPU) == "float32"


def test_metal_stays_in_float32():
    assert precision.automatic(torch.device("mps")) == "float32"


def test_the_trial_gives_a_ratio():
    assert 0 < precision.speed_up(CPU) < 100
