"""From an image to what SAM's encoder reads, by the checkpoint's own settings; bit for bit what `SamProcessor` gives.

Own code, since `SamProcessor` would also redo it for every prompt, and since other image processors of transformers
need torchvision. The reference is `SamImageProcessorPil`: PIL resize, times `rescale_factor`, minus mean, by std, pad.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from samui.errors import ModelError
from samui.pixels.geometry import Frame

_BAND = 128  # rows
_TOWER = 10  # times as high as wide, at least; for PIL it is 100 times
# SAM's own values, for checkpoints that come without a settings file.
_DEFAULTS: dict[str, Any] = {
    "do_rescale": True,
    "do_normalize": True,
    "rescale_factor": 1 / 255,
    "image_mean": (0.485, 0.456, 0.406),
    "image_std": (0.229, 0.224, 0.225),
    "resample": PIL.Image.Resampling.BILINEAR,
}


@dataclass(frozen=True)
class Preprocessing:
    """How one checkpoint wants its pixels: `image_size` is the side of its square, `levels` float32 (3, 256) what it
    reads for each uint8 value of each channel."""

    image_size: int
    resample: PIL.Image.Resampling
    levels: np.ndarray

    @classmethod
    def read(cls, folder: Path, image_size: int) -> Preprocessing:
        """From the checkpoint's processor_config.json (transformers 5) or preprocessor_config.json.

        image_size: what the network takes, by its config.json. Raises ModelError if the two do not fit together.
        """
        where, settings = _settings(folder)
        side = settings.get("size", image_size)
        side = side.get("longest_edge") if isinstance(side, dict) else side
        if side != image_size:
            raise ModelError(f"{where}: size.longest_edge must be config.json's image_size {image_size}, got {side!r}")
        try:
            resample = PIL.Image.Resampling(settings["resample"])
            mean, std = (np.array(settings[k], np.float64).reshape(3) for k in ("image_mean", "image_std"))
            factor = float(settings["rescale_factor"])
        except (TypeError, ValueError) as error:
            raise ModelError(f"{where}: must hold resample, image_mean, image_std, rescale_factor ({error})") from None
        # The order and precision of each step are the processor's: float64 product, then float32 arithmetic.
        levels = np.arange(256, dtype=np.float64)[:, None].repeat(3, axis=1)
        if settings["do_rescale"]:
            levels = levels * factor
        levels = levels.astype(np.float32)
        if settings["do_normalize"]:
            levels = (levels - mean.astype(np.float32)) / std.astype(np.float32)
        return cls(image_size, resample, np.ascontiguousarray(levels.T))

    def frame(self, height: int, width: int) -> Frame:
        """How an image of this size lies in the model's square."""
        return Frame.fit(height, width, longest=self.image_size)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """float32 (3, side, side) of an RGB uint8 (H, W, 3) image; the padding is 0."""
        height, width = self.frame(*image.shape[:2]).resized
        small = self._resize(image, width, height)
        pixels = np.zeros((3, self.image_size, self.image_size), np.float32)
        for channel in range(3):
            pixels[channel, :height, :width] = np.take(self.levels[channel], small[:, :, channel])
        return pixels

    def _resize(self, image: np.ndarray, width: int, height: int) -> np.ndarray:
        """What `PIL.Image.fromarray(image).resize((width, height), resample)` gives, in half the time.

        PIL copies the picture, scales its rows, rounds, and scales the columns. Here the rows go band by band, so that
        the copy stays in the cache, and bands share the cores. PIL scales the columns of a tower first, so PIL gets it.
        """
        if image.shape[0] > _TOWER * image.shape[1]:
            return np.asarray(PIL.Image.fromarray(image).resize((width, height), self.resample))
        import torch  # here, since the command line reads this module before it needs a network

        rows = np.empty((image.shape[0], width, 3), np.uint8)

        def scale(top: int) -> None:
            band = image[top : top + _BAND]
            rows[top : top + _BAND] = PIL.Image.fromarray(band).resize((width, len(band)), self.resample)

        tops = range(0, len(image), _BAND)
        with ThreadPoolExecutor(min(len(tops), torch.get_num_threads())) as threads:
            list(threads.map(scale, tops))
        return np.asarray(PIL.Image.fromarray(rows).resize((width, height), self.resample))


def _settings(folder: Path) -> tuple[str, dict[str, Any]]:
    """Name and content of the settings file, over SAM's defaults; precedence as transformers has it."""
    for name in ("processor_config.json", "preprocessor_config.json"):
        path = folder / name
        if not path.is_file():
            continue
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"{path}: must be readable JSON, got {error}") from None
        if name == "processor_config.json":
            content = content.get("image_processor") if isinstance(content, dict) else None
            if content is None:
                continue  # an older file of that name, which says nothing about images
        if not isinstance(content, dict):
            raise ModelError(f"{path}: must be a JSON object, got {type(content).__name__}")
        return str(path), _DEFAULTS | {k: v for k, v in content.items() if v is not None}
    return str(folder), dict(_DEFAULTS)
