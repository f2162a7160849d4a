"""`read_image`: any picture file to RGB pixels, or one clear message.

The rules, so that nobody has to guess what happened to a picture:

- Formats: JPEG, PNG, WebP, BMP, TIFF, MPO, recognised by their first bytes, never by the name.
- Turned by its EXIF orientation. Of several frames or pages the first is shown.
- Transparent pixels lie on white. Palettes, greys, CMYK, YCbCr and Lab become RGB; a colour profile becomes sRGB.
- 16-bit colour keeps its high bytes. 16-bit grey, 32-bit integers and floats, also in colours: the range from the
  smallest to the largest finite value becomes 0 to 255 (not finite: 0; all equal: 0); transparent pixels do not count.
- The profile is applied first; then transparent pixels are laid on white.
- Text, profiles and other data that cannot be read do not cost the picture.

Masks depend on none of this except the orientation: they are in the pixels of `Picture.pixels`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import BinaryIO

import numpy as np

from samui.errors import ImageError
from samui.pixels import headers
from samui.pixels.bmp import open_bmp
from samui.pixels.decoder import Opened, UnsupportedError, open_jpeg
from samui.pixels.display import encode_for_display
from samui.pixels.png import PngPicture
from samui.pixels.tiff import open_tiff
from samui.pixels.webp import WebP

__all__ = [
    "HOSTED_BYTES",
    "HOSTED_PIXELS",
    "LOCAL_BYTES",
    "LOCAL_PIXELS",
    "Header",
    "Picture",
    "encode_for_display",
    "read_header",
    "read_image",
]

HOSTED_PIXELS = 40_000_000
LOCAL_PIXELS = 100_000_000
HOSTED_BYTES = 100_000_000
LOCAL_BYTES = 1_000_000_000

# Image.open is not used: it asks every decoder that any package registered (EPS among them), and its own pixel limit
# is a warning for the whole process.
_OPENERS: dict[str, Callable[[BinaryIO], Opened]] = {
    "JPEG": open_jpeg,
    "PNG": PngPicture,
    "WEBP": WebP,
    "BMP": open_bmp,
    "TIFF": open_tiff,
}

Room = Callable[[int], AbstractContextManager[object]]
"""From a number of pixels to the context entered while that many are decoded."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A file's picture as samui works on it.

    pixels: RGB uint8 (H, W, 3), contiguous, turned by EXIF. format: "JPEG", "PNG", "WEBP", "BMP", "TIFF" or "MPO".
    name: the file's name without its folder. notes: what a person should know, such as "16-bit grey: 12 to 4095 shown
    as 0 to 255".
    """

    pixels: np.ndarray
    format: str
    name: str
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.pixels.shape[:2]


@dataclass(frozen=True)
class Header:
    """What a picture file says before its pixels. size: (H, W) once it is turned. orientation: EXIF's, 1 to 8."""

    size: tuple[int, int]
    orientation: int = 1


def read_header(source: str | os.PathLike[str] | bytes) -> Header:
    """Size and orientation of a picture file or of its bytes. Nothing is decoded. Raises ImageError."""
    name = "image" if isinstance(source, bytes) else Path(source).name
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file:
            picture = _OPENERS[headers.format_of(file.read(headers.HEAD), name)](file)
            orientation = picture.orientation
            headers.check_size(picture.size, name, LOCAL_PIXELS, picture.max_side)
    except ImageError:
        raise
    except OSError as error:
        raise ImageError(f"{name}: must be a readable picture, got: {error.strerror or _line(error)}") from None
    except Exception as error:  # decoders raise almost anything on a file that is broken
        raise ImageError(f"{name}: must be a whole, undamaged picture, got: {_line(error)}") from None
    width, height = picture.size
    turned = orientation >= 5 and picture.format != "TIFF"  # whose size Pillow gives turned
    return Header((width, height) if turned else (height, width), orientation)


def read_image(
    source: str | os.PathLike[str] | bytes,
    *,
    max_pixels: int = LOCAL_PIXELS,
    max_bytes: int = LOCAL_BYTES,
    name: str | None = None,
    room: Room = nullcontext,
) -> Picture:
    """The picture of a file or of a file's bytes, by the rules at the head of this module.

    max_pixels is checked in the file's header, before anything is decoded. name stands in messages and in the picture;
    by default the file's name, or "image" for bytes. room is entered while decoding, with the number of pixels; they
    count more than once if each takes more memory than in an ordinary picture.

    Raises ImageError, with where, rule and value, for anything that is not a picture within the limits. Takes about 8
    bytes a pixel while it decodes.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
        return _read(io.BytesIO(data), len(data), name or "image", max_pixels, max_bytes, room)
    try:
        path = Path(source)
        name = name or path.name or str(path)
        if path.exists() and not path.is_file():
            raise ImageError(f"{name}: must be a file, got {'a folder' if path.is_dir() else 'a device'}")
        with path.open("rb") as file:
            return _read(file, os.fstat(file.fileno()).st_size, name, max_pixels, max_bytes, room)
    except FileNotFoundError:
        raise ImageError(f"{name}: must be an existing file, got nothing at {source!s}") from None
    except OSError as error:
        raise ImageError(f"{name}: must be a readable file, got: {error.strerror or error}") from None
    except (TypeError, ValueError):
        raise ImageError(f"image: must be a path or a file's bytes, got {str(source)[:80]!r}") from None


def _read(file: BinaryIO, length: int, name: str, max_pixels: int, max_bytes: int, room: Room) -> Picture:
    if length == 0:
        raise ImageError(f"{name}: {headers.RULE}, got an empty file")
    if length > max_bytes:
        raise ImageError(f"{name}: must be at most {max_bytes / 1e6:g} MB, got {length / 1e6:g} MB")
    kind = headers.format_of(file.read(headers.HEAD), name)
    if kind == "JPEG":
        headers.check_scans(file, name)
    megapixels = ""
    try:
        picture = _OPENERS[kind](file)
        headers.check_size(picture.size, name, max_pixels, picture.max_side)
        pixels = picture.size[0] * picture.size[1]
        megapixels = f" of {pixels / 1e6:.4g} megapixels"
        with room(ceil(pixels * picture.cost)):
            decoded = picture.decode()
    except ImageError:
        raise
    except UnsupportedError as error:
        raise ImageError(f"{name}: must be a {kind} of a kind that can be read, got {_line(error)}") from error
    except MemoryError as error:
        raise ImageError(f"{name}: must fit into this machine's free memory, got a picture{megapixels}") from error
    except Exception as error:  # decoders raise almost anything for a broken file
        raise ImageError(f"{name}: must be a whole, undamaged file of its format, got: {_line(error)}") from error
    return Picture(np.ascontiguousarray(decoded), picture.format, name, tuple(picture.notes))


def _line(error: Exception) -> str:
    """An error's text on one line of bounded length."""
    return " ".join(str(error).split())[:120] or type(error).__name__
