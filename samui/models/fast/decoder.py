"""SAM's mask decoder with less work per prompt: results up to rounding. Those of its followers: `decoders` beside it.

Three things change against transformers. What depends on the image alone in the first layer is computed once an image
(`ImageTerms`). In the other attentions between a few tokens and thousands of patches, no patch is projected (`Cross`).
And patches stay rows of one matrix up to the last step, one prompt at a time, so that what is written is still in the
caches when it is read.

`install` replaces the `forward` of one loaded model's decoder, which takes the fast way if it is given `image_terms`.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

from samui.models.fast import linear as fast_linear
from samui.models.fast.cross import FEW_TOKENS, Cross, ImageTerms, rows

_MAP = "embedding"  # the tensor of an `Embedding` that the decoder attends to
_KEPT = 8  # images whose terms are kept, 10 MB each for SAM's own decoder; they take milliseconds to make
_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 5e-2}  # relative, of the trial at installation
Outputs = tuple[torch.Tensor, ...]
log = logging.getLogger(__name__)


def install(model: Any, *kinds: type[FastDecoder]) -> FastDecoder | None:
    """Make the mask decoder of a model in eval mode fast; None, with a line in the log, if it is not known.

    kinds: what is known of its family, SAM's by default; the first one that passes a trial on a random image is taken.
    On devices other than the CPU, and in float16, nothing is done.
    """
    decoder = model.mask_decoder
    device, dtype = decoder.iou_token.weight.device, decoder.iou_token.weight.dtype
    if device.type != "cpu" or dtype not in _TOLERANCE:
        return None
    reason: Exception | None = None
    for kind in kinds or (FastDecoder,):
        try:
            fast = kind(model)
            worst = fast.trial()
            if not worst <= _TOLERANCE[dtype]:
                raise ValueError(f"results differ by {worst:.1e}")
        except Exception as error:  # whatever another version of transformers or torch does otherwise
            reason = error
            continue
        decoder.forward = fast.forward
        return fast
    log.warning("mask decoder: transformers' own path, since this version differs from what is known (%s)", reason)
    return None


class FastDecoder:
    """The forward pass of one `SamMaskDecoder`, and the terms of the images that it saw last."""

    most_kept = _KEPT

    def __init__(self, model: Any) -> None:
        """Raises AttributeError or ValueError if the decoder's modules are not laid out as in transformers 5."""
        decoder = model.mask_decoder
        if decoder.training:
            raise ValueError("it must be in eval mode")
        self.stock, self.decoder = decoder.forward, decoder
        weight = decoder.iou_token.weight
        self.math = fast_linear.best(weight.device, weight.dtype)
        self.dtype, self.width = weight.dtype, decoder.hidden_size
        with torch.inference_mode():
            places = model.get_image_wide_positional_embeddings().to(weight.dtype)
            self._places, self.grid = places, tuple(places.shape[-2:])
            at = rows(places[0])
            transformer = decoder.transformer
            self._to_image = [Cross(layer.cross_attn_token_to_image, at, self.math) for layer in transformer.layers]
            self._to_tokens = [Cross(layer.cross_attn_image_to_token, at, self.math) for layer in transformer.layers]
            self._last = Cross(transformer.final_attn_token_to_image, at, self.math)
            self.up = [as_product(decoder.upscale_conv1), as_product(decoder.upscale_conv2)]
            self._no_mask = model.prompt_encoder.no_mask_embed.weight.to(weight.dtype)
        self._terms: weakref.WeakKeyDictionary[Any, ImageTerms] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def terms(self, embedding: Any) -> ImageTerms:
        """The terms of an `Embedding`, made if they are not kept yet; they are now the last to be evicted."""
        with self._lock:
            terms = self._terms.get(embedding)
        if terms is None:
            terms = self.make_terms(embedding.tensors)
        with self._lock:
            self._terms.pop(embedding, None)
            self._terms[embedding] = terms
            while len(self._terms) > min(_KEPT, self.most_kept):
                del self._terms[next(iter(self._terms.keys()))]
        return terms

    @torch.inference_mode()
    def make_terms(self, tensors: Mapping[str, torch.Tensor]) -> ImageTerms:
        """The terms of an embedding by its tensors."""
        patches = rows(tensors[_MAP][0].to(self.dtype))
        unmasked = patches + self._no_mask
        first, back = self._to_image[0], self._to_tokens[0]
        keys, values, queries = first.all_keys(unmasked), first.all_values(unmasked), back.all_queries(unmasked)
        return ImageTerms(patches, unmasked, keys, values, queries, self.more_terms(tensors, unmasked))

    def forward(self, *given: Any, image_terms: ImageTerms | None = None, masked: bool = True, **named: Any) -> Outputs:
        """What the stock decoder gives; with terms of the one image that all prompts are of, the fast way.

        masked: whether the prompts have masks; if not, the dense embeddings are those of "no mask".
        """
        sparse: Any = named.get("sparse_prompt_embeddings")
        dense: Any = named.get("dense_prompt_embeddings")
        plain = named.get("attention_similarity") is None and named.get("target_embedding") is None
        single = sparse is not None and sparse.shape[1] == 1 and dense is not None and not given
        if image_terms is None or not single or not plain or torch.is_grad_enabled():
            return self.stock(*given, **named)
        count, own = len(sparse), self.own_tokens()
        tokens = torch.cat([own.expand(count, 1, -1, -1), sparse.to(own.dtype)], dim=2)
        if masked:
            start = [image_terms.patches + rows(part) for part in dense]
        else:
            start = [image_terms.unmasked] * count
        tokens, patches = self._transform(tokens, start, None if masked else image_terms)
        return self.answer(tokens, self.drawn_from(patches, start), image_terms, named["multimask_output"])

    # What differs from family to family.

    def own_tokens(self) -> torch.Tensor:
        """The decoder's own tokens (t, c), which come before those of the prompt."""
        return torch.cat([self.decoder.iou_token.weight, self.decoder.mask_tokens.weight])

    def more_terms(self, tensors: Mapping[str, torch.Tensor], unmasked: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What `ImageTerms.more` holds. unmasked: as there."""
        return ()

    def drawn_from(self, patches: list[torch.Tensor], start: list[torch.Tensor]) -> list[torch.Tensor]:
        """The patches that masks are made of: those that the attention leaves, not those that it began with."""
        return patches

    def answer(self, tokens: torch.Tensor, patches: list[torch.Tensor], terms: ImageTerms, multimask: bool) -> Outputs:
        """Logits, scores and what else the decoder gives, of tokens (b, 1, t, c) and patches (n, c) of each."""
        decoder = self.decoder
        chosen = range(1, decoder.num_mask_tokens) if multimask else range(1)
        mixtures = self.mixtures(tokens[:, :, 1:], chosen)
        logits = torch.stack([self.mixed(self.upscale(own), mix) for own, mix in zip(patches, mixtures, strict=True)])
        scores = decoder.iou_prediction_head(tokens[:, :, 0])
        return logits[:, None], scores[:, :, chosen.start : chosen.stop]

    def trial_inputs(self, random: Any) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Tensors of a random embedding, and what the stock decoder is given of them. random: makes one of a shape."""
        image = random(1, self.width, *self.grid)
        return {_MAP: image}, {}

    # What they share.

    def mixtures(self, tokens: torch.Tensor, chosen: range) -> torch.Tensor:
        """Of mask tokens (b, 1, t, c), the mixtures (b, k, c') of the last layer's channels."""
        heads = self.decoder.output_hypernetworks_mlps
        return torch.stack([heads[i](tokens[:, 0, i]) for i in chosen], dim=1)

    def upscale(self, patches: torch.Tensor) -> torch.Tensor:
        """Patches (n, c) four times as fine, (16 n, c'), in the order of `mixed`."""
        decoder, (first, second) = self.decoder, self.up
        fine = self.math.linear(patches, *first).view(len(patches) * 4, -1)
        fine = decoder.activation(normal(fine, decoder.upscale_layer_norm))
        return self.math.linear_gelu(fine, *second).view(len(patches) * 16, -1)

    def mixed(self, fine: torch.Tensor, mixtures: torch.Tensor) -> torch.Tensor:
        """Logits (k, 4 h, 4 w) of fine rows (16 n, c') for mixtures (k, c')."""
        height, width = self.grid
        logits = self.math.linear(mixtures, fine).view(-1, height, width, 2, 2, 2, 2)
        return logits.permute(0, 1, 3, 5, 2, 4, 6).reshape(len(mixtures), 4 * height, 4 * width)

    @torch.inference_mode()
    def trial(self) -> float:
        """Largest relative difference of outputs to transformers' decoder, for a random image and prompts."""
        generator = torch.Generator().manual_seed(0)

        def random(*shape: int) -> torch.Tensor:
            return torch.randn(*shape, generator=generator).to(self.dtype)

        tensors, more = self.trial_inputs(random)
        embedding, worst = tensors[_MAP], 0.0
        for tokens, masked, multimask in ((3, False, True), (FEW_TOKENS, True, False)):
            sparse = random(2, 1, tokens, self.width)
            dense = random(2, *embedding.shape[1:]) if masked else self._no_mask.view(1, -1, 1, 1).expand_as(embedding)
            given = more | {
                "image_embeddings": embedding.expand(2, -1, -1, -1),
                "image_positional_embeddings": self._places.expand(2, -1, -1, -1),
                "sparse_prompt_embeddings": sparse,
                "dense_prompt_embeddings": dense.expand(2, -1, -1, -1),
                "multimask_output": multimask,
            }
            expected = self.stock(**given)
            found = self.forward(**given, image_terms=self.make_terms(tensors), masked=masked)
            for ours, theirs in zip(found, expected, strict=True):
                if ours.shape != theirs.shape:
                    raise ValueError(f"an output of shape {tuple(theirs.shape)}")
                worst = max(worst, float((ours - theirs).float().norm() / theirs.float().norm()))
        return worst

    def _transform(
        self, tokens: torch.Tensor, patches: list[torch.Tensor], terms: ImageTerms | None
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """`SamTwoWayTransformer` for tokens (b, 1, t, c) and patches (n, c) of each; terms: of these, if any."""
        transformer = self.decoder.transformer
        places = tokens
        for number, layer in enumerate(transformer.layers):
            first = terms if number == 0 else None
            if layer.skip_first_layer_pe:
                tokens = layer.self_attn(query=tokens, key=tokens, value=tokens)[0]
            else:
                both = tokens + places
                tokens = tokens + layer.self_attn(query=both, key=both, value=tokens)[0]
            tokens = layer.layer_norm1(tokens)
            tokens = layer.layer_norm2(tokens + self._to_image[number].ask(tokens + places, patches, first))
            tokens = layer.layer_norm3(tokens + layer.mlp(tokens))
            patches = self._to_tokens[number].tell(tokens + places, tokens, patches, first)
            patches = [layer.layer_norm4(part) for part in patches]
        tokens = tokens + self._last.ask(tokens + places, patches, None)
        return transformer.layer_norm_final_attn(tokens), patches


def as_product(convolution: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight (4 o, i) and bias (4 o,) of a transposed convolution whose stride is its kernel: 2x2 places out of each.

    ValueError if it is another one.
    """
    if convolution.kernel_size != (2, 2) or convolution.stride != (2, 2):
        raise ValueError("upscaling must be by two and two")
    return convolution.weight.permute(2, 3, 1, 0).flatten(0, 2), convolution.bias.repeat(4)


def normal(x: torch.Tensor, norm: Any) -> torch.Tensor:
    """Rows (n, c) through a layer norm whose module takes the channels first."""
    return functional.layer_norm(x, norm.normalized_shape, norm.weight, norm.bias, norm.eps)
