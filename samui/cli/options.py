"""What the commands share: the parser, the options of the model, and how values are read."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from samui.errors import SamuiError

if TYPE_CHECKING:
    from samui.models import Predictor


class Parser(argparse.ArgumentParser):
    """One that raises SamuiError instead of printing how it is used and ending the process."""

    def error(self, message: str) -> NoReturn:
        raise SamuiError(f"{self.prog}: {message}")


def add_model(parser: argparse.ArgumentParser) -> None:
    """The options that choose a model and what computes it."""
    parser.add_argument("--model", default="auto", metavar="M", help="hub id, folder, 'bundled' or 'auto' (default)")
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1, mps (default: what accelerate finds)")
    parser.add_argument(
        "--dtype",
        default="auto",
        metavar="T",
        help="float32 (transformers' own numbers), bfloat16, float16, or auto: float32 with a large image encoder in "
        "bfloat16 where that is faster and good enough (default %(default)s)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads of torch on the CPU (default: cores allowed)")


def loader(options: argparse.Namespace) -> Callable[[str], Predictor]:
    """From a model's name to a predictor, on the device and with the precision of the options."""
    from samui.models import load_predictor

    return lambda name: load_predictor(name, device=options.device, dtype=options.dtype, threads=options.threads)


def floats(parts: Sequence[str], text: str) -> tuple[float, ...]:
    """The numbers of an option's value. text: the whole value, for the message."""
    try:
        return tuple(float(part) for part in parts)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be numbers, got {text!r}") from None
