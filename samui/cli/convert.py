"""The command `convert`: masks from one format into another, one image or many, without a workspace."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from samui import formats
from samui.cli.options import format_for
from samui.errors import SamuiError
from samui.formats.matching import ImageFolder, Report, match
from samui.formats.writing import Pictures, new_folder
from samui.names import escape
from samui.pixels.images import read_image


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `convert`."""
    parser.add_argument("input", type=Path, metavar="IN", help="a file, folder or zip of masks")
    parser.add_argument("out", type=Path, metavar="OUT", help="file, zip or folder to write")
    parser.add_argument("--from", dest="source", metavar="F", help="format of IN (default: by ending and content)")
    parser.add_argument("--to", dest="target", metavar="F", help="format of OUT (default: by its ending)")
    parser.add_argument("--images", type=Path, metavar="FOLDER", help="the images: their sizes, paths and pixels")
    parser.add_argument("--place", choices=("leave", "copy", "link"), default="leave", help="put the images into OUT")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")


def run(options: argparse.Namespace) -> None:
    """Convert, and print what was lost. Raises SamuiError; then nothing is written."""
    if not options.input.exists():
        raise SamuiError(f"{options.input}: must be a file, folder or zip of masks, got nothing there")
    chosen = format_for(options.out, options.target)
    folder = None if options.images is None else ImageFolder(options.images)
    if folder is None and (options.place != "leave" or (chosen.needs_image and chosen.name != "measurements")):
        raise SamuiError(f"--images: must be the folder of the images for the format {chosen.name}, got none")
    report = Report()
    annotations = _annotations(options, folder, report)
    pictures = None if folder is None else Pictures(folder.file, options.place)
    pixels = None if folder is None else partial(_pixels, folder)
    if chosen.takes_many or chosen.fits(options.out):
        one_or_many = annotations if chosen.takes_many else _only(annotations, options.out, chosen)
        written = formats.write(one_or_many, options.out, chosen.name, image=pixels, pictures=pictures)
    else:
        with new_folder(options.out) as out:
            written = formats.write(annotations, out, chosen.name, image=pixels)
    for text in (*report.notes, *report.left):
        print(text, file=sys.stderr)
    if options.json:
        told = {"images": report.images, "objects": report.objects, "lost": str(written), "left": report.left}
        print(json.dumps(escape({"out": str(options.out)}) | told))
    else:
        print(f"{options.out}: {report.images} images, {report.objects} objects; {written}")


def _annotations(
    options: argparse.Namespace, folder: ImageFolder | None, report: Report
) -> Iterator[formats.Annotation]:
    headers = None if folder is None else folder.header
    for one in formats.read(options.input, options.source, headers=headers, tell=report.notes.append):
        if folder is None:
            report.images += 1
            report.objects += len(one.objects)
            yield one
            continue
        found = match(one, folder)
        report.note(found)
        if found.name is not None:
            yield found.annotation


def _only(annotations: Iterator[formats.Annotation], out: Path, chosen: formats.Format) -> formats.Annotation:
    """The one image for a file that holds no more."""
    first, second = next(annotations, None), next(annotations, None)
    if first is None or second is not None:
        got = "none" if first is None else "several"
        raise SamuiError(f"{out}: must be a folder for any but one image in the format {chosen.name}, got {got}")
    return first


def _pixels(folder: ImageFolder, one: formats.Annotation) -> np.ndarray:
    file = folder.file(one.image)
    if file is None:
        raise SamuiError(f"{one.image}: must be among the images, got none")
    return read_image(file).pixels
