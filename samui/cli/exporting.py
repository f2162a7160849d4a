"""The command `export`: the objects of a folder's workspace, in any format."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from samui.cli.options import format_for
from samui.errors import SamuiError
from samui.names import escape
from samui.workspace.exporting import Choice, export, parse_split
from samui.workspace.folder import open_workspace
from samui.workspace.rows import STATES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `export`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of images with a workspace")
    parser.add_argument("--format", metavar="F", help="coco, yolo, ... (default: by the ending of OUT)")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT", help="file, zip or new folder to write")
    parser.add_argument("--split", metavar="S", help="subsets like train=0.8,val=0.2; an image stays in its own")
    parser.add_argument("--state", action="append", choices=STATES, help="images of this state alone; may be repeated")
    parser.add_argument("--label", action="append", metavar="L", help="objects of this label alone; may be repeated")
    parser.add_argument("--images", choices=("leave", "copy", "link"), default="leave", help="put the images into OUT")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")


def run(options: argparse.Namespace) -> None:
    """Export, and print what was lost. Raises SamuiError; then nothing is written."""
    chosen = format_for(options.out, options.format) if options.format is None or options.out.suffix else None
    name = options.format if chosen is None else chosen.name
    split = () if options.split is None else parse_split(options.split)
    if not options.folder.is_dir():
        got = "a file" if options.folder.exists() else "nothing there"
        raise SamuiError(f"{options.folder}: must be a folder of images, got {got}")
    choice = Choice(tuple(options.state or ()), tuple(options.label or ()), split)
    workspace = open_workspace(options.folder)
    try:
        done = export(workspace, options.out, name, choice, placing=options.images, watch=_progress)
    finally:
        workspace.close()
        _clear()
    for text in done.left:
        print(f"left out: {text}", file=sys.stderr)
    if options.json:
        told = {"images": done.images, "objects": done.objects, "subsets": done.subsets, "lost": str(done.lost)}
        print(json.dumps(escape({"out": str(options.out)}) | told))
        return
    parts = ", ".join(f"{subset} {count}" for subset, count in sorted(done.subsets.items())) if split else ""
    print(f"{options.out}: {done.images} images{f' ({parts})' if parts else ''}, {done.objects} objects; {done.lost}")


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty() and (done % 50 == 0 or done == total):
        sys.stderr.write(f"\r\x1b[K{done} of {total} images")
        sys.stderr.flush()


def _clear() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
