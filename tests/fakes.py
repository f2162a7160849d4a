"""Stand-ins: a predictor without a network, which counts its calls, and a page without a browser."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import numpy as np
import PIL.Image

from samui.models.choice import Choice
from samui.models.predictor import Embedding, Predictor
from samui.models.traits import Traits
from samui.pixels.geometry import Frame
from samui.types import Prediction, Prompt

LOW = 256  # side of the fake low-resolution frame
_CENTRES = (np.arange(LOW, dtype=np.float32) + 0.5) / LOW  # of its pixels, 0 to 1


def FakeEmbedding(size: tuple[int, int], nbytes: int = 1000) -> Embedding:  # noqa: N802 (stands for a class)
    """Stands for an image encoder's output; size is (H, W) of the image."""
    return Embedding({"embedding": np.zeros(nbytes, np.uint8)}, Frame.fit(*size, longest=LOW), FakePredictor.key)


class FakePredictor:
    """Predicts three nested discs of radius 10, 20 and 30 % of the short side; scores .6, .9, .7."""

    name = "fake"
    source = "nowhere"
    title = "Fake"
    why = "The fake, as asked."
    revision = "0"
    device = "cpu"
    dtype = "float32"
    key = "fake@0/float32"
    low_res_size = (LOW, LOW)
    points_per_pass = 8
    traits = Traits(points_per_side=16)
    choice = Choice()

    def __init__(self) -> None:
        self.embed_calls = 0
        self.predict_calls = 0
        self.prompts: list[Prompt] = []
        self._lock = threading.Lock()

    def embed(self, image: np.ndarray | PIL.Image.Image) -> Embedding:
        with self._lock:
            self.embed_calls += 1
        height, width = np.asarray(image).shape[:2]
        return FakeEmbedding((height, width))

    def predict(self, embedding: Embedding, prompt: Prompt, *, multimask: bool = True) -> Prediction:
        with self._lock:
            self.predict_calls += 1
            self.prompts.append(prompt)
        height, width = embedding.size
        logits = np.stack([self._logits(prompt, height, width, share) for share in (0.1, 0.2, 0.3)])
        scores = np.array([0.6, 0.9, 0.7], np.float32)
        if not multimask:
            logits, scores = logits[1:2], scores[1:2]
        frame = embedding.frame
        return Prediction(logits, scores, embedding.size, frame.mask, frame.runs, covered=frame.covered)

    def predict_many(
        self, embedding: Embedding, prompts: Sequence[Prompt], *, multimask: bool = True
    ) -> list[Prediction]:
        return [self.predict(embedding, prompt, multimask=multimask) for prompt in prompts]

    def predict_points(self, embedding: Embedding, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = [self.predict(embedding, Prompt([(point[0], point[1])], [1])) for point in points]
        return np.stack([one.logits for one in found]), np.stack([one.scores for one in found])

    def pack(self, embedding: Embedding, *, half: bool = True) -> dict[str, np.ndarray]:
        return {"image_size": np.array(embedding.size), "half": np.array([half])}

    def unpack(self, arrays: Mapping[str, np.ndarray]) -> Embedding:
        if arrays["image_size"].shape != (2,):
            raise ValueError(f"image_size: must be two numbers, got {arrays['image_size']}")
        height, width = (int(n) for n in arrays["image_size"])
        return FakeEmbedding((height, width))

    def _logits(self, prompt: Prompt, height: int, width: int, share: float) -> np.ndarray:
        # As with SAM, the frame is a square with the image at its top left.
        xs = _CENTRES * max(height, width)
        ys = xs[:, None]
        field = np.full((LOW, LOW), -10.0, np.float32)
        if prompt.box is not None:
            x0, y0, x1, y1 = prompt.box
            field = np.where((xs >= x0) & (xs < x1) & (ys >= y0) & (ys < y1), 10.0, field)
        radius = share * min(height, width)
        for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
            near = (xs - x) ** 2 + (ys - y) ** 2 < radius**2
            field = np.where(near, 10.0 if label else -10.0, field)
        return field.astype(np.float32)


class NearSighted(FakePredictor):
    """Finds the area of one colour under the first point or in the box's middle, if its view shows it large enough.

    A smaller one than a hundredth of the view it takes for all that it sees, and is not sure. Earlier logits stay: an
    include point adds its area, and an exclude point takes its own away.
    """

    LEAST = 0.01

    def embed(self, image: np.ndarray | PIL.Image.Image) -> Embedding:
        with self._lock:
            self.embed_calls += 1
        pixels = np.asarray(image)
        return Embedding({"pixels": pixels}, Frame.fit(*pixels.shape[:2], longest=LOW), self.key)

    def predict(self, embedding: Embedding, prompt: Prompt, *, multimask: bool = True) -> Prediction:
        with self._lock:
            self.predict_calls += 1
            self.prompts.append(prompt)
        seen = self._seen(embedding)
        points = list(zip(prompt.points, prompt.labels, strict=True))
        if prompt.box is not None and prompt.mask_logits is None:
            x0, y0, x1, y1 = prompt.box
            points = [(((x0 + x1) / 2, (y0 + y1) / 2), 1), *points]
        mask = np.zeros((LOW, LOW), np.bool_) if prompt.mask_logits is None else prompt.mask_logits > 0
        share = 1.0
        for point, label in points:
            area = self._area(seen, embedding, point)
            share = float(area.sum() / (seen >= 0).sum())  # of the newest
            mask = mask | area if label else mask & ~area
        is_small = share < self.LEAST
        masks = [seen >= 0 if is_small else mask, seen >= 0, seen >= 0]
        scores = np.array([0.5 if is_small else 0.9, 0.3, 0.2], np.float32)
        logits = np.stack([np.where(one, 10.0, -10.0).astype(np.float32) for one in masks])
        frame = embedding.frame
        return Prediction(logits, scores, embedding.size, frame.mask, frame.runs, covered=frame.covered)

    def _seen(self, embedding: Embedding) -> np.ndarray:
        """int (LOW, LOW): the colour of each pixel of the frame, -1 beyond the image."""
        pixels = embedding.tensors["pixels"].astype(np.int64) @ (65536, 256, 1)
        rows, columns = embedding.frame.crop
        ys = np.arange(rows) * pixels.shape[0] // rows
        xs = np.arange(columns) * pixels.shape[1] // columns
        seen = np.full((LOW, LOW), -1)
        seen[:rows, :columns] = pixels[ys[:, None], xs]
        return seen

    def _area(self, seen: np.ndarray, embedding: Embedding, point: tuple[float, float]) -> np.ndarray:
        rows, columns = embedding.frame.crop
        height, width = embedding.size
        x, y = int(point[0] * columns / width), int(point[1] * rows / height)
        return seen == seen[min(y, rows - 1), min(x, columns - 1)]


def _conforms() -> Predictor:
    """For a type checker, which sees here whether the fake has every member of the contract as it stands there."""
    return FakePredictor()


class Page:
    """What a browser does, without one."""

    def __init__(self, service, token=None):
        self.service = service
        told = service.begin({"token": token})
        self.token, self.rev, self.serial, self.first = told["token"], 0, 0, told
        self.epoch = told["epoch"]

    def open(self, file, name="photo.png"):
        events = list(self.service.open(self.token, file, name))
        self.epoch = events[-1]["epoch"]
        return events

    def act(self, action, **fields):
        self.rev += 1
        request = {"token": self.token, "epoch": self.epoch, "rev": self.rev, "seen": self.serial}
        told = self.service.act({**request, "action": action, **fields})
        self.serial = told.get("serial", self.serial)
        return told

    def click(self, *points):
        return self.act("prompt", points=[list(p) for p in points])
