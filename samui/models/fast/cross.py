"""Attention between the few tokens of a prompt and the thousands of patches of an image, with less work a prompt.

No patch is projected where tokens are few: of the products q (K x) and P (V x), with K and V the weights, q K and P x
are formed first, which is less up to `FEW_TOKENS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

FEW_TOKENS = 16  # up to which products with the patches cost less than their projections


@dataclass(frozen=True, eq=False)
class ImageTerms:
    """Of one image: its patches (n, c), and what the first layer makes of them if the prompt has no mask.

    patches: the embedding; unmasked: plus the embedding of "no mask". keys and queries: (heads, d, n); values:
    (heads, n, d). more: what else a family's decoder reads of the image, see there.
    """

    patches: torch.Tensor
    unmasked: torch.Tensor
    keys: torch.Tensor
    values: torch.Tensor
    queries: torch.Tensor
    more: tuple[torch.Tensor, ...] = ()


class Cross:
    """One `SamAttention` or `Sam2Attention` between t tokens and n patches of c channels; h heads of d channels."""

    def __init__(self, attention: Any, places: torch.Tensor, math: Any) -> None:
        """places: positional embeddings (n, c) of the patches."""
        self._math, self._heads, self._scale = math, attention.num_attention_heads, attention.scaling
        self._query, self._key, self._value = attention.q_proj, attention.k_proj, attention.v_proj
        self._out = attention.out_proj if hasattr(attention, "out_proj") else attention.o_proj
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
            if terms is not None or query.shape[1] > FEW_TOKENS:
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
            few = key.shape[1] <= FEW_TOKENS
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


def rows(image: torch.Tensor) -> torch.Tensor:
    """(c, h, w) as (h * w, c)."""
    return image.flatten(1).t().contiguous()
