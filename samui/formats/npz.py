"""`npz`: NumPy's archive of an image's masks and what is known of them, a file an image.

`masks` is uint8 (n, H, ceil(W / 8)), eight pixels a byte: ``np.unpackbits(masks, axis=2, count=width).astype(bool)``.
Beside it `ids`, `labels`, `colours`, `scores` (NaN for none), `boxes` (n, 4) of x0, y0, x1, y1, `size` (H, W),
`image`, and `samui`, JSON with model and prompt of each. Nothing in it is pickled, and nothing that is is read.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib import format as npy

from samui.errors import FormatError
from samui.formats import archive, checks, extras
from samui.formats.annotation import Annotation
from samui.formats.format import Format, Keeps
from samui.formats.source import Source
from samui.names import escape, unescape
from samui.pixels.rle import Rle

_MOST = 2_000_000_000  # bytes of the masks, eight pixels each
_SMALL = 100_000_000  # bytes of any other array


def encode(annotation: Annotation) -> bytes:
    """The archive; its masks are packed one after the other, so one is held at a time."""
    objects, (height, width) = annotation.objects, annotation.size
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        entry = archive.entry_for("masks.npy")
        entry.compress_type = zipfile.ZIP_DEFLATED
        with file.open(entry, "w", force_zip64=True) as out:
            head = {"descr": "|u1", "fortran_order": False, "shape": (len(objects), height, -(-width // 8))}
            npy.write_array_header_1_0(out, head)
            for mask in annotation.masks():
                out.write(np.packbits(mask, axis=1).tobytes())
        boxes = [one.rle.box or (0, 0, 0, 0) for one in objects]
        scores = [np.nan if one.score is None else one.score for one in objects]
        arrays: dict[str, np.ndarray] = {
            "boxes": np.array(boxes, np.int32).reshape(-1, 4),
            "colours": np.array([one.colour for one in objects], "<U7"),
            "ids": np.array([one.id for one in objects], np.int64),
            "image": _text(json.dumps(escape({"image": annotation.image}))),
            "labels": np.array([_plain(one.label) for one in objects], np.str_) if objects else np.zeros(0, "<U1"),
            "samui": _text(json.dumps([extras.describe(one) | _label(one.label) for one in objects])),
            "scores": np.array(scores, np.float64),
            "size": np.array([height, width], np.int64),
        }
        for name, values in arrays.items():
            out_one = io.BytesIO()
            npy.write_array(out_one, values, allow_pickle=False)
            archive.put(file, f"{name}.npy", out_one.getvalue())
    return buffer.getvalue()


def _text(text: str) -> np.ndarray:
    return np.array(text)


def _plain(label: str) -> str:
    """A label as NumPy keeps it: zeros at its end are cut off."""
    return label.encode("utf-8", "replace").decode().rstrip("\0")


def _label(label: str) -> dict[str, Any]:
    told = escape({"label": label})
    return {"label": told["label"], "label_escaped": "escaped" in told}


def read(source: Source) -> Iterator[Annotation]:
    """The one image. Raises FormatError, also for arrays of objects, which only a pickle could read."""
    try:
        with zipfile.ZipFile(io.BytesIO(source.read())) as file:
            yield _read(file, source)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise FormatError(f"must be a whole npz file, got: {error}") from None


def _read(file: zipfile.ZipFile, source: Source) -> Annotation:
    height, width = (int(one) for one in _array(file, "size", "iu", (2,)))
    size = checks.size(height, width, "size")
    ids = _array(file, "ids", "iu", (None,)).tolist()
    count = len(ids)
    scores = _array(file, "scores", "f", (count,)).tolist() if _has(file, "scores") else [np.nan] * count
    labels = _array(file, "labels", "U", (count,)).tolist() if _has(file, "labels") else [""] * count
    colours = _array(file, "colours", "U", (count,)).tolist() if _has(file, "colours") else [None] * count
    own: list[Any] = [{}] * count
    if _has(file, "samui"):
        own = checks.items(checks.document(str(_array(file, "samui", "U", ())).encode()), "samui")
    if len(own) != count:
        raise FormatError(f"samui: must be one entry for each of {count} objects, got {len(own)}")
    image = source.path.name
    if _has(file, "image"):
        told = str(_array(file, "image", "U", ()))
        image = unescape(checks.document(told.encode()))["image"] if told.startswith("{") else told
    objects = []
    for index, rle in enumerate(_masks(file, size, count)):
        where = f"samui[{index}]"
        entry = dict(checks.mapping(own[index], where))
        label = labels[index]
        if isinstance(entry.get("label"), str):
            label = entry["label"]
            label = unescape({"label": label, "escaped": ["label"]})["label"] if entry.get("label_escaped") else label
        given = {k: v for k, v in entry.items() if k != "labelled"} | {"id": ids[index]}
        if colours[index] is not None:
            given["colour"] = colours[index]
        score = None if np.isnan(scores[index]) else scores[index]
        objects.append(extras.restore({extras.KEY: given}, where, label, rle, index, score=score))
    return Annotation(checks.text(image, "image"), size, extras.own_ids(objects, "ids"))


def _has(file: zipfile.ZipFile, name: str) -> bool:
    return f"{name}.npy" in file.NameToInfo


def _array(file: zipfile.ZipFile, name: str, kinds: str, shape: tuple[int | None, ...]) -> np.ndarray:
    if not _has(file, name):
        raise FormatError(f"{name}: must be an array of the archive, got none")
    entry = file.getinfo(f"{name}.npy")
    if entry.file_size > _SMALL:
        raise FormatError(f"{name}: must be at most {_SMALL} bytes, got {entry.file_size}")
    with file.open(entry) as stream:
        found, kind, _ = _head(stream, name)
        if kind.kind not in kinds:
            raise FormatError(f"{name}: must be an array of kind {' or '.join(kinds)}, got {kind}")
        if len(found) != len(shape) or any(want not in (None, got) for want, got in zip(shape, found, strict=True)):
            raise FormatError(f"{name}: must have the shape {shape}, got {found}")
        total = int(np.prod(found, dtype=np.float64)) * kind.itemsize
        if total > _SMALL:
            raise FormatError(f"{name}: must be at most {_SMALL} bytes, got {total}")
        data = stream.read(total)
    if len(data) != total:
        raise FormatError(f"{name}: must be whole, got {len(data)} of {total} bytes")
    return np.frombuffer(data, kind).reshape(found)


def _head(stream: Any, name: str) -> tuple[tuple[int, ...], np.dtype, bool]:
    try:
        version = npy.read_magic(stream)
        reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, kind = reader(stream)
    except Exception as error:  # a header is Python text, and may be anything
        raise FormatError(f"{name}: must be an array of NumPy's, got: {' '.join(str(error).split())[:100]}") from None
    if any(side < 0 for side in shape):
        raise FormatError(f"{name}: must have the shape of an array, got {shape}")
    return shape, kind, fortran


def _masks(file: zipfile.ZipFile, size: tuple[int, int], count: int) -> Iterator[Rle]:
    height, width = size
    if not _has(file, "masks"):
        raise FormatError("masks: must be an array of the archive, got none")
    with file.open("masks.npy") as stream:
        shape, kind, fortran = _head(stream, "masks")
        packed = kind == np.uint8 and shape == (count, height, -(-width // 8)) and (width > 1 or kind != np.bool_)
        whole = kind == np.bool_ and shape == (count, height, width)
        if fortran or not (packed or whole):
            want = f"uint8 {(count, height, -(-width // 8))} or bool {(count, height, width)}"
            raise FormatError(f"masks: must be {want}, got {kind} {shape}")
        each = height * (width if whole else -(-width // 8))
        if each * count > _MOST:
            raise FormatError(f"masks: must be at most {_MOST} bytes, got {each * count}")
        for index in range(count):
            data = stream.read(each)
            if len(data) != each:
                raise FormatError(f"masks[{index}]: must be whole, got {len(data)} of {each} bytes")
            values = np.frombuffer(data, np.uint8).reshape(height, -1)
            yield Rle.encode((values != 0) if whole else np.unpackbits(values, axis=1, count=width).view(np.bool_))


def is_npz(source: Source) -> bool:
    """Whether a file ends as NumPy's archives do."""
    return not source.is_tree and source.path.suffix.lower() == ".npz"


FORMAT = Format(
    "npz",
    "NumPy arrays (npz)",
    (".npz",),
    "application/x-npz",
    Keeps(apart=True, ids=True, holes=True, islands=True, overlap=True, labels=True, scores=True, prompts=True),
    encoder=encode,
    reader=read,
    sniff=is_npz,
    version="NPY 1.0",
)
