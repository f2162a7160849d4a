"""Masks of a file for the image that a seat has open: read and told first, then taken over by the action `import`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from samui import formats
from samui.errors import FormatError, SessionError
from samui.formats import Annotation
from samui.formats.matching import turned
from samui.formats.names import Index
from samui.pixels.images import Header, read_header
from samui.serve.open_image import OpenImage
from samui.serve.seat import Brought, Seat
from samui.work.state import MAX_OBJECTS, Object
from samui.workspace.importing import as_object

_TOLD = 5  # names of other images


def bring(seat: Seat, file: Path, name: str, *, epoch: Any = None) -> Iterator[dict[str, Any]]:
    """Read the masks of a file that a person has sent: events "matching", then "brought" with what was found.

    The seat holds them until they are imported, or another file comes, or another image. epoch: of the image that is
    meant, None for the one that is open. Raises SamuiError; the seat is then as it was.
    """
    work = seat.work
    if epoch is not None:
        seat.line.check_epoch(epoch, "bring.epoch")
    yield {"event": "bring", "stage": "matching"}
    notes: list[str] = []
    found = _fitting(_of_image(file, name, work.image, notes), work.image)
    objects = [as_object(one, uuid4().hex, index) for index, one in enumerate(found.objects, start=1) if one.rle.area]
    known = {(one.mask, one.label) for one in work.session.state.objects}
    new = _distinct(objects, known)
    if len(known) + len(new) > MAX_OBJECTS:
        raise FormatError(
            f"{name}: must have at most {MAX_OBJECTS} objects with those here, got {len(known) + len(new)}"
        )
    brought = Brought(uuid4().hex, work.image.key, tuple(new))
    with seat.lock:
        seat.line.check_epoch(seat.line.epoch if epoch is None else epoch, "bring.epoch")
        seat.brought = brought
    told = [f"{len(new)} objects of {found.image} in {name}"]
    if len(objects) > len(new):
        told.append(f"{len(objects) - len(new)} are here already")
    yield {"event": "bring", "stage": "brought", "key": brought.key, "count": len(new), "told": [*told, *notes]}


def brought_by(seat: Seat, key: str) -> tuple[Object, ...]:
    """The objects of the file that was read last for this image. Raises SessionError if it is another one."""
    brought = seat.brought
    if brought is None or brought.key != key or brought.image != seat.work.image.key:
        raise SessionError("import: must be of the file that was read last for this image; choose it again")
    return brought.objects


def _distinct(objects: list[Object], known: set[tuple[Any, str]]) -> list[Object]:
    """The objects whose mask and label are not there yet."""
    seen, new = set(known), []
    for one in objects:
        if (one.mask, one.label) not in seen:
            seen.add((one.mask, one.label))
            new.append(one)
    return new


def _of_image(file: Path, name: str, image: OpenImage, notes: list[str]) -> Annotation:
    """What a file has of an image: by name, or the only one there is."""
    index = Index([image.name])
    mine: Annotation | None = None
    first: Annotation | None = None
    others: list[str] = []
    try:
        for one in formats.read(file, headers=lambda _: Header(image.size), tell=notes.append):
            first = first or one
            if mine is None and index.find(one.image).name is not None:
                mine = one
            else:
                others.append(one.image)
    except FormatError as error:
        raise FormatError(str(error).replace(f"{file}: ", f"{name}: ", 1)) from None
    if mine is not None:
        if others:
            count = "1 other image" if len(others) == 1 else f"{len(others)} other images"
            notes.append(f"left out: {count} of the file")
        return mine
    if first is None or len(others) != 1:
        told = ", ".join(others[:_TOLD]) + (", ..." if len(others) > _TOLD else "")
        raise FormatError(f"{name}: must have masks of {image.name}, got {told or 'none'}")
    if Path(first.image).stem != Path(file).stem:
        notes.append(f"the file calls its image {first.image}")
    return first


def _fitting(found: Annotation, image: OpenImage) -> Annotation:
    if found.size == image.size:
        return found
    if found.size == image.size[::-1]:
        header = read_header(image.file)
        if header.orientation >= 5:
            return turned(found, header)
    (height, width), (h, w) = image.size, found.size
    raise FormatError(f"{found.image}: must be {width}x{height} as {image.name}, got {w}x{h}")
