"""WebP files, by OpenCV: it decodes into the one array that is needed, while Pillow holds four at once."""

from __future__ import annotations

from typing import Any, BinaryIO

import cv2
import numpy as np
from PIL import Image

from samui.pixels.decoder import OPENCV_SIDE, Opened, by_opencv, orientation, swap, with_info
from samui.pixels.rgb import to_rgb, turned

_MAX_CHUNKS = 1 << 16  # frames and metadata


class WebP(Opened):
    """A WebP picture, possibly animated."""

    max_side = OPENCV_SIDE
    is_grey = False
    holes: np.ndarray | None = None

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        self.data = file.read()
        self.info: dict[Any, Any] = {}
        animated, frames, size = False, 0, None
        for kind, body in _riff_chunks(self.data):
            if kind == b"VP8X":
                animated = bool(body[0] & 2)
                size = 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
                self.cost = 2.0 if animated else 1.0  # two canvases
            elif kind == b"ANMF":
                frames += 1
            elif kind == b"VP8L":
                bits = int.from_bytes(body[1:5], "little")
                size = size or (1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
            elif kind == b"VP8 ":
                size = size or (
                    int.from_bytes(body[6:8], "little") & 0x3FFF,
                    int.from_bytes(body[8:10], "little") & 0x3FFF,
                )
            elif kind in (b"ICCP", b"EXIF", b"XMP "):
                name = {b"ICCP": "icc_profile", b"EXIF": "exif", b"XMP ": "xmp"}[kind]
                self.info.setdefault(name, bytes(body))
        if size is None:
            raise ValueError("no picture in it")
        super().__init__("WEBP", size, several=frames > 1)

    @property
    def orientation(self) -> int:
        found = orientation(with_info(self.info), [])
        return found if found in range(1, 9) else 1

    def decode(self) -> np.ndarray:
        self.pixels = by_opencv(self.data, cv2.IMREAD_UNCHANGED)
        self.data = b""
        self.size = self.pixels.shape[1], self.pixels.shape[0]
        self.mode = "RGBA" if self.pixels.shape[2] == 4 else "RGB"
        angle = orientation(with_info(self.info), self.notes)
        result = to_rgb(self, self.notes) if self.mode == "RGBA" or "icc_profile" in self.info else swap(self.pixels)
        del self.pixels
        return turned(result, angle)

    def band(self, top: int, bottom: int) -> Image.Image:
        swap = cv2.COLOR_BGRA2RGBA if self.mode == "RGBA" else cv2.COLOR_BGR2RGB
        return Image.fromarray(cv2.cvtColor(self.pixels[top:bottom], swap))


def _riff_chunks(data: bytes) -> list[tuple[bytes, memoryview]]:
    """(name, content) of a WebP file's chunks."""
    found: list[tuple[bytes, memoryview]] = []
    at, view = 12, memoryview(data)
    while at + 8 <= len(data) and len(found) < _MAX_CHUNKS:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        found.append((data[at : at + 4], view[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return found
