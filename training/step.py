"""Loss of one batch: a first round of clicks and boxes, and a second of corrective clicks on the first's masks."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.batches import Batch
from training.config import LossWeights, RunConfig
from training.losses import helper_loss, prompt_loss
from training.network import Segmenter, has_bfloat16
from training.prompts import corrective_clicks

MEAN = (0.485, 0.456, 0.406)
SPREAD = (0.229, 0.224, 0.225)


def normalise(images: Tensor) -> Tensor:
    """Pixels `(B, 3, S, S)` as SAM's processor gives them, of uint8 `(B, S, S, 3)`."""
    mean = torch.tensor(MEAN, device=images.device)
    spread = torch.tensor(SPREAD, device=images.device)
    return ((images.float() / 255 - mean) / spread).permute(0, 3, 1, 2)


def batch_loss(
    network: Segmenter, batch: Batch, *, config: RunConfig, step: int, shard: int, progress: float, device: torch.device
) -> tuple[Tensor, dict[str, float]]:
    """Mean loss of a batch (or a part of one), and numbers for the log."""
    weights: LossWeights = config.weights
    generator = np.random.default_rng([config.seed, step, shard, 1])
    size, side = batch.images.shape[1], 4 * network.grid

    def shrink(masks: np.ndarray) -> Tensor:
        masks = torch.from_numpy(masks).to(device).flatten(0, -3)[:, None].float() / 255
        return functional.avg_pool2d(masks, size // side)[:, 0]

    half = has_bfloat16(device)
    known = torch.from_numpy(batch.known).to(device).flatten(0, 1)
    others = None
    if batch.known.any():
        others = torch.zeros(*known.shape, side, side, device=device)
        others[known] = shrink(batch.others[batch.known])
    valid = (shrink(batch.ignored) < 0.3).float().repeat_interleave(batch.is_box.shape[1], dim=0)
    outside = torch.from_numpy(batch.outside).to(device).flatten() / (size // side) ** 2
    with torch.autocast(device.type, torch.bfloat16, enabled=half, cache_enabled=False):
        embedding = network.encode(normalise(torch.from_numpy(batch.images).to(device)))
        helped = network.help(embedding)
        target = shrink(batch.targets)
        logits, scores = decode_prompts(network, embedding, prompts=first_prompts(batch, device), logits=None)
    is_box = torch.from_numpy(batch.is_box).to(device).flatten()
    first, iou = prompt_loss(
        logits,
        scores,
        target,
        ambiguous=~is_box,
        weights=weights,
        progress=progress,
        valid=valid,
        outside=outside,
        others=others,
        known=known,
    )
    with torch.no_grad():
        chosen_iou = iou[:, 1:].gather(1, scores[:, 1:].argmax(dim=1, keepdim=True))[:, 0]
    helping = helper_loss(helped.float(), shrink(batch.mains), torch.from_numpy(batch.has_main).to(device))

    count = int(generator.choice([1, 2, 4]))
    prompts, earlier, chosen = second_prompts(
        generator, batch, logits=logits.detach(), scores=scores.detach(), count=count, corrected=config.corrected
    )
    prompts = tuple(each.to(device) for each in prompts)
    with torch.autocast(device.type, torch.bfloat16, enabled=half, cache_enabled=False):
        logits, scores = decode_prompts(network, embedding, prompts=prompts, logits=earlier)
    second, corrected = prompt_loss(
        logits,
        scores,
        target[chosen],
        ambiguous=torch.zeros_like(chosen, dtype=torch.bool),
        weights=weights,
        progress=progress,
        valid=valid[chosen],
        outside=outside[chosen],
    )
    loss = first + second * config.corrected / config.prompts + weights.helper * (1 - 0.7 * progress) * helping
    return loss, {
        "loss": float(loss.detach()),
        "helper": float(helping.detach()),
        "click": float(iou[~is_box, 1:].max(dim=1).values.mean()),
        "chosen": float(chosen_iou[~is_box].mean()),
        "box": float(iou[is_box, 0].mean()),
        "corrected": float(corrected[:, 0].mean()),
    }


def first_prompts(batch: Batch, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Points `(M, 1, 2)`, labels `(M, 1)`, boxes `(M, 4)` and which of M prompts are boxes `(M,)`."""
    points = torch.from_numpy(batch.points).flatten(0, 1)[:, None].to(device)
    labels = torch.ones(points.shape[:2], dtype=torch.long, device=device)
    boxes = torch.from_numpy(batch.boxes).flatten(0, 1).to(device)
    return points, labels, boxes, torch.from_numpy(batch.is_box).flatten().to(device)


def second_prompts(
    generator: np.random.Generator, batch: Batch, *, logits: Tensor, scores: Tensor, count: int, corrected: int
) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], Tensor, Tensor]:
    """Corrective clicks for `corrected` prompts of each photo: the prompts, the fed-back logits, their numbers.

    Every prompt has `count` more points than it had. The mask that is corrected is the best of three by its own
    score, or mask 0, by a coin.
    """
    photos, prompts = batch.is_box.shape
    chosen = np.concatenate([k * prompts + generator.permutation(prompts)[:corrected] for k in range(photos)])
    best = (scores[:, 1:].argmax(dim=1) + 1).cpu().numpy()
    which = np.where(generator.random(len(chosen)) < 0.5, 0, best[chosen])
    earlier = logits[torch.from_numpy(chosen).to(logits.device), torch.from_numpy(which).to(logits.device)]
    masks = (earlier > 0).cpu().numpy()
    targets, factor = batch.targets.reshape(-1, *batch.targets.shape[2:]), batch.targets.shape[2] // masks.shape[1]
    points, labels = [], []
    for number, mask in zip(chosen, masks, strict=True):
        wanted = targets[number][factor // 2 :: factor, factor // 2 :: factor] > 0
        mask = np.where(
            batch.ignored[number // prompts][factor // 2 :: factor, factor // 2 :: factor] > 0, wanted, mask
        )
        if not wanted.any():
            wanted = targets[number].reshape(len(mask), factor, len(mask), factor).max(axis=(1, 3)) > 0
        clicked, kinds = corrective_clicks(generator, predicted=mask, target=wanted, count=count)
        points.append(factor * clicked + factor // 2)
        labels.append(kinds)
    is_box = batch.is_box.reshape(-1)[chosen]
    first = batch.points.reshape(-1, 2)[chosen][:, None]
    points = np.concatenate([first, np.stack(points)], axis=1)
    labels = np.concatenate([np.ones((len(chosen), 1), np.int64), np.stack(labels)], axis=1)
    # A box keeps only its corrections: roll its never-given first click to the end, where it is cut off.
    points[is_box], labels[is_box] = np.roll(points[is_box], -1, axis=1), np.roll(labels[is_box], -1, axis=1)
    boxes = batch.boxes.reshape(-1, 4)[chosen]
    result = tuple(torch.from_numpy(each) for each in (points.astype(np.float32), labels, boxes, is_box))
    return result, earlier, torch.from_numpy(chosen).to(logits.device)


def decode_prompts(
    network: Segmenter, embedding: Tensor, *, prompts: tuple[Tensor, Tensor, Tensor, Tensor], logits: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Decode prompts of both kinds in one pass: n clicks and a padding token are as long as n-1 clicks and a box."""
    points, labels, boxes, is_box = prompts
    clicked, dense = network.embed_prompts(points, labels, None, logits)
    fewer = None if points.shape[1] == 1 else points[:, :-1]
    boxed, _ = network.embed_prompts(fewer, None if fewer is None else labels[:, :-1], boxes, None)
    return network.decode(embedding, torch.where(is_box[:, None, None], boxed, clicked), dense)
