"""SAM's forward pass over the modules of `transformers.SamModel`, laid out for speed.

The network *is* a `SamModel`: every parameter lives there, and what is trained here loads there. Only the
order of the arithmetic differs, and a test holds the two to each other:

- image tokens are put into window order once, so that window attention is a reshape and not four copies a layer
  (attention over all tokens does not care for their order);
- attention is two batched matrix products and a softmax, which on the CPU is faster than the fused kernel for
  windows of 64 tokens and for decoders of a dozen;
- the transposed convolutions (kernel 2, stride 2) are matrix products with the channels last, and pixels are
  shuffled into place only when the channels are down to one a mask.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import SamModel


class Segmenter(nn.Module):
    """A `SamModel` plus a dense helper head that exists during training alone.

    The helper head predicts the photo's main object from the image embedding without any prompt. It gives the
    encoder a gradient at every pixel from the first step, while the decoder still learns what a prompt is.
    """

    def __init__(self, sam: SamModel):
        super().__init__()
        self.sam = sam
        channels = sam.config.vision_config.output_channels
        self.helper = nn.Linear(channels, 16)
        nn.init.zeros_(self.helper.weight)
        nn.init.zeros_(self.helper.bias)

    @property
    def grid(self) -> int:
        """Tokens a side: image size over patch size."""
        vision = self.sam.config.vision_config
        return vision.image_size // vision.patch_size

    def encode(self, pixels: Tensor) -> Tensor:
        """Image embedding, `(B, grid * grid, C)` in row order, of normalised pixels `(B, 3, S, S)`."""
        vision = self.sam.vision_encoder
        config = vision.config
        order, back = window_order(self.grid, config.window_size, pixels.device)

        tokens = patch_tokens(pixels, vision.patch_embed.projection)[:, order]
        tokens = tokens + vision.pos_embed.flatten(1, 2)[:, order]
        for layer in vision.layers:
            span = layer.window_size**2 if layer.window_size else tokens.shape[1]
            tokens = tokens + window_attention(layer.attn, layer.layer_norm1(tokens), span)
            hidden = layer.mlp.act(layer.mlp.lin1(layer.layer_norm2(tokens)))
            tokens = tokens + layer.mlp.lin2(hidden)

        neck = vision.neck
        tokens = functional.linear(tokens[:, back], neck.conv1.weight.flatten(1))
        tokens = nn.LayerNorm.forward(neck.layer_norm1, tokens)
        tokens = convolve_tokens(tokens, neck.conv2.weight, self.grid)
        return nn.LayerNorm.forward(neck.layer_norm2, tokens)

    def help(self, embedding: Tensor) -> Tensor:
        """Prompt-free logits `(B, 4 * grid, 4 * grid)` of the photo's main object."""
        logits = self.helper(embedding).unflatten(-1, (4, 4))
        logits = logits.unflatten(1, (self.grid, self.grid)).permute(0, 1, 3, 2, 4)
        return logits.reshape(len(embedding), 4 * self.grid, 4 * self.grid)

    def embed_prompts(
        self, points: Tensor | None, labels: Tensor | None, boxes: Tensor | None, logits: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Prompt tokens `(M, T, C)` and dense prompt `(M, N or 1, C)` of M prompts, in float32.

        Coordinates are pixels of the model's frame: `points` `(M, K, 2)` with `labels` `(M, K)`, `boxes` `(M, 4)`,
        earlier `logits` `(M, 4 * grid, 4 * grid)`. Float32 whatever the autocast: phases of coordinates need it.
        """
        encoder = self.sam.prompt_encoder
        device = encoder.no_mask_embed.weight.device
        with torch.autocast(device.type, enabled=False):
            tokens, _ = encoder(
                input_points=None if points is None else points[:, None].float(),
                input_labels=None if labels is None else labels[:, None],
                input_boxes=None if boxes is None else boxes[:, None].float(),
                input_masks=None,
            )
            if logits is None:
                dense = encoder.no_mask_embed.weight[None]
            else:
                dense = encoder.mask_embed(logits[:, None].float()).flatten(2).transpose(1, 2)
        return tokens[:, 0], dense

    def image_positions(self, device: torch.device) -> Tensor:
        """Positional encoding of the image tokens, `(1, grid * grid, C)`, in row order."""
        steps = (torch.arange(self.grid, device=device, dtype=torch.float32) + 0.5) / self.grid
        places = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1)
        with torch.autocast(device.type, enabled=False):
            return self.sam.shared_image_embedding(places).flatten(0, 1)[None]

    def decode(self, embedding: Tensor, tokens: Tensor, dense: Tensor) -> tuple[Tensor, Tensor]:
        """Mask logits `(M, 4, 4 * grid, 4 * grid)` and predicted IoU `(M, 4)`.

        `embedding` is `(B, N, C)`, one a photo; `tokens` `(M, T, C)` with M a multiple of B, prompts of one photo
        side by side; `dense` `(M, N, C)` or `(1, 1, C)`. Mask 0 is the one for unambiguous prompts.
        """
        decoder = self.sam.mask_decoder
        repeats = len(tokens) // len(embedding)
        positions = self.image_positions(embedding.device)
        outputs = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
        tokens = torch.cat([outputs.expand(len(tokens), -1, -1), tokens], dim=1)

        queries, keys = tokens, embedding.repeat_interleave(repeats, dim=0) + dense
        for layer in decoder.transformer.layers:
            queries, keys = two_way(layer, queries, keys, tokens, positions)
        final = decoder.transformer.final_attn_token_to_image
        queries = queries + cross_attention(final, queries + tokens, keys + positions, keys)
        queries = decoder.transformer.layer_norm_final_attn(queries)

        count = decoder.num_mask_tokens
        hyper = torch.stack([mlp(queries[:, 1 + i]) for i, mlp in enumerate(decoder.output_hypernetworks_mlps)], 1)
        logits = upscaled_products(decoder, keys, hyper)
        logits = logits.unflatten(1, (self.grid, self.grid, 2, 2, 2, 2))
        # (M, row, column, row/2, column/2, row/4, column/4, mask) -> (M, mask, rows, columns)
        logits = logits.permute(0, 7, 1, 3, 5, 2, 4, 6).reshape(len(tokens), count, 4 * self.grid, 4 * self.grid)
        return logits.float(), decoder.iou_prediction_head(queries[:, 0]).float()


def has_bfloat16(device: torch.device) -> bool:
    """Whether products in bfloat16 are faster than in float32: on accelerators, and on CPUs from AVX-512 on."""
    return device.type != "cpu" or torch.backends.cpu.get_cpu_capability() not in ("DEFAULT", "NO AVX", "AVX2")


_orders: dict[tuple[int, int, torch.device], tuple[Tensor, Tensor]] = {}


def window_order(grid: int, window: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Indices that put row-ordered tokens into window order, and those that put them back."""
    key = (grid, window, device)
    if key not in _orders:
        if grid % window:
            raise ValueError(f"window_size: must divide {grid} tokens a side, got {window}")
        rows = torch.arange(grid * grid).reshape(grid // window, window, grid // window, window)
        order = rows.transpose(1, 2).flatten()
        _orders[key] = order.to(device), order.argsort().to(device)
    return _orders[key]


def patch_tokens(pixels: Tensor, projection: nn.Conv2d) -> Tensor:
    """The patch embedding as one matrix product, `(B, tokens, C)` in row order."""
    size = projection.kernel_size[0]
    patches = pixels.unflatten(3, (-1, size)).unflatten(2, (-1, size)).permute(0, 2, 4, 1, 3, 5)
    patches = patches.flatten(3).flatten(1, 2)
    return functional.linear(patches, projection.weight.flatten(1), projection.bias)


def convolve_tokens(tokens: Tensor, weight: Tensor, grid: int) -> Tensor:
    """A 3x3 convolution without bias over row-ordered tokens `(B, grid * grid, C)`."""
    image = tokens.unflatten(1, (grid, grid)).permute(0, 3, 1, 2)
    image = functional.conv2d(image, weight.to(memory_format=torch.channels_last), padding=1)
    return image.permute(0, 2, 3, 1).flatten(1, 2)


def window_attention(attention: nn.Module, tokens: Tensor, span: int) -> Tensor:
    """Self-attention among every `span` neighbours of window-ordered tokens `(B, N, C)`."""
    batch, count, channels = tokens.shape
    heads = attention.num_attention_heads
    qkv = attention.qkv(tokens).reshape(batch * count // span, span, 3, heads, channels // heads)
    query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
    weights = torch.softmax((query * attention.scale) @ key.transpose(-2, -1), dim=-1).to(value.dtype)
    mixed = (weights @ value).transpose(1, 2).reshape(batch, count, channels)
    return attention.proj(mixed)


def cross_attention(attention: nn.Module, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """SAM's attention with a narrower inside: `(M, Q, C)` looks at `(M, K, C)`."""
    heads = attention.num_attention_heads

    def split(tokens: Tensor) -> Tensor:
        return tokens.unflatten(-1, (heads, -1)).transpose(1, 2)

    query, key, value = split(attention.q_proj(query)), split(attention.k_proj(key)), split(attention.v_proj(value))
    weights = torch.softmax((query * attention.scaling) @ key.transpose(-2, -1), dim=-1).to(value.dtype)
    return attention.out_proj((weights @ value).transpose(1, 2).flatten(2))


def two_way(
    layer: nn.Module, queries: Tensor, keys: Tensor, tokens: Tensor, positions: Tensor
) -> tuple[Tensor, Tensor]:
    """One block of SAM's decoder: tokens look at each other and at the image, then the image at the tokens."""
    if layer.skip_first_layer_pe:
        queries = cross_attention(layer.self_attn, queries, queries, queries)
    else:
        placed = queries + tokens
        queries = queries + cross_attention(layer.self_attn, placed, placed, queries)
    queries = layer.layer_norm1(queries)
    placed_keys = keys + positions
    queries = queries + cross_attention(layer.cross_attn_token_to_image, queries + tokens, placed_keys, keys)
    queries = layer.layer_norm2(queries)
    queries = layer.layer_norm3(queries + layer.mlp(queries))
    keys = keys + cross_attention(layer.cross_attn_image_to_token, placed_keys, queries + tokens, queries)
    return queries, layer.layer_norm4(keys)


def upscaled_products(decoder: nn.Module, keys: Tensor, hyper: Tensor) -> Tensor:
    """Mask logits `(M, N * 16, masks)`: each token's 4x4 pixels, blocks of 2x2 inside blocks of 2x2."""
    first, second = decoder.upscale_conv1, decoder.upscale_conv2
    pixels = transposed_convolution(keys, first)
    pixels = decoder.activation(nn.LayerNorm.forward(decoder.upscale_layer_norm, pixels))
    pixels = decoder.activation(transposed_convolution(pixels, second))
    return pixels @ hyper.transpose(1, 2).to(pixels.dtype)


def transposed_convolution(tokens: Tensor, convolution: nn.ConvTranspose2d) -> Tensor:
    """Kernel 2, stride 2, channels last: `(M, N, C)` to `(M, N * 4, C')`, the four pixels of a token side by side."""
    channels = convolution.out_channels
    weight = convolution.weight.permute(2, 3, 1, 0).reshape(4 * channels, -1)
    pixels = functional.linear(tokens, weight, convolution.bias.repeat(4))
    return pixels.unflatten(-1, (4, channels)).flatten(1, 2)
