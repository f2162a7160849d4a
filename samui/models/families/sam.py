"""The adapter for SAM (`SamModel` of transformers): ViT-B, L and H, SlimSAM and fine-tunes of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import PIL.Image
import torch

from samui.errors import ImageError, ModelError, PromptError
from samui.models.checkpoints import ModelChoice
from samui.models.fast.decoder import FastDecoder
from samui.models.predictor import Embedding
from samui.models.preprocess import Preprocessing
from samui.types import Prediction, Prompt

# Prompts a decoder pass. On a CPU larger passes are slower per prompt, since their activations leave the caches.
_PASS_CPU, _PASS_GPU = 8, 64
T = TypeVar("T")


class SamPredictor:
    """A loaded SAM checkpoint; see `samui.models.predictor.Predictor` for what each member promises.

    One call of the encoder and one of the decoder runs at a time, each under its own lock, so that no click waits for
    another image's encoder. Results do not need the locks. Memory does: an encoder call of ViT-B takes gigabytes. And
    each call uses all cores already, so of several that wait, taking turns answers the first ones sooner.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        preprocessing: Preprocessing,
        choice: ModelChoice,
        fast_decoder: FastDecoder | None = None,
    ) -> None:
        """model: in eval mode, on its device. choice: with `folder` and `revision` filled in.

        fast_decoder: what `samui.models.fast.decoder.install` gave for the model.
        """
        self.name, self.title, self.why = choice.name, choice.title, choice.why
        self.source, self.revision = str(choice.folder), choice.revision
        self._model, self._preprocessing, self._fast_decoder = model, preprocessing, fast_decoder
        self._encoder_dtype, self._decoder_dtype = model.vision_encoder.dtype, model.mask_decoder.iou_token.weight.dtype
        self._torch_device, self.device = model.device, str(model.device)
        encoder, decoder = (str(dtype).removeprefix("torch.") for dtype in (self._encoder_dtype, self._decoder_dtype))
        # They differ with dtype="auto". Embeddings go by the encoder's.
        self.dtype = encoder if encoder == decoder else f"{encoder} encoder, {decoder} decoder"
        self.key = f"{self.name}@{self.revision}/{encoder}"
        prompt_config = model.config.prompt_encoder_config
        grid = prompt_config.image_embedding_size
        self.low_res_size = (4 * grid, 4 * grid)  # two stride-2 transposed convolutions in the decoder
        self._embedding_shape = (1, prompt_config.hidden_size, grid, grid)
        # float64 as SamProcessor's points are, for equal bits; MPS has no float64 (transformers issue 28334).
        self._point_dtype = torch.float32 if model.device.type == "mps" else torch.float64
        self.points_per_pass = _PASS_CPU if model.device.type == "cpu" else _PASS_GPU
        self._encoder_lock, self._decoder_lock = threading.Lock(), threading.Lock()
        with torch.inference_mode():
            self._positions = model.get_image_wide_positional_embeddings()

    def embed(self, image: np.ndarray | PIL.Image.Image) -> Embedding:
        """See `Predictor.embed`. A PIL image is taken as it lies; its EXIF orientation is not applied."""
        array = _as_rgb(image)
        pixels = torch.from_numpy(self._preprocessing(array))[None]
        with self._encoder_lock, torch.inference_mode():
            tensor = self._within_memory("image encoder", lambda: self._encode(pixels))
        if not bool(torch.isfinite(tensor).all()):
            raise ModelError(
                f"{self.name}: embeddings must be finite, got NaN or infinity in {self.dtype}; use float32"
            )
        embedding = Embedding(tensor, self._preprocessing.frame(*array.shape[:2]), self.key)
        if self._fast_decoder is not None:  # now, so that the first click on an image takes no longer than the others
            terms = self._fast_decoder.make_terms(tensor)
            with self._decoder_lock:
                self._fast_decoder.keep(embedding, terms)
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
        SAM embeds padding as zeros, but the other tokens still attend to it, and the masks change.
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
        clicks = torch.from_numpy(embedding.frame.to_model(points)[:, None, None])
        labels = torch.ones(clicks.shape[:3], dtype=torch.int64)
        return self._run(
            embedding,
            multimask=True,
            input_points=clicks.to(self._torch_device, self._point_dtype),
            input_labels=labels.to(self._torch_device),
            input_boxes=None,
            input_masks=None,
        )

    def pack(self, embedding: Embedding, *, half: bool = True) -> dict[str, np.ndarray]:
        """See `Predictor.pack`."""
        values = embedding.tensor.float().numpy()
        if half and np.abs(values).max() < np.finfo(np.float16).max:
            values = values.astype(np.float16)
        # safetensors writes memory as it lies: values that are channels last would come back in the wrong order.
        return {"embedding": np.ascontiguousarray(values), "image_size": np.array(embedding.size, np.int64)}

    def unpack(self, arrays: Mapping[str, np.ndarray]) -> Embedding:
        """See `Predictor.unpack`."""
        values, size = arrays.get("embedding"), arrays.get("image_size")
        if values is None or values.shape != self._embedding_shape or not np.isfinite(values).all():
            got = None if values is None else values.shape
            raise ValueError(f"embedding: must be finite with shape {self._embedding_shape}, got {got}")
        if size is None or size.shape != (2,) or size.min() < 1:
            raise ValueError(f"image_size: must be two positive numbers, got {size}")
        tensor = torch.from_numpy(values.astype(np.float32))
        tensor = tensor.to(self._encoder_dtype, memory_format=torch.channels_last)
        return Embedding(tensor, self._preprocessing.frame(int(size[0]), int(size[1])), self.key)

    def _encode(self, pixels: torch.Tensor) -> torch.Tensor:
        pixels = pixels.to(self._torch_device, self._encoder_dtype)
        # Channels last is how the encoder's final layer leaves it; `unpack` does the same, for equal bits and speed.
        return self._model.get_image_embeddings(pixels).to("cpu", memory_format=torch.channels_last)

    def _decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool) -> list[Prediction]:
        """One decoder pass over prompts of one structure."""
        logits, scores = self._run(embedding, multimask=multimask, **self._prompt_tensors(embedding, prompts))
        frame = embedding.frame
        return [Prediction(*pair, frame.image, frame.mask, frame.runs) for pair in zip(logits, scores, strict=True)]

    def _within_memory(self, part: str, run: Callable[[], T]) -> T:
        """What a part of the model gives; where the device's memory is too small, ModelError after a second attempt."""
        try:
            return run()
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()  # memory that torch holds but does not use, in pieces that did not fit
        try:
            return run()
        except torch.OutOfMemoryError as error:
            text = f"must have memory for the {part}, got {error}; device 'cpu' may do"
            raise ModelError(f"device {self.device}: {text}") from None

    def _run(
        self, embedding: Embedding, *, multimask: bool, **prompts: torch.Tensor | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """float32 logits (n, k, h, w) and scores (n, k); the batch axis counts prompts, since masks go by that axis."""
        with self._decoder_lock, torch.inference_mode():
            logits, scores = self._within_memory("mask decoder", lambda: self._pass(embedding, multimask, prompts))
        if not (np.isfinite(logits).all() and np.isfinite(scores).all()):
            # float16 overflows in a decoder; a pixel without a number is outside, a candidate without a score last.
            logits = np.nan_to_num(logits, nan=-1e4, posinf=1e4, neginf=-1e4)
            scores = np.nan_to_num(scores, nan=0.0, posinf=1.0, neginf=0.0)
        return logits, scores

    def _pass(
        self, embedding: Embedding, multimask: bool, prompts: Mapping[str, torch.Tensor | None]
    ) -> tuple[np.ndarray, np.ndarray]:
        sparse, dense = self._model.prompt_encoder(**prompts)
        fast = {}
        if self._fast_decoder is not None:
            fast = {
                "image_terms": self._fast_decoder.terms(embedding),
                "masked": prompts["input_masks"] is not None,
            }
        tensor = embedding.tensor.to(self._torch_device, self._decoder_dtype)
        logits, scores = self._model.mask_decoder(
            image_embeddings=tensor.expand(len(dense), -1, -1, -1),
            image_positional_embeddings=self._positions.expand(len(dense), -1, -1, -1),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
            **fast,
        )
        return logits[:, 0].float().cpu().numpy(), scores[:, 0].float().cpu().numpy()

    def _prompt_tensors(self, embedding: Embedding, prompts: Sequence[Prompt]) -> dict[str, torch.Tensor | None]:
        """For the prompt encoder: points (n, 1, p, 2), labels (n, 1, p), boxes (n, 1, 4), masks (n, 1, h, w)."""

        def tensor(values: list, dtype: torch.dtype) -> torch.Tensor:
            return torch.from_numpy(np.stack(values)).to(self._torch_device, dtype)

        to_model = embedding.frame.to_model
        points = labels = boxes = masks = None
        if prompts[0].points:
            points = tensor([to_model(p.points)[None] for p in prompts], self._point_dtype)
            labels = tensor([np.array(p.labels)[None] for p in prompts], torch.int64)
        if prompts[0].box is not None:
            # SamProcessor rounds boxes, and only boxes, to float32 before it scales them.
            corners = [np.array(p.box, np.float32).reshape(2, 2) for p in prompts]
            boxes = tensor([to_model(c).reshape(1, 4) for c in corners], self._point_dtype)
        if prompts[0].mask_logits is not None:
            masks = tensor([p.mask_logits[None] for p in prompts], self._decoder_dtype)
        return {"input_points": points, "input_labels": labels, "input_boxes": boxes, "input_masks": masks}

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
