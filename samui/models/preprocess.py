"""From an image to what an encoder reads, by the checkpoint's settings; bit for bit what transformers' processors give.

Own code, since processors would also redo it for every prompt, and since most image processors of transformers need
torchvision. Two rules cover the families. Padded: `SamImageProcessorPil`, PIL resize of the longest side, times
`rescale_factor`, minus mean, by std, zeros at the right and the bottom. Square: `Sam2ImageProcessor`, the image
stretched by torch's antialiased resize of uint8, and the same arithmetic in another order.
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
_TOWER = 10  # least height over width; for PIL it is 100
_AVX2 = ("AVX2", "AVX512")  # with these, torch resizes uint8 as such; without, torchvision goes by way of float32
_TORCH_MODES = {PIL.Image.Resampling.BILINEAR: "bilinear", PIL.Image.Resampling.BICUBIC: "bicubic"}


@dataclass(frozen=True)
class Rule:
    """What a family's processor does where the checkpoint's settings say nothing, and what they cannot say.

    square: the image fills a square, stretched, else it keeps its shape and is padded. fused: pixels become
    (x - mean / factor) / (std / factor) at once, in float32, else x * factor first and (x - mean) / std then.
    """

    square: bool
    fused: bool
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


PADDED = Rule(square=False, fused=False)
SQUARE = Rule(square=True, fused=True)


@dataclass(frozen=True)
class Preprocessing:
    """How one checkpoint wants its pixels.

    side: of its square. resample: how pixels are resized. levels: float32 (3, 256), what it reads for each uint8 value
    of each channel. low: side of its logits if the image is stretched to fill the square; None if it is padded.
    """

    side: int
    resample: PIL.Image.Resampling
    levels: np.ndarray
    low: int | None = None

    @classmethod
    def read(cls, folder: Path, side: int, rule: Rule = PADDED, *, low: int | None = None) -> Preprocessing:
        """From the checkpoint's processor_config.json (transformers 5) or preprocessor_config.json.

        side: what the network takes, by its config.json. low: side of its logits, for a rule of squares. Raises
        ModelError if the settings make no sense, or ask for another size.
        """
        where, settings = _settings(folder, rule)
        _check_side(where, settings.get("size", side), side)
        try:
            resample = PIL.Image.Resampling(settings["resample"])
            mean, std = (np.array(settings[k], np.float64).reshape(3) for k in ("image_mean", "image_std"))
            factor = float(settings["rescale_factor"])
        except (TypeError, ValueError) as error:
            raise ModelError(f"{where}: must hold resample, image_mean, image_std, rescale_factor ({error})") from None
        if rule.square and resample not in _TORCH_MODES:
            raise ModelError(f"{where}: resample must be 2 (bilinear) or 3 (bicubic), got {int(resample)}")
        if rule.square != (low is not None):
            raise ValueError("low: must be given for a rule of squares, and for no other")
        do_rescale, do_normalize = bool(settings["do_rescale"]), bool(settings["do_normalize"])
        levels = _levels(mean, std, factor if do_rescale else None, do_normalize, fused=rule.fused)
        return cls(side, resample, np.ascontiguousarray(levels.T), low)

    def frame(self, height: int, width: int) -> Frame:
        """How an image of this size lies in the model's square."""
        if self.low is not None:
            return Frame.stretch(height, width, side=self.side, low=self.low)
        return Frame.fit(height, width, longest=self.side)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """float32 (3, side, side) of an RGB uint8 (H, W, 3) image; the padding is 0."""
        height, width = self.frame(*image.shape[:2]).resized
        small = self._resize(image, width, height) if self.low is None else self._stretch(image)
        pixels = np.zeros((3, self.side, self.side), np.float32)
        for channel in range(3):
            pixels[channel, :height, :width] = np.take(self.levels[channel], small[:, :, channel])
        return pixels

    def _stretch(self, image: np.ndarray) -> np.ndarray:
        """What torchvision's resize, antialiased, makes of the image at side x side."""
        import torch
        from torch.nn.functional import interpolate

        if image.shape[:2] == (self.side, self.side):
            return image
        rows = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).contiguous()[None]
        how: dict[str, Any] = {"mode": _TORCH_MODES[self.resample], "align_corners": False, "antialias": True}
        if torch.backends.cpu.get_cpu_capability() in _AVX2:
            small = interpolate(rows, (self.side, self.side), **how)
        else:
            small = interpolate(rows.float(), (self.side, self.side), **how).round_().clamp_(0, 255).to(torch.uint8)
        return small[0].permute(1, 2, 0).numpy()

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
            rows[top : top + _BAND] = np.asarray(PIL.Image.fromarray(band).resize((width, len(band)), self.resample))

        tops = range(0, len(image), _BAND)
        with ThreadPoolExecutor(min(len(tops), torch.get_num_threads())) as threads:
            list(threads.map(scale, tops))
        return np.asarray(PIL.Image.fromarray(rows).resize((width, height), self.resample))


def _levels(mean: np.ndarray, std: np.ndarray, factor: float | None, normalize: bool, *, fused: bool) -> np.ndarray:
    """float32 (256, 3): what becomes of each uint8 value. factor: None to leave pixels as they are."""
    if fused and normalize and factor is not None:
        # transformers' `_fuse_mean_std_and_rescale_factor`: float32 tensors times a Python number.
        scale = np.float32(1.0 / factor)
        values = np.arange(256, dtype=np.float32)[:, None]
        return (values - mean.astype(np.float32) * scale) / (std.astype(np.float32) * scale)
    # The order and precision of each step are the processor's: float64 product, then float32 arithmetic.
    levels = np.arange(256, dtype=np.float64)[:, None].repeat(3, axis=1)
    if factor is not None:
        levels = levels * factor
    levels = levels.astype(np.float32)
    if normalize:
        levels = (levels - mean.astype(np.float32)) / std.astype(np.float32)
    return levels


def _check_side(where: str, size: Any, side: int) -> None:
    """ModelError unless a size in any of its three forms is `side`: a number, a longest edge, height and width."""
    name, got = "size", size
    if isinstance(size, dict):
        name = "size.longest_edge"
        got = size.get("longest_edge")
        if got is None and "height" in size:
            name = "size.height and size.width"
            both = size.get("height"), size.get("width")
            got = both[0] if both[0] == both[1] else both
    if got != side:
        raise ModelError(f"{where}: {name} must be config.json's image_size {side}, got {got!r}")


def _settings(folder: Path, rule: Rule) -> tuple[str, dict[str, Any]]:
    """Name and content of the settings file, over the rule's own values; precedence as transformers has it."""
    usual: dict[str, Any] = {
        "do_rescale": True,
        "do_normalize": True,
        "rescale_factor": 1 / 255,
        "image_mean": rule.mean,
        "image_std": rule.std,
        "resample": PIL.Image.Resampling.BILINEAR,
    }
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
        return str(path), usual | {k: v for k, v in content.items() if v is not None}
    return str(folder), usual
