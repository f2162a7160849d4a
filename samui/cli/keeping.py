"""Everything mode over a workspace: the masks of each image kept as objects, in a run that goes on when stopped."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict

from samui.cli.jobs import WITHOUT_EFFECT, Outcome
from samui.errors import SamuiError
from samui.everything import Event, Finished, Parameters, stream
from samui.models.predictor import Predictor
from samui.pixels.images import read_image
from samui.types import Prediction, Prompt
from samui.work import found
from samui.work.state import Object, State
from samui.work.tools import Tools
from samui.workspace.folder import Workspace
from samui.workspace.rows import Image
from samui.workspace.store import Operation

_NAMES = uuid.UUID("5f0b7d6e-3f0a-4b0e-9a53-7d6f2f7a9c11")  # of operations, by what they do


def run_workspace(
    predictor: Predictor,
    workspace: Workspace,
    parameters: Parameters,
    watch: Callable[[str, Event], None],
    *,
    label: str = "",
) -> Iterator[Outcome]:
    """Find the masks of every image and keep them as objects of a label; yields an outcome as soon as they are kept.

    Each image is one operation, named by model, parameters and label, so that a run that was stopped goes on where it
    was, and no mask is kept twice. An image that cannot be read has an outcome without masks, and the others go on.
    """
    workspace.labels.check(label)
    chosen = {name: value for name, value in asdict(parameters).items() if name not in WITHOUT_EFFECT}
    made_by = f"{predictor.name}@{predictor.revision}/{predictor.dtype} {sorted(chosen.items())} {label}"
    for image in workspace.images.all():
        operation = uuid.uuid5(_NAMES, f"{image.uid} {made_by}").hex
        try:
            if workspace.knows(operation):
                yield Outcome(image.path, image.objects, "done before", skipped=True)
                continue
            yield _kept(predictor, workspace, parameters, watch, image, operation, label)
        except SamuiError as error:
            yield Outcome(image.path, None, f"{image.path}: {error}")


def _kept(
    predictor: Predictor,
    workspace: Workspace,
    parameters: Parameters,
    watch: Callable[[str, Event], None],
    image: Image,
    operation: str,
    label: str,
) -> Outcome:
    pixels = read_image(workspace.file(image.uid)).pixels
    for event in stream(predictor, pixels, parameters):
        watch(image.path, event)
        if isinstance(event, Finished):
            before = workspace.objects(image.uid)
            objects = _objects(event, before, pixels.shape[:2], predictor.name, label)
            workspace.commit(Operation(image.uid, "Everything", operation, workspace.author), before, objects)
            return Outcome(image.path, len(event.masks), str(event.report))
    raise AssertionError("a run must end with Finished")


def _objects(
    event: Finished, before: tuple[Object, ...], size: tuple[int, ...], model: str, label: str
) -> tuple[Object, ...]:
    """The objects that were there, and below small ones the large masks that were found."""
    height, width = size[0], size[1]
    masks = sorted(event.masks, key=lambda mask: -mask.area)
    if not masks:
        return before
    next_id = 1 + max((item.id for item in before), default=0)
    state = State((height, width), objects=before, next_id=next_id)
    ids = list(range(len(masks)))
    return found.keep(state, ids, masks, label, Tools(_no_predict, model=model)).objects


def _no_predict(_: Prompt) -> Prediction:
    raise AssertionError("masks that were found need no decoder")
