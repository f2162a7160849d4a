"""The command `merge`: what another store of the same folder has, taken over into this one's."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from samui.cli.progress import Counter
from samui.workspace.folder import open_workspace
from samui.workspace.merging import merge


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `merge`."""
    parser.add_argument("folder", type=Path, metavar="A", help="the folder that takes over")
    parser.add_argument("other", type=Path, metavar="B", help="a copy of it, or a store's file; it is not changed")
    parser.add_argument("--author", default="", metavar="NAME", help="whose change this is, in the history")
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(options: argparse.Namespace) -> None:
    """Join the stores and print what came of it; to do so again changes nothing."""
    workspace = open_workspace(options.folder, author=options.author)
    counter = Counter(sys.stderr, "images")
    try:
        done = merge(workspace, options.other, author=options.author, watch=counter)
    finally:
        counter.clear()
        workspace.close()
    if options.json:
        print(json.dumps(asdict(done)))
        return
    told = f"{done.added} objects added, {done.changed} changed, {done.deleted} deleted on {done.images} images"
    print(f"{options.folder}: {told}; {len(done.conflicts)} conflicts")
    for conflict in done.conflicts:
        print(conflict)
