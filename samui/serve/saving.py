"""Saving the objects of a seat as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from samui import formats
from samui.errors import ExportError
from samui.serve import export
from samui.serve.seat import Seat
from samui.serve.server import Server


def save(
    server: Server, seat: Seat, format_name: Any, only: int | None = None, *, epoch: int | None = None
) -> tuple[Path, str]:
    """Write a seat's objects in a format; (file in the seat's folder, name for the person). Raises SamuiError.

    only: the id of one object, None for all. epoch: of the image that is meant, None for the one that is open.
    """
    _, contents = seat.look()
    if contents.work is None:
        raise ExportError("save: there must be an image; open one first")
    if epoch is not None:
        seat.line.check_epoch(epoch, "save.epoch")
    work = contents.work
    image, objects = work.image, work.session.state.objects
    annotation, chosen = formats.from_objects(image.name, image.size, objects), formats.get(format_name)
    name, data = formats.download(annotation, chosen, lambda: server.pixels_of(work), only=only)
    file = export.keep(server.scratch.seat(seat.key), name, data)
    server.check_open(seat)
    return file, name
