"""Everything mode: all masks of an image.

for mask in samui.everything(predictor, image, points_per_side=32):
    mask.score, mask.box, mask.mask
"""

from samui.everything.found import Event, Finished, Found, FoundMask, Masks, Progress, Report
from samui.everything.parameters import RANGES, Parameters
from samui.everything.run import everything, stream

__all__ = [
    "RANGES",
    "Event",
    "Finished",
    "Found",
    "FoundMask",
    "Masks",
    "Parameters",
    "Progress",
    "Report",
    "everything",
    "stream",
]
