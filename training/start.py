"""The network's first weights, drawn so that colour, nearness and the inside of a box need not be learned.

`transformers` draws SAM's vision tower with a spread of 1e-10 and the positions of prompts with one of half the
width: both are meant to be overwritten by a checkpoint, and neither trains. What is set here, and why:

- patch embedding: an orthonormal basis of patches sorted by how much photos vary along it (their principal
  components), evened out; the first tokens thus hold mean colour and gradients at a useful scale;
- positions of tokens: sines and cosines of row and column;
- attention: queries and keys nearly alike (Trockman & Kolter 2023), so that tokens look at similar and near ones;
- residual branches end in small weights;
- prompts: sines of single coordinates with frequencies from a quarter turn to several turns a side. In the
  decoder's cross attentions, half the heads have equal queries and keys (a click finds its own place); in the
  others the keys are turned by a quarter (sin(a - b) grows with the distance, with its sign), so that an image
  token can tell on which side of a corner it lies. That is what "inside the box" is made of.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from transformers import SamConfig, SamModel

from training.config import NetworkConfig
from training.network import Segmenter


def build_network(config: NetworkConfig, *, seed: int, patches: np.ndarray | None = None) -> Segmenter:
    """A `Segmenter` with first weights; `patches` float32 `(n, 3 * patch**2)`, normalised pixels, for the basis."""
    torch.manual_seed(seed)
    network = Segmenter(SamModel(sam_config(config)))
    with torch.no_grad():
        start_encoder(network.sam.vision_encoder, patches)
        start_prompts(network.sam)
        start_decoder(network.sam.mask_decoder)
    return network


def sam_config(config: NetworkConfig) -> SamConfig:
    """The `SamConfig` of a network."""
    return SamConfig(
        vision_config={
            "image_size": config.size,
            "patch_size": config.patch,
            "hidden_size": config.hidden,
            "num_hidden_layers": config.layers,
            "num_attention_heads": config.heads,
            "mlp_dim": config.mlp,
            "mlp_ratio": config.mlp / config.hidden,
            "window_size": config.window,
            "global_attn_indexes": list(config.global_layers),
            "use_rel_pos": False,
            "output_channels": config.decoder,
            "num_pos_feats": config.decoder // 2,
        },
        prompt_encoder_config={
            "hidden_size": config.decoder,
            "image_size": config.size,
            "patch_size": config.patch,
            "image_embedding_size": config.size // config.patch,
        },
        mask_decoder_config={
            "hidden_size": config.decoder,
            "mlp_dim": config.decoder_mlp,
            "num_attention_heads": config.decoder_heads,
            "iou_head_hidden_dim": config.decoder,
        },
    )


def start_encoder(encoder: nn.Module, patches: np.ndarray | None) -> None:
    """First weights of the vision tower."""
    config = encoder.config
    depth = config.num_hidden_layers
    projection = encoder.patch_embed.projection
    projection.weight.copy_(
        patch_basis(patches, config.hidden_size, projection.weight[0].numel()).view_as(projection.weight)
    )
    projection.bias.zero_()
    grid = config.image_size // config.patch_size
    encoder.pos_embed.copy_(0.5 * grid_positions(grid, config.hidden_size)[None])
    for layer in encoder.layers:
        start_self_attention(layer.attn, config.hidden_size, depth)
        nn.init.trunc_normal_(layer.mlp.lin1.weight, std=config.hidden_size**-0.5)
        nn.init.trunc_normal_(layer.mlp.lin2.weight, std=(2 * depth * config.mlp_dim) ** -0.5)
        layer.mlp.lin1.bias.zero_()
        layer.mlp.lin2.bias.zero_()
    nn.init.orthogonal_(encoder.neck.conv1.weight.view(config.output_channels, -1))
    kernel = encoder.neck.conv2.weight
    nn.init.trunc_normal_(kernel, std=0.3 * (9 * kernel.shape[1]) ** -0.5)
    kernel[:, :, 1, 1] += torch.eye(kernel.shape[0])
    # The norm at the neck's end sets the scale of the embedding beside positions of variance one half.
    encoder.neck.layer_norm2.weight.fill_(0.7)


def patch_basis(patches: np.ndarray | None, hidden: int, pixels: int) -> Tensor:
    """Rows of a patch embedding `(hidden, pixels)`: principal directions with their outputs evened out.

    Fully whitened outputs would make noise as loud as colour; the fourth root of the variance is a compromise.
    """
    basis = torch.empty(max(hidden, pixels), pixels).normal_(std=0.02)
    if patches is None:
        nn.init.orthogonal_(basis[:pixels])
        return basis[:hidden]
    values, vectors = np.linalg.eigh(np.cov(patches, rowvar=False) + 1e-4 * np.eye(pixels))
    values, vectors = values[::-1], vectors[:, ::-1]
    loud = 0.5 * (values[:, None] / values[pixels // 16]) ** 0.25 / np.sqrt(values[:, None])
    basis[:pixels] = torch.from_numpy(np.ascontiguousarray(loud * vectors.T)).float()
    return basis[:hidden]


def grid_positions(grid: int, channels: int) -> Tensor:
    """Sines and cosines of row and column, `(grid, grid, channels)`; up to four turns a side."""
    count = channels // 4
    frequencies = torch.logspace(math.log10(0.25), math.log10(4.0), count)
    places = (torch.arange(grid) + 0.5) / grid * 2 * math.pi
    angles = places[:, None] * frequencies
    waves = torch.cat([angles.sin(), angles.cos()], dim=1)
    rows, columns = waves[:, None].expand(-1, grid, -1), waves[None].expand(grid, -1, -1)
    return torch.cat([rows, columns], dim=2)


def start_self_attention(attention: nn.Module, hidden: int, depth: int) -> None:
    """Queries and keys alike, so that tokens look at similar ones; values pass, weakly."""
    heads = attention.num_attention_heads
    inside = hidden // heads
    weight = torch.empty(3, heads, inside, hidden)
    for head in range(heads):
        shared = torch.empty(inside, hidden).normal_(std=hidden**-0.5)
        for which in (0, 1):
            own = torch.empty(inside, hidden).normal_(std=hidden**-0.5)
            weight[which, head] = 0.9 * shared + 0.45 * own
    nn.init.trunc_normal_(weight[2], std=hidden**-0.5)
    attention.qkv.weight.copy_(weight.reshape(3 * hidden, hidden))
    attention.qkv.bias.zero_()
    nn.init.trunc_normal_(attention.proj.weight, std=(2 * depth * hidden) ** -0.5)
    attention.proj.bias.zero_()


def start_prompts(sam: SamModel) -> None:
    """Positions as sines of single coordinates, prompt kinds well apart, earlier masks silent at first."""
    positions = sam.shared_image_embedding.positional_embedding
    half = positions.shape[1] // 2
    # Coordinates run from -1 to 1: frequency 0.125 is a quarter turn from side to side.
    frequencies = torch.logspace(math.log10(0.125), math.log10(3.0), half)
    positions.zero_()
    positions[0, :half] = frequencies
    positions[1, half:] = frequencies
    encoder = sam.prompt_encoder
    encoder.shared_embedding.positional_embedding.copy_(positions)
    for each in [*encoder.point_embed, encoder.not_a_point_embed]:
        nn.init.normal_(each.weight, std=0.5)
    encoder.no_mask_embed.weight.zero_()
    embed = encoder.mask_embed
    for convolution in (embed.conv1, embed.conv2):
        nn.init.trunc_normal_(convolution.weight, std=convolution.weight[0].numel() ** -0.5)
    nn.init.normal_(embed.conv3.weight, std=0.1 * embed.conv3.weight.shape[1] ** -0.5)
    embed.conv3.bias.zero_()


def start_decoder(decoder: nn.Module) -> None:
    """First weights of the mask decoder."""
    width = decoder.hidden_size
    for each in (decoder.iou_token, decoder.mask_tokens):
        nn.init.normal_(each.weight, std=0.5)
    for module in decoder.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=module.in_features**-0.5)
            nn.init.zeros_(module.bias)
    # Both ways between image and tokens speak of the same things in the same terms.
    common = torch.empty(width // 2, width)
    nn.init.orthogonal_(common)
    for layer in decoder.transformer.layers:
        start_cross_attention(layer.cross_attn_token_to_image, common, directed=0)
        start_cross_attention(layer.cross_attn_image_to_token, common, directed=2)
        nn.init.trunc_normal_(layer.mlp.lin2.weight, std=0.3 * layer.mlp.lin2.in_features**-0.5)
    start_cross_attention(decoder.transformer.final_attn_token_to_image, common, directed=0)
    for convolution in (decoder.upscale_conv1, decoder.upscale_conv2):
        nn.init.trunc_normal_(convolution.weight, std=convolution.weight.shape[0] ** -0.5)
        nn.init.zeros_(convolution.bias)
    for head in decoder.output_hypernetworks_mlps:
        nn.init.trunc_normal_(head.proj_out.weight, std=0.5 * head.proj_out.in_features**-0.5)


def start_cross_attention(attention: nn.Module, common: Tensor, *, directed: int) -> None:
    """Equal queries and keys in all heads but the first `directed`, which compare one coordinate with its sign.

    The positional channels are `sin` of the x frequencies, `sin` of the y frequencies, then the cosines alike.
    """
    inside, width = attention.q_proj.weight.shape
    heads = attention.num_attention_heads
    each = inside // heads
    query = 1.6 * common[:inside].clone()
    key = query.clone()
    quarter = width // 4
    for head in range(directed):
        # The lowest frequencies of x (even heads) or y (odd heads): monotonic over most of the picture.
        pairs = each // 2
        rows = torch.arange(pairs)
        sines = quarter * (head % 2) + 2 * rows
        cosines = sines + width // 2
        here = slice(head * each, (head + 1) * each)
        query[here] *= 0.15
        key[here] *= 0.15
        strength = 2.0
        query[head * each + rows, sines] += strength
        query[head * each + pairs + rows, cosines] += strength
        # sin(a - b) = sin a cos b - cos a sin b
        key[head * each + rows, cosines] += strength
        key[head * each + pairs + rows, sines] -= strength
    attention.q_proj.weight.copy_(query)
    attention.k_proj.weight.copy_(key)
    attention.v_proj.weight.copy_(common[:inside])
    attention.out_proj.weight.copy_(0.5 * common[:inside].T)


def resize_network(network: Segmenter, size: int) -> Segmenter:
    """The same weights at another image size, token positions interpolated; a new network, the old one is left."""
    config = network.sam.config
    old = config.vision_config.image_size
    fields = config.to_dict()
    patch = config.vision_config.patch_size
    fields["vision_config"]["image_size"] = size
    fields["prompt_encoder_config"] |= {"image_size": size, "image_embedding_size": size // patch}
    resized = Segmenter(SamModel(SamConfig.from_dict(fields)))
    weights = network.state_dict()
    if size != old:
        name = "sam.vision_encoder.pos_embed"
        weights[name] = resize_positions(weights[name], size // patch)
    resized.load_state_dict(weights)
    return resized.to(next(network.parameters()).device)


def resize_positions(positions: Tensor, grid: int) -> Tensor:
    """Token positions `(1, g, g, C)` at another number of tokens a side."""
    image = positions.permute(0, 3, 1, 2)
    image = nn.functional.interpolate(image, size=(grid, grid), mode="bicubic", align_corners=False)
    return image.permute(0, 2, 3, 1).contiguous()
