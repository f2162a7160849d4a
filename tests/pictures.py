"""Files of small pictures, made in memory."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def photo(width: int = 40, height: int = 24) -> Image.Image:
    """A picture without any symmetry, smooth enough for JPEG."""
    xs, ys = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return Image.fromarray((np.stack([xs, ys, xs * ys], -1) * 255).astype(np.uint8))


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, *, depth: int = 8, colour: int = 0, data: bytes = b"", extra: bytes = b"", level: int = 9
) -> bytes:
    """data: rows, each behind its filter's byte. extra: chunks before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", zlib.compress(data, level))
    chunks += png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def webp_canvas(width: int, height: int) -> bytes:
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + (width - 1).to_bytes(3, "little")
    body += (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bmp_runs(width: int, height: int, bits: int, runs: bytes) -> bytes:
    """BMP of run lengths; colour i of its palette is (i, 2 i, 3 i) modulo 256."""
    palette = b"".join(bytes((3 * i % 256, 2 * i % 256, i, 0)) for i in range(1 << bits))
    start = 54 + len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, {8: 1, 4: 2}[bits], len(runs), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", start + len(runs), 0, 0, start) + info + palette + runs


def tiff(values: np.ndarray, *, compression: int = 1, orientation: int = 1, light: int | None = None) -> bytes:
    """Uncompressed TIFF in one strip, of values (H, W) or (H, W, samples) of any type, in the byte order of theirs.

    light: 1 for grey, 2 for RGB.
    """
    values = values[..., None] if values.ndim == 2 else values
    height, width, samples = values.shape
    light = light or (2 if samples >= 3 else 1)
    order = ">" if values.dtype.str[0] == ">" else "<"
    data = values.tobytes()
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    shorts = {
        258: [8 * values.dtype.itemsize] * samples,
        259: [compression],
        262: [light],
        274: [orientation],
        277: [samples],
        338: [0] * (samples - (3 if light == 2 else 1)),
        339: [kind] * samples,
    }
    longs = {256: width, 257: height, 273: 0, 278: height, 279: len(data)}
    tags = sorted([*shorts, *longs])
    tags = [tag for tag in tags if shorts.get(tag) != []]
    at = 8 + 2 + 12 * len(tags) + 4
    entries, far = b"", b""
    for tag in tags:
        if tag in shorts:
            raw = b"".join(struct.pack(order + "H", value) for value in shorts[tag])
            head = struct.pack(order + "HHI", tag, 3, len(shorts[tag]))
            if len(raw) > 4:
                raw, far = struct.pack(order + "I", at + len(far)), far + raw
            entries += head + raw.ljust(4, b"\0")
        else:
            entries += struct.pack(order + "HHII", tag, 4, 1, longs[tag])
    strip = entries.index(struct.pack(order + "HHII", 273, 4, 1, 0))
    entries = entries[: strip + 8] + struct.pack(order + "I", at + len(far)) + entries[strip + 12 :]
    start = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "IH", 8, len(tags))
    return start + entries + bytes(4) + far + data
