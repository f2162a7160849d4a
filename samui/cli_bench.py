"""The command `bench`: measurements of `samui.bench`, each a sub-command; results on stdout, progress on stderr."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from samui.models import BUNDLED

LATENCY = "what each step of a click costs, beside transformers' own path"
CLICK = "from click to painted mask in a real browser"
OPEN = "from a file to its picture on the page and to the first mask, in a real browser"
EVERYTHING = "time and memory of everything mode, beside transformers' pipeline"
CLICKS = "how well masks fit known ones, for simulated clicks and boxes"


def add_arguments(parser: argparse.ArgumentParser, add_model: Callable[[argparse.ArgumentParser], None]) -> None:
    """The sub-commands; add_model adds the options of the model, whose default is the bundled one here."""
    from samui.bench import click, clicks, everything, latency
    from samui.bench import open as open_

    commands = parser.add_subparsers(title="benches", required=True, metavar="BENCH")
    benches = {latency: LATENCY, click: CLICK, open_: OPEN, everything: EVERYTHING, clicks: CLICKS}
    for module, text in benches.items():
        command = commands.add_parser(
            module.__name__.rpartition(".")[2], help=text, description=f"{text}; of the built-in model by default"
        )
        module.add_arguments(command)
        command.add_argument("--json", action="store_true", help="print as JSON")
        add_model(command)
        # No download before anything is measured, and the same model on every machine.
        command.set_defaults(model=BUNDLED, bench=module.__name__)


def run(options: argparse.Namespace) -> None:
    """Measure and print."""
    from samui.bench import click, clicks, everything, latency, report
    from samui.bench import open as open_

    if options.bench == clicks.__name__:
        from samui.predictor import load_predictor

        predictor = load_predictor(options.model, device=options.device, dtype=options.dtype, threads=options.threads)
        result, table = clicks.run(options, predictor), clicks.table
    else:
        os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported
        (measure,) = (module for module in (latency, click, open_, everything) if module.__name__ == options.bench)
        result, table = measure.run(options), report.text
    print(report.as_json(result) if options.json else table(result))
