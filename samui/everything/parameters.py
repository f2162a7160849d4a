"""`Parameters` of everything mode, under the names that SAM's users know, and the ranges in which they make sense."""

from __future__ import annotations

import numbers
from dataclasses import dataclass, fields
from typing import Any

from samui.errors import ParameterError

# (lowest, highest); a whole number where both are.
RANGES: dict[str, tuple[float, float]] = {
    "points_per_side": (1, 256),
    "points_per_batch": (1, 4096),
    "pred_iou_thresh": (0.0, 1.0),
    "stability_score_thresh": (0.0, 1.0),
    "stability_score_offset": (0.0, 100.0),
    "box_nms_thresh": (0.0, 1.0),
    "crops_n_layers": (0, 4),
    "crop_overlap_ratio": (0.0, 0.9),
    "crop_n_points_downscale_factor": (1, 16),
    "crops_nms_thresh": (0.0, 1.0),
    "min_mask_region_area": (0, 1_000_000_000),
}


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """How everything mode looks for masks and which ones it keeps.

    points_per_side: points of the grid along each side. points_per_batch: points decoded at once at most; where fewer
    are faster, as on a CPU, fewer are taken, with the same masks. pred_iou_thresh: a mask stays if its predicted IoU is
    above, 0 for all. stability_score_thresh: likewise for its stability, the IoU of the masks cut at logits of
    +stability_score_offset and -stability_score_offset. box_nms_thresh: of two masks whose boxes have an IoU above, the
    one with the lower predicted IoU goes. crops_n_layers: layers of crops that are searched as well, 4 crops in the
    first, 16 in the second; each crop runs the encoder. crop_overlap_ratio: of the crops of the first layer, as a share
    of the image's short side. crop_n_points_downscale_factor: points_per_side is divided by it once a layer.
    crops_nms_thresh: as box_nms_thresh, between crops, where the mask of the smaller crop stays. min_mask_region_area:
    in pixels; smaller islands and holes are removed, 0 for none.

    Defaults and meanings are those of segment-anything's `SamAutomaticMaskGenerator`. Raises ParameterError.
    """

    points_per_side: int = 32
    points_per_batch: int = 64
    pred_iou_thresh: float = 0.88
    stability_score_thresh: float = 0.95
    stability_score_offset: float = 1.0
    box_nms_thresh: float = 0.7
    crops_n_layers: int = 0
    crop_overlap_ratio: float = 512 / 1500
    crop_n_points_downscale_factor: int = 1
    crops_nms_thresh: float = 0.7
    min_mask_region_area: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, _checked(field.name, getattr(self, field.name)))
        if self.layer_points(self.crops_n_layers) < 1:
            factor, layers = self.crop_n_points_downscale_factor, self.crops_n_layers
            most = int(self.points_per_side ** (1 / layers) + 1e-9)
            raise ParameterError(
                f"crop_n_points_downscale_factor: must be from 1 to {most} for points_per_side "
                f"{self.points_per_side} and crops_n_layers {layers}, got {factor}"
            )

    def layer_points(self, layer: int) -> int:
        """Points along each side of a crop in this layer; layer 0 is the whole image."""
        return int(self.points_per_side / self.crop_n_points_downscale_factor**layer)


def _checked(name: str, value: Any) -> int | float:
    low, high = RANGES[name]
    whole = isinstance(low, int)
    good = isinstance(value, numbers.Integral if whole else numbers.Real) and not isinstance(value, bool)
    if not good or not low <= value <= high:  # which neither infinity nor NaN is
        what = "a whole number " if whole else ""
        raise ParameterError(f"{name}: must be {what}from {_show(low)} to {_show(high)}, got {value!r}")
    return int(value) if whole else float(value)


def _show(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"
