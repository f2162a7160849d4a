"""What samui holds becomes annotations: objects of a session, masks of everything mode."""

import io
from dataclasses import replace

import numpy as np
import PIL.Image

from samui import formats
from samui.everything import everything
from samui.formats import SavedPrompt, from_found, from_objects
from samui.pixels.rle import Rle
from samui.types import Prompt
from samui.work.gestures import gestures_of
from samui.work.state import Object
from tests.fakes import FakePredictor


def test_an_object_of_a_session_is_saved_with_all_that_made_it():
    rle = Rle.encode(np.ones((6, 8), bool))
    gestures, logits = gestures_of(Prompt([(1, 2)], [1])), np.zeros((4, 4), np.float32)
    item = Object(7, "uid", "cat", "#102030", False, rle, 0.75, gestures, 2, True, "fake", logits)
    saved = from_objects("x.png", (6, 8), [item])
    assert (saved.image, saved.size) == ("x.png", (6, 8))
    (one,) = saved.objects
    assert (one.id, one.label, one.colour, one.rle, one.score, one.model) == (7, "cat", "#102030", rle, 0.75, "fake")
    assert one.prompt == SavedPrompt(((1.0, 2.0),), (1,), candidate=2, snapped=True)


def test_small_masks_lie_on_top_of_large_ones():
    image = np.zeros((60, 80, 3), np.uint8)
    (found, *_) = everything(FakePredictor(), image, points_per_side=1, stability_score_thresh=0.5)

    def square(side):
        mask = np.zeros((60, 80), np.bool_)
        mask[10 : 10 + side, 10 : 10 + side] = True
        rle = Rle.encode(mask)
        return replace(found, rle=rle, box=rle.box, area=rle.area)

    saved = from_found("x.png", (60, 80), [square(10), square(40)], "fake")
    assert [(one.id, one.rle.area) for one in saved.objects] == [(2, 1600), (1, 100)]
    equal = from_found("x.png", (60, 80), [square(10), square(40), square(10)], "fake")
    assert [one.id for one in equal.objects] == [2, 1, 3], "of equal areas the better one first"
    data = np.frombuffer(formats.get("labelmap").encode(saved), np.uint8)
    values = PIL.Image.open(io.BytesIO(data))
    assert (values.getpixel((15, 15)), values.getpixel((40, 40))) == (2, 1)
