"""Loaded models behind one contract; the only part of samui that imports torch and transformers."""

from samui.predictor.base import Embedding, Predictor
from samui.predictor.load import load_predictor

__all__ = ["Embedding", "Predictor", "load_predictor"]
