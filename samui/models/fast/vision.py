"""SAM's image encoder with the arithmetic of transformers and other memory traffic: results up to rounding.

transformers writes the logits of every pair of patches in a global layer, and the relative-position bias of every pair
besides: 12x4096x4096 numbers each in ViT-B. Here attention goes head by head over chunks of queries whose logits stay
in the caches, and the bias, which is a sum of a term of rows and a term of columns (MViTv2, arXiv 2112.01526), is added
from those two. Windows are laid out group by group; their padding never goes through a matrix product.

`install` replaces the `forward` of one loaded model's encoder; modules and weights stay where they are.
"""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch.func import functional_call

from samui.models.fast import linear as fast_linear

_LOGITS = 1 << 20  # of one chunk: 4 MiB in float32, the share of a core or two in a level-3 cache
_TOKENS = 1024  # of one chunk of an MLP, whose hidden layer is four times as wide as its input
_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 5e-2}  # relative, of the trial at installation
log = logging.getLogger(__name__)


def install(model: Any) -> bool:
    """Make the vision encoder of a `SamModel` in eval mode fast; False, with a line in the log, if it is not known.

    A trial decides: every layer computes a small random input both ways. On devices other than the CPU, and in
    float16, nothing is done.
    """
    encoder = model.vision_encoder
    weights = next(encoder.parameters())
    if weights.device.type != "cpu" or weights.dtype not in _TOLERANCE:
        return False
    try:
        fast = FastVision(encoder)
        worst = fast.trial()
        if not worst <= _TOLERANCE[weights.dtype]:
            raise ValueError(f"results differ by {worst:.1e}")
    except Exception as error:  # whatever another version of transformers or torch does otherwise
        log.warning("image encoder: transformers' own path, since this version differs from what is known (%s)", error)
        return False
    encoder.forward = fast.forward
    return True


class FastVision:
    """The forward pass of one `SamVisionEncoder`; holds its modules and tables made of its relative positions.

    Or of a `SamHQVisionEncoder`, of whose `intermediate_embeddings` it gives the first: the decoder reads no other.
    """

    def __init__(self, encoder: Any) -> None:
        """Raises AttributeError or ValueError if the encoder's modules are not laid out as in transformers 5."""
        from transformers.models.sam.modeling_sam import SamVisionEncoderOutput
        from transformers.models.sam_hq.modeling_sam_hq import SamHQVisionEncoder, SamHQVisionEncoderOutput

        self.stock = encoder.forward
        self._encoder = encoder
        weight = encoder.patch_embed.projection.weight
        self.dtype, self._math = weight.dtype, fast_linear.best(weight.device, weight.dtype)
        self._layers = [_Layer(layer, self._math) for layer in encoder.layers]
        self._output: Any = SamVisionEncoderOutput
        self._early: int | None = None
        if isinstance(encoder, SamHQVisionEncoder):
            self._output = SamHQVisionEncoderOutput
            layers: Any = encoder.layers
            self._early = [layer.window_size for layer in layers].index(0)
        if encoder.training:
            raise ValueError("it must be in eval mode")

    def forward(self, pixel_values: torch.Tensor | None = None, **options: Any) -> Any:
        """Of pixels (n, 3, h, w), what the stock `forward` gives; other options than the defaults go there."""
        if pixel_values is None or torch.is_grad_enabled() or any(value is not None for value in options.values()):
            return self.stock(pixel_values, **options)
        encoder = self._encoder
        tokens = encoder.patch_embed(pixel_values)
        if encoder.pos_embed is not None:
            tokens = tokens + encoder.pos_embed
        images, early = [], []
        for image in tokens:
            image = image.contiguous()
            for number, layer in enumerate(self._layers):
                image = layer(image)
                if number == self._early:
                    early.append(image)
            images.append(image)
        more = {"intermediate_embeddings": [torch.stack(early)]} if early else {}
        return self._output(last_hidden_state=encoder.neck(torch.stack(images)), **more)

    @torch.inference_mode()
    def trial(self) -> float:
        """Largest relative difference to transformers' layers, one of each kind on a small random input of its own."""
        generator = torch.Generator().manual_seed(0)
        worst, seen = 0.0, set()
        for layer in self._encoder.layers:
            small, table = _small_tables(layer)
            known = _Layer(layer, self._math, **table)
            if known.kind in seen:
                continue
            seen.add(known.kind)
            tokens = torch.randn(1, *known.trial_size, known.width, generator=generator).to(self.dtype)
            expected = functional_call(layer, small, (tokens,))
            # Compares what a layer adds, not its output, which is mostly its input.
            added = (expected - tokens).float()
            worst = max(worst, float((known(tokens[0]) - expected[0]).float().norm() / added.norm()))
        return worst


def _small_tables(layer: Any) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Relative positions of a global layer for 5x6 patches: as parameters of the layer, and for `_Layer`.

    At full size, the trial's stock path would take what `install` is there to save.
    """
    if layer.window_size or not layer.attn.use_rel_pos:
        return {}, {}
    rows, columns = layer.attn.rel_pos_h[:9], layer.attn.rel_pos_w[:11]
    return {"attn.rel_pos_h": rows, "attn.rel_pos_w": columns}, {"rows": rows, "columns": columns}


class _Layer:
    """One `SamVisionLayer` for a single image (h, w, c)."""

    def __init__(
        self,
        layer: Any,
        math: Any,
        *,
        rows: torch.Tensor | None = None,
        columns: torch.Tensor | None = None,
    ) -> None:
        """rows, columns: relative positions (2 * side - 1, d) instead of the layer's own."""
        self._math = math
        self._norm1, self._norm2, self._mlp = layer.layer_norm1, layer.layer_norm2, layer.mlp
        attention = layer.attn
        self._qkv, self._project = attention.qkv, attention.proj
        self._heads, self._scale = attention.num_attention_heads, attention.scale
        self._window = layer.window_size
        self.width = self._qkv.in_features
        inner = self._qkv.out_features // 3
        if self._qkv.out_features != 3 * inner or inner % self._heads or self._project.in_features != inner:
            raise ValueError(f"attention with {self._qkv.out_features} outputs for {self._heads} heads")
        self._inner, self._channels = inner, inner // self._heads
        bias = self._qkv.bias
        self._weights = self._qkv.weight.split(inner)
        self._biases = (None, None, None) if bias is None else bias.split(inner)
        self._gelu = type(self._mlp.act).__name__ in ("GELUActivation", "GELU")
        self._table = self._side = None
        if attention.use_rel_pos:
            rows = attention.rel_pos_h if rows is None else rows
            columns = attention.rel_pos_w if columns is None else columns
            self._side = (len(rows) + 1) // 2, (len(columns) + 1) // 2
            # Reversed, so that the entry for a key moves up by one where the key does.
            self._table = torch.cat([rows.flip(0), columns.flip(0)])
        self.kind = (self._window, self._heads, inner, self.width, self._side, self._gelu)

    @property
    def trial_size(self) -> tuple[int, int]:
        """(h, w) of a small input that uses all of the layer: padding in windows, the whole table in global layers."""
        if self._window:
            return self._window + 1, self._window + 2
        return self._side or (4, 5)

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        height, width, channels = image.shape
        tokens = image.reshape(-1, channels)
        normal = self._norm1(tokens)
        query, key, value = (
            self._math.linear(normal, weight, bias) for weight, bias in zip(self._weights, self._biases, strict=True)
        )
        del normal
        if self._window:
            mixed = self._in_windows(query, key, value, height, width)
        else:
            mixed = self._everywhere(query, key, value, height, width)
        del query, key, value
        tokens = self._math.linear_add(mixed, self._project.weight, self._project.bias, tokens)
        for part in tokens.split(_TOKENS):
            part.copy_(self._after(part))
        return tokens.view(height, width, channels)

    def _after(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (n, c) plus their MLP."""
        first, second = self._mlp.lin1, self._mlp.lin2
        normal = self._norm2(tokens)
        if self._gelu:
            hidden = self._math.linear_gelu(normal, first.weight, first.bias)
        else:
            hidden = self._mlp.act(self._math.linear(normal, first.weight, first.bias))
        return self._math.linear_add(hidden, second.weight, second.bias, tokens)

    def _everywhere(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, height: int, width: int
    ) -> torch.Tensor:
        """Attention of all tokens (h * w, heads * d) to all."""
        if self._table is not None and self._side != (height, width):
            raise ValueError(f"image of {height}x{width} patches, tables for {self._side}")
        mixed = torch.empty_like(query)
        step = max(1, _LOGITS // (width * height * width)) * width  # whole rows of patches
        for head in range(self._heads):
            own = slice(head * self._channels, (head + 1) * self._channels)
            queries, keys = query[:, own].contiguous(), key[:, own] * self._scale
            values = value[:, own].t().contiguous()
            for start in range(0, len(queries), step):
                part = queries[start : start + step]
                logits = self._math.linear(part, keys)
                if self._table is not None:
                    grid = logits.view(-1, width, height, width)
                    rows, columns = self._positions(part, grid.shape[:2], start // width)
                    grid.add_(rows[..., None]).add_(columns[..., None, :])
                torch.softmax(logits, -1, out=logits)
                mixed[start : start + step, own] = self._math.linear(logits, values)
        return mixed

    def _positions(self, query: torch.Tensor, shape: tuple[int, int], first: int) -> tuple[torch.Tensor, torch.Tensor]:
        """What a query's place adds to its logits: (..., rows, columns, key rows), and the same with key columns.

        query: (..., rows * columns, d) of `shape` (rows, columns), whose uppermost row is number `first`. The sums for
        all distances are one product; a key's is then found at its own distance by strides, without a copy.
        """
        assert self._side is not None  # there is a table, then
        height, width = self._side
        all_ = self._math.linear(query, self._table)
        last = all_.shape[-1]
        batch = query.shape[:-2]
        rows, columns = shape
        outer = tuple(all_.stride()[:-2])
        row_terms = all_.as_strided(
            (*batch, rows, columns, height), (*outer, columns * last - 1, last, 1), height - 1 - first
        )
        column_terms = all_.as_strided(
            (*batch, rows, columns, width), (*outer, columns * last, last - 1, 1), 2 * height - 1 + width - 1
        )
        return row_terms, column_terms

    def _in_windows(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, height: int, width: int
    ) -> torch.Tensor:
        """Attention within windows, one row of windows at a time, of all heads together."""
        size, heads, channels = self._window, self._heads, self._channels
        mixed = torch.empty_like(query)
        images = [tensor.view(height, width, heads, channels) for tensor in (query, key, value)]
        across = -(-width // size)
        # (window, head, row, column, channel): what one matrix product a window and head needs, without gaps.
        extra = 0 if self._table is None else 2 * size
        widths = (channels + extra, channels + extra, channels)
        laid = [query.new_zeros((across, heads, size, size, width)) for width in widths]
        flat = [tensor.view(across * heads, size * size, -1) for tensor in laid]
        if extra:
            # In windows, unlike in whole images, a few more channels cost less than adding the bias to all pairs:
            # a query has its terms there, and a key 1 at its own row and its own column.
            own = torch.eye(size, dtype=query.dtype)
            laid[1][..., channels : channels + size] = own[:, None]
            laid[1][..., channels + size :] = own
        # Padding is zero before the linear layer, thus its bias after it; as queries, padded places are not asked for.
        padding = [0 if bias is None else bias.view(heads, 1, 1, channels) for bias in self._biases]
        inside = width - (across - 1) * size
        target = mixed.view(height, width, heads, channels)
        for top in range(0, height, size):
            rows = min(size, height - top)
            for tensor, image, pad in zip(laid, images, padding, strict=True):
                for part, windows in window_views(image[top : top + rows], tensor[..., :channels], size, rows):
                    windows.copy_(part)
                tensor[-1:, :, :, inside:, :channels] = pad
                tensor[:, :, rows:, :, :channels] = pad
            queries, keys, values = flat
            if extra:
                terms = self._positions(queries[..., :channels], (size, size), 0)
                laid[0][..., channels : channels + size] = terms[0].view(across, heads, size, size, size)
                laid[0][..., channels + size :] = terms[1].view(across, heads, size, size, size)
            queries[..., :channels] *= self._scale
            logits = torch.bmm(queries, keys.transpose(1, 2))
            torch.softmax(logits, -1, out=logits)
            found = torch.bmm(logits, values).view_as(laid[2])
            for part, windows in window_views(target[top : top + rows], found, size, rows):
                part.copy_(windows)
        return mixed


def window_views(
    image: torch.Tensor, windows: torch.Tensor, size: int, rows: int
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Pairs of equal shape, one of `image` (rows, w, heads, d), one of `windows` (n, heads, size, size, d).

    Two pairs: the whole windows, and the last one, of which perhaps only some columns are inside the image.
    """
    whole = image.shape[1] // size
    pairs = []
    if whole:
        part = image[:, : whole * size].unflatten(1, (whole, size)).permute(1, 3, 0, 2, 4)
        pairs.append((part, windows[:whole, :, :rows]))
    rest = image.shape[1] - whole * size
    if rest:
        pairs.append((image[:, whole * size :].permute(2, 0, 1, 3), windows[whole, :, :rows, :rest]))
    return pairs
