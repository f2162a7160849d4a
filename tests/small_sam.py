"""A SAM that is small enough for tests of every path through it."""

import torch
from transformers import SamConfig, SamModel


def make_model(dtype=torch.float32, **vision):
    """A SAM of four small layers, two of them global, with random weights that keep variance."""
    torch.manual_seed(0)
    small = {
        "hidden_size": 48,
        "num_hidden_layers": 4,
        "num_attention_heads": 3,
        "mlp_dim": 96,
        "image_size": 160,
        "output_channels": 16,
        "global_attn_indexes": [1, 3],
    }
    decoder = {"hidden_size": 16, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 16}
    prompt = {"hidden_size": 16, "image_size": 160, "image_embedding_size": 10, "mask_input_channels": 4}
    config = SamConfig(
        vision_config=small | {"num_pos_feats": 8} | vision,
        prompt_encoder_config=prompt,
        mask_decoder_config=decoder,
    )
    model = SamModel(config).eval().requires_grad_(False)
    for name, weights in model.named_parameters():
        if "rel_pos" in name or "pos_embed" in name:
            weights.normal_(0, 0.5)
        elif weights.dim() > 1:
            weights.normal_(0, weights[0].numel() ** -0.5)
        else:
            weights.normal_(0, 0.1)
    return model.to(dtype)
