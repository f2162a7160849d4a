"""What all decoders of picture files have in common: the header is read first, the pixels when they are asked for."""

from __future__ import annotations

from typing import Any, BinaryIO

import cv2
import numpy as np
from PIL import Image, JpegImagePlugin

from samui.pixels.headers import MAX_SIDE
from samui.pixels.rgb import bands, to_rgb, turned

OPENCV_SIDE = 1 << 20  # pixels; OpenCV's own limit

_ORIENTATION = 0x0112

# Failures are raised as errors; OpenCV would also write them to stderr.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class UnsupportedError(Exception):
    """A file looks whole but is of a kind that nothing here decodes; the message says which kind."""


class Opened:
    """A picture file whose header was read, but none of its pixels.

    format: "JPEG", "PNG", "WEBP", "BMP", "TIFF" or "MPO". size: (W, H) in pixels, before it is turned. max_side: in
    pixels, of what can be decoded. notes: what a person should know about it. cost: memory of a pixel while it is
    decoded, where that of an ordinary picture (some 8 bytes) is 1.
    """

    max_side = MAX_SIDE
    cost = 1.0

    def __init__(self, format_name: str, size: tuple[int, int], *, several: bool = False) -> None:
        self.format, self.size = format_name, size
        self.notes = ["more than one frame: the first is shown"] if several else []

    @property
    def orientation(self) -> int:
        """EXIF orientation, 1 to 8."""
        return 1

    def decode(self) -> np.ndarray:
        """RGB uint8 (H, W, 3), turned. Decodes once. Raises almost anything for a damaged file."""
        raise NotImplementedError


class PillowPicture(Opened):
    """What Pillow decodes."""

    def __init__(self, image: Image.Image, *, is_grey: bool = False) -> None:
        several = "mp" in image.info or getattr(image, "is_animated", False)
        super().__init__("MPO" if "mp" in image.info else image.format or "", image.size, several=several)
        self.image, self.is_grey = image, is_grey
        self.holes: np.ndarray | None = None

    @property
    def orientation(self) -> int:
        found = orientation(self.image, [])
        return found if found in range(1, 9) else 1

    @property
    def mode(self) -> str:
        return self.image.mode

    @property
    def info(self) -> dict[Any, Any]:
        return self.image.info

    def band(self, top: int, bottom: int) -> Image.Image:
        if bottom - top == self.image.height:
            return self.image
        # Image.crop would count the pixels against Pillow's own limit.
        return self.image._new(self.image.im.crop((0, top, self.image.width, bottom)))

    def decode(self) -> np.ndarray:
        self.image.load()
        self.size = self.image.size  # Pillow turns a TIFF while loading
        pixels = to_rgb(self, self.notes)
        angle = orientation(self.image, self.notes)
        self.image.close()  # turning needs memory too
        return turned(pixels, angle)


def open_jpeg(file: BinaryIO) -> Opened:
    """A JPEG file; of an MPO the first picture."""
    file.seek(0)
    return PillowPicture(JpegImagePlugin.JpegImageFile(file))


def orientation(image: Image.Image, notes: list[str]) -> int:
    """EXIF orientation, 1 to 8 (TIFF, which Pillow turns while loading, has none left)."""
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a broken EXIF block must not cost the picture
        notes.append("EXIF data left out: damaged")
        return 1


def with_info(info: dict[Any, Any]) -> Image.Image:
    """A small Pillow picture with the metadata of another, so that Pillow reads it."""
    image = Image.new("L", (1, 1))
    image.info = info
    return image


def by_opencv(data: bytes, flags: int) -> np.ndarray:
    """(H, W) or BGR(A) (H, W, 3 or 4) of a whole file. Raises ValueError if it is damaged, cv2.error if too large."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise ValueError("image file is truncated or damaged")
    return pixels


def swap(pixels: np.ndarray) -> np.ndarray:
    """RGB of BGR uint8 (H, W, 3), in place."""
    for top, bottom in bands(*pixels.shape[:2]):
        pixels[top:bottom] = cv2.cvtColor(pixels[top:bottom], cv2.COLOR_BGR2RGB)
    return pixels
