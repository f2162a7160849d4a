"""The command `models`: the table of known checkpoints."""

from __future__ import annotations

import argparse
import json

from samui.models.checkpoints import AUTO, KNOWN, resolve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `models`."""
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(options: argparse.Namespace) -> None:
    """Print the table; asks the hub whether it has the preferred model, which takes a few seconds at most."""
    choice = resolve(AUTO)
    if options.json:
        rows = [
            {
                "name": m.name,
                "title": m.title,
                "megabytes": m.megabytes,
                "million_parameters": m.params,
                "encode": m.encode,
                "licence": m.licence,
                "gated": m.gated,
                "note": m.note,
            }
            for m in KNOWN
        ]
        print(json.dumps({"auto": choice.name, "why": choice.why, "models": rows}))
        return
    for known in KNOWN:
        print(f"{known.name:<32} {known.title:<14} {known.told}")
    print(f"auto: {choice.name}. {choice.why}")
