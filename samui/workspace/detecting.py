"""Boxes of other models into a workspace: each becomes a prompt, and what a SAM makes of it an object."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np

from samui.errors import FormatError, ImageError, SessionError, WorkspaceError
from samui.formats.boxes import Detection, read_boxes
from samui.formats.matching import ImageFolder
from samui.models.predictor import Predictor
from samui.pixels.images import read_image
from samui.types import Prompt
from samui.work.segment import segment_each
from samui.work.state import MAX_OBJECTS, Object
from samui.workspace.folder import Workspace
from samui.workspace.importing import ACTION, Imported, Watch
from samui.workspace.store import Operation


def import_boxes(
    workspace: Workspace,
    file: Path,
    predictor: Callable[[], Predictor],
    *,
    dry_run: bool = False,
    watch: Watch = lambda *_: None,
) -> Imported:
    """Make an object of each box of a file. The whole file is read and matched before anything changes.

    predictor: called once there is something to decode. One image is encoded and kept at a time, so a run that is
    stopped keeps what is done, and the same call goes on: a box whose object is there is passed over. dry_run: nothing
    changes. Raises FormatError; nothing has changed then.
    """
    told = Imported(batch=uuid4().hex[:8])
    images = ImageFolder(workspace.folder, [image.path for image in workspace.images.all()])
    todo: list[tuple[str, list[tuple[str, Detection]]]] = []
    for one in read_boxes(file, headers=images.header, tell=told.report.notes.append):
        name = images.index.find(one.image)
        try:
            header = None if name.name is None else images.header(name.name)
        except FormatError as error:
            told.report.left.append(str(error))
            continue
        if name.name is None or header is None:
            told.report.left.append(f"{one.image}: must be one of the images, got {len(name.several) or 'none'}")
            continue
        if header.size != one.size:
            (height, width), (h, w) = header.size, one.size
            told.report.left.append(f"{one.image}: must be {width}x{height} as the image {name.name}, got {w}x{h}")
            continue
        told.report.images += 1
        told.report.how[name.how] += 1
        told.report.objects += len(one.boxes)
        image = workspace.images.find(name.name)
        assert image is not None, "it was matched among the workspace's"
        held = {item.uid for item in workspace.objects(image.uid)}
        new = [(uid, box) for box in one.boxes if (uid := _uid(image.uid, box)) not in held]
        told.known += len(one.boxes) - len(new)
        if len(held) + len(new) > MAX_OBJECTS:
            raise WorkspaceError(f"{one.image}: must have at most {MAX_OBJECTS} objects, got {len(held) + len(new)}")
        if new:
            todo.append((name.name, new))
    if dry_run or not todo:
        told.added = sum(len(boxes) for _, boxes in todo)
        return told
    model = predictor()
    for done, (path, boxes) in enumerate(todo, start=1):
        watch(done, len(todo))
        try:
            objects = _decoded(model, workspace.folder / path, boxes)
        except ImageError as error:
            told.report.left.append(str(error))
            continue
        told.added += len(objects)
        told.empty += len(boxes) - len(objects)
        image = workspace.images.find(path)
        if objects and image is not None:
            before = workspace.objects(image.uid)
            last = max((item.id for item in before), default=0)
            numbered = [replace(item, id=last + number) for number, item in enumerate(objects, start=1)]
            operation = Operation(image.uid, f"{ACTION} {told.batch}", author=workspace.author)
            workspace.commit(operation, before, (*before, *numbered))
    return told


def _decoded(model: Predictor, file: Path, boxes: list[tuple[str, Detection]]) -> list[Object]:
    """An object of each box; boxes for which the model has no pixel have none."""
    pixels = read_image(file).pixels
    prompts = [Prompt(box=one.box) for _, one in boxes]
    try:
        made: list[Object | None] = [*segment_each(model, pixels, prompts).state.objects]
    except SessionError:  # a mask of one of them is empty
        made = [_one(model, pixels, prompt) for prompt in prompts]
    return [
        replace(item, uid=uid, label=one.label, logits=None)
        for item, (uid, one) in zip(made, boxes, strict=True)
        if item is not None
    ]


def _one(model: Predictor, pixels: np.ndarray, prompt: Prompt) -> Object | None:
    try:
        return segment_each(model, pixels, [prompt]).state.objects[0]
    except SessionError:
        return None


def _uid(image: str, one: Detection) -> str:
    """What the object of a box is called, the same every time."""
    content = f"{image}\0{one.label}\0{' '.join(f'{side:.2f}' for side in one.box)}"
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]
