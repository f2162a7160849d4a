"""Tiny photo sets and a tiny network: everything here runs in seconds on one core."""

import io
import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from samui.pixels.rle import Rle
from training.config import NetworkConfig, RunConfig, Schedule
from training.photos import PhotoStore, open_set

TINY = NetworkConfig(
    size=64, hidden=32, layers=2, heads=2, mlp=64, global_layers=(1,), decoder=32, decoder_mlp=64, decoder_heads=4
)


def draw_photo(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A coloured ellipse on a plain ground: BGR 48x64 and its 0/255 mask."""
    generator = np.random.default_rng(number)
    image = np.empty((48, 64, 3), np.uint8)
    image[:] = generator.integers(0, 120, 3)
    mask = np.zeros((48, 64), np.uint8)
    centre = (int(generator.integers(20, 44)), int(generator.integers(16, 32)))
    cv2.ellipse(mask, centre, (int(generator.integers(8, 16)), int(generator.integers(6, 12))), 0, 0, 360, 255, -1)
    image[mask > 0] = generator.integers(140, 255, 3)
    return image, mask


def encode(extension: str, picture: np.ndarray) -> bytes:
    return cv2.imencode(extension, picture)[1].tobytes()


def indexed(values: np.ndarray) -> bytes:
    """An indexed PNG, whose colours say nothing."""
    picture = Image.fromarray(values)
    picture.putpalette(np.random.default_rng(0).integers(0, 256, 768).astype(np.uint8).tobytes())
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def write_many(folder: Path) -> None:
    """Two sets with many masks a photo: a map of three things with a border of 255, and overlapping run lengths."""
    names = [f"{number:04d}" for number in range(100, 130)]
    with zipfile.ZipFile(folder / "voc-0.zip", "w") as file:
        for name in names:
            drawn = np.zeros((48, 64), np.uint8)
            drawn[4:30, 4:24], drawn[4:30, 30:60], drawn[34:46, 10:50] = 1, 2, 3
            drawn[4:30, 24:26] = 255
            file.writestr(f"voc/{name}.jpg", encode(".jpg", draw_photo(int(name))[0]))
            file.writestr(f"voc/{name}.png", indexed(drawn))
        objects = [[1, "cow", 0.17], [2, "cow", 0.25], [3, "cat", 0.16]]
        file.writestr("voc/index.json", json.dumps({name: {"size": [64, 48], "objects": objects} for name in names}))
    facade, window = np.zeros((48, 64), bool), np.zeros((48, 64), bool)
    facade[2:46, 2:62] = True
    window[10:20, 10:20] = True
    objects = [
        {"label": label, "segmentation": {"size": [48, 64], "counts": Rle.encode(mask).to_string()}}
        for label, mask in (("facade", facade), ("window", window))
    ]
    with zipfile.ZipFile(folder / "facade.zip", "w") as file:
        for name in names[:12]:
            file.writestr(f"facade/{name}.jpg", encode(".jpg", draw_photo(int(name))[0]))
            file.writestr(f"facade/{name}.json", json.dumps({"size": [64, 48], "objects": objects}))


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small zip of every set, laid out like the real ones."""
    folder = tmp_path_factory.mktemp("photos")
    plain = {"duts-0": range(6), "duts-1": range(6, 10), "human": range(20, 22), "ecssd": range(40, 44)}
    for archive, numbers in plain.items():
        with zipfile.ZipFile(folder / f"{archive}.zip", "w") as file:
            for number in numbers:
                image, mask = draw_photo(number)
                file.writestr(f"{archive[:4]}/{number:04d}.webp", encode(".webp", image))
                file.writestr(f"{archive[:4]}/{number:04d}.png", encode(".png", mask))
    with zipfile.ZipFile(folder / "bsds.zip", "w") as file:
        for number in range(60, 66):
            image, mask = draw_photo(number)
            file.writestr(f"bsds/{number}.webp", encode(".webp", image))
            for annotator in range(2):
                regions = np.where(mask > 0, 2, 1 + annotator * 2 * (np.arange(64) > 31)).astype(np.uint8)
                file.writestr(f"bsds/{number}.{annotator}.png", encode(".png", regions))
    with zipfile.ZipFile(folder / "coco128.zip", "w") as file:
        for number in range(80, 82):
            file.writestr(f"coco128/{number}.webp", encode(".webp", draw_photo(number)[0]))
            polygons = [[[5, 5], [30, 5], [30, 30]], [[35, 10], [60, 10], [60, 40], [35, 40]]]
            file.writestr(f"coco128/{number}.json", json.dumps(polygons))
    write_many(folder)
    with zipfile.ZipFile(folder / "unlabelled.zip", "w") as file:
        file.writestr("unlabelled/90.webp", encode(".webp", draw_photo(90)[0]))
    return folder


@pytest.fixture(scope="session")
def stores(data: Path) -> dict[str, PhotoStore]:
    names = ("duts", "human", "bsds", "coco128", "unlabelled", "voc", "facade")
    return {name: open_set(data, set_name=name, cache=None, held_out=False) for name in names}


@pytest.fixture
def config() -> RunConfig:
    return RunConfig(network=TINY, save_seconds=1e9, evaluate_every=10**9, matrix_rate=1e-2, other_rate=3e-3)


@pytest.fixture
def schedule() -> Schedule:
    return Schedule(phases=((0, 64, 4),), warmup=2, decay_start=1000, decay_steps=10)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
