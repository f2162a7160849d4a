"""`bench open`: from a chosen file to the picture on the page, and until a first mask is possible.

Server and browser run on this machine. Each file is a new picture to the cache of embeddings, so each is encoded. The
parts that no opening can do without are measured beside it, each by itself in the same process: reading the file, and
the encoder with its preprocessing.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import cv2

from samui.bench import machine, server
from samui.bench.browser import open_page
from samui.bench.latency import RANDOM_BASE
from samui.bench.paths import tell
from samui.bench.photo import photo
from samui.bench.timing import summarise, timed
from samui.errors import SamuiError
from samui.models.predictor import Predictor
from samui.pixels.images import read_image


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `bench open` beyond model, device and precision."""
    server.add_arguments(parser)
    parser.add_argument("--photo", default="coffee", help="name of a sample, or an image file (default coffee)")
    parser.add_argument("--megapixels", type=float, default=12.0, metavar="N", help="size to scale it to (default 12)")
    parser.add_argument("--opens", type=int, default=10, metavar="N", help="files to open, one by one (default 10)")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Times in milliseconds as {p50, p95, n}."""
    if not 1 <= args.opens <= 1000:
        raise SamuiError(f"--opens: must be from 1 to 1000, got {args.opens}")
    pixels = photo(args.photo, args.megapixels)
    with tempfile.TemporaryDirectory(prefix="samui-bench-") as folder, server.running(args) as (service, address):
        predictor = service.server.predictors.get(service.settings.model)
        told = machine.describe(predictor) | ({"model": RANDOM_BASE} if args.random_base else {})
        file = Path(folder) / "photo.jpg"
        rows: dict[str, list[float]] = {}
        tell(f"opening {args.opens} files")
        with open_page(address) as page:
            for i in range(args.opens + 1):
                pixels[:16, :16] = i  # other content, the same work
                cv2.imwrite(str(file), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
                times = page.time_open(file) | _alone(predictor, file)
                for name, spent in times.items() if i else ():  # the first one warms the browser
                    rows.setdefault(name, []).append(spent)
    setting = {"photo": args.photo, "width": pixels.shape[1], "height": pixels.shape[0], "file": "JPEG, quality 90"}
    return {"open (ms)": {name: summarise(spent) for name, spent in rows.items()}, "machine": told, "setting": setting}


def _alone(predictor: Predictor, file: Path) -> dict[str, float]:
    """What no opening can do without, in milliseconds."""
    found: list[Any] = []
    reading = timed(lambda: found.append(read_image(file).pixels))
    return {"reading the file alone": reading, "encoder alone": timed(lambda: predictor.embed(found[0]))}
