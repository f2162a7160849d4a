"""SAM's mask decoder with less work per prompt: results up to rounding.

Three things change against transformers. The part of the first layer that depends on the image alone is computed once
an image (`ImageTerms`). The other attentions, between a few tokens and thousands of patches, project no patch: for the
products q (K x) and P (V x), with K and V the weights, they form q K and P x first, which is less work up to
`_FEW_TOKENS`. And patches stay rows of one matrix up to the last step, one prompt at a time, so that what is written
is still in the caches when it is read.

`install` replaces the `forward` of one loaded model's decoder, which takes the fast way if it is given `image_terms`.
"""

from __future__ import annotations

import logging
import threading
import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from samui.models.fast import linear as fast_linear

_MAP = "embedding"  # the tensor of an `Embedding` that the decoder attends to
_FEW_TOKENS = 16  # up to which products with the patches cost less than their projections
_KEPT = 8  # images whose terms are kept, 10 MB each for SAM's own decoder; they take milliseconds to make
_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 5e-2}  # relative, of the trial at installation
log = logging.getLogger(__name__)


def install(model: Any) -> FastDecoder | None:
    """Make the mask decoder of a `SamModel` in eval mode fast; None, with a line in the log, if it is not known.

    A trial on a random image decides. On devices other than the CPU, and in float16, nothing is done.
    """
    decoder = model.mask_decoder
    device, dtype = decoder.iou_token.weight.device, decoder.iou_token.weight.dtype
    if device.type != "cpu" or dtype not in _TOLERANCE:
        return None
    try:
        fast = FastDecoder(model)
        worst = fast.trial()
        if not worst <= _TOLERANCE[dtype]:
            raise ValueError(f"results differ by {worst:.1e}")
    except Exception as error:  # whatever another version of transformers or torch does otherwise
        log.warning("mask decoder: transformers' own path, since this version differs from what is known (%s)", error)
        return None
    decoder.forward = fast.forward
    return fast


@dataclass(frozen=True, eq=False)
class ImageTerms:
    """The patches (n, c) of one image, and what the first layer makes of them if the prompt has no mask.

    patches: the embedding; unmasked: plus the embedding of "no mask". keys and queries: (heads, d, n); values:
    (heads, n, d).
    """

    patches: torch.Tensor
    unmasked: torch.Tensor
    keys: torch.Tensor
    values: torch.Tensor
    queries: torch.Tensor


class FastDecoder:
    """The forward pass of one `SamMaskDecoder`, and the terms of the images that it saw last."""

    def __init__(self, model: Any) -> None:
        """Raises AttributeError or ValueError if the decoder's modules are not laid out as in transformers 5."""
        decoder = model.mask_decoder
        if decoder.training:
            raise ValueError("it must be in eval mode")
        self.stock, self._decoder = decoder.forward, decoder
        weight = decoder.iou_token.weight
        self._math = fast_linear.best(weight.device, weight.dtype)
        self._dtype, self._width = weight.dtype, decoder.hidden_size
        with torch.inference_mode():
            places = model.get_image_wide_positional_embeddings().to(weight.dtype)
            self._places, self._grid = places, tuple(places.shape[-2:])
            rows = _rows(places[0])
            transformer = decoder.transformer
            self._to_image = [_Cross(layer.cross_attn_token_to_image, rows, self._math) for layer in transformer.layers]
            self._to_tokens = [_Cross(x.cross_attn_image_to_token, rows, self._math) for x in transformer.layers]
            self._last = _Cross(transformer.final_attn_token_to_image, rows, self._math)
            # A transposed convolution whose stride is its kernel is a matrix product: 2x2 places a patch, out of each.
            convolutions = decoder.upscale_conv1, decoder.upscale_conv2
            self._up = [(c.weight.permute(2, 3, 1, 0).flatten(0, 2), c.bias.repeat(4)) for c in convolutions]
            if any(c.kernel_size != (2, 2) or c.stride != (2, 2) for c in convolutions):
                raise ValueError("upscaling must be by two and two")
            self._no_mask = model.prompt_encoder.no_mask_embed.weight.to(weight.dtype)
        self._terms: weakref.WeakKeyDictionary[Any, ImageTerms] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def terms(self, embedding: Any) -> ImageTerms:
        """The terms of an `Embedding`, made if they are not kept yet; they are now the last to be evicted."""
        with self._lock:
            terms = self._terms.get(embedding)
        if terms is None:
            terms = self.make_terms(embedding.tensors[_MAP])
        with self._lock:
            self._terms.pop(embedding, None)
            self._terms[embedding] = terms
            while len(self._terms) > _KEPT:
                del self._terms[next(iter(self._terms.keys()))]
        return terms

    @torch.inference_mode()
    def make_terms(self, tensor: torch.Tensor) -> ImageTerms:
        """The terms of an embedding (1, c, h, w)."""
        patches = _rows(tensor[0].to(self._dtype))
        unmasked = patches + self._no_mask
        first, back = self._to_image[0], self._to_tokens[0]
        return ImageTerms(
            patches, unmasked, first.all_keys(unmasked), first.all_values(unmasked), back.all_queries(unmasked)
        )

    def forward(
        self,
        image_embeddings: torch.Tensor,
        image_positional_embeddings: torch.Tensor,
        sparse_prompt_embeddings: torch.Tensor,
        dense_prompt_embeddings: torch.Tensor,
        multimask_output: bool,
        attention_similarity: torch.Tensor | None = None,
        target_embedding: torch.Tensor | None = None,
        image_terms: ImageTerms | None = None,
        masked: bool = True,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The result of `SamMaskDecoder.forward`; the fast way if given the terms of the one image of all prompts.

        masked: whether the prompts have masks; if not, the dense embeddings are those of "no mask".
        """
        decoder = self._decoder
        own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
        plain = attention_similarity is None and target_embedding is None and not torch.is_grad_enabled()
        single = sparse_prompt_embeddings is not None and sparse_prompt_embeddings.shape[1] == 1
        if image_terms is None or not single or not plain:
            return self.stock(
                image_embeddings,
                image_positional_embeddings,
                sparse_prompt_embeddings,
                dense_prompt_embeddings,
                multimask_output,
                attention_similarity,
                target_embedding,
            )
        count = len(sparse_prompt_embeddings)
        tokens = torch.cat([own.expand(count, 1, -1, -1), sparse_prompt_embeddings.to(own.dtype)], dim=2)
        if masked:
            start = [image_terms.patches + _rows(dense) for dense in dense_prompt_embeddings]
        else:
            start = [image_terms.unmasked] * count
        tokens, patches = self._transform(tokens, start, None if masked else image_terms)
        chosen = range(1, decoder.num_mask_tokens) if multimask_output else range(1)
        heads = decoder.output_hypernetworks_mlps
        mixtures = torch.stack([heads[i](tokens[:, 0, 1 + i]) for i in chosen], dim=1)
        logits = torch.stack([self._upscale(*pair) for pair in zip(patches, mixtures, strict=True)])
        scores = decoder.iou_prediction_head(tokens[:, :, 0])
        return logits[:, None], scores[:, :, chosen.start : chosen.stop]

    @torch.inference_mode()
    def trial(self) -> float:
        """Largest relative difference of logits and scores to transformers' decoder, for a random image and prompts."""
        generator = torch.Generator().manual_seed(0)

        def random(*shape: int) -> torch.Tensor:
            return torch.randn(*shape, generator=generator).to(self._dtype)

        embedding, worst = random(1, self._width, *self._grid), 0.0
        for tokens, masked, multimask in ((3, False, True), (_FEW_TOKENS, True, False)):
            sparse = random(2, 1, tokens, self._width)
            dense = random(2, *embedding.shape[1:]) if masked else self._no_mask.view(1, -1, 1, 1).expand_as(embedding)
            given = embedding.expand(2, -1, -1, -1), self._places, sparse, dense.expand(2, -1, -1, -1), multimask
            expected = self.stock(*given)
            found = self.forward(*given, image_terms=self.make_terms(embedding), masked=masked)
            for ours, theirs in zip(found, expected, strict=True):
                if ours.shape != theirs.shape:
                    raise ValueError(f"an output of shape {tuple(theirs.shape)}")
                worst = max(worst, float((ours - theirs).float().norm() / theirs.float().norm()))
        return worst

    def _transform(
        self, tokens: torch.Tensor, patches: list[torch.Tensor], terms: ImageTerms | None
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """`SamTwoWayTransformer` for tokens (b, 1, t, c) and patches (n, c) of each; terms: of these, if any."""
        transformer = self._decoder.transformer
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

    def _upscale(self, patches: torch.Tensor, mixtures: torch.Tensor) -> torch.Tensor:
        """Logits (k, 4 h, 4 w) of patches (h * w, c) for k mixtures of the last layer's channels."""
        decoder, (first, second) = self._decoder, self._up
        norm = decoder.upscale_layer_norm
        fine = self._math.linear(patches, *first).view(len(patches) * 4, -1)
        fine = decoder.activation(functional.layer_norm(fine, norm.normalized_shape, norm.weight, norm.bias, norm.eps))
        fine = self._math.linear_gelu(fine, *second).view(len(patches) * 16, -1)
        height, width = self._grid
        logits = self._math.linear(mixtures, fine).view(-1, height, width, 2, 2, 2, 2)
        return logits.permute(0, 1, 3, 5, 2, 4, 6).reshape(len(mixtures), 4 * height, 4 * width)


class _Cross:
    """One `SamAttention` between t tokens and n patches of c channels, with h heads of d channels."""

    def __init__(self, attention: Any, places: torch.Tensor, math: Any) -> None:
        """places: positional embeddings (n, c) of the patches."""
        self._math, self._heads, self._scale = math, attention.num_attention_heads, attention.scaling
        self._query, self._key, self._value = attention.q_proj, attention.k_proj, attention.v_proj
        self._out = attention.out_proj
        self._place_keys = self._columns(places @ self._key.weight.t())
        self._place_queries = self._columns(places @ self._query.weight.t())

    def all_keys(self, patches: torch.Tensor) -> torch.Tensor:
        """Keys (h, d, n) of patches and their places. Without bias: it adds the same to all that a softmax compares."""
        return self._columns(self._math.linear(patches, self._key.weight)) + self._place_keys

    def all_values(self, patches: torch.Tensor) -> torch.Tensor:
        """Values (h, n, d) of patches."""
        values = self._math.linear(patches, self._value.weight, self._value.bias)
        return values.unflatten(1, (self._heads, -1)).transpose(0, 1).contiguous()

    def all_queries(self, patches: torch.Tensor) -> torch.Tensor:
        """Queries (h, d, n) of patches and their places."""
        return self._columns(self._math.linear(patches, self._query.weight, self._query.bias)) + self._place_queries

    def ask(self, tokens: torch.Tensor, patches: list[torch.Tensor], terms: ImageTerms | None) -> torch.Tensor:
        """What tokens (b, 1, t, c) take from the patches (n, c) of each, (b, 1, t, c)."""
        queries = self._split(self._query(tokens)) * self._scale
        taken = []
        for query, own in zip(queries, patches, strict=True):
            if terms is not None or query.shape[1] > _FEW_TOKENS:
                shares = torch.softmax(torch.bmm(query, self.all_keys(own) if terms is None else terms.keys), -1)
                taken.append(torch.bmm(shares, self.all_values(own) if terms is None else terms.values))
                continue
            folded = torch.bmm(query, self._by_head(self._key.weight))
            logits = torch.bmm(query, self._place_keys).flatten(0, 1)
            logits = self._math.linear_add(folded.flatten(0, 1), own, None, logits)
            mixed = self._math.linear(torch.softmax(logits, -1, out=logits), own.t()).view_as(folded)
            values = torch.bmm(mixed, self._by_head(self._value.weight).transpose(1, 2))
            taken.append(values + self._value.bias.view(self._heads, 1, -1))
        return self._out(torch.stack(taken).transpose(1, 2).flatten(2))[:, None]

    def tell(
        self, placed: torch.Tensor, tokens: torch.Tensor, patches: list[torch.Tensor], terms: ImageTerms | None
    ) -> list[torch.Tensor]:
        """Patches (n, c) with what they take from tokens (b, 1, t, c); placed: the tokens and their places."""
        keys, values = self._split(self._key(placed)) * self._scale, self._split(self._value(tokens))
        told = []
        for key, value, own in zip(keys, values, patches, strict=True):
            few = key.shape[1] <= _FEW_TOKENS
            if terms is not None or not few:
                logits = torch.bmm(key, self.all_queries(own) if terms is None else terms.queries)
            else:
                folded = torch.bmm(key, self._by_head(self._query.weight))
                # The queries' bias and places, of which the bias is one number a token and head.
                logits = torch.baddbmm(
                    torch.bmm(key, self._query.bias.view(self._heads, -1, 1)), key, self._place_queries
                )
                logits = self._math.linear_add(folded.flatten(0, 1), own, None, logits.flatten(0, 1)).view_as(logits)
            shares = torch.softmax(logits, 1)
            if not few:
                mixed = torch.bmm(shares.transpose(1, 2), value).transpose(0, 1).flatten(1)
                told.append(self._math.linear_add(mixed, self._out.weight, self._out.bias, own))
                continue
            given = torch.bmm(value, self._by_head(self._out.weight.t()))
            given[0] += self._out.bias  # the shares of a head sum to one, so each patch takes it once
            told.append(torch.addmm(own, shares.flatten(0, 1).t(), given.flatten(0, 1)))
        return told

    def _split(self, tokens: torch.Tensor) -> torch.Tensor:
        """(b, 1, t, h * d) as (b, h, t, d)."""
        return tokens[:, 0].unflatten(2, (self._heads, -1)).transpose(1, 2)

    def _columns(self, rows: torch.Tensor) -> torch.Tensor:
        """(n, h * d) as (h, d, n)."""
        return rows.t().contiguous().unflatten(0, (self._heads, -1))

    def _by_head(self, weight: torch.Tensor) -> torch.Tensor:
        """Weights (h * d, c) as (h, d, c)."""
        return weight.unflatten(0, (self._heads, -1))


def _rows(image: torch.Tensor) -> torch.Tensor:
    """(c, h, w) as (h * w, c)."""
    return image.flatten(1).t().contiguous()
