"""transformers' mask-generation pipeline without torchvision: the reference of everything mode, for tests and timings.

The pipeline's last step asks torchvision for non-maximum suppression, which does not import beside a CPU build of
torch. A plain loop replaces it here; all else is the pipeline's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def reference_pipeline(folder: Path | str, *, device: str = "cpu", dtype: str = "float32") -> Any:
    """The pipeline of a local SAM checkpoint; call it with a PIL image and its own parameters."""
    import torch
    from transformers import SamImageProcessorPil, SamModel, pipeline

    model = SamModel.from_pretrained(folder, dtype=getattr(torch, dtype), use_safetensors=True).eval()
    processor = SamImageProcessorPil.from_pretrained(folder)
    processor.post_process_for_mask_generation = _after_nms
    return pipeline("mask-generation", model=model, image_processor=processor, device=device)


def _after_nms(masks: list, scores: Any, boxes: Any, threshold: float) -> tuple[list, Any, list, Any]:
    """What `SamImageProcessorPil.post_process_for_mask_generation` returns."""
    from transformers.models.sam.image_processing_pil_sam import _rle_to_mask

    kept = plain_nms(boxes.float(), scores, threshold)
    chosen = [masks[i] for i in kept]
    return [_rle_to_mask(rle) for rle in chosen], scores[kept], chosen, boxes[kept]


def plain_nms(boxes: Any, scores: Any, threshold: float) -> list[int]:
    """Indices of the float32 boxes (n, 4) that remain, best first, as `torchvision.ops.nms` defines it."""
    import torch

    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[int] = []
    for i in torch.sort(scores, descending=True, stable=True).indices.tolist():
        if kept:
            others = boxes[kept]
            low, high = torch.maximum(others[:, :2], boxes[i, :2]), torch.minimum(others[:, 2:], boxes[i, 2:])
            shared = (high - low).clamp(min=0).prod(dim=1)
            if bool((shared / (areas[kept] + areas[i] - shared) > threshold).any()):
                continue
        kept.append(i)
    return kept
