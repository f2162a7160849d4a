"""One training sample: a photo, a composite or shapes; cropped, mirrored, recoloured; with masks to prompt for."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from training.config import Mix
from training.photos import MANY, Photo, PhotoStore
from training.shapes import draw_shapes
from training.views import PADDING, make_view

VIEWED = ("bsds", "coco128", *MANY)  # sets with many masks a photo
SMALLEST = 0.004


@dataclass(frozen=True)
class Scene:
    """RGB uint8 `(S, S, 3)`, padded at the right and bottom; `masks` 0/255 `(S, S)` to prompt for, at least one.

    `main` is the mask of the main object(s) where the data says what that is, else None. `boxes_only` asks for no
    clicks: where a mask is but a part of one colour, a click there means the whole thing more often. `outside` are the
    pixels of each mask beyond the picture, `others` are right answers besides, `ignored` is 255 where nothing is known.
    """

    image: np.ndarray
    masks: tuple[np.ndarray, ...]
    main: np.ndarray | None
    boxes_only: bool = False
    outside: tuple[float, ...] = ()
    others: tuple[np.ndarray, ...] = ()
    ignored: np.ndarray | None = None


def make_scene(generator: np.random.Generator, *, stores: dict[str, PhotoStore], mix: Mix, size: int) -> Scene:
    """Draw a sample from the mix. Tries again where a crop holds no usable mask."""
    weights = {name: weight for name, weight in mix.shares().items() if weight > 0 and is_possible(name, stores)}
    shares = np.array(list(weights.values()))
    for _ in range(8):
        source = list(weights)[generator.choice(len(shares), p=shares / shares.sum())]
        if source == "shapes":
            break
        if source in VIEWED:
            view = make_view(generator, photo=pick(generator, stores[source]), source=source, size=size)
            if view is not None:
                return recolour(generator, Scene(main=None, **vars(view)))
            continue
        if source == "patch":
            image = pick(generator, stores["duts"]).image
            layers, main = grow_patches(generator, image), None
        elif source == "composite":
            image, layers, main = compose(generator, stores=stores)
        else:
            photo = pick(generator, stores[source])
            image, layers, main = photo.image, choose_masks(generator, photo), photo.maps[0]
        scene = cut(generator, image=image, layers=layers, main=main, size=size, closest=0.4)
        if scene is not None:
            return replace(recolour(generator, scene), boxes_only=source == "patch")
    image, masks = draw_shapes(generator, size=size)
    return Scene(image, tuple(masks), None)


def is_possible(source: str, stores: dict[str, PhotoStore]) -> bool:
    """Whether the photos for a source are there; shapes need none."""
    needed = {"composite": "duts", "patch": "duts", "shapes": None}.get(source, source)
    return needed is None or len(stores.get(needed, ())) > 0


def pick(generator: np.random.Generator, store: PhotoStore) -> Photo:
    return store[int(generator.integers(len(store)))]


def choose_masks(generator: np.random.Generator, photo: Photo) -> list[np.ndarray]:
    """Masks of a photo of one object that a person might mean: the object, now and then one of its parts."""
    masks = list(photo.maps[:1])
    if masks and generator.random() < 0.35:
        count, labels, facts, _ = cv2.connectedComponentsWithStats(masks[0], connectivity=8)
        parts = [k for k in range(1, count) if facts[k, cv2.CC_STAT_AREA] > 0.1 * np.count_nonzero(masks[0])]
        if len(parts) > 1:
            masks += [np.where(labels == k, np.uint8(255), np.uint8(0)) for k in parts]
    return masks


def grow_patches(generator: np.random.Generator, image: np.ndarray) -> list[np.ndarray]:
    """Connected parts of one colour, of a photo HxWx3, as 0/255 masks: edges to follow that no annotator drew."""
    height, width = image.shape[:2]
    small = cv2.resize(image, (96, round(96 * height / width)), interpolation=cv2.INTER_AREA)
    smooth = cv2.bilateralFilter(cv2.medianBlur(small, 5), 7, 40, 5)
    patches = []
    for _ in range(12):
        at = (int(generator.integers(smooth.shape[1])), int(generator.integers(smooth.shape[0])))
        filled = np.zeros((smooth.shape[0] + 2, smooth.shape[1] + 2), np.uint8)
        reach = (generator.uniform(8, 40),) * 3
        cv2.floodFill(
            smooth, filled, at, 0, reach, reach, 4 | (255 << 8) | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE
        )
        mask = cv2.medianBlur(filled[1:-1, 1:-1], 5)
        _, _, wide, high = cv2.boundingRect(mask)
        # Nobody would draw a box round thin, ragged leaks.
        if np.count_nonzero(mask) > max(0.01 * mask.size, 0.4 * wide * high) and wide * high < 0.7 * mask.size:
            mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
            patches.append(np.where(mask > 127, np.uint8(255), np.uint8(0)))
        if len(patches) == 3:
            break
    return patches


def compose(
    generator: np.random.Generator, *, stores: dict[str, PhotoStore]
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Paste one or two cut-out objects into another photo: the image, each object's visible mask, all together."""
    bare = stores.get("unlabelled")
    ground = pick(generator, bare if bare is not None and generator.random() < 0.3 else stores["duts"])
    image = ground.image.copy()
    height, width = image.shape[:2]
    masks = [ground.maps[0].copy()] if ground.maps else []
    for _ in range(int(generator.integers(1, 3))):
        donor = pick(generator, stores["duts"])
        x, y, w, h = cv2.boundingRect(donor.maps[0])
        if w < 12 or h < 12:
            continue
        scale = generator.uniform(0.2, 0.75) * min(width / w, height / h)
        shape = (max(8, round(w * scale)), max(8, round(h * scale)))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        cut_out = cv2.resize(donor.image[y : y + h, x : x + w], shape, interpolation=method)
        # Half a pixel of blur on the edge, so that a hard seam is not what gives the object away.
        soft = cv2.resize(
            cv2.GaussianBlur(donor.maps[0][y : y + h, x : x + w], (0, 0), 0.8), shape, interpolation=method
        )
        if generator.random() < 0.5:
            cut_out, soft = cut_out[:, ::-1], soft[:, ::-1]
        left, top = int(generator.integers(0, width - shape[0] + 1)), int(generator.integers(0, height - shape[1] + 1))
        place = np.s_[top : top + shape[1], left : left + shape[0]]
        alpha = soft[..., None].astype(np.float32) / 255
        image[place] = (alpha * cut_out + (1 - alpha) * image[place]).astype(np.uint8)
        mask = np.zeros((height, width), np.uint8)
        mask[place] = np.where(soft > 127, 255, 0)
        masks = [np.where(mask > 0, np.uint8(0), earlier) for earlier in masks] + [mask]
    together = np.zeros((height, width), np.uint8)
    for mask in masks:
        together |= mask
    return image, masks, together


def cut(
    generator: np.random.Generator,
    *,
    image: np.ndarray,
    layers: list[np.ndarray],
    main: np.ndarray | None,
    size: int,
    closest: float,
) -> Scene | None:
    """Crop, flip and fit into `size` pixels; None where the crop leaves no mask worth a prompt.

    A fourth of the samples keep the whole photo, which is what the model meets later; the others keep `closest` to
    all of its area, nearly square, with the sides stretched by up to 15 %.
    """
    height, width = image.shape[:2]
    x0, y0, x1, y1 = 0, 0, width, height
    if generator.random() < 0.75:
        part = generator.uniform(closest, 1) ** 0.5
        longer = generator.uniform(0.87, 1.15)
        w, h = min(width, round(width * part * longer)), min(height, round(height * part / longer))
        # Not much longer than wide: every token of padding is a token that learns nothing.
        w, h = min(w, round(1.3 * h)), min(h, round(1.3 * w))
        if layers and generator.random() < 0.7:
            # Round a point of one of the objects, so that a close crop seldom misses all of them.
            rows, columns = np.nonzero(layers[int(generator.integers(len(layers)))][::4, ::4])
            at = int(generator.integers(len(rows))) if len(rows) else 0
            x, y = (4 * columns[at], 4 * rows[at]) if len(rows) else (width // 2, height // 2)
            x0 = int(np.clip(x - generator.uniform(0.2, 0.8) * w, 0, width - w))
            y0 = int(np.clip(y - generator.uniform(0.2, 0.8) * h, 0, height - h))
        else:
            x0, y0 = int(generator.integers(0, width - w + 1)), int(generator.integers(0, height - h + 1))
        x1, y1 = x0 + w, y0 + h
    stretch = generator.uniform(0.87, 1.15)
    w, h = (x1 - x0) * stretch, (y1 - y0)
    scale = size / max(w, h)
    shape = (min(size, max(8, round(w * scale))), min(size, max(8, round(h * scale))))
    flip = generator.random() < 0.5
    smallest = max(12, SMALLEST * shape[0] * shape[1])

    def fit(picture: np.ndarray, method: int) -> np.ndarray:
        fitted = cv2.resize(picture[y0:y1, x0:x1], shape, interpolation=method)
        return fitted[:, ::-1] if flip else fitted

    def fit_mask(mask: np.ndarray) -> np.ndarray:
        padded = np.zeros((size, size), np.uint8)
        padded[: shape[1], : shape[0]] = np.where(fit(mask, cv2.INTER_AREA) > 127, 255, 0)
        return padded

    masks = [fit_mask(layer) for layer in layers]
    masks = [mask for mask in masks if smallest <= np.count_nonzero(mask) <= 0.9 * shape[0] * shape[1]]
    if not masks:
        return None
    padded = np.empty((size, size, 3), np.uint8)
    padded[:] = PADDING
    padded[: shape[1], : shape[0]] = fit(image, cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return Scene(padded, tuple(masks), None if main is None else fit_mask(main))


def recolour(generator: np.random.Generator, scene: Scene) -> Scene:
    """Change contrast, brightness, saturation and tint by one colour matrix; blur now and then."""
    image = scene.image
    if generator.random() < 0.8:
        saturation = 0.0 if generator.random() < 0.05 else generator.uniform(0.6, 1.4)
        grey = np.full((3, 3), 1 / 3)
        matrix = grey + saturation * (np.eye(3) - grey)
        matrix = np.diag(generator.uniform(0.9, 1.1, 3)) @ matrix * generator.uniform(0.75, 1.3)
        offset = 128 * (1 - matrix.sum(axis=1)) + generator.uniform(-20, 20)
        image = cv2.transform(image, np.column_stack([matrix, offset]).astype(np.float32))
        # The padding keeps its colour: it is no part of the photo.
        empty = np.all(scene.image == PADDING, axis=2)
        image[empty] = PADDING
    if generator.random() < 0.1:
        image = cv2.GaussianBlur(image, (0, 0), generator.uniform(0.4, 1.0))
    return replace(scene, image=image)
