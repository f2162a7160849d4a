"""PNG files, by Pillow, without its oddities: large texts, transparent colours of depths other than 8 bits."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin

from samui.pixels.decoder import PillowPicture
from samui.pixels.rgb import bands

_PROFILE_BYTES = 16 << 20


class _PngStream(PngImagePlugin.PngStream):
    """Chunks of a PNG; text and profiles that are too large or odd are skipped and do not cost the picture."""

    _has_room = True

    def _pass_over(self, read: Callable[[int, int], bytes], pos: int, length: int) -> bytes:
        try:
            if self._has_room:
                return read(pos, length)
        except (ValueError, SyntaxError, struct.error, IndexError) as error:
            self._has_room = "memory" not in str(error)  # Pillow's limit for all texts together
        return self._raw(pos, length)

    def _raw(self, pos: int, length: int) -> bytes:
        assert self.fp is not None
        self.fp.seek(pos)
        blocks = []
        while length:  # in blocks, since the length may lie
            blocks.append(self.fp.read(min(length, 1 << 20)))
            if not blocks[-1]:
                raise OSError("image file is truncated")
            length -= len(blocks[-1])
        return b"".join(blocks)

    def chunk_tEXt(self, pos: int, length: int) -> bytes:  # noqa: N802
        return self._pass_over(super().chunk_tEXt, pos, length)

    def chunk_zTXt(self, pos: int, length: int) -> bytes:  # noqa: N802
        return self._pass_over(super().chunk_zTXt, pos, length)

    def chunk_iTXt(self, pos: int, length: int) -> bytes:  # noqa: N802
        return self._pass_over(super().chunk_iTXt, pos, length)

    def chunk_iCCP(self, pos: int, length: int) -> bytes:  # noqa: N802
        data = self._raw(pos, length)
        unpacking = zlib.decompressobj()
        try:
            profile = unpacking.decompress(data[data.index(b"\0") + 2 :], _PROFILE_BYTES)
        except (ValueError, zlib.error):
            profile = b""
        self.im_info["icc_profile"] = b"" if unpacking.unconsumed_tail else profile
        return data


class _PngFile(PngImagePlugin.PngImageFile):
    @property
    def png(self) -> PngImagePlugin.PngStream | None:
        return self._stream

    @png.setter
    def png(self, stream: PngImagePlugin.PngStream | None) -> None:
        self._stream = None if stream is None or stream.fp is None else _PngStream(stream.fp)


class PngPicture(PillowPicture):
    """A PNG picture."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        file.seek(0)
        image = _PngFile(file)
        self.raw_mode = str(image.tile[0].args) if image.tile else ""
        super().__init__(image, is_grey=self.raw_mode == "LA;16B")
        spread = {"L;2": 85, "L;4": 17, "L": 1}.get(self.raw_mode)
        if spread and "transparency" in image.info:  # in the file's own values, while Pillow rescales the pixels
            image.info["transparency"] = image.info["transparency"] * spread & 255

    def decode(self) -> np.ndarray:
        if self.raw_mode == "RGB;16B" and "transparency" in self.info:
            # Pillow keeps only the high bytes, but the transparent colour has both bytes: the low ones are read first.
            key = self.info.pop("transparency")
            self.file.seek(0)
            low = _PngFile(self.file)
            low.tile = [tile._replace(args="RGB;16L") for tile in low.tile]
            low.load()
            holes = _where(low, [value & 255 for value in key])
            del low  # closing it would close the file
            self.file.seek(0)
            self.image = _PngFile(self.file)
            del self.image.info["transparency"]
            self.image.load()
            holes &= _where(self.image, [value >> 8 for value in key])
            self.holes = holes
        return super().decode()


def _where(image: Image.Image, colour: list[int]) -> np.ndarray:
    """Bool (H, W): where an RGB picture has a colour."""
    found = np.empty((image.height, image.width), bool)
    for top, bottom in bands(image.height, image.width):
        found[top:bottom] = (np.asarray(PillowPicture(image).band(top, bottom)) == colour).all(-1)
    return found
