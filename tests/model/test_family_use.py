"""A family beyond SAM through everything that stands on a predictor: page's service, everything mode, disk, formats."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

import samui
from samui.bench.pipeline import plain_nms
from samui.models.embeddings import EmbeddingCache
from samui.pixels.images import read_image
from samui.serve.service import Service
from samui.serve.settings import Settings
from tests.fakes import Page
from tests.small_sam import save_small_sam2

pytestmark = pytest.mark.model

PHOTO = Path(__file__).parents[2] / "assets" / "samples" / "cat.jpg"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_small_sam2(tmp_path_factory.mktemp("families") / "small-sam2")


@pytest.fixture(scope="module")
def predictor(folder):
    return samui.load_predictor(str(folder), device="cpu")


def test_one_sitting_with_two_models(folder, tmp_path):
    """Open, click, box, everything, undo, another model and back: objects stay, the prompt is decoded anew."""
    loaded = []

    def load(name):
        loaded.append(name)
        return samui.load_predictor(name, device="cpu")

    service = Service(Settings(model=str(folder)), load, tmp_path / "scratch")
    try:
        page = Page(service)
        assert page.first["settings"]["model"]["title"] == "small-sam2"
        assert page.first["settings"]["model"]["everything"]["filters"]["score"] == 0.8
        assert page.open(PHOTO)[-1]["stage"] == "ready"
        height, width = read_image(PHOTO).pixels.shape[:2]

        told = page.click((0.5 * width, 0.5 * height, 1))
        assert len(told["candidates"]) == 3
        assert isinstance(told["absent"], bool)
        boxed = page.act("prompt", points=[], box=[0.2 * width, 0.2 * height, 0.7 * width, 0.8 * height])
        assert boxed["mask"]["area"] > 0
        assert page.act("accept", label="cat")["objects"]["order"] == [1]
        events = list(service.everything(page.token, {"points_per_side": 3, "pred_iou_thresh": 0.0}))
        assert events[-1]["stage"] == "done"
        assert page.act("undo")["objects"]["order"] == []
        assert page.act("redo")["objects"]["order"] == [1]
        first = page.click((0.3 * width, 0.4 * height, 1))["mask"]

        for name in ("bundled", str(folder)):
            told = list(service.change_model(page.token, name))[-1]
            assert (told["stage"], told["model"]["name"]) == ("ready", name)
            assert told["state"]["objects"]["order"] == [1]
            masks = told["state"]["mask"]
            page.epoch, page.serial = told["epoch"], 0
            assert (masks["counts"] == first["counts"]) == (name == str(folder))
        assert loaded == [str(folder), "bundled"]
        assert service.server.embeddings.counts.encodes == 2  # on the way back it is there still
    finally:
        service.close()


def test_embeddings_of_two_families_share_one_budget_and_one_disk(folder, predictor, tmp_path):
    bundled, image = samui.load_predictor("bundled", device="cpu"), read_image(PHOTO).pixels
    cache = EmbeddingCache(1 << 30, tmp_path)
    made = [cache.get_or_encode(one, image) for one in (predictor, bundled)]
    assert cache.nbytes == sum(embedding.nbytes for embedding in made)
    again = EmbeddingCache(1 << 30, tmp_path)
    for one, embedding in zip((predictor, bundled), made, strict=True):
        found = again.get_or_encode(one, image)
        assert list(found.tensors) == list(embedding.tensors)
        one.predict(found, samui.Prompt([(50, 50)], [1]))
    assert again.counts.disk_hits == 2
    with pytest.raises(samui.errors.PromptError, match="embedding: must be made by"):
        bundled.predict(made[0], samui.Prompt([(50, 50)], [1]))


def plain_reading(predictor, image, side, iou, stable, offset=1.0, nms=0.7):
    """SAM's generator as its authors describe it, each candidate at full size: (mask, score) best first."""
    embedding, size = predictor.embed(image), image.shape[:2]
    steps = (np.arange(side) + 0.5) / side
    clicks = np.stack(np.meshgrid(steps * size[1], steps * size[0]), -1).reshape(-1, 2)
    masks, scores, boxes = [], [], []
    for x, y in clicks:
        found = predictor.predict(embedding, samui.Prompt([(x, y)], [1]))
        for logits, score in zip(found.logits, found.scores, strict=True):
            full = functional.interpolate(torch.from_numpy(logits)[None, None], size, mode="bilinear")[0, 0].numpy()
            union = (full > -offset).sum()
            if score <= iou or not union or (full > offset).sum() / union <= stable or not (full > 0).any():
                continue
            ys, xs = np.nonzero(full > 0)
            masks.append(full > 0)
            scores.append(float(score))
            boxes.append([xs.min(), ys.min(), xs.max(), ys.max()])
    kept = plain_nms(torch.tensor(boxes).float(), torch.tensor(scores), nms)
    return [(masks[i], scores[i]) for i in kept]


def test_everything_mode_finds_what_a_plain_reading_of_the_generator_finds(predictor):
    image = np.ascontiguousarray(read_image(PHOTO).pixels[:240, :320])
    usual = {"points_per_side": 6, "box_nms_thresh": 1.0, "stability_score_offset": 0.02}
    # Boxes of a random network's masks are all alike, so nothing may go for its box.
    every = samui.everything(predictor, image, pred_iou_thresh=0, stability_score_thresh=0, **usual)
    iou, stable = (float(np.quantile([getattr(one, name) for one in every], 0.3)) for name in ("score", "stability"))
    ours = samui.everything(predictor, image, pred_iou_thresh=iou, stability_score_thresh=stable, **usual)
    theirs = plain_reading(predictor, image, 6, iou, stable, offset=0.02, nms=1.0)
    assert len(ours) == len(theirs) > 10
    assert ours.report.pred_iou_thresh > 0
    assert ours.report.stability_score_thresh > 0
    assert ours.report.stability_score_thresh > 0
    for mine, (mask, score) in zip(ours, theirs, strict=True):
        assert np.count_nonzero(mine.mask & mask) / np.count_nonzero(mine.mask | mask) > 0.995
        assert mine.score == pytest.approx(score, abs=1e-4)


def test_a_prompt_of_a_script_is_answered_as_on_the_page(predictor):
    found = samui.segment(predictor, read_image(PHOTO).pixels, samui.Prompt(box=(20, 20, 200, 160)))
    assert found.mask.shape == read_image(PHOTO).pixels.shape[:2]
    assert found.prediction.present is not None
    assert found.area == np.count_nonzero(found.mask)
