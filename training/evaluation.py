"""Mean IoU on held-out photos, by simulated prompts, at the photos' own size: for choosing between checkpoints.

One click at the innermost pixel of the object, answered by the best of three masks by predicted score; a tight
box and one with sides moved by up to 10 %, likewise; then corrective clicks, each at the innermost error of the
mask so far, with the earlier logits fed back.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from training.network import Segmenter
from training.photos import PhotoStore
from training.prompts import box_round, click_centre, corrective_clicks, jitter_box
from training.scenes import PADDING
from training.step import normalise


@dataclass(frozen=True)
class Case:
    """One object of one photo: the image fitted to the model, and the masks that count as right, at photo size."""

    image: np.ndarray
    fitted: tuple[int, int]
    masks: tuple[np.ndarray, ...]


def object_cases(store: PhotoStore, *, count: int, size: int) -> list[Case]:
    """The first `count` photos by name, each with its one mask."""
    numbers = np.argsort(store.names())[:count]
    photos = [store[int(number)] for number in numbers]
    return [Case(*fit_image(photo.image, size), (photo.maps[0] > 0,)) for photo in photos]


def region_cases(store: PhotoStore, *, count: int, size: int, least: float = 0.01) -> list[Case]:
    """Regions of the first `count` photos: for each, one region drawn from the first annotator, by fixed seed.

    The masks that count as right are the regions of all annotators that hold its innermost pixel.
    """
    cases = []
    for number in np.argsort(store.names())[:count]:
        photo = store[int(number)]
        generator = np.random.default_rng(int(photo.name))
        for _ in range(3):
            drawn = photo.maps[0]
            areas = np.bincount(drawn.ravel())
            usable = np.flatnonzero((areas > least * drawn.size) & (areas < 0.8 * drawn.size))
            if not len(usable):
                break
            first = drawn == usable[generator.integers(len(usable))]
            x, y = (int(each) for each in click_centre(first))
            masks = (first, *(other == other[y, x] for other in photo.maps[1:]))
            cases.append(Case(*fit_image(photo.image, size), masks))
    return cases


def fit_image(image: np.ndarray, size: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Longest side to `size`, padded right and bottom, as SAM does; also width and height before padding."""
    scale = size / max(image.shape[:2])
    shape = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    padded = np.empty((size, size, 3), np.uint8)
    padded[:] = PADDING
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    padded[: shape[1], : shape[0]] = cv2.resize(image, shape, interpolation=method)
    return padded, shape


class Sitting:
    """One photo in front of one network: prompts in photo pixels go in, masks at photo size come out."""

    def __init__(self, network: Segmenter, case: Case, embedding: torch.Tensor):
        self.network, self.case, self.embedding = network, case, embedding
        height, width = case.masks[0].shape
        self.scale = np.array([case.fitted[0] / width, case.fitted[1] / height], np.float32)

    def answer(
        self,
        points: np.ndarray | None,
        labels: np.ndarray | None,
        *,
        box: np.ndarray | None = None,
        logits: torch.Tensor | None = None,
        several: bool = True,
    ) -> tuple[np.ndarray, torch.Tensor]:
        """The mask of best predicted score (`several`) or mask 0, and its logits."""
        device = self.embedding.device
        if points is not None:
            points = torch.from_numpy(points.astype(np.float32) * self.scale)[None].to(device)
            labels = torch.from_numpy(labels)[None].to(device)
        if box is not None:
            box = torch.from_numpy(box * np.tile(self.scale, 2))[None].to(device)
        tokens, dense = self.network.embed_prompts(points, labels, box, logits)
        masks, scores = self.network.decode(self.embedding, tokens, dense)
        best = 1 + int(scores[0, 1:].argmax()) if several else 0
        return self.enlarge(masks[0, best]), masks[:, best]

    def enlarge(self, logits: torch.Tensor) -> np.ndarray:
        """Logits to a mask at photo size, through the padded frame."""
        size = len(self.case.image)
        frame = cv2.resize(logits.cpu().numpy(), (size, size), interpolation=cv2.INTER_LINEAR)
        height, width = self.case.masks[0].shape
        inside = frame[: self.case.fitted[1], : self.case.fitted[0]]
        return cv2.resize(inside, (width, height), interpolation=cv2.INTER_LINEAR) > 0

    def iou(self, mask: np.ndarray) -> float:
        """IoU with the right mask that fits best."""
        return max(np.count_nonzero(mask & each) / max(1, np.count_nonzero(mask | each)) for each in self.case.masks)


@torch.no_grad()
def measure(network: Segmenter, cases: list[Case], *, clicks: int = 5, batch: int = 20) -> dict[str, float]:
    """Mean IoU: `click1`, `click3`, `click5`, `box`, `jittered`, and `box0` (mask 0 for the tight box)."""
    found: dict[str, list[float]] = {}
    device = next(network.parameters()).device
    for start in range(0, len(cases), batch):
        part = cases[start : start + batch]
        embeddings = network.encode(normalise(torch.from_numpy(np.stack([case.image for case in part])).to(device)))
        for case, embedding in zip(part, embeddings, strict=True):
            sitting = Sitting(network, case, embedding[None])
            for name, value in sit(sitting, clicks).items():
                found.setdefault(name, []).append(value)
    return {name: round(float(np.mean(values)), 4) for name, values in found.items()}


def sit(sitting: Sitting, clicks: int) -> dict[str, float]:
    """All prompts on one object."""
    target = sitting.case.masks[0]
    generator = np.random.default_rng(int(np.count_nonzero(target)))
    box = box_round(target)
    jittered = jitter_box(generator, box, part=0.1, size=max(target.shape))
    found = {
        "box": sitting.iou(sitting.answer(None, None, box=box)[0]),
        "box0": sitting.iou(sitting.answer(None, None, box=box, several=False)[0]),
        "jittered": sitting.iou(sitting.answer(None, None, box=jittered)[0]),
    }
    filled = np.zeros_like(target)
    filled[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])] = True
    found["filled"] = sitting.iou(filled)
    points, labels = np.array([click_centre(target)], np.float32), np.ones(1, np.int64)
    logits = None
    for count in range(1, clicks + 1):
        mask, logits = sitting.answer(points, labels, logits=logits)
        if count in (1, 3, 5):
            found[f"click{count}"] = sitting.iou(mask)
        more, kinds = corrective_clicks(None, predicted=mask, target=target, count=1)
        points, labels = np.concatenate([points, more]), np.concatenate([labels, kinds])
    return found
