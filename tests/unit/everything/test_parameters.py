"""The ranges of everything mode's parameters."""

import pytest

from samui.errors import ParameterError
from samui.everything import Parameters

WHOLE, SHARE = "must be a whole number from", "must be from 0 to 1, got"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"points_per_side": 0}, f"points_per_side: {WHOLE} 1 to 256, got 0"),
        ({"points_per_side": 257}, f"points_per_side: {WHOLE} 1 to 256, got 257"),
        ({"points_per_side": 8.0}, f"points_per_side: {WHOLE} 1 to 256, got 8.0"),
        ({"points_per_side": True}, f"points_per_side: {WHOLE} 1 to 256, got True"),
        ({"points_per_batch": 0}, f"points_per_batch: {WHOLE} 1 to 4096, got 0"),
        ({"pred_iou_thresh": 1.1}, f"pred_iou_thresh: {SHARE} 1.1"),
        ({"pred_iou_thresh": float("nan")}, f"pred_iou_thresh: {SHARE} nan"),
        ({"pred_iou_thresh": float("inf")}, f"pred_iou_thresh: {SHARE} inf"),
        ({"points_per_side": 10**400}, f"points_per_side: {WHOLE} 1 to 256, got {10**400}"),
        ({"pred_iou_thresh": 10**400}, f"pred_iou_thresh: {SHARE} {10**400}"),
        ({"pred_iou_thresh": "high"}, f"pred_iou_thresh: {SHARE} 'high'"),
        ({"stability_score_thresh": -0.1}, f"stability_score_thresh: {SHARE} -0.1"),
        ({"stability_score_offset": 101}, "stability_score_offset: must be from 0 to 100, got 101"),
        ({"box_nms_thresh": 2}, f"box_nms_thresh: {SHARE} 2"),
        ({"crops_n_layers": 5}, f"crops_n_layers: {WHOLE} 0 to 4, got 5"),
        ({"crop_overlap_ratio": 1}, "crop_overlap_ratio: must be from 0 to 0.9, got 1"),
        ({"crops_nms_thresh": None}, f"crops_nms_thresh: {SHARE} None"),
        ({"min_mask_region_area": -1}, f"min_mask_region_area: {WHOLE} 0 to 1000000000, got -1"),
        ({"crop_n_points_downscale_factor": 17}, f"crop_n_points_downscale_factor: {WHOLE} 1 to 16, got 17"),
        (
            {"points_per_side": 8, "crops_n_layers": 2, "crop_n_points_downscale_factor": 3},
            "crop_n_points_downscale_factor: must be from 1 to 2 for points_per_side 8 and crops_n_layers 2, got 3",
        ),
    ],
)
def test_a_parameter_out_of_range_is_told_with_its_range(given, message):
    with pytest.raises(ParameterError) as caught:
        Parameters(**given)
    assert str(caught.value) == message
