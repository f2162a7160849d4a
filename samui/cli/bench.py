"""The command `bench`: measurements of `samui.bench`, each a sub-command; results on stdout, progress on stderr."""

from __future__ import annotations

import argparse
import os

from samui.cli.options import add_model, loader
from samui.models.checkpoints import BUNDLED

LATENCY = "what each step of a click costs, beside transformers' own path"
CLICK = "from click to painted mask in a real browser"
OPEN = "from a file to its picture on the page and to the first mask, in a real browser"
EVERYTHING = "time and memory of everything mode, beside transformers' pipeline"
CLICKS = "how well masks fit known ones, for simulated clicks and boxes"
LOAD = "clicks of several people at once beside an encoder at work, on one server"
SHEET = "a contact sheet of masks on photos with known ones, raw and snapped to edges"
WORKSPACE = "what keeping on disk costs, and what a folder of 50,000 images costs its list"
SAMPLES = "a contact sheet of clicks on the sample photos, to be judged by eye"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-commands, each with the options of the model, whose default is the bundled one here."""
    from samui.bench import click, clicks, everything, latency, load, opening, samples, sheet, workspace

    commands = parser.add_subparsers(title="benches", required=True, metavar="BENCH")
    benches = {
        latency: LATENCY,
        click: CLICK,
        opening: OPEN,
        everything: EVERYTHING,
        load: LOAD,
        workspace: WORKSPACE,
        clicks: CLICKS,
        sheet: SHEET,
        samples: SAMPLES,
    }
    for module, text in benches.items():
        name = "open" if module is opening else module.__name__.rpartition(".")[2]
        command = commands.add_parser(name, help=text, description=f"{text}; of the built-in model by default")
        module.add_arguments(command)
        command.add_argument("--json", action="store_true", help="print as JSON")
        add_model(command)
        # No download before anything is measured, and the same model on every machine.
        command.set_defaults(model=BUNDLED, bench=module.__name__)
        if module in (everything, clicks, sheet, samples):  # what they find is compared, beside the time that it takes
            command.set_defaults(dtype="float32")


def run(options: argparse.Namespace) -> None:
    """Measure and print."""
    from samui.bench import click, clicks, everything, latency, load, opening, report, samples, sheet, workspace

    masks = {clicks.__name__: (clicks.run, clicks.table)}
    masks |= {module.__name__: (module.run, report.text) for module in (sheet, samples)}
    if options.bench in masks:
        measured, table = masks[options.bench]
        result = measured(options, loader(options)(options.model))
    else:
        os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported
        benches = (latency, click, opening, everything, load, workspace)
        (measure,) = (module for module in benches if module.__name__ == options.bench)
        result, table = measure.run(options), report.text
    print(report.as_json(result) if options.json else table(result))
