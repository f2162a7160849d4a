"""SAM's losses on low-resolution logits: focal and dice 20:1, best of three, and the error of the predicted IoU."""

import torch
from torch import Tensor
from torch.nn import functional

from training.config import LossWeights


def mask_losses(
    logits: Tensor, target: Tensor, *, weights: LossWeights, progress: float, valid: Tensor | None = None
) -> Tensor:
    """Loss of each mask `(M, K)` from logits `(M, K, h, w)` and soft targets 0 to 1 `(M, h, w)`.

    Focal loss with gamma 2 (Lin et al. 2017) and dice (Milletari et al. 2016), weighted as in SAM; plus plain
    cross entropy, which gives a stronger gradient while the masks are still poor and fades with `progress`. Only
    pixels where `valid` `(M, h, w)` is 1 count.
    """
    wanted = target[:, None].expand_as(logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    chance = torch.sigmoid(logits)
    missed = chance + wanted - 2 * chance * wanted
    if valid is not None:
        entropy, chance, wanted = entropy * valid[:, None], chance * valid[:, None], wanted * valid[:, None]
    focal = (entropy * missed.square()).mean(dim=(2, 3))
    overlap = (chance * wanted).sum(dim=(2, 3))
    dice = 1 - (2 * overlap + 1) / (chance.sum(dim=(2, 3)) + wanted.sum(dim=(2, 3)) + 1)
    plain = weights.entropy + (weights.entropy_end - weights.entropy) * progress
    return weights.focal * focal + weights.dice * dice + plain * entropy.mean(dim=(2, 3))


def actual_iou(logits: Tensor, target: Tensor, *, valid: Tensor | None = None, outside: Tensor | None = None) -> Tensor:
    """IoU `(M, K)` of the masks `logits > 0` with the target, of which `outside` `(M,)` pixels lie beyond the picture.

    So a mask that is right as far as a close view goes has no high IoU if the thing is much larger than the view.
    """
    mask, wanted = logits > 0, (target > 0.5)[:, None]
    if valid is not None:
        known = valid[:, None] > 0.5
        mask, wanted = mask & known, wanted & known
    either = (mask | wanted).sum(dim=(2, 3)).clamp(min=1)
    return (mask & wanted).sum(dim=(2, 3)) / (either if outside is None else either + outside[:, None])


def prompt_loss(
    logits: Tensor,
    scores: Tensor,
    target: Tensor,
    *,
    ambiguous: Tensor,
    weights: LossWeights,
    progress: float,
    valid: Tensor | None = None,
    outside: Tensor | None = None,
    others: Tensor | None = None,
    known: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Mean loss over prompts, and the IoU `(M, 4)` of each mask with the target, detached.

    Mask 0 answers every prompt. Of masks 1 to 3 only the best learns from an ambiguous prompt (one click); a
    little goes to the others, so that none falls out of use. From other prompts all three learn. Each of the
    `others` `(M, n, h, w)` that is `known` `(M, n)` is a right answer too and pulls the mask that is nearest to it.
    """
    each = mask_losses(logits, target, weights=weights, progress=progress, valid=valid)
    with torch.no_grad():
        iou = actual_iou(logits, target, valid=valid, outside=outside)
    spread = torch.where(ambiguous, weights.spread_click, weights.spread_other)
    several = (1 - spread) * each[:, 1:].min(dim=1).values + spread * each[:, 1:].mean(dim=1)
    loss = (each[:, 0] + several + weights.score * (scores - iou).square().mean(dim=1)).mean()
    if others is not None and known is not None and known.any():
        rows, which = known.nonzero(as_tuple=True)
        also = mask_losses(
            logits[rows, 1:],
            others[rows, which],
            weights=weights,
            progress=progress,
            valid=None if valid is None else valid[rows],
        )
        loss = loss + weights.other * also.min(dim=1).values.sum() / len(logits)
    return loss, iou


def helper_loss(logits: Tensor, mains: Tensor, has_main: Tensor) -> Tensor:
    """Cross entropy and dice of the prompt-free head, over the photos whose main object is known."""
    entropy = functional.binary_cross_entropy_with_logits(logits, mains, reduction="none").mean(dim=(1, 2))
    chance = torch.sigmoid(logits)
    overlap = 2 * (chance * mains).sum(dim=(1, 2)) + 1
    dice = 1 - overlap / (chance.sum(dim=(1, 2)) + mains.sum(dim=(1, 2)) + 1)
    return ((entropy + dice) * has_main).sum() / has_main.sum().clamp(min=1)
