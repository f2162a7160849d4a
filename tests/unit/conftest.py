"""What several unit tests share."""

import cv2
import numpy as np
import pytest

from samui import cli
from tests.fakes import FakePredictor

NAMES = ["a.png", "b.png", "c.png", "d.png"]
# The fake's best disc has a score of .9 and its sharp edge a stability below that of real masks.
FLAGS = ["--points-per-side", 3, "--stability-score-thresh", 0.5]


@pytest.fixture
def predictor(monkeypatch):
    """The fake, in place of whatever model the command line loads."""
    fake = FakePredictor()
    monkeypatch.setattr("samui.models.load_predictor", lambda name, **options: fake)
    return fake


@pytest.fixture
def folder(tmp_path):
    """A folder of the images NAMES, each of another height, and a file that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, name in enumerate(NAMES):
        cv2.imwrite(str(folder / name), np.full((60 + i, 80, 3), 127, np.uint8))
    (folder / "notes.txt").write_text("no image")
    return folder


def command(*arguments):
    """Exit code of the command `everything`."""
    return cli.main(["everything", *map(str, arguments)])
