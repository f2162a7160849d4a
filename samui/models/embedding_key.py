"""The name under which an embedding is kept, in memory and on disk."""

from __future__ import annotations

import hashlib

import numpy as np

from samui.models.predictor import Predictor

_FORMAT = 2  # of packed embeddings; counted up when they change, so that older files count as missing


def embedding_key(predictor: Predictor, image: np.ndarray) -> str:
    """64 hexadecimal digits for an image's pixels and shape and a predictor's name, revision and precision."""
    made = f"{_FORMAT} {predictor.name}@{predictor.revision}/{predictor.dtype} {image.shape} "
    digest = hashlib.sha256(made.encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def view_key(key: str, box: tuple[int, int, int, int]) -> str:
    """The same for a part of the image behind `key`; box: (x0, y0, x1, y1) in whole pixels. No pixel is read for it."""
    return hashlib.sha256(f"{key} {box}".encode()).hexdigest()
