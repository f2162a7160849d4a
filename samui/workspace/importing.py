"""Masks of files into a workspace: matched and told first, then kept, one operation an image and one step to undo.

Twice the same file changes nothing: an object has a uid that its image and its content give, and one whose mask and
label are there already is passed over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from samui import formats
from samui.errors import WorkspaceError
from samui.formats import Annotation, SavedObject
from samui.formats.matching import ImageFolder, Match, Report, match
from samui.work.gestures import BoxGesture, Gestures, MaskGesture, gestures_of, prompt_of
from samui.work.state import MAX_OBJECTS, Object
from samui.workspace.folder import Workspace
from samui.workspace.rows import STATES
from samui.workspace.store import Operation

ACTION = "Import"
Watch = Callable[[int, int], None]


@dataclass
class Imported:
    """What an import did, or would do. report: what was matched. added, known, changed: objects that are new, were
    there already, and are others than before (of samui's own files alone). empty: objects without a pixel, which are
    left out. batch: names it, for `undo_import`."""

    report: Report = field(default_factory=Report)
    added: int = 0
    known: int = 0
    changed: int = 0
    empty: int = 0
    batch: str = ""

    def __str__(self) -> str:
        """In words."""
        told = f"{self.report}; {self.added} added, {self.known} there already"
        told += f", {self.changed} changed" if self.changed else ""
        return f"{told}, {self.empty} without a pixel left out" if self.empty else told


def import_file(
    workspace: Workspace,
    file: Path,
    format: str | None = None,
    *,
    dry_run: bool = False,
    watch: Watch = lambda *_: None,
) -> Imported:
    """Take over the masks of a file, folder or zip. The whole file is read and matched before anything changes.

    format: a name, or None: by ending and content. dry_run: nothing changes. watch: is told how many images are done,
    of how many. One image's objects are in memory at a time, beside the file. Raises FormatError; nothing has changed
    then.
    """
    told = Imported(batch=uuid4().hex[:8])
    images = ImageFolder(workspace.folder, [image.path for image in workspace.images.all()])
    for found in _matched(file, format, images, told.report.notes.append):
        told.report.note(found)
        if found.name is not None:
            _count(workspace, found.annotation, told)
    if dry_run or not told.added + told.changed:
        return told
    for done, found in enumerate(_matched(file, format, images, lambda _: None), start=1):
        watch(done, told.report.images + len(told.report.left))
        if found.name is not None:
            _keep(workspace, found.annotation, told.batch)
    return told


def undo_import(workspace: Workspace, batch: str = "") -> int:
    """Take back an import, the newest by default: its objects go where nobody has changed them since; how many.

    It is an operation itself. Raises WorkspaceError without such an import.
    """
    action = f"{ACTION} {batch}" if batch else f"{ACTION} %"
    newest = workspace.database.row("SELECT action FROM op WHERE action LIKE ? ORDER BY seq DESC LIMIT 1", (action,))
    if newest is None:
        raise WorkspaceError(f"import: must be one of the workspace's, got {batch or 'none'}")
    rows = workspace.database.rows(
        "SELECT DISTINCT i.uid, p.seq FROM op p JOIN image i ON i.id = p.image WHERE p.action = ? ORDER BY p.seq",
        newest,
    )
    gone = 0
    for key, seq in rows:
        uid = key.hex() if isinstance(key, bytes) else key
        made = {
            one.hex() if isinstance(one, bytes) else one
            for (one,) in workspace.database.rows("SELECT uid FROM object WHERE made = ? AND ended IS NULL", (seq,))
        }
        before = workspace.objects(uid)
        after = tuple(one for one in before if one.uid not in made)
        if len(after) < len(before):
            gone += len(before) - len(after)
            workspace.commit(Operation(uid, "Undo import", author=workspace.author), before, after)
    return gone


def _matched(file: Path, format: str | None, images: ImageFolder, tell: Callable[[str], None]) -> Iterator[Match]:
    for one in formats.read(file, format, headers=images.header, tell=tell):
        yield match(one, images)


def _count(workspace: Workspace, one: Annotation, told: Imported) -> None:
    image = workspace.images.find(one.image)
    assert image is not None, "it was matched among the workspace's"
    added, changed, known = difference(workspace.objects(image.uid), one, image.uid)
    told.added += len(added)
    told.changed += len(changed)
    told.known += known
    told.empty += sum(not item.rle.area for item in one.objects)


def _keep(workspace: Workspace, one: Annotation, batch: str) -> None:
    image = workspace.images.find(one.image)
    assert image is not None, "it was matched among the workspace's"
    before = workspace.objects(image.uid)
    added, changed, _ = difference(before, one, image.uid)
    if added or changed:
        now = {item.uid: item for item in changed}
        after = (*(now.get(item.uid, item) for item in before), *added)
        workspace.commit(Operation(image.uid, f"{ACTION} {batch}", author=workspace.author), before, after)
    if one.state in STATES and one.state != image.state and image.state == "todo":
        workspace.images.set_state(image.uid, one.state, author=workspace.author)
    if one.note and not image.note:
        workspace.images.set_note(image.uid, one.note, author=workspace.author)


def difference(before: Sequence[Object], one: Annotation, image: str) -> tuple[list[Object], list[Object], int]:
    """(new objects, objects that are others than before, how many are there already) of an annotation.

    image: what the image is called in the store. Raises WorkspaceError for more objects than an image may have.
    """
    held = {item.uid: item for item in before}
    same = {(item.mask, item.label) for item in before}
    added: list[Object] = []
    changed: list[Object] = []
    known = 0
    next_id = max((item.id for item in before), default=0) + 1
    for saved in one.objects:
        if not saved.rle.area:
            continue
        uid = saved.uid or _uid(image, saved)
        was = held.get(uid)
        made = as_object(saved, uid, was.id if was is not None else next_id)
        if was is not None and saved.uid and (was.mask, was.label) != (made.mask, made.label):
            changed.append(made)
        elif was is not None or (saved.rle, saved.label) in same:
            known += 1
        else:
            added.append(made)
            held[uid] = made
            same.add((saved.rle, saved.label))
            next_id += 1
    if len(before) + len(added) > MAX_OBJECTS:
        got = len(before) + len(added)
        raise WorkspaceError(f"{one.image}: must have at most {MAX_OBJECTS} objects, got {got}")
    return added, changed, known


def as_object(saved: SavedObject, uid: str, id: int) -> Object:
    """An object of a file as one of the workspace: a mask that was given, which clicks correct.

    One without a prompt gets the mask's box, since that is what the decoder starts from when it is worked on again.
    Raises WorkspaceError for a mask without a pixel.
    """
    box = saved.rle.box
    if box is None:
        raise WorkspaceError(f"object {saved.id}: must cover at least one pixel, got 0")
    gestures: Gestures = saved.gestures
    if not gestures:
        gestures = (*gestures_of(saved.prompt.prompt), MaskGesture(saved.rle, snapped=False))
    if prompt_of(gestures).is_empty:
        x0, y0, x1, y1 = box
        gestures = (BoxGesture((float(x0), float(y0), float(x1), float(y1))), *gestures)
    return Object(
        id=id,
        uid=uid,
        label=saved.label,
        colour=saved.colour.lower(),
        visible=saved.visible,
        mask=saved.rle,
        score=1.0 if saved.score is None else float(saved.score),
        gestures=gestures,
        candidate=saved.prompt.candidate or 0,
        snapped=bool(saved.prompt.snapped),
        model=saved.model,
    )


def _uid(image: str, saved: SavedObject) -> str:
    """What an object of a file is called: by its image and its content, so that it is the same every time."""
    height, width = saved.rle.size
    content = f"{image}\0{saved.label}\0{height}x{width}\0{saved.rle.to_string()}"
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]
