"""The command `import`: masks of other programs into a folder's workspace."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path

from samui.cli.exporting import _clear, _progress
from samui.cli.options import add_model, loader
from samui.errors import SamuiError
from samui.workspace.detecting import import_boxes
from samui.workspace.folder import open_workspace
from samui.workspace.importing import import_file, undo_import

_TOLD = 20  # lines of what was left out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `import`."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="folder of images; its workspace is made if need be"
    )
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="a file, folder or zip of masks")
    parser.add_argument("--format", metavar="F", help="format of FILE (default: by ending and content)")
    parser.add_argument("--dry-run", action="store_true", help="tell what matches, and change nothing")
    parser.add_argument("--undo", action="store_true", help="take back the newest import of the workspace")
    parser.add_argument("--boxes", action="store_true", help="FILE has boxes (COCO, YOLO, VOC): each becomes a prompt")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    add_model(parser)


def run(options: argparse.Namespace) -> None:
    """Import, and print what was matched and what not. Raises SamuiError; then nothing has changed."""
    if options.undo == (options.file is not None):
        raise SamuiError("FILE: must be given, or --undo instead of it, got " + ("both" if options.undo else "neither"))
    if options.file is not None and not options.file.exists():
        raise SamuiError(f"{options.file}: must be a file, folder or zip of masks, got nothing there")
    workspace = open_workspace(options.folder)
    try:
        if options.undo:
            count = undo_import(workspace)
            print(json.dumps({"removed": count}) if options.json else f"{options.folder}: {count} objects taken back")
            return
        if options.boxes:
            model = partial(loader(options), options.model)
            told = import_boxes(workspace, options.file, model, dry_run=options.dry_run, watch=_progress)
        else:
            told = import_file(workspace, options.file, options.format, dry_run=options.dry_run, watch=_progress)
    finally:
        workspace.close()
        _clear()
    report = told.report
    for text in (*report.notes[:_TOLD], *report.left[:_TOLD]):
        print(text, file=sys.stderr)
    if len(report.left) > _TOLD:
        print(f"and {len(report.left) - _TOLD} more that were left out", file=sys.stderr)
    if options.json:
        counts = {"added": told.added, "known": told.known, "changed": told.changed, "dry_run": options.dry_run}
        print(json.dumps({"images": report.images, "objects": report.objects, "left": report.left} | counts))
        return
    print(f"{options.folder}: {'would be: ' if options.dry_run else ''}{told}")
