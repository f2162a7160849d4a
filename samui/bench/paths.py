"""The ways to the same masks that `bench latency` compares, by the names that its tables use."""

from __future__ import annotations

import sys

TRANSFORMERS, ONNX, FLOAT32, AUTO = "transformers", "onnxruntime", "samui float32", "samui auto"
DTYPES = {FLOAT32: "float32", AUTO: "auto"}


def tell(message: str) -> None:
    """Progress, on stderr."""
    print(f"bench: {message}", file=sys.stderr, flush=True)
