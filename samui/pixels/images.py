"""`read_image`: any picture file to RGB pixels, or one clear message; and what the page needs of the pixels.

The rules, so that nobody has to guess what became of a picture:

- Formats: JPEG, PNG, WebP, BMP, TIFF, MPO, told by their first bytes, never by the name.
- Turned by its EXIF orientation. Of several frames or pages the first is shown.
- Transparent pixels lie on white. Palettes, greys, CMYK, YCbCr and Lab become RGB; a colour profile becomes sRGB.
- 16-bit colour keeps its high bytes. 16-bit grey, 32-bit integers and floats: the range from the smallest to the
  largest finite value becomes 0 to 255 (not finite: 0; all equal: 0).

Masks do not depend on any of this but orientation: they are in the pixels of `Picture.pixels`.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import BmpImagePlugin, Image, ImageCms, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from samui.errors import ImageError

HOSTED_PIXELS = 40_000_000
LOCAL_PIXELS = 100_000_000
HOSTED_BYTES = 100_000_000
LOCAL_BYTES = 1_000_000_000

_DISPLAY_SIDE = 4096  # within what every browser and phone can show
_LOSSLESS_PIXELS = 1 << 18  # up to here PNG costs nothing that one would notice
_ORIENTATION = 0x0112
_FLIPS = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}  # after the transposition of 5 to 8; 1 swaps left and right
_WEBP_SIZE = 30  # bytes of a WebP file that hold its size

# Image.open is not used: it asks every decoder that some package registered (EPS among them), and its own pixel limit
# is a warning of the whole process. JpegImageFile reads the first frame of an MPO.
_DECODERS = (
    (b"\xff\xd8\xff", JpegImagePlugin.JpegImageFile),
    (b"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile),
    (b"RIFF", WebPImagePlugin.WebPImageFile),
    (b"BM", BmpImagePlugin.BmpImageFile),
    (b"II*\0", TiffImagePlugin.TiffImageFile),
    (b"MM\0*", TiffImagePlugin.TiffImageFile),
    (b"II+\0", TiffImagePlugin.TiffImageFile),
    (b"MM\0+", TiffImagePlugin.TiffImageFile),
)
_SCAN = b"\xff\xda"  # marker of a JPEG's scan; entropy-coded data cannot hold it
MAX_SCANS = 100  # progressive files of cameras and editors have about ten
_RULE = "must be a JPEG, PNG, WebP, BMP, TIFF or MPO picture"
_DEEP_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")


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


def read_image(
    source: str | os.PathLike[str] | bytes,
    *,
    max_pixels: int = LOCAL_PIXELS,
    max_bytes: int = LOCAL_BYTES,
    name: str | None = None,
) -> Picture:
    """The picture of a file or of a file's bytes, by the rules at the head of this module.

    max_pixels is checked in the file's header, before anything is decoded. name stands in messages and in the picture;
    by default the file's name, or "image" for bytes.

    Raises ImageError, with where, rule and value, for everything that is no picture within the limits.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
        return _read(io.BytesIO(data), len(data), name or "image", max_pixels, max_bytes)
    try:
        path = Path(source)
        name = name or path.name or str(path)
        if path.exists() and not path.is_file():
            raise ImageError(f"{name}: must be a file, got {'a folder' if path.is_dir() else 'a device'}")
        with path.open("rb") as file:
            return _read(file, os.fstat(file.fileno()).st_size, name, max_pixels, max_bytes)
    except FileNotFoundError:
        raise ImageError(f"{name}: must be an existing file, got nothing at {source}") from None
    except OSError as error:
        raise ImageError(f"{name}: must be a readable file, got: {error.strerror or error}") from None
    except (TypeError, ValueError):
        raise ImageError(f"image: must be a path or a file's bytes, got {str(source)[:80]!r}") from None


def encode_for_display(pixels: np.ndarray, *, max_side: int = _DISPLAY_SIDE) -> tuple[bytes, str]:
    """(file, media type) of RGB uint8 (H, W, 3) for the browser, scaled down to max_side pixels a side if larger.

    JPEG at quality 90 with full colour resolution, about 80 ms for 12 megapixels (WebP: 1800 ms); small pictures as PNG
    without loss.
    """
    height, width = pixels.shape[:2]
    scale = max_side / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    if bgr.shape[0] * bgr.shape[1] <= _LOSSLESS_PIXELS:
        return cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes(), "image/png"
    options = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return cv2.imencode(".jpg", bgr, options)[1].tobytes(), "image/jpeg"


def _read(file: BinaryIO, length: int, name: str, max_pixels: int, max_bytes: int) -> Picture:
    if length == 0:
        raise ImageError(f"{name}: {_RULE}, got an empty file")
    if length > max_bytes:
        raise ImageError(f"{name}: must be at most {max_bytes / 1e6:g} MB, got {length / 1e6:g} MB")
    head = file.read(_WEBP_SIZE)
    file.seek(0)
    decoder = next((opener for magic, opener in _DECODERS if head.startswith(magic)), None)
    if decoder is WebPImagePlugin.WebPImageFile:
        if head[8:12] != b"WEBP":
            decoder = None
        elif head[12:16] == b"VP8X":
            # Its decoder asks for the whole canvas at once, so the limit must be checked before there is a decoder.
            sides = (1 + int.from_bytes(head[i : i + 3], "little") for i in (24, 27))
            _check_pixels(*sides, name, max_pixels)
    if decoder is None:
        raise ImageError(f"{name}: {_RULE}, got {_kind(head)}")
    if decoder is JpegImagePlugin.JpegImageFile:
        _check_scans(file, name)
    try:
        with decoder(file) as image:
            _check_pixels(*image.size, name, max_pixels)
            notes: list[str] = []
            if getattr(image, "is_animated", False) or "mp" in image.info:
                notes.append("more than one frame: the first is shown")
            image.load()
            pixels = _turn(_rgb(image, notes), image, notes)
            kind = "MPO" if "mp" in image.info else image.format
    except ImageError:
        raise
    except Exception as error:  # decoders raise almost anything on a file that is broken
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise ImageError(f"{name}: must be a whole, undamaged file of its format, got: {reason}") from error
    return Picture(np.ascontiguousarray(pixels), kind, name, tuple(notes))


def _check_scans(file: BinaryIO, name: str) -> None:
    """Refuse a JPEG whose scans were multiplied: each costs 15 bytes of file and a pass over the whole picture."""
    scans, overlap = 0, b""
    while block := file.read(1 << 20):
        scans += (overlap + block).count(_SCAN)
        overlap = block[-1:]
    file.seek(0)
    if scans > MAX_SCANS:
        raise ImageError(f"{name}: must have at most {MAX_SCANS} scans, got {scans}")


def _check_pixels(width: int, height: int, name: str, max_pixels: int) -> None:
    if width * height > max_pixels:
        limit, got = f"{max_pixels / 1e6:g}", f"{width * height / 1e6:.4g}"
        raise ImageError(f"{name}: must have at most {limit} megapixels, got {got} ({width}x{height})")


def _rgb(image: Image.Image, notes: list[str]) -> np.ndarray:
    """RGB uint8 (H, W, 3) of a loaded picture of any mode."""
    if image.mode in _DEEP_MODES:
        grey = _stretch(np.asarray(image), "16-bit" if image.mode.startswith("I;16") else "32-bit", notes)
        return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    profile = image.info.get("icc_profile")
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema()[0] < 255:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            notes.append("transparent: shown on white")
        image = image.convert("RGB")
    elif image.mode in ("1", "P"):
        image = image.convert("RGB")
    if profile:
        image = _to_srgb(image, profile, notes)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))  # converting RGB to RGB would copy it


def _stretch(values: np.ndarray, depth: str, notes: list[str]) -> np.ndarray:
    """Uint8 of the same shape: the smallest finite value becomes 0, the largest 255."""
    finite = np.isfinite(values)
    low = high = 0.0
    if finite.any():
        low, high = float(values[finite].min()), float(values[finite].max())
    notes.append(f"{depth} grey: {low:g} to {high:g} shown as 0 to 255")
    result = np.zeros(values.shape, np.uint8)
    if high > low:
        for row, known, out in zip(
            values, finite, result, strict=True
        ):  # by rows: a large file needs no copy in doubles
            # Halves, so that the width of the widest range of floats is finite too.
            scaled = (row[known].astype(np.float64) / 2 - low / 2) * (255 / (high / 2 - low / 2))
            out[known] = scaled.round()
    return result


def _to_srgb(image: Image.Image, profile: bytes, notes: list[str]) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if ImageCms.getProfileDescription(source).startswith("sRGB"):
            return image
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        # Many files carry a profile of another colour space than their own; without it they still show well.
        notes.append("colour profile left out: it does not fit the picture")
        return image


def _turn(pixels: np.ndarray, image: Image.Image, notes: list[str]) -> np.ndarray:
    """The pixels turned by EXIF orientation 1 to 8 (TIFF, where Pillow turns while loading, comes with none left)."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a broken EXIF block must not cost the picture
        notes.append("EXIF data left out: damaged")
        return pixels
    if orientation in (5, 6, 7, 8):
        pixels = cv2.transpose(pixels)  # cv2, since numpy takes ten times as long over pixels of three bytes
    if orientation in _FLIPS:
        pixels = cv2.flip(pixels, _FLIPS[orientation])
    return pixels


def _kind(head: bytes) -> str:
    """What a file that is no picture seems to be, from its first bytes."""
    if head.startswith(b"GIF8"):
        return "a GIF"
    if head[4:8] == b"ftyp":
        return f"a file of the {head[8:12].decode('ascii', 'replace').strip().upper()} family"
    if head.startswith(b"%PDF"):
        return "a PDF"
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head):
        return f"text: {head.decode('ascii').strip()!r}"
    return f"a file that starts with {head[:8].hex(' ')}"
