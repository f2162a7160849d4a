"""Objects, images and stores for tests of the workspace."""

import cv2
import numpy as np
import pytest

from samui.pixels.rle import Rle
from samui.work.gestures import PointGesture
from samui.work.state import Object
from samui.workspace.folder import open_workspace

MASK = Rle.encode(np.eye(6, dtype=bool))


def thing(id, label="", *, mask=MASK, uid=None):
    """An accepted object, of equal content for equal arguments."""
    name = f"{id:032x}" if uid is None else uid
    return Object(id, name, label, "#112233", True, mask, 0.9, (PointGesture((1.0, 1.0), 1),), 0, False, "fake")


def told(objects):
    """What a person sees of objects."""
    return [(item.id, item.label) for item in objects]


@pytest.fixture
def photos(tmp_path):
    """A folder of three photos of unlike content and size."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for n, name in enumerate(("a.png", "b.jpg", "more/c.png")):
        pixels = np.random.default_rng(n).integers(0, 255, (60 + n, 80, 3), np.uint8)
        assert cv2.imwrite(str(folder / name), pixels)
    return folder


@pytest.fixture
def opened(photos, tmp_path):
    """Opens the workspace of `photos`, again and again; closes all at the end."""
    made = []

    def make(folder=photos, **options):
        made.append(open_workspace(folder, data=tmp_path / "data", **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def workspace(opened):
    return opened()


@pytest.fixture
def image(workspace):
    """The uid of its first image."""
    return workspace.images.all()[0].uid
