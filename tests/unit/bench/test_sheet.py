"""`bench sheet` on photos made here, with a predictor whose every answer is known."""

from __future__ import annotations

import argparse

import cv2
import numpy as np
import pytest

from samui.bench import sheet
from samui.bench.truth import Photos
from samui.errors import SamuiError
from tests.fakes import FakePredictor

H, W = 80, 120


@pytest.fixture
def folder(tmp_path):
    ys, xs = np.mgrid[0:H, 0:W]
    for number in range(8):
        thing = (xs - 30 - 8 * number) ** 2 + (ys - 40) ** 2 < 18**2
        image = np.full((H, W, 3), (60, 90, 40), np.uint8)
        image[thing] = (50, 60, 220)
        cv2.imwrite(str(tmp_path / f"{number}.bmp"), image)
        cv2.imwrite(str(tmp_path / f"{number}.png"), thing.astype(np.uint8) * 255)
    return tmp_path


def arguments(*given):
    parser = argparse.ArgumentParser()
    sheet.add_arguments(parser)
    return parser.parse_args([str(value) for value in given])


@pytest.mark.parametrize("name", ["sheet.png", "sheet.webp", "sheet.JPG"])
def test_the_sheet_is_a_picture_with_three_columns_of_things(folder, tmp_path_factory, name):
    out = tmp_path_factory.mktemp("out") / name
    result = sheet.run(arguments(folder, folder, "--count", 7, "--out", out), FakePredictor())
    picture = cv2.imread(str(out))
    assert picture.shape[1] == 3 * (3 * 206 + 12)
    assert picture.shape[0] == 3 * 234 + 6
    assert len(result["things"]) == 7


def test_photos_are_at_even_distances_and_prompts_go_round(folder):
    examples = list(sheet.choose([Photos(folder)], FakePredictor(), count=4))
    assert [example.name for example in examples] == ["0", "2", "5", "7"]
    assert len({example.asked for example in sheet.choose([Photos(folder)], FakePredictor(), count=8)}) == 4
    for example in examples:
        assert (example.prompt.box is not None) == ("box" in example.asked)
        assert len(example.prompt.points) == {"1": 1, "3": 3}.get(example.asked[0], 0)


def test_both_masks_are_shown_with_their_own_iou(folder, monkeypatch):
    monkeypatch.setattr(sheet, "snap_to_edges", lambda _image, mask, _prompt: np.zeros_like(mask))
    (example,) = sheet.choose([Photos(folder, limit=1)], FakePredictor(), count=1)
    assert example.ious[0] > 0
    assert example.ious[1] == 0
    picture = sheet.draw([example]).astype(int)
    photo, raw, snapped = (picture[6 : 6 + 133, 6 + 206 * k : 206 + 206 * k] for k in range(3))
    changed = [np.count_nonzero(np.abs(part - photo).max(axis=2) > 60) for part in (raw, snapped)]
    assert changed[0] > 1000
    assert changed[1] < 150  # the point on the photo


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (("--count", 1), "--count: must be at least one for each of 2 sources, got 1"),
        (("--out", "sheet.gif"), "--out: must end in .png, .jpg or .webp, got 'sheet.gif'"),
        (("--out", "nowhere/at/all/sheet.png"), "--out: must be writable, got"),
    ],
    ids=["count", "suffix", "folder"],
)
def test_what_cannot_be_drawn_is_named(folder, given, text):
    with pytest.raises(SamuiError, match=text):
        sheet.run(arguments(folder, folder, "--count", 2, "--out", folder / "out.png", *given), FakePredictor())
