"""What the commands share: the parser, the options of the model, and how values are read."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from samui import formats
from samui.errors import ExportError, SamuiError
from samui.models import threads

if TYPE_CHECKING:
    from samui.models import Predictor


_LISTS = ("--point", "--box")  # options whose values are numbers with commas


class Parser(argparse.ArgumentParser):
    """One that raises SamuiError instead of printing how it is used and ending the process."""

    def error(self, message: str) -> NoReturn:
        raise SamuiError(f"{self.prog}: {message}")


def with_lists_joined(words: Sequence[str]) -> list[str]:
    """The words of a command line with `--box -3,1,9,9` as one word, `--box=-3,1,9,9`.

    argparse takes a value that begins with a minus and is no number for another option, and then says that there was
    no value.
    """
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in _LISTS and word.startswith("-") and not word.startswith("--"):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


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
    parser.add_argument(
        "--threads", type=_threads, metavar="N", help="threads of torch on the CPU (default: cores allowed)"
    )


def add_close_ups(parser: argparse.ArgumentParser) -> None:
    """The option that says whether prompts are answered from closer views, too; its value is True, False or None."""
    parser.add_argument(
        "--close-ups",
        type=_close_ups,
        metavar="auto|on|off",
        help="look for what is meant in closer views, too: finds small things, and takes an encode a view (default "
        "auto: where the model's encoder is cheap)",
    )


def loader(options: argparse.Namespace) -> Callable[[str], Predictor]:
    """From a model's name to a predictor, on the device and with the precision of the options."""
    from samui.models import load_predictor

    return lambda name: load_predictor(name, device=options.device, dtype=options.dtype, threads=options.threads)


def format_for(out: Path, name: str | None) -> formats.Format:
    """The format of that name, by default the one that the file's ending asks for.

    Raises ExportError for an unknown name, and for an ending that says another kind of file than the name.
    """
    if name is None:
        return formats.for_file(out)
    chosen = formats.get(name)
    try:
        formats.for_file(out)
    except ExportError:  # an ending that says nothing, or none
        return chosen
    chosen.check_ending(out)
    return chosen


def floats(parts: Sequence[str], text: str) -> tuple[float, ...]:
    """The numbers of an option's value. text: the whole value, for the message."""
    try:
        return tuple(float(part) for part in parts)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be numbers, got {text!r}") from None


def _close_ups(text: str) -> bool | None:
    asked: dict[str, bool | None] = {"auto": None, "on": True, "off": False}
    if text not in asked:
        raise argparse.ArgumentTypeError(f"must be auto, on or off, got {text!r}")
    return asked[text]


def _threads(text: str) -> int:
    most = threads.most()
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"must be from 1 to {most}, got {text!r}")
    return int(text)
