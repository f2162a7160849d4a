"""samui: cut objects out of images with SAM, in the browser, on the command line and from Python."""

from samui import formats
from samui.errors import SamuiError
from samui.everything import everything
from samui.models import Embedding, Predictor, load_predictor
from samui.pixels.images import read_image
from samui.pixels.snap import snap_to_edges
from samui.types import Prediction, Prompt
from samui.work.segment import segment
from samui.workspace.folder import open_workspace

__version__ = "0.1.0"

__all__ = [
    "Embedding",
    "Prediction",
    "Predictor",
    "Prompt",
    "SamuiError",
    "__version__",
    "everything",
    "formats",
    "load_predictor",
    "open_workspace",
    "read_image",
    "segment",
    "snap_to_edges",
]
