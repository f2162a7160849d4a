"""What a predictor is, whatever network stands behind it: an `Embedding` a picture and masks for prompts on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from samui.models.choice import Choice
from samui.models.traits import Traits
from samui.pixels.geometry import Frame
from samui.types import Prediction, Prompt

if TYPE_CHECKING:
    import PIL.Image


@dataclass(frozen=True, eq=False)
class Embedding:
    """What the image encoder gives for one image: a value that holds neither the image nor the model.

    tensors: by name, as many as the family needs; of the network's own type, in main memory whatever the device, so
    that a cache of embeddings never fills a GPU. frame: how the image lies in the model's square. model: key of the
    predictor that made it; no other takes it.
    """

    tensors: Mapping[str, Any]
    frame: Frame
    model: str

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the image."""
        return self.frame.image

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors."""
        return sum(tensor.nbytes for tensor in self.tensors.values())


class Predictor(Protocol):
    """A loaded model. It holds no image, and calls from many threads give what serial ones give, bit for bit."""

    name: str  # as asked for: a hub id, a folder, "bundled"
    source: str  # the folder that the weights were read from
    revision: str  # the hub's commit, or a hash of the folder's content
    title: str  # for people
    device: str  # of the image encoder
    dtype: str  # "float32", "bfloat16", "float16", or "bfloat16 encoder, float32 decoder", which dtype="auto" may give
    low_res_size: tuple[int, int]  # (h, w) of `Prediction.logits` and `Prompt.mask_logits`
    key: str  # name, revision and the encoder's dtype: embeddings of equal keys are interchangeable
    why: str  # one sentence on how this model was chosen
    points_per_pass: int  # how many points `predict_points` decodes at the best pace
    traits: Traits  # what the model is like
    choice: Choice  # how its candidates from several views are compared

    def embed(self, image: np.ndarray | PIL.Image.Image) -> Embedding:
        """The embedding of an RGB uint8 (H, W, 3) array or a PIL image; runs the encoder.

        Raises ImageError for another type or shape, ModelError if the device has no memory for it.
        """

    def predict(self, embedding: Embedding, prompt: Prompt, *, multimask: bool = True) -> Prediction:
        """Candidates for one prompt, in the model's own order: three, or with multimask=False its single one.

        Runs the decoder only. Raises PromptError for an empty prompt, one outside the image or logits of wrong shape.
        """

    def predict_many(
        self, embedding: Embedding, prompts: Sequence[Prompt], *, multimask: bool = True
    ) -> list[Prediction]:
        """`predict` for several objects in as few decoder passes as their structure allows; in their order.

        Each owns its arrays: keeping one does not keep the others in memory.
        """

    def predict_points(self, embedding: Embedding, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Candidates for each of several include points, (n, 2) in image pixels, each by itself, in one decoder pass.

        float32 logits (n, 3, h, w) and scores (n, 3), as n calls of `predict` give them up to rounding.
        """

    def pack(self, embedding: Embedding, *, half: bool = True) -> dict[str, np.ndarray]:
        """The embedding as plain arrays, for a file; float16 if `half` and if no value overflows it, else float32."""

    def unpack(self, arrays: Mapping[str, np.ndarray]) -> Embedding:
        """The embedding that `pack` turned into arrays; ValueError if they are not of this model's shape."""
