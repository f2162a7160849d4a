"""The command line: parse, one call into the library, print. Results on stdout, progress and messages on stderr."""

from __future__ import annotations

import importlib
import io
import logging
import os
import sys
from collections.abc import Collection, Sequence

from samui.cli.options import Parser, with_lists_joined
from samui.errors import SamuiError

COMMANDS = {  # what each is for; the file of its name beside this one has `add_arguments` and `run`
    "serve": "open the page in a browser",
    "segment": "masks for points and boxes on one image",
    "everything": "all masks of an image, or of each image in a folder",
    "info": "how far a folder is",
    "replay": "make the masks of a folder again, and compare",
    "merge": "join the work of two copies of a folder",
    "convert": "masks from one format into another",
    "export": "the objects of a folder's workspace, in any format",
    "import": "masks of other programs into a folder's workspace",
    "bench": "speed of a click, and how well masks fit",
    "models": "known models, and which one 'auto' takes",
}
_FILES = {"export": "exporting", "import": "importing"}  # of a command whose name Python keeps for itself, or like it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, or 1 with one line on stderr for a mistake of the caller.

    arguments: those after the program's name, None for those that this process was started with.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file's name may hold what a terminal or a pipe cannot show; that must not end a run over a folder.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        words = with_lists_joined(sys.argv[1:] if arguments is None else arguments)
        options = parser(words[:1]).parse_args(words)
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
        for noisy in ("httpx", "httpcore", "transformers", "accelerate", "huggingface_hub"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError as error:
        # The reader has gone, as with `| head`. Python would try to write the rest again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"stdout: must stay open until the command ends, got: {error.strerror}", file=sys.stderr)
        return 1
    except SamuiError as error:
        print(str(error).replace("\n", " "), file=sys.stderr)
        return 1
    except OSError as error:  # a full disk, somebody else's folder: it can happen anywhere, so it is caught here
        place = error.filename or "system"
        reason = " ".join(str(error.strerror or error).split())
        print(f"{place}: must allow what {options.command} does there, got: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def parser(wanted: Collection[str] = tuple(COMMANDS)) -> Parser:
    """The parser of all commands, with options only for the wanted ones, whose imports take time.

    The parsed options have a function `run`, which takes them.
    """
    whole = Parser(prog="samui", description="Cut objects out of images with SAM.")
    commands = whole.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if name in wanted:
            module = importlib.import_module(f"samui.cli.{_FILES.get(name, name)}")
            module.add_arguments(command)
            command.set_defaults(run=module.run, command=name)
    return whole
