"""oneDNN is used where it works, and nowhere else."""

import os
import subprocess
import sys

import pytest
import torch

from samui.models.fast import linear as fast_linear

CPU = torch.device("cpu")
ON_A_CPU_WITHOUT_AVX512 = """
import torch
from samui.models.fast import linear as fast_linear
from samui.models import precision
linear = fast_linear.best(torch.device("cpu"), torch.bfloat16)
print(linear.__name__, float(linear.linear(torch.ones(2, 8).bfloat16(), torch.ones(4, 8).bfloat16()).sum()))
precision._CPU_QUESTIONS = ("not there",)
print(precision.automatic(torch.device("cpu")))
"""


@pytest.mark.slow
def test_a_cpu_whose_onednn_has_no_bfloat16_takes_torchs_own_products():
    """oneDNN raises there, at the first product; a name that exists says nothing."""
    slow = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    code = [sys.executable, "-c", ON_A_CPU_WITHOUT_AVX512]
    done = subprocess.run(code, env=os.environ | slow, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Torch", "64.0", "float32"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_product_that_does_not_run_is_not_usable(dtype, monkeypatch):
    def broken(*given):
        raise RuntimeError("could not create a primitive descriptor")

    monkeypatch.setattr(fast_linear.OneDnn, "linear", broken)
    assert not fast_linear.usable(CPU, dtype)
    assert fast_linear.best(CPU, dtype) is fast_linear.Torch
