"""What an adapter of a family of networks answers, and nothing else: everything that families share lies outside.

A family is one file beside this one and one line in `samui.models.families`. It says which class of transformers it
loads, how the image lies in the model's square, which tensors the encoder leaves, how coordinates become the prompt
encoder's, and how encoder and decoder are called. Locks, passes, memory, precision of results, files: `TorchPredictor`.

Adapters are read by the model table, so they import torch and transformers inside of their functions alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from samui.models.predictor import Embedding
from samui.models.preprocess import Preprocessing
from samui.models.traits import Traits
from samui.pixels.geometry import Frame

if TYPE_CHECKING:
    import torch

# A module of transformers: for a type checker all that torch.nn.Module holds is "Tensor | Module".
Model = Any
# By the names of transformers' prompt encoders, which all families share: input_points (n, 1, p, 2) in pixels of the
# model's square, input_labels (n, 1, p), input_boxes (n, 1, 4), input_masks (n, 1, h, w); None for what is not given.
PromptTensors = Mapping[str, "torch.Tensor | None"]


class Map(NamedTuple):
    """One tensor of an embedding. channels_last: how it lies in memory, for equal bits and speed after `unpack`."""

    shape: tuple[int, ...]
    channels_last: bool = False


class Decoded(NamedTuple):
    """What a decoder pass gives for n prompts: logits (n, k, h, w), scores (n, k).

    present: a logit (n,) of whether there is an object at all, where the family has one.
    """

    logits: torch.Tensor
    scores: torch.Tensor
    present: torch.Tensor | None = None


class Network(Protocol):
    """One loaded model in its family's way of calling it. It holds no image; `TorchPredictor` sees to threads."""

    low_res_size: tuple[int, int]  # (h, w) of logits, as results and as prompts
    maps: Mapping[str, Map]  # the tensors of an embedding

    def to_model(self, frame: Frame, xy: np.ndarray, *, box: bool) -> np.ndarray:
        """Image pixels (..., 2) to pixels of the model's square, in the precision of the family's own processor.

        box: whether they are corners of a box. float64 or float32.
        """

    def encode(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """The tensors of `maps`, of pixels (1, 3, side, side) on the encoder's device and in its precision."""

    def prepare(self, embedding: Embedding) -> None:
        """Do once what every prompt on this embedding needs, so that the first click takes no longer than the others.

        Called from any thread, while the decoder may run for another embedding.
        """

    def decode(
        self, embedding: Embedding, tensors: Mapping[str, torch.Tensor], prompts: PromptTensors, multimask: bool
    ) -> Decoded:
        """One decoder pass over prompts of one structure, the batch axis counts them.

        tensors: those of the embedding, on the decoder's device and in its precision. multimask: three candidates a
        prompt in the model's order, else its single one.
        """


class Family(Protocol):
    """A kind of network; see the modules beside this one."""

    types: tuple[str, ...]  # values of model_type in config.json
    needs: tuple[str, ...]  # packages that the project itself does not need
    traits: Traits  # of a checkpoint that says nothing about itself

    def model_class(self) -> Model:
        """The class of transformers. Its models have `vision_encoder`, `prompt_encoder` and `mask_decoder`."""

    def preprocessing(self, folder: Path, config: Any) -> Preprocessing:
        """From pixels to what the encoder reads, by the files of a checkpoint. config: the model's. ModelError."""

    def embed_small(self, encoder: Model) -> torch.Tensor:
        """What the encoder makes of a small picture that is the same each time, through all of its layers.

        For `samui.models.precision`, which compares an encoder with itself in another precision.
        """

    def network(self, model: Model) -> Network:
        """What calls a model in eval mode whose parts are on their devices; makes it fast where that is known."""
