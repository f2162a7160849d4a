"""The command `info`: how far a folder is."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from samui.workspace.folder import open_workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `info`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of images that was opened with `serve FOLDER`")
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(options: argparse.Namespace) -> None:
    """Print the counts of images in each state, objects and labels."""
    workspace = open_workspace(options.folder)
    try:
        counts, labels = workspace.images.counts(), workspace.labels.all()
        if options.json:
            told = {
                "images": counts.images,
                "todo": counts.todo,
                "progress": counts.progress,
                "done": counts.done,
                "skipped": counts.skipped,
                "objects": counts.objects,
                "labels": [
                    {"name": one.name, "colour": one.colour, "key": one.key, "objects": one.objects} for one in labels
                ],
                "store": str(workspace.store_file),
            }
            print(json.dumps(told))
            return
        print(f"{options.folder}: {counts.images} images: {counts.todo} to do, {counts.progress} in progress,", end=" ")
        print(f"{counts.done} done, {counts.skipped} skipped; {counts.objects} objects")
        for one in labels:
            print(f"{one.name}: {one.objects} objects")
        for note in workspace.notes:
            print(note)
    finally:
        workspace.close()
