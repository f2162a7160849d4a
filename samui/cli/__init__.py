"""The command line: parse, one call into the library, print. Results on stdout, progress and messages on stderr."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Sequence

from samui.cli import bench, everything, models, segment, serve
from samui.cli.options import Parser
from samui.errors import SamuiError

COMMANDS = {"serve": serve, "segment": segment, "everything": everything, "bench": bench, "models": models}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0, or 1 with one line on stderr for a mistake of the caller's.

    arguments: those after the program's name, None for the ones that this process was started with.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The name of a file may hold what a terminal or a pipe cannot; a run over a folder must not end at that.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        options = parser().parse_args(arguments)
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
        for noisy in ("httpx", "httpcore", "transformers", "accelerate", "huggingface_hub"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError as error:
        # The reader has gone, as with `| head`. Python would try to write the rest once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"stdout: must stay open until the command ends, got: {error.strerror}", file=sys.stderr)
        return 1
    except SamuiError as error:
        print(str(error).replace("\n", " "), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def parser() -> Parser:
    """The parser of all commands; what it gives has a function `run` that takes it."""
    whole = Parser(prog="samui", description="Cut objects out of images with SAM.")
    commands = whole.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.HELP)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return whole
