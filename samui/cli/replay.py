"""The command `replay`: every mask of a folder made again from its gestures, and how far it is from what was kept."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from samui.cli.options import add_model, loader
from samui.cli.progress import Counter
from samui.errors import ModelError, SamuiError
from samui.models.predictor import Predictor
from samui.pixels.images import read_image
from samui.work.segment import ImageViews
from samui.workspace.folder import Workspace, open_workspace
from samui.workspace.replaying import remade
from samui.workspace.rows import Image

log = logging.getLogger(__name__)
Row = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `replay`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of images that was opened with `serve FOLDER`")
    parser.add_argument("--json", action="store_true", help="print every object as JSON")
    add_model(parser)
    parser.set_defaults(model=None)


def run(options: argparse.Namespace) -> None:
    """Print the IoU of each object with its mask made again by the model that is named there, or by --model.

    Changes nothing. Raises SamuiError at the end where an image could not be read or a model not be loaded.
    """
    workspace = open_workspace(options.folder)
    counter = Counter(sys.stderr, "images")
    rows: list[Row] = []
    failed: list[str] = []
    try:
        images = [image for image in workspace.images.all() if image.objects]
        models = _Models(loader(options), options.model)
        for done, image in enumerate(images):
            counter(done, len(images))
            try:
                rows += _replayed(workspace, image, models)
            except SamuiError as error:
                failed.append(f"{image.path}: {error}")
    finally:
        counter.clear()
        workspace.close()
    failed += models.failed
    made = sorted(row["iou"] for row in rows if row["iou"] is not None)
    if options.json:
        print(json.dumps({"objects": rows, "failed": failed}))
    else:
        for row in rows:
            if row["iou"] is not None and row["iou"] < 1:
                print(f"{row['image']}: object {row['id']} of {row['model']}: IoU {row['iou']:.4f}")
        same = sum(value == 1 for value in made)
        mean = f", mean IoU {sum(made) / len(made):.4f}, least {made[0]:.4f}" if made else ""
        print(f"{options.folder}: {len(made)} masks made again, {same} to the pixel{mean};", end=" ")
        print(f"{len(rows) - len(made)} were given, not made")
    if failed:
        raise SamuiError(f"{options.folder}: {len(failed)} could not be made again; {'; '.join(failed[:3])}")


class _Models:
    """Predictors by name, each loaded once; what cannot be loaded is told once."""

    def __init__(self, load: Callable[[str], Predictor], always: str | None) -> None:
        """always: the model to take instead of those that are named, None for these."""
        self._load, self._always = load, always
        self._loaded: dict[str, Predictor | None] = {}
        self.failed: list[str] = []

    def get(self, name: str) -> Predictor | None:
        """The model of this name, None if it cannot be loaded."""
        name = self._always or name
        if name not in self._loaded:
            try:
                self._loaded[name] = self._load(name)
            except ModelError as error:
                self._loaded[name] = None
                self.failed.append(str(error))
        return self._loaded[name]


def _replayed(workspace: Workspace, image: Image, models: _Models) -> list[Row]:
    objects = workspace.objects(image.uid)
    pixels = read_image(workspace.file(image.uid)).pixels
    rows = []
    for name in dict.fromkeys(item.model for item in objects):
        predictor = models.get(name)
        if predictor is None:
            continue
        tools = ImageViews(predictor, pixels).tools()
        mine = tuple(item for item in objects if item.model == name and item.mask.size == pixels.shape[:2])
        rows += [
            {"image": image.path, "id": one.item.id, "uid": one.item.uid, "model": predictor.name, "iou": one.iou}
            for one in remade(mine, tools)
        ]
    return rows
