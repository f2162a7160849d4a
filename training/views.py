"""One view of a photo with many masks: the whole photo or a crop of it, and every thing in it that can be asked for.

Views are as the application takes them: the sides' ratio of the photo, whole to a sixth of its sides, round a place
that somebody clicked. Most are matched to a thing, so that it fills a fair part of the view; some are not, so that the
network also meets views that are much too wide or too close for what was clicked, and says so by its predicted IoU.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from training.photos import NEITHER, Photo

PADDING = (124, 116, 104)
CLOSEST = 6.0  # of the photo's side to the view's
LEAST, MOST = 0.003, 0.95  # of a view that a thing may fill
SIZES = (0.01, 0.08)  # of the photo: small, medium and large things are asked for as often
MASKS = 8  # things of one view
GROUPED = ("voc", "camvid")  # sets where a click may also mean all things of its class
WHOLE = ("ccp",)  # sets where it may also mean everything that is labelled


@dataclass(frozen=True)
class Thing:
    """A mask of a photo, bool HxW, and the answers that would be right as well for a click on it."""

    mask: np.ndarray
    area: int
    besides: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True)
class View:
    """RGB uint8 `(S, S, 3)`, and `masks` 0/255 `(S, S)`, the sought one first.

    `outside` are the pixels of each mask beyond the view, at its scale; `others` are right answers for a click that
    are not asked for themselves; `ignored` is 255 where nothing is known.
    """

    image: np.ndarray
    masks: tuple[np.ndarray, ...]
    outside: tuple[float, ...]
    others: tuple[np.ndarray, ...]
    ignored: np.ndarray


def make_view(generator: np.random.Generator, *, photo: Photo, source: str, size: int) -> View | None:
    """Draw a thing of the photo, small or large alike, and a view of it; None where nothing can be asked for."""
    things, others = find_things(generator, photo, source)
    if not things:
        return None
    height, width = photo.image.shape[:2]
    sizes: dict[int, list[int]] = {}
    for number, thing in enumerate(things):
        sizes.setdefault(int(np.searchsorted(SIZES, thing.area / (height * width))), []).append(number)
    among = sizes[list(sizes)[generator.integers(len(sizes))]]
    sought = things[among[generator.integers(len(among))]]
    x0, y0, x1, y1 = place_view(generator, sought.mask)
    stretch = generator.uniform(0.9, 1.1)
    scale = size / max((x1 - x0) * stretch, y1 - y0)
    shape = min(size, max(8, round((x1 - x0) * stretch * scale))), min(size, max(8, round((y1 - y0) * scale)))
    flip = generator.random() < 0.5

    def fit(picture: np.ndarray, method: int) -> np.ndarray:
        fitted = cv2.resize(picture[y0:y1, x0:x1], shape, interpolation=method)
        return fitted[:, ::-1] if flip else fitted

    def fit_mask(mask: np.ndarray) -> np.ndarray:
        padded = np.zeros((size, size), np.uint8)
        padded[: shape[1], : shape[0]] = np.where(fit(255 * mask.view(np.uint8), cv2.INTER_AREA) > 127, 255, 0)
        return padded

    view = shape[0] * shape[1]
    rest = [thing for thing in things if thing is not sought]
    chosen = [sought, *(rest[k] for k in generator.permutation(len(rest)))]
    masks, outside = [], []
    for thing in chosen:
        inside = np.count_nonzero(thing.mask[y0:y1, x0:x1])
        if not LEAST <= inside / ((x1 - x0) * (y1 - y0)) <= MOST:
            continue
        mask = fit_mask(thing.mask)
        if mask.any():
            masks.append(mask)
            outside.append((thing.area - inside) / ((x1 - x0) * (y1 - y0)) * view)
        if len(masks) == MASKS:
            break
    if not masks:
        return None
    ignored = np.zeros((size, size), np.uint8)
    if photo.kind == "labels":
        ignored = fit_mask(photo.maps[0] == NEITHER)
    padded = np.empty((size, size, 3), np.uint8)
    padded[:] = PADDING
    padded[: shape[1], : shape[0]] = fit(photo.image, cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    besides = [fit_mask(mask) for mask in (*sought.besides, *others)]
    return View(padded, tuple(masks), tuple(outside), tuple(mask for mask in besides if mask.any()), ignored)


def find_things(generator: np.random.Generator, photo: Photo, source: str) -> tuple[list[Thing], list[np.ndarray]]:
    """The things of a photo of at least half of LEAST of it, and masks that are right besides for clicks on them."""
    least = 0.5 * LEAST * photo.image.shape[0] * photo.image.shape[1]
    if photo.kind == "instances":
        found = [Thing(drawn > 0, np.count_nonzero(drawn)) for drawn in photo.maps]
        return [thing for thing in found if thing.area >= least], []
    if photo.kind == "regions":
        first, *rest = (photo.maps[k] for k in generator.permutation(len(photo.maps)))
        areas = np.bincount(first.ravel())
        things = [Thing(first == value, int(areas[value])) for value in np.flatnonzero(areas >= least)]
        # What other annotators drew where this one drew a region: at its innermost place, for up to eight regions.
        others = []
        for drawn in rest[:2]:
            counts = np.bincount(drawn.ravel())
            usable = np.flatnonzero((counts >= least) & (counts < 0.8 * drawn.size))
            others += [drawn == value for value in generator.permutation(usable)[:6]]
        return things, others
    if photo.kind != "labels":
        mask = photo.maps[0] > 0 if photo.maps else np.zeros(photo.image.shape[:2], bool)
        return ([Thing(mask, np.count_nonzero(mask))] if mask.any() else []), []
    things, others = [], []
    classes: dict[str, list[np.ndarray]] = {}
    for drawn, names in zip(photo.maps, photo.labels, strict=True):
        areas = np.bincount(drawn.ravel(), minlength=256)
        for value in range(1, len(names) + 1):
            if areas[value] >= least:
                mask = drawn == value
                things.append(Thing(mask, int(areas[value])))
                classes.setdefault(names[value - 1], []).append(mask)
        if source in WHOLE:
            others.append((drawn > 0) & (drawn < NEITHER))
    if source in GROUPED:
        others += [np.logical_or.reduce(masks) for masks in classes.values() if len(masks) > 1]
    return things, others


def place_view(generator: np.random.Generator, mask: np.ndarray) -> tuple[int, int, int, int]:
    """Corners of a view round a place of the mask: whole, of a matching scale, or of any."""
    height, width = mask.shape
    _, _, w, h = cv2.boundingRect(mask.view(np.uint8))
    share = (w * h / (width * height)) ** 0.5
    kind = generator.random()
    if kind < 0.3:
        zoom = 1.0
    elif kind < 0.45:
        zoom = CLOSEST ** generator.random()
    else:
        zoom = float(np.clip(generator.uniform(0.2, 0.85) / share, 1, CLOSEST))
    if zoom == 1:
        return 0, 0, width, height
    rows, columns = np.nonzero(mask)
    at = int(generator.integers(len(rows)))
    w, h = min(width, max(24, round(width / zoom))), min(height, max(24, round(height / zoom)))
    x0 = int(np.clip(columns[at] - generator.uniform(0.35, 0.65) * w, 0, width - w))
    y0 = int(np.clip(rows[at] - generator.uniform(0.35, 0.65) * h, 0, height - h))
    return x0, y0, x0 + w, y0 + h
