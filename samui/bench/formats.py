"""How fast COCO is written and read: `python -m samui.bench.formats`. Needs pycocotools, which the tests have.

Writing is held against `pycocotools` encoding the decoded masks of the same objects, which is what programs do whose
masks are arrays; run lengths here are never decoded. Reading is timed in a process of its own, with its peak of memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from samui import formats
from samui.formats import Annotation, SavedObject
from samui.pixels.rle import Rle

_SIZE = (3000, 4000)  # 12 megapixels
_PAIRS = 3
_READ = "import sys; from samui.bench.formats import read_once; read_once(sys.argv[1])"


def discs(count: int, size: tuple[int, int], seed: int = 0) -> list[SavedObject]:
    """Objects of 40 to 300 pixels radius on a large image, of 3 to 12 on a small one, the same at every call."""
    rng, (height, width) = np.random.default_rng(seed), size
    objects = []
    for index in range(count):
        radius = int(rng.integers(height // 75, height // 10) if height > 500 else rng.integers(3, 12))
        x, y = (int(rng.integers(radius, side - radius)) for side in (width, height))
        ys, xs = np.ogrid[-radius : radius + 1, -radius : radius + 1]
        mask = np.zeros(size, np.bool_)
        mask[y - radius : y + radius + 1, x - radius : x + radius + 1] = np.hypot(ys, xs) <= radius
        objects.append(SavedObject(index + 1, f"label {index % 10}", "#4080c0", Rle.encode(mask), 0.9))
    return objects


def writing(count: int) -> tuple[float, float]:
    """Seconds for `count` objects: (writing a COCO file, pycocotools' encode of their decoded masks), best of pairs."""
    from pycocotools import mask as coco_mask

    annotation = Annotation("photo.jpg", _SIZE, discs(count, _SIZE))
    ours = theirs = float("inf")
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(_PAIRS):
            began = time.perf_counter()
            formats.write(annotation, Path(folder) / "a.json")
            ours = min(ours, time.perf_counter() - began)
            spent = 0.0
            for one in annotation.objects:
                mask = np.asfortranarray(one.rle.decode().view(np.uint8))  # not counted: a program has it already
                began = time.perf_counter()
                coco_mask.encode(mask)
                spent += time.perf_counter() - began
            theirs = min(theirs, spent)
    return ours, theirs


def reading(count: int) -> tuple[float, float]:
    """(seconds, megabytes at most) for reading a COCO file of so many annotations, 100 an image."""
    objects = discs(100, (480, 640))

    def images() -> Iterator[Annotation]:
        for number in range(count // len(objects)):
            yield Annotation(f"{number}.jpg", (480, 640), objects)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        formats.write(images(), path)
        done = subprocess.run([sys.executable, "-c", _READ, str(path)], capture_output=True, text=True, check=True)
    seconds, megabytes = json.loads(done.stdout)
    return seconds, megabytes


def read_once(path: str) -> None:
    """Read a file and print how long it took, and the process's peak of memory."""
    began = time.perf_counter()
    count = sum(len(one.objects) for one in formats.read(path))
    assert count
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    print(json.dumps([time.perf_counter() - began, peak]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=1000, help="to write, of 12 megapixels (default %(default)s)")
    parser.add_argument("--annotations", type=int, default=100_000, help="to read (default %(default)s)")
    options = parser.parse_args()
    ours, theirs = writing(options.objects)
    print(
        f"write {options.objects} objects: {ours:.3f} s, pycocotools' encode {theirs:.3f} s, {theirs / ours:.1f} times"
    )
    seconds, megabytes = reading(options.annotations)
    print(f"read {options.annotations} annotations: {seconds:.1f} s, {megabytes:.0f} MB")


if __name__ == "__main__":
    main()
