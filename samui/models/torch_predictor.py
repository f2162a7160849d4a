"""`TorchPredictor`: what all families of networks share, from a PIL image or an array to predictions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import PIL.Image
import torch

from samui.errors import ImageError, ModelError, PromptError
from samui.models.checkpoints import ModelChoice
from samui.models.choice import Choice
from samui.models.families.family import Model, Network, PromptTensors
from samui.models.predictor import Embedding
from samui.models.preprocess import Preprocessing
from samui.models.traits import Traits
from samui.types import Prediction, Prompt

# Prompts a decoder pass. On a CPU larger passes are slower per prompt, since their activations leave the caches.
_PASS_CPU, _PASS_GPU = 8, 64
_SIZE = "image_size"  # (H, W) of the image, among the arrays of a packed embedding
T = TypeVar("T")
Results = tuple[np.ndarray, np.ndarray, "np.ndarray | None"]


class TorchPredictor:
    """A loaded checkpoint; see `samui.models.predictor.Predictor` for what each member promises.

    The encoder and the rest may be on different devices; embeddings pass from one to the other through main memory.

    One call of the encoder and one of the decoder runs at a time, each under its own lock, so that no click waits for
    another image's encoder. Results do not need the locks. Memory does: an encoder call of ViT-B takes gigabytes. And
    each call uses all cores already, so of several that wait, taking turns answers the first ones sooner.
    """

    def __init__(
        self,
        model: Model,
        network: Network,
        preprocessing: Preprocessing,
        choice: ModelChoice,
        traits: Traits,
        compared: Choice | None = None,
    ) -> None:
        """model: in eval mode, its parts on their devices. network: what its family made of it.

        choice: with `folder` and `revision` filled in. compared: how candidates from several views are; None for the
        usual way.
        """
        self.name, self.title, self.why = choice.name, choice.title, choice.why
        self.source, self.revision = str(choice.folder), choice.revision or ""
        self.traits, self.choice = traits, compared or Choice()
        self._model, self._network, self._preprocessing = model, network, preprocessing
        self._encoder_device, self._encoder_dtype = _place(model.vision_encoder)
        self._decoder_device, self._decoder_dtype = _place(model.mask_decoder)
        self.device = str(self._encoder_device)
        encoder, decoder = (str(dtype).removeprefix("torch.") for dtype in (self._encoder_dtype, self._decoder_dtype))
        # They differ with dtype="auto". Embeddings go by the encoder's.
        self.dtype = encoder if encoder == decoder else f"{encoder} encoder, {decoder} decoder"
        self.key = f"{self.name}@{self.revision}/{encoder}"
        self.low_res_size = network.low_res_size
        self.points_per_pass = _PASS_CPU if self._decoder_device.type == "cpu" else _PASS_GPU
        self._encoder_lock, self._decoder_lock = threading.Lock(), threading.Lock()

    def embed(self, image: np.ndarray | PIL.Image.Image) -> Embedding:
        """See `Predictor.embed`. A PIL image is taken as it lies; its EXIF orientation is not applied."""
        array = _as_rgb(image)
        pixels = torch.from_numpy(self._preprocessing(array))[None]
        with self._encoder_lock, torch.inference_mode():
            tensors = self._within_memory("image encoder", lambda: self._encode(pixels))
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
            raise ModelError(
                f"{self.name}: embeddings must be finite, got NaN or infinity in {self.dtype}; use float32"
            )
        embedding = Embedding(tensors, self._preprocessing.frame(*array.shape[:2]), self.key)
        self._network.prepare(embedding)
        return embedding

    def predict(self, embedding: Embedding, prompt: Prompt, *, multimask: bool = True) -> Prediction:
        """See `Predictor.predict`."""
        self._check(embedding, prompt, "prompt")
        return self._decode(embedding, [prompt], multimask)[0]

    def predict_many(
        self, embedding: Embedding, prompts: Sequence[Prompt], *, multimask: bool = True
    ) -> list[Prediction]:
        """See `Predictor.predict_many`.

        Prompts with the same number of points, boxes and masks share passes. Padding them to one length would not do:
        the networks embed padding as zeros, but the other tokens still attend to it, and the masks change.
        """
        groups: dict[tuple[int, bool, bool], list[int]] = {}
        for i, prompt in enumerate(prompts):
            self._check(embedding, prompt, f"prompts[{i}]")
            structure = len(prompt.points), prompt.box is not None, prompt.mask_logits is not None
            groups.setdefault(structure, []).append(i)
        found: dict[int, Prediction] = {}
        for members in groups.values():
            for start in range(0, len(members), self.points_per_pass):
                part = members[start : start + self.points_per_pass]
                found.update(zip(part, self._decode(embedding, [prompts[i] for i in part], multimask), strict=True))
        return [found[i] for i in range(len(prompts))]

    def predict_points(self, embedding: Embedding, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Predictor.predict_points`."""
        self._check_model(embedding)
        clicks = self._network.to_model(embedding.frame, points, box=False)[:, None, None]
        labels = torch.ones(clicks.shape[:3], dtype=torch.int64)
        prompts = {
            "input_points": self._coordinates(clicks),
            "input_labels": labels.to(self._decoder_device),
            "input_boxes": None,
            "input_masks": None,
        }
        logits, scores, _ = self._run(embedding, prompts, multimask=True)
        return logits, scores

    def pack(self, embedding: Embedding, *, half: bool = True) -> dict[str, np.ndarray]:
        """See `Predictor.pack`."""
        arrays = {_SIZE: np.array(embedding.size, np.int64)}
        for name, tensor in embedding.tensors.items():
            values = tensor.float().numpy()
            if half and np.abs(values).max() < np.finfo(np.float16).max:
                values = values.astype(np.float16)
            # safetensors writes memory as it lies: values that are channels last would come back in the wrong order.
            arrays[name] = np.ascontiguousarray(values)
        return arrays

    def unpack(self, arrays: Mapping[str, np.ndarray]) -> Embedding:
        """See `Predictor.unpack`."""
        tensors = {}
        for name, map in self._network.maps.items():
            values = arrays.get(name)
            if values is None or values.shape != map.shape or not np.isfinite(values).all():
                got = None if values is None else values.shape
                raise ValueError(f"{name}: must be finite with shape {map.shape}, got {got}")
            tensor = torch.from_numpy(values.astype(np.float32)).to(self._encoder_dtype)
            tensors[name] = self._settle(name, tensor)
        size = arrays.get(_SIZE)
        if size is None or size.shape != (2,) or size.min() < 1:
            raise ValueError(f"{_SIZE}: must be two positive numbers, got {size}")
        return Embedding(tensors, self._preprocessing.frame(int(size[0]), int(size[1])), self.key)

    def _encode(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        pixels = pixels.to(self._encoder_device, self._encoder_dtype)
        return {name: self._settle(name, tensor) for name, tensor in self._network.encode(pixels).items()}

    def _settle(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor of an embedding in main memory, as its family lays it out."""
        channels_last = self._network.maps[name].channels_last
        layout = torch.channels_last if channels_last else torch.contiguous_format
        return tensor.cpu().contiguous(memory_format=layout)

    def _decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool) -> list[Prediction]:
        """One decoder pass over prompts of one structure."""
        logits, scores, present = self._run(embedding, self._prompt_tensors(embedding, prompts), multimask=multimask)
        frame, found = embedding.frame, []
        for i in range(len(prompts)):
            # A view of the pass's array would keep all of it in memory.
            own = logits[i] if len(prompts) == 1 else logits[i].copy()
            there = None if present is None else float(present[i])
            found.append(Prediction(own, scores[i].copy(), frame.image, frame.mask, frame.runs, there, frame.covered))
        return found

    def _within_memory(self, part: str, run: Callable[[], T]) -> T:
        """What a part of the model gives; where the device's memory is too small, ModelError after a second attempt."""
        try:
            return run()
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()  # memory that torch holds but does not use, in pieces that did not fit
        try:
            return run()
        except torch.OutOfMemoryError as error:
            text = f"must have memory for the {part}, got {error}; device 'cpu' may work"
            raise ModelError(f"device {self.device}: {text}") from None

    def _run(self, embedding: Embedding, prompts: PromptTensors, *, multimask: bool) -> Results:
        """float32 logits (n, k, h, w), scores (n, k) and, from families that have it, presence (n,).

        The batch axis counts prompts, since masks go by that axis.
        """
        with self._decoder_lock, torch.inference_mode():
            logits, scores, present = self._within_memory(
                "mask decoder", lambda: self._pass(embedding, multimask, prompts)
            )
        if not (np.isfinite(logits).all() and np.isfinite(scores).all()):
            # float16 overflows in a decoder; a NaN pixel counts as outside, a NaN score ranks last.
            logits = np.nan_to_num(logits, nan=-1e4, posinf=1e4, neginf=-1e4)
            scores = np.nan_to_num(scores, nan=0.0, posinf=1.0, neginf=0.0)
        return logits, scores, present

    def _pass(self, embedding: Embedding, multimask: bool, prompts: PromptTensors) -> Results:
        tensors = {name: t.to(self._decoder_device, self._decoder_dtype) for name, t in embedding.tensors.items()}
        out = self._network.decode(embedding, tensors, prompts, multimask)
        return _numpy(out.logits), _numpy(out.scores), None if out.present is None else _numpy(out.present)

    def _prompt_tensors(self, embedding: Embedding, prompts: Sequence[Prompt]) -> PromptTensors:
        frame, to_model = embedding.frame, self._network.to_model
        points = labels = boxes = masks = None
        if prompts[0].points:
            points = self._coordinates(
                np.stack([to_model(frame, np.array(p.points, np.float64), box=False)[None] for p in prompts])
            )
            labels = torch.from_numpy(np.stack([np.array(p.labels, np.int64)[None] for p in prompts]))
            labels = labels.to(self._decoder_device)
        if prompts[0].box is not None:
            corners = [np.array(p.box, np.float64).reshape(2, 2) for p in prompts]
            boxes = self._coordinates(np.stack([to_model(frame, c, box=True).reshape(1, 4) for c in corners]))
        if prompts[0].mask_logits is not None:
            given = np.stack([p.mask_logits[None] for p in prompts if p.mask_logits is not None])
            masks = torch.from_numpy(given).to(self._decoder_device, self._decoder_dtype)
        return {"input_points": points, "input_labels": labels, "input_boxes": boxes, "input_masks": masks}

    def _coordinates(self, values: np.ndarray) -> torch.Tensor:
        """In the family's own precision, for equal bits; MPS has no float64 (transformers issue 28334)."""
        tensor = torch.from_numpy(values)
        return tensor.to(self._decoder_device, torch.float32 if self._decoder_device.type == "mps" else tensor.dtype)

    def _check_model(self, embedding: Embedding) -> None:
        if embedding.model != self.key:
            raise PromptError(f"embedding: must be made by {self.key}, got one of {embedding.model}")

    def _check(self, embedding: Embedding, prompt: Prompt, where: str) -> None:
        self._check_model(embedding)
        if prompt.is_empty:
            raise PromptError(f"{where}: must have a point or a box, got neither")
        prompt.check_inside(*embedding.size, where=where)
        if prompt.mask_logits is not None:
            if prompt.mask_logits.shape != self.low_res_size:
                shape = prompt.mask_logits.shape
                raise PromptError(f"{where}.mask_logits: must have shape {self.low_res_size}, got {shape}")
            if not np.isfinite(prompt.mask_logits).all():
                raise PromptError(f"{where}.mask_logits: must be finite, got NaN or infinity")


def _as_rgb(image: np.ndarray | PIL.Image.Image) -> np.ndarray:
    if isinstance(image, PIL.Image.Image):
        return np.asarray(image.convert("RGB"))
    if not isinstance(image, np.ndarray):
        raise ImageError(f"image: must be a uint8 array (H, W, 3) or a PIL image, got {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ImageError(f"image: must be uint8 RGB with shape (H, W, 3), got {image.dtype} {image.shape}")
    return np.ascontiguousarray(image)


def _place(part: Model) -> tuple[torch.device, torch.dtype]:
    """Where a part of a model computes, and in which precision."""
    weights = next(part.parameters())
    return weights.device, weights.dtype


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    """A result as a float32 array that keeps no larger one in memory."""
    tensor = tensor.float().cpu()
    if tensor.untyped_storage().nbytes() > tensor.nbytes:
        tensor = tensor.clone()
    return tensor.numpy()
