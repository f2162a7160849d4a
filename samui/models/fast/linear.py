"""Linear layers by oneDNN, which reaches the machine's limit even where torch's own float32 matrix product does not.

torch hands float32 `linear` to MKL, which takes AVX2 kernels on CPUs that are not Intel's: on an EPYC with AVX-512,
oneDNN does the same products in half the time. Its operator has no public name, so whoever uses it asks `usable` first.
"""

from __future__ import annotations

import platform

import torch
from torch.nn import functional

_X86 = ("x86_64", "amd64")


def usable(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether `OneDnn` works for these. A matter of the machine alone, never of timing: equal calls give equal bits."""
    return bool(
        device.type == "cpu"
        and dtype in (torch.float32, torch.bfloat16)
        and platform.machine().lower() in _X86
        and torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and _runs(dtype)
    )


def _runs(dtype: torch.dtype) -> bool:
    """Whether a product runs at all: oneDNN has none in bfloat16 for CPUs without AVX-512."""
    try:
        with torch.inference_mode():
            OneDnn.linear(torch.ones(1, 16, dtype=dtype), torch.ones(16, 16, dtype=dtype))
    except RuntimeError:
        return False
    return True


class OneDnn:
    """x (..., i) times weight (o, i) transposed, plus bias (o,): (..., o). The weight is read where it lies."""

    @staticmethod
    def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        """The product alone."""
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")

    @staticmethod
    def linear_gelu(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """GELU (by the error function) of the product, applied while it is in registers."""
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "gelu", [], "none")

    @staticmethod
    def linear_add(
        x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, other: torch.Tensor
    ) -> torch.Tensor:
        """The product plus `other` (..., o)."""
        return torch.ops.mkldnn._linear_pointwise.binary(x, other, weight, bias, "add")


class Torch:
    """The same by torch's public functions, for every device and type."""

    linear = staticmethod(functional.linear)

    @staticmethod
    def linear_gelu(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """See `OneDnn.linear_gelu`."""
        return functional.gelu(functional.linear(x, weight, bias))

    @staticmethod
    def linear_add(
        x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, other: torch.Tensor
    ) -> torch.Tensor:
        """See `OneDnn.linear_add`."""
        return functional.linear(x, weight, bias).add_(other)


def best(device: torch.device, dtype: torch.dtype) -> type[OneDnn] | type[Torch]:
    """`OneDnn` where it is usable, else `Torch`."""
    return OneDnn if usable(device, dtype) else Torch
