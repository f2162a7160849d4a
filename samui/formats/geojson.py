"""`geojson`: GeoJSON as QuPath reads it, a file an image: polygons in pixels, along pixel corners, y downwards.

Each part of an object is a polygon with its holes. An object's label is its `classification`, its score a measurement,
and `samui` among the properties holds id, colour, model, score and prompt. GeoJSON says nothing of an image: `samui` at
the top holds its name and size, which QuPath passes over; files of others need the image.

Format: RFC 7946, and QuPath 0.5's properties
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from samui.errors import FormatError, MaskError
from samui.formats import checks, extras
from samui.formats.annotation import Annotation, SavedObject
from samui.formats.format import Format, Keeps
from samui.formats.source import Source
from samui.names import escape, unescape
from samui.pixels.polygons import fill, with_holes
from samui.pixels.rle import Rle


def encode(annotation: Annotation) -> bytes:
    """The FeatureCollection, in ASCII."""
    height, width = annotation.size
    whole = {
        "type": "FeatureCollection",
        extras.KEY: escape({"image": annotation.image, "width": width, "height": height}),
        "features": [_feature(one, annotation.image) for one in annotation.objects],
    }
    return json.dumps(whole, allow_nan=False).encode("ascii")


def _feature(one: SavedObject, image: str) -> dict[str, Any]:
    parts = [[_closed(ring) for ring in part] for part in with_holes(one.rle)]
    kind = "Polygon" if len(parts) == 1 else "MultiPolygon"
    label = escape({"name": extras.name_of(one.label)})
    score = extras.score_of(one)
    properties: dict[str, Any] = {
        "objectType": "annotation",
        "classification": {**label, "color": list(one.rgb)},
        "isLocked": False,
        **({} if score is None else {"measurements": {"score": score}}),
        extras.KEY: extras.describe(one),
    }
    return {
        "type": "Feature",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"samui:{image!a}:{one.id}")),  # equal input, equal bytes
        "geometry": {"type": kind, "coordinates": parts[0] if len(parts) == 1 else parts},
        "properties": properties,
    }


def _closed(ring: np.ndarray) -> list[list[int]]:
    corners = ring.tolist()
    return [*corners, corners[0]]


def read(source: Source) -> Iterator[Annotation]:
    """The one image, under the name that the file says, or else its own. Raises FormatError, also without a size."""
    whole = source.document()
    own: Mapping[str, Any] = {}
    if isinstance(whole, Mapping):
        own = unescape(checks.mapping(whole.get(extras.KEY) or {}, extras.KEY))
        whole = whole.get("features") if whole.get("type") == "FeatureCollection" else [whole]
    features = checks.items(whole, "features")
    image = checks.text(own.get("image", source.path.stem), f"{extras.KEY}.image")
    size = checks.size(own["height"], own.get("width"), extras.KEY) if "height" in own else source.size(image)
    objects: list[SavedObject] = []
    passed = 0
    for index, item in enumerate(features):
        where = f"features[{index}]"
        feature = checks.mapping(item, where)
        geometry = checks.mapping(feature.get("geometry"), f"{where}.geometry")
        kind = geometry.get("type")
        if kind not in ("Polygon", "MultiPolygon"):
            passed += 1
            continue
        at = f"{where}.geometry.coordinates"
        parts = checks.items(geometry.get("coordinates"), at)
        rle = _mask([parts] if kind == "Polygon" else parts, size, at)
        properties = checks.mapping(feature.get("properties") or {}, f"{where}.properties")
        objects.append(_object(properties, f"{where}.properties", rle, len(objects)))
    if passed:
        source.tell(f"{image}: passed over {passed} features without an area")
    yield Annotation(image, size, extras.own_ids(objects, "features"))


def _object(properties: Mapping[str, Any], where: str, rle: Rle, index: int) -> SavedObject:
    given = properties.get("classification") or {}
    named = unescape(checks.mapping(given, f"{where}.classification"))
    label = checks.text(named.get("name") or properties.get("name") or "", f"{where}.classification.name")
    measured = properties.get("measurements")
    score = measured.get("score") if isinstance(measured, Mapping) else None
    entry = dict(properties)
    colour = named.get("color")
    if extras.KEY not in entry and isinstance(colour, list) and len(colour) == 3:
        shades = [checks.whole(one, f"{where}.classification.color") & 255 for one in colour]
        entry[extras.KEY] = {"colour": "#{:02x}{:02x}{:02x}".format(*shades)}
    return extras.restore(entry, where, label, rle, index, score=score)


def _mask(parts: list[Any], size: tuple[int, int], where: str) -> Rle:
    polygons = []
    for index, part in enumerate(parts):
        at = f"{where}[{index}]"
        rings = []
        for number, ring in enumerate(checks.items(part, at)):
            place = f"{at}[{number}]"
            corners = []
            for pair in checks.items(ring, place):
                found = checks.items(pair, place)
                if len(found) not in (2, 3):
                    raise FormatError(f"{place}: must be x, y of each corner, got {checks.short(pair)}")
                corners.append((checks.number(found[0], place), checks.number(found[1], place)))
            if len(corners) < 4:
                raise FormatError(
                    f"{place}: must be four corners or more, the first one again at the end, got {len(corners)}"
                )
            rings.append(np.array(corners[:-1] if corners[0] == corners[-1] else corners))
        polygons.append(rings)
    try:
        return fill(size, polygons)
    except MaskError as error:
        raise FormatError(f"{where}: {error}") from None


def is_geojson(source: Source) -> bool:
    """Whether a file is a FeatureCollection."""
    if source.is_tree or source.path.suffix.lower() not in (".geojson", ".json"):
        return False
    whole = source.document()
    first = whole[0] if isinstance(whole, list) and whole else whole
    return isinstance(first, Mapping) and first.get("type") in ("FeatureCollection", "Feature")


FORMAT = Format(
    "geojson",
    "GeoJSON for QuPath",
    (".geojson",),
    "application/geo+json",
    Keeps(apart=True, ids=True, holes=True, islands=True, overlap=True, labels=True, scores=True, prompts=True),
    encoder=encode,
    reader=read,
    sniff=is_geojson,
    version="RFC 7946, QuPath 0.5",
)
