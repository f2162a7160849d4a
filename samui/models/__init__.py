"""Loaded models behind one contract; the only part of samui that imports torch and transformers."""

from samui.models.load import load_predictor
from samui.models.predictor import Embedding, Predictor

__all__ = ["Embedding", "Predictor", "load_predictor"]
