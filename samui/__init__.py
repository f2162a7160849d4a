"""samui: cut objects out of images with SAM, in the browser, on the command line and from Python."""

from samui import formats
from samui.errors import SamuiError
from samui.everything import everything
from samui.models import Embedding, Predictor, load_predictor
from samui.types import Prediction, Prompt

__all__ = ["Embedding", "Prediction", "Predictor", "Prompt", "SamuiError", "everything", "formats", "load_predictor"]
