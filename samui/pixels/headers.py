"""What the first bytes of a picture file tell, and what is refused before any of its picture is decoded."""

from __future__ import annotations

import re
from typing import BinaryIO

from samui.errors import ImageError

HEAD = 30  # bytes that `format_of` looks at
MAX_SCANS = 100  # progressive files of cameras and editors have about ten
MAX_SIDE = 30_000_000  # pixels; Pillow counts the bits of a row in 31 bits, 64 a pixel at most

RULE = "must be a JPEG, PNG, WebP, BMP, TIFF or MPO picture"
_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)

_BLOCK = 1 << 20
_SCAN, _END = 0xDA, 0xD9
# Pairs of bytes that decoders take for a marker: 255, then neither a stuffed zero nor a restart. Markers under 0xC0
# have no length; decoders pass over them or give up.
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")
_MAX_SEGMENTS = 1 << 16


def format_of(head: bytes, name: str) -> str:
    """ "JPEG", "PNG", "WEBP", "BMP" or "TIFF", by the first HEAD bytes of a file. Otherwise raises ImageError."""
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    found = next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)
    if found is None:
        raise ImageError(f"{name}: {RULE}, got {_described(head)}")
    return found


def check_size(size: tuple[int, int], name: str, max_pixels: int, max_side: int = MAX_SIDE) -> None:
    """Refuse a picture of more than max_pixels, or with a side of more than max_side. size: (W, H) in pixels."""
    width, height = size
    if width * height > max_pixels:
        limit, got = f"{max_pixels / 1e6:g}", f"{width * height / 1e6:.4g}"
        raise ImageError(f"{name}: must have at most {limit} megapixels, got {got} ({width}x{height})")
    if max(width, height) > max_side:
        raise ImageError(f"{name}: must be at most {max_side} pixels wide and high, got {width}x{height}")


def check_scans(file: BinaryIO, name: str) -> None:
    """Refuse a JPEG with far too many scans: each costs 15 bytes of file and a pass over the whole picture."""
    # Counting is several times faster than walking, and enough for nearly all files.
    if _count(file, bytes((0xFF, _SCAN))) > MAX_SCANS:
        scans = _scans(file, name)
        if scans > MAX_SCANS:
            raise ImageError(f"{name}: must have at most {MAX_SCANS} scans, got {scans}")
    file.seek(0)


def _count(file: BinaryIO, what: bytes) -> int:
    """How often a pair of bytes occurs in a whole file."""
    found, overlap = 0, b""
    file.seek(0)
    while block := file.read(_BLOCK):
        found += (overlap + block).count(what)
        overlap = block[-1:]
    return found


def _scans(file: BinaryIO, name: str) -> int:
    """Scans of a JPEG up to its end, by its markers and their lengths, as decoders go.

    What lies inside a segment (a thumbnail, a profile) or after the end (the video of a motion photo) is not a scan.
    """
    scans = segments = 0
    start, block = 0, b""  # the part of the file that is held
    at = 2
    while True:
        if not start <= at <= start + len(block) - 4:  # a marker and its length must be in it
            start = at
            file.seek(start)
            block = file.read(_BLOCK)
        found = _MARKER.search(block, at - start)
        if found is None or found.start() + 4 > len(block):
            if len(block) < _BLOCK:
                return scans
            at = start + (len(block) - 1 if found is None else found.start())
            block = b""
            continue
        marker = block[found.start() + 1]
        at = start + found.end()
        if marker == _END:
            return scans
        if marker == 0xD8:  # a second start has no length
            continue
        scans += marker == _SCAN
        segments += 1
        if segments > _MAX_SEGMENTS:
            raise ImageError(f"{name}: must have at most {_MAX_SEGMENTS} segments, got more")
        at += int.from_bytes(block[found.end() : found.end() + 2], "big")


def _described(head: bytes) -> str:
    """What a file that is not a picture seems to be."""
    if head.startswith(b"GIF8"):
        return "a GIF"
    if head[4:8] == b"ftyp":
        return f"a file of the {head[8:12].decode('ascii', 'replace').strip().upper()} family"
    if head.startswith(b"%PDF"):
        return "a PDF"
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head):
        return f"text: {head.decode('ascii').strip()!r}"
    return f"a file that starts with {head[:8].hex(' ')}"
