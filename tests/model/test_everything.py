"""Everything mode finds the masks that transformers' mask-generation pipeline finds."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

import samui
from samui import formats
from samui.bench.pipeline import reference_pipeline
from samui.cli.jobs import run_folder
from samui.everything import Parameters
from samui.pixels.images import read_image
from tests.model.conftest import make_checkpoint

pytestmark = pytest.mark.model

SAMPLES = Path(__file__).parents[2] / "assets" / "samples"
# (image, points a side, parameters): thresholds near the values that these networks reach, so that each of them removes
# some masks and keeps some. The random network's boxes are all alike, so there nothing may go for its box.
CASES = {
    "bundled": ("coffee", 12, {"pred_iou_thresh": 0.3, "stability_score_thresh": 0.6}),
    "random": (
        "cat",
        8,
        {
            "pred_iou_thresh": 0.1,
            "stability_score_thresh": 0.6,
            "stability_score_offset": 0.05,
            "crops_nms_thresh": 1.0,
        },
    ),
}


@pytest.fixture(scope="module")
def random_folder(tmp_path_factory):
    """A small network with random weights on a square of 256 pixels."""
    return make_checkpoint(
        tmp_path_factory.mktemp("random"),
        seed=3,
        prompt_encoder={"image_size": 256, "image_embedding_size": 16},
        processor={"size": {"longest_edge": 256}, "pad_size": {"height": 256, "width": 256}},
        image_size=256,
        window_size=4,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        mlp_dim=128,
        global_attn_indexes=[1],
    )


@pytest.fixture(scope="module", params=CASES)
def both(request):
    """(our masks, what the pipeline returns) for a photo by one checkpoint."""
    name, side, rules = CASES[request.param]
    folder = "bundled" if request.param == "bundled" else request.getfixturevalue("random_folder")
    predictor = samui.load_predictor(str(folder), device="cpu")
    image = read_image(SAMPLES / f"{name}.jpg").pixels
    found = reference_pipeline(predictor.source)(
        PIL.Image.fromarray(image), points_per_crop=side, output_bboxes_mask=True, **rules
    )
    rules = dict(rules)
    rules["box_nms_thresh"] = rules.pop("crops_nms_thresh", 0.7)  # without crops, the pipeline's name for it
    return samui.everything(predictor, image, points_per_side=side, **rules), found


def test_the_pipeline_s_masks_are_found_in_its_order(both):
    ours, theirs = both
    report = ours.report
    assert report.pred_iou_thresh > 0
    assert report.stability_score_thresh > 0
    assert len(ours) == len(theirs["masks"]) > 5
    for mine, other in zip(ours, theirs["masks"], strict=True):
        union = np.count_nonzero(mine.mask | other)
        assert np.count_nonzero(mine.mask & other) / union >= 0.999


def test_scores_boxes_and_areas_are_the_pipeline_s(both):
    ours, theirs = both
    np.testing.assert_allclose([mask.score for mask in ours], theirs["scores"].numpy(), atol=1e-4)
    boxes = np.array([mask.box for mask in ours]) - (0, 0, 1, 1)  # theirs end on the last pixel
    assert np.abs(boxes - theirs["bounding_boxes"].numpy()).max() <= 1
    areas = np.array([np.count_nonzero(mask) for mask in theirs["masks"]])
    assert (np.abs(np.array([mask.area for mask in ours]) - areas) <= 1 + areas // 1000).all()


def test_a_found_mask_is_what_its_own_prompt_gives(bundled):
    image = read_image(SAMPLES / "coffee.jpg").pixels
    masks = samui.everything(bundled, image, points_per_side=6, pred_iou_thresh=0.3, stability_score_thresh=0.6)
    assert masks
    embedding = bundled.embed(image)
    for mask in masks:
        again = bundled.predict(embedding, mask.prompt).mask(mask.candidate)
        assert np.count_nonzero(again ^ mask.mask) <= mask.area // 1000


def test_points_decoded_together_are_points_decoded_one_by_one(bundled):
    image = read_image(SAMPLES / "cat.jpg").pixels
    embedding = bundled.embed(image)
    points = np.random.default_rng(0).uniform(0, 1, (5, 2)) * image.shape[1::-1]
    logits, scores = bundled.predict_points(embedding, points)
    for i, point in enumerate(points):
        alone = bundled.predict(embedding, samui.Prompt([tuple(point)], [1]))
        np.testing.assert_allclose(logits[i], alone.logits, atol=1e-3)
        np.testing.assert_allclose(scores[i], alone.scores, atol=1e-5)


def test_no_masks_found_says_which_threshold_removed_how_many(bundled):
    image = read_image(SAMPLES / "cat.jpg").pixels
    masks = samui.everything(bundled, image, points_per_side=2, pred_iou_thresh=1.0)
    assert masks == []
    assert str(masks.report).startswith("no masks found: of 12 candidates pred_iou_thresh 1 removed 12 (highest 0.")


def test_a_folder_of_twenty_photos_killed_half_way_goes_on_to_the_same_file(bundled, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    samples = [cv2.imread(str(file)) for file in sorted(SAMPLES.glob("*.jpg"))]
    for i in range(20):
        cv2.imwrite(str(folder / f"{i:02}.png"), samples[i % len(samples)][20 * i // 6 :][:200, :280])
    killed, whole = tmp_path / "killed.json", tmp_path / "whole.json"
    rules = {"points_per_side": 2, "pred_iou_thresh": 0.2, "stability_score_thresh": 0.4}
    flags = [text for name, value in rules.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    command = [
        sys.executable,
        "-m",
        "samui",
        "everything",
        str(folder),
        "--out",
        str(killed),
        "--model",
        "bundled",
        *flags,
    ]

    process = subprocess.Popen([*command, "--device", "cpu"], stdout=subprocess.PIPE, text=True)
    with process:
        for _ in range(10):
            process.stdout.readline()
        process.kill()
    assert not killed.exists()
    again = subprocess.run([*command, "--device", "cpu"], stdout=subprocess.PIPE, text=True, check=True)
    assert again.stdout.count("done before") >= 10

    outcomes = run_folder(bundled, folder, whole, formats.get("coco"), Parameters(**rules), lambda name, event: None)
    assert sum(outcome.masks for outcome in outcomes) > 20
    assert killed.read_bytes() == whole.read_bytes()
