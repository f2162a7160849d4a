"""`label-studio`: Label Studio's JSON of tasks, with brush masks.

A mask is a stream of bits. First 32 bits: how many values there are, four a pixel (red, green, blue, alpha), row by
row; then 5 bits: the bits of a value less one; four times 4 bits: the four sizes of lengths less one. Then come blocks:
one bit (1: a value that repeats, 0: values one after the other), two bits (which of the four sizes), the length less
one, and the value or values. Where alpha is not 0, the mask is.

The key `samui` in a result's `meta` holds id, colour, model, score and prompt.

Format: label_studio_converter 0.0.59, ``brush.py``
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from samui.errors import FormatError
from samui.formats import checks, extras
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.format import Format, Keeps, Options
from samui.formats.source import Source
from samui.names import escape, unescape
from samui.pixels.rle import Rle

_WORD = 8
_SIZES = (3, 4, 8, 16)  # bits of a length, as the converter has them
_CHANNELS = 4
_LONGEST = 1 << _SIZES[-1]


def join(annotations: Iterable[Annotation], options: Options) -> Iterator[bytes]:
    """The tasks of several images, in pieces; ids count from 1. A project's brush must be called `tag` to take them."""
    yield b"["
    for number, annotation in enumerate(annotations, start=1):
        results = [_result(one, annotation.size) for one in annotation.objects]
        task = {
            "id": number,
            "data": escape({"image": annotation.image}),
            "annotations": [{"id": number, "result": results, "was_cancelled": False, "ground_truth": False}],
        }
        yield (b",\n" if number > 1 else b"") + json.dumps(task, allow_nan=False).encode("ascii")
    yield b"]\n"


def _result(one: SavedObject, size: tuple[int, int]) -> dict[str, Any]:
    names = escape({"name": extras.name_of(one.label)})
    score = extras.score_of(one)
    return {
        "id": f"samui-{one.id}",
        "type": "brushlabels",
        "from_name": "tag",
        "to_name": "image",
        "original_width": size[1],
        "original_height": size[0],
        "image_rotation": 0,
        "value": {"format": "rle", "rle": encode_bits(one.rle), "brushlabels": [names["name"]]},
        **({} if score is None else {"score": score}),
        "meta": {extras.KEY: extras.describe(one), **({"escaped": True} if "escaped" in names else {})},
    }


def encode_bits(rle: Rle) -> list[int]:
    """The bytes of a mask's stream."""
    flat = rle.decode().ravel()
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    lengths = np.diff(starts, append=flat.size) * _CHANNELS
    values = flat[starts].astype(np.int64) * 255
    # Long runs become several blocks.
    blocks = -(-lengths // _LONGEST)
    values = np.repeat(values, blocks)
    parts = np.full(len(values), _LONGEST, np.int64)
    parts[np.cumsum(blocks) - 1] = lengths - (blocks - 1) * _LONGEST
    size = np.searchsorted(1 << np.array(_SIZES), parts, "left")
    bits = np.array(_SIZES)[size]
    words = (((4 | size) << bits) | (parts - 1)) << _WORD | values
    width = 3 + bits + _WORD
    head = [(flat.size * _CHANNELS, 32), (_WORD - 1, 5), *((one - 1, 4) for one in _SIZES)]
    words = np.concatenate((np.array([word for word, _ in head], np.int64), words))
    width = np.concatenate((np.array([length for _, length in head], np.int64), width))
    ends = np.cumsum(width)
    place = np.arange(ends[-1]) - np.repeat(ends - width, width)  # of each bit in its word, from the top
    stream = (np.repeat(words, width) >> (np.repeat(width, width) - 1 - place) & 1).astype(np.uint8)
    return np.packbits(stream).tolist()


def decode_bits(data: Any, size: tuple[int, int], where: str) -> Rle:
    """The mask of a stream's bytes. Raises FormatError for another number of values, and for an end too early."""
    items = checks.items(data, where)
    if not all(type(one) is int and 0 <= one <= 255 for one in items):
        wrong = next(one for one in items if type(one) is not int or not 0 <= one <= 255)
        raise FormatError(f"{where}: must be bytes from 0 to 255, got {checks.short(wrong)}")
    raw = bytes(items)
    total = size[0] * size[1] * _CHANNELS
    whole = int.from_bytes(raw[:4], "big")
    if len(raw) < 7 or whole != total:
        raise FormatError(f"{where}: must hold {total} values for {size[1]}x{size[0]}, got {whole}")
    bits = np.unpackbits(np.frombuffer(raw, np.uint8))

    at = 32

    def number(count: int) -> int:
        nonlocal at
        if at + count > len(bits):
            raise FormatError(f"{where}: must go on to its last value, got {done} of {total}")
        # Some bytes round the bits are faster than the bits one by one.
        first, last = at >> 3, (at + count + 7) >> 3
        found = int.from_bytes(raw[first:last], "big") >> (last * 8 - at - count)
        at += count
        return found & ((1 << count) - 1)

    done = 0
    word = number(5) + 1
    sizes = [number(4) + 1 for _ in range(4)]
    mask = np.zeros(size[0] * size[1], np.bool_)
    while done < total:
        repeats, count = number(1), number(sizes[number(2)]) + 1
        stop = done + count
        if stop > total:
            raise FormatError(f"{where}: must hold {total} values, got more")
        if repeats:
            if number(word):
                mask[_pixel(done) : _pixel(stop)] = True
        else:
            if at + word * count > len(bits):
                raise FormatError(f"{where}: must go on to its last value, got {done} of {total}")
            values: np.ndarray = bits[at : at + word * count].reshape(count, word).max(axis=1) != 0
            mask[_pixel(done) : _pixel(stop)] = values[_CHANNELS * _pixel(done) + _CHANNELS - 1 - done :: _CHANNELS]
            at += word * count
        done = stop
    return Rle.encode(mask.reshape(size))


def _pixel(place: int) -> int:
    """The first pixel whose alpha is not before this value of the stream."""
    return -((_CHANNELS - 1 - place) // _CHANNELS)


def read(source: Source) -> Iterator[Annotation]:
    """Each task with its masks, in the file's order. Of several annotations of a task the newest that counts is taken.

    Regions of other tools (boxes, polygons, key points) are passed over. Raises FormatError.
    """
    for number, item in enumerate(checks.items(source.document(), "the file")):
        where = f"[{number}]"
        task = checks.mapping(item, where)
        image = _image(task, where)
        results = _results(task, where)
        objects: list[SavedObject] = []
        size, passed = None, 0
        for at, result in results:
            value = result.get("value")
            if not isinstance(value, Mapping) or "rle" not in value:
                passed += result.get("type") not in ("choices", "textarea", "rating", "taxonomy")
                continue
            here = checks.size(result.get("original_height"), result.get("original_width"), at)
            size = size or here
            if here != size:
                got = f"{here[1]}x{here[0]}"
                raise FormatError(f"{at}: must be {size[1]}x{size[0]} as the first one, got {got}")
            rle = decode_bits(value["rle"], size, f"{at}.value.rle")
            meta = result.get("meta")
            own = meta if isinstance(meta, Mapping) else {}
            entry = {extras.KEY: own.get(extras.KEY) or {}}
            label = _label(value, own, at)
            objects.append(extras.restore(entry, at, label, rle, len(objects), score=result.get("score")))
        if passed:
            source.tell(f"{image}: passed over {passed} regions that are no brush masks")
        if size is None:
            known = source.header(image)
            if known is None:
                continue  # a task without masks whose image is not there
            size = known.size
        yield Annotation(image, size, extras.own_ids(objects, where))


def _image(task: Mapping[str, Any], where: str) -> str:
    data = unescape(checks.mapping(task.get("data", task), f"{where}.data"))
    found = data.get("image", data.get("img", data.get("url")))
    if found is None:
        found = next((v for v in data.values() if isinstance(v, str) and "." in v), None)
    return checks.text(found, f"{where}.data.image")


def _results(task: Mapping[str, Any], where: str) -> list[tuple[str, Mapping[str, Any]]]:
    for kind in ("annotations", "completions", "predictions"):
        given = [
            (f"{where}.{kind}[{index}]", checks.mapping(one, f"{where}.{kind}[{index}]"))
            for index, one in enumerate(checks.items(task.get(kind) or [], f"{where}.{kind}"))
        ]
        counted = [(at, one) for at, one in given if not one.get("was_cancelled")]
        if counted:
            at, newest = counted[-1]
            found = checks.items(newest.get("result") or [], f"{at}.result")
            return [
                (f"{at}.result[{index}]", checks.mapping(one, f"{at}.result[{index}]"))
                for index, one in enumerate(found)
            ]
    return []


def _label(value: Mapping[str, Any], own: Mapping[str, Any], where: str) -> str:
    names = checks.items(value.get("brushlabels") or value.get("labels") or [""], f"{where}.value.brushlabels")
    name = checks.text(names[0] if names else "", f"{where}.value.brushlabels")
    return str(unescape({"name": name, "escaped": ["name"]})["name"]) if own.get("escaped") is True else name


def is_label_studio(source: Source) -> bool:
    """Whether a JSON file is a list of tasks."""
    if source.is_tree or source.path.suffix.lower() != ".json":
        return False
    whole = source.document()
    first = whole[0] if isinstance(whole, list) and whole else None
    return isinstance(first, Mapping) and ("data" in first or "annotations" in first)


FORMAT = Format(
    "label-studio",
    "Label Studio with brush masks (JSON)",
    (".json",),
    "application/json",
    Keeps(apart=True, ids=True, holes=True, islands=True, overlap=True, labels=True, scores=True, prompts=True),
    joiner=join,
    reader=read,
    sniff=is_label_studio,
    version="label_studio_converter 0.0.59",
)
