"""The command `everything`: its options, its progress bar, and one call of `samui.cli.jobs`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import TextIO

from samui import files, formats
from samui.cli.jobs import Outcome, run_folder, run_image
from samui.cli.keeping import run_workspace
from samui.cli.options import add_model, format_for, loader
from samui.errors import SamuiError
from samui.everything import RANGES, Event, Parameters, Progress
from samui.names import escape
from samui.workspace.folder import open_workspace

_BAR = 24  # characters
_OTHER_NAMES = {"png": "labelmap"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `everything`."""
    parser.add_argument("image", type=Path, metavar="IMAGE|FOLDER", help="an image file, or a folder of them")
    parser.add_argument("--out", type=Path, metavar="OUT", help="file, or folder for a FOLDER")
    parser.add_argument(
        "--keep", action="store_true", help="in the FOLDER's store, where `serve FOLDER` shows them; instead of --out"
    )
    parser.add_argument("--label", default="", metavar="NAME", help="of the objects that --keep makes")
    parser.add_argument("--format", help="coco (default), labelmap (or png), masks, overlay, ...")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    for field in fields(Parameters):
        low, high = RANGES[field.name]
        kind = int if isinstance(low, int) else float
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=_number(kind),
            default=field.default,
            metavar="N" if kind is int else "X",
            help=f"{low} to {high} (default {field.default:.3g})",
        )
    add_model(parser)


def run(options: argparse.Namespace) -> None:
    """Find and write all masks. Raises SamuiError, for a folder at its end if some images failed."""
    parameters = Parameters(**{field.name: getattr(options, field.name) for field in fields(Parameters)})
    try:
        options.image.stat()
    except OSError as error:
        got = "got nothing there" if isinstance(error, FileNotFoundError) else f"got: {error.strerror}"
        raise SamuiError(f"{options.image}: must be an image file or a folder, {got}") from None
    if options.keep:
        _keep(options, parameters)
        return
    if options.out is None:
        raise SamuiError("samui everything: the following arguments are required: --out, or --keep for a FOLDER")
    format = _format(options)
    if not options.image.is_dir():
        files.check_target(options.out, options.image)
    bar = Bar(sys.stderr)
    predictor = loader(options)(options.model)
    if not options.image.is_dir():
        try:
            outcome = run_image(predictor, options.image, options.out, format, parameters, bar)
        finally:
            bar.clear()
        print(_json([outcome], options.out) if options.json else f"{options.out}: {outcome.told}")
        return
    _told(run_folder(predictor, options.image, options.out, format, parameters, bar), bar, options, options.out)


def _keep(options: argparse.Namespace, parameters: Parameters) -> None:
    """Keep the masks of all images of a folder as objects in its store."""
    if not options.image.is_dir() or options.out is not None or options.format is not None:
        got = f"{options.image}" if not options.image.is_dir() else "--out or --format"
        raise SamuiError(f"--keep: must go with a FOLDER alone, got {got}")
    workspace, bar = open_workspace(options.image), Bar(sys.stderr)
    try:
        predictor = loader(options)(options.model)
        outcomes = run_workspace(predictor, workspace, parameters, bar, label=options.label)
        _told(outcomes, bar, options, workspace.store_file)
    finally:
        workspace.close()


def _told(found: Iterator[Outcome], bar: Bar, options: argparse.Namespace, out: Path) -> None:
    """Print what becomes of each image of a folder, and the sum."""
    outcomes = []
    try:
        for outcome in found:
            bar.clear()
            outcomes.append(outcome)
            if outcome.masks is None:
                print(outcome.told, file=sys.stderr)
            elif not options.json:
                print(f"{outcome.name}: {outcome.told}", flush=True)
    except KeyboardInterrupt:
        bar.clear()
        print(f"stopped after {len(outcomes)} images; the same command goes on from there", file=sys.stderr)
        raise
    good = [outcome for outcome in outcomes if outcome.masks is not None]
    total = sum(outcome.masks or 0 for outcome in good)
    print(_json(outcomes, out) if options.json else f"{out}: {total} masks of {len(good)} images")
    if len(good) < len(outcomes):
        raise SamuiError(f"{options.image}: {len(outcomes) - len(good)} of {len(outcomes)} images could not be done")


class Bar:
    """Progress of the current image, on one line of a terminal; nothing if the stream is not a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream if stream.isatty() else None
        self._last = 0.0

    def __call__(self, name: str, event: Event) -> None:
        """Show an event of this image, at most ten a second."""
        now = time.monotonic()
        if self._stream is None or not isinstance(event, Progress) or now - self._last < 0.1:
            return
        self._last = now
        share = event.done / event.total if event.total else 0.0
        filled = "#" * round(share * _BAR)
        left = "" if event.remaining is None else f" {event.remaining:.0f} s left"
        what = "encoding" if event.stage == "encode" else f"{share:4.0%}{left}"
        self._stream.write(f"\r\x1b[K{name} [{filled:-<{_BAR}}] {what}")
        self._stream.flush()

    def clear(self) -> None:
        """Clear the line."""
        if self._stream is not None:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def _format(options: argparse.Namespace) -> formats.Format:
    name = _OTHER_NAMES.get(options.format, options.format)
    suffix = options.out.suffix.lower()
    if not options.image.is_dir():
        if name is None and suffix == ".png":  # one mask of all objects together would say nothing
            name = "labelmap"
        return format_for(options.out, name)
    chosen = formats.get(name or "coco")
    if suffix in {one.suffix for one in formats.FORMATS.values()} - {chosen.suffix}:
        ways = "a folder" if chosen.suffix != ".json" else "a folder or end with .json"
        rule = f"must be {ways} for a FOLDER {f'and --format {name}' if name else 'without --format'}"
        raise SamuiError(f"{options.out}: {rule}, got {options.out.suffix!r}")
    return chosen


def _json(outcomes: list[Outcome], out: Path) -> str:
    told = [{"name": one.name, "masks": one.masks, "told": one.told, "skipped": one.skipped} for one in outcomes]
    images = [escape(one) for one in told]  # a file's name may be invalid Unicode
    return json.dumps({"out": str(out), "images": images})


def _number(kind: type) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            return kind(text)
        except ValueError:
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"must be {what}, got {text!r}") from None

    return parse
