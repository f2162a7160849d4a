"""`samui`: samui's own file, `.samui.json`: all that a workspace holds of its images, so that work moves on elsewhere.

One JSON object, a line an image: `{"samui": 1, "images": [...], "labels": [...]}`. An image has `name`, `size` [h, w],
`digest` (SHA-256 of its file, "" if not known), `state`, `note` and `objects`; an object `id`, `uid`, `label`,
`colour`, `visible`, `mask` (COCO's run lengths as text), `score`, `model`, `prompt` and `gestures`, which is what the
person did, in order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from samui.errors import FormatError
from samui.formats import checks, extras, gestures
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.format import Format, Keeps, Options
from samui.formats.prompt import SavedPrompt
from samui.formats.source import Source
from samui.names import escape, unescape
from samui.pixels.colours import hex_colour

ENDING = ".samui.json"
_VERSION = 1
_UID = re.compile("[0-9a-f]{32}|")
_DIGEST = re.compile("[0-9a-f]{64}|")


def join(annotations: Iterable[Annotation], options: Options) -> Iterator[bytes]:
    """One file of several images, in pieces; each image is asked for once and let go."""
    labels = dict.fromkeys(options.classes)
    yield b'{"samui": %d, "images": [\n' % _VERSION
    for number, annotation in enumerate(annotations):
        whole = {
            **escape({"name": annotation.image, "note": annotation.note}),
            "size": list(annotation.size),
            "digest": annotation.digest,
            "state": annotation.state,
            "objects": [_record(one) for one in annotation.objects],
        }
        labels |= dict.fromkeys(one.label for one in annotation.objects if one.label)
        yield (b",\n" if number else b"") + json.dumps(whole, allow_nan=False).encode("ascii")
    named = [escape({"name": one}) for one in labels]
    yield b'\n], "labels": ' + json.dumps(named).encode("ascii") + b"}\n"


def _record(one: SavedObject) -> dict[str, Any]:
    return {
        **escape({"label": one.label, "model": one.model}),
        "id": one.id,
        "uid": one.uid,
        "colour": one.colour,
        "visible": one.visible,
        "score": extras.score_of(one),
        "mask": gestures.record_mask(one.rle),
        "prompt": one.prompt.describe(),
        "gestures": gestures.record_gestures(one.gestures, one.rle),
    }


def read(source: Source) -> Iterator[Annotation]:
    """Each image of a file, in its order. Raises FormatError that says where."""
    whole = checks.mapping(source.document(), "the file")
    version = checks.whole(whole.get("samui"), "samui")
    if version != _VERSION:
        raise FormatError(f"samui: must be version {_VERSION}, got {version}; a newer samui wrote it")
    for index, item in enumerate(checks.items(whole.get("images"), "images")):
        yield _image(item, f"images[{index}]")


def labels(source: Source) -> list[str]:
    """The labels of a file, in the order that exports number them by."""
    whole = checks.mapping(source.document(), "the file")
    found = checks.items(whole.get("labels", []), "labels")
    return [
        checks.text(unescape(checks.mapping(one, f"labels[{index}]")).get("name"), f"labels[{index}].name")
        for index, one in enumerate(found)
    ]


def _image(item: Any, where: str) -> Annotation:
    entry = unescape(checks.mapping(item, where))
    height, width = checks.numbers(entry.get("size"), f"{where}.size", 2)
    size = checks.size(height, width, f"{where}.size")
    digest = checks.text(entry.get("digest", ""), f"{where}.digest")
    if not _DIGEST.fullmatch(digest):
        raise FormatError(f"{where}.digest: must be 64 hexadecimal digits, got {checks.short(digest)}")
    found = checks.items(entry.get("objects"), f"{where}.objects")
    objects = [_object(one, f"{where}.objects[{index}]", size, index) for index, one in enumerate(found)]
    return Annotation(
        checks.text(entry.get("name"), f"{where}.name"),
        size,
        extras.own_ids(objects, f"{where}.objects"),
        digest=digest,
        state=checks.text(entry.get("state", ""), f"{where}.state"),
        note=checks.text(entry.get("note", ""), f"{where}.note"),
    )


def _object(value: Any, where: str, size: tuple[int, int], index: int) -> SavedObject:
    entry = unescape(checks.mapping(value, where))
    rle = gestures.from_mask(entry.get("mask"), f"{where}.mask", size)
    uid = checks.text(entry.get("uid", ""), f"{where}.uid")
    if not _UID.fullmatch(uid):
        raise FormatError(f"{where}.uid: must be 32 hexadecimal digits, got {checks.short(uid)}")
    score = entry.get("score")
    return SavedObject(
        id=gestures.at_least(entry.get("id"), f"{where}.id"),
        label=checks.text(entry.get("label", ""), f"{where}.label"),
        colour=checks.colour(entry.get("colour", hex_colour(index)), f"{where}.colour"),
        rle=rle,
        score=None if score is None else checks.number(score, f"{where}.score"),
        prompt=SavedPrompt.from_dict(entry.get("prompt", {}), f"{where}.prompt"),
        model=checks.text(entry.get("model", ""), f"{where}.model"),
        uid=uid,
        visible=gestures.flag(entry.get("visible", True), f"{where}.visible"),
        gestures=gestures.from_gestures(entry.get("gestures", []), rle, f"{where}.gestures"),
    )


def is_own(source: Source) -> bool:
    """Whether a JSON file is samui's own."""
    if source.is_tree or source.path.suffix.lower() != ".json":
        return False
    whole = source.document()
    return isinstance(whole, Mapping) and "samui" in whole and "type" not in whole and "categories" not in whole


FORMAT = Format(
    "samui",
    "samui, everything (JSON)",
    (ENDING,),
    "application/json",
    Keeps(
        apart=True,
        ids=True,
        holes=True,
        islands=True,
        overlap=True,
        labels=True,
        scores=True,
        prompts=True,
        gestures=True,
    ),
    joiner=join,
    reader=read,
    sniff=is_own,
    version=str(_VERSION),
)
