from dataclasses import replace

import numpy as np
import pytest
import torch

from training.__main__ import open_training_sets
from training.batches import make_batch, other_answers
from training.config import FURTHER, RunConfig, Schedule
from training.losses import actual_iou, mask_losses, prompt_loss
from training.photos import NEITHER, Photo, is_one_in_ten, open_set
from training.scenes import Scene
from training.views import LEAST, find_things, make_view


def photo_of(drawn: np.ndarray, *labels: str) -> Photo:
    image = np.random.default_rng(0).integers(0, 255, (*drawn.shape, 3), np.uint8)
    return Photo("voc/0001", image, "labels", (drawn,), (labels,))


def test_a_map_of_objects_is_read_with_its_labels(stores):
    photo = stores["voc"][0]
    assert photo.labels == (("cow", "cow", "cat"),)
    assert [int(photo.maps[0][y, x]) for y, x in ((10, 10), (10, 40), (40, 30), (0, 0), (10, 24))] == [1, 2, 3, 0, 255]


def test_overlapping_objects_lie_in_maps_of_their_own(stores):
    photo = stores["facade"][0]
    assert photo.labels == (("facade",), ("window",))
    assert [int(drawn[15, 15]) for drawn in photo.maps] == [1, 1]
    assert [int(drawn[30, 30]) for drawn in photo.maps] == [1, 0]


def test_one_name_in_ten_is_held_out_and_never_trained_on(data):
    training = open_training_sets(data, None)
    held_out = open_set(data, set_name="voc", cache=None, held_out=True)
    assert len(training["voc"]) + len(held_out) == 30
    assert 0 < len(held_out) < 8
    assert not set(training["voc"].names()) & set(held_out.names())
    assert all(is_one_in_ten(name) for name in held_out.names())
    many = [f"{n:06d}" for n in range(5000)]
    assert 400 < sum(map(is_one_in_ten, many)) < 600


def test_frames_of_one_film_are_held_out_together():
    for film in ("swan", "drift-straight", "horse-jump"):
        assert len({is_one_in_ten(f"davis/{film}-{frame:05d}") for frame in range(30)}) == 1


def test_a_view_holds_the_thing_that_it_was_made_for():
    drawn = np.zeros((120, 160), np.uint8)
    drawn[20:24, 30:36], drawn[40:110, 60:150] = 1, 2
    photo = photo_of(drawn, "bird", "cow")
    shares = []
    for seed in range(60):
        view = make_view(np.random.default_rng(seed), photo=photo, source="voc", size=64)
        if view is None:
            continue
        assert len(view.masks) == len(view.outside)
        assert all(set(np.unique(mask)) == {0, 255} for mask in view.masks)
        assert all(outside >= 0 for outside in view.outside)
        shares.append(np.count_nonzero(view.masks[0]) / 64**2)
    assert min(shares) >= 0.5 * LEAST
    # Small things, a thousandth of the photo, are seen large too.
    assert max(shares) > 0.2


def test_what_of_a_thing_lies_beyond_the_view_is_counted(monkeypatch):
    drawn = np.zeros((96, 128), np.uint8)
    drawn[:, 32:] = 1
    monkeypatch.setattr("training.views.place_view", lambda *_: (32, 0, 64, 48))
    view = make_view(np.random.default_rng(0), photo=photo_of(drawn, "sea"), source="voc", size=64)
    # All of the view would be the thing: more than a thing may fill.
    assert view is None
    monkeypatch.setattr("training.views.place_view", lambda *_: (16, 0, 80, 48))
    view = make_view(np.random.default_rng(0), photo=photo_of(drawn, "sea"), source="voc", size=64)
    inside = np.count_nonzero(view.masks[0])
    assert view.outside[0] / inside == pytest.approx((96 * 96 - 48 * 48) / (48 * 48), rel=0.05)


def test_pixels_that_are_neither_are_ignored():
    drawn = np.zeros((64, 64), np.uint8)
    drawn[10:40, 10:40], drawn[40:60, 10:40] = 1, NEITHER
    seen = False
    for seed in range(20):
        view = make_view(np.random.default_rng(seed), photo=photo_of(drawn, "cow"), source="voc", size=64)
        if view is None:
            continue
        both = np.count_nonzero((view.ignored > 0) & (view.masks[0] > 0))
        assert both <= 0.05 * np.count_nonzero(view.masks[0])  # pixels on the line between the two
        seen = seen or view.ignored.any()
    assert seen


def test_a_click_may_mean_the_thing_or_all_of_its_class(stores):
    things, others = find_things(np.random.default_rng(0), stores["voc"][0], "voc")
    assert len(things) == 3
    (cows,) = others
    assert cows.sum() == things[0].area + things[1].area
    scene = Scene(
        np.zeros((48, 64, 3), np.uint8),
        (255 * things[0].mask.astype(np.uint8),),
        None,
        others=(255 * cows.astype(np.uint8),),
    )
    assert len(other_answers(scene, scene.masks[0], (10, 10))) == 1
    # The cat is no cow.
    assert other_answers(scene, 255 * things[2].mask.astype(np.uint8), (30, 40)) == []


def test_a_batch_of_views_says_what_is_known(stores, config: RunConfig):
    mix = replace(FURTHER.mix, duts=0.1, voc=1.0, facade=1.0)
    config = replace(config, mix=mix, prompts=6)
    batch = make_batch(stores, config=config, schedule=Schedule(phases=((0, 64, 8),)), step=0)
    assert batch.known.any()
    assert not batch.known[batch.is_box].any()
    assert batch.others[batch.known].any(axis=(1, 2)).all()
    assert not batch.others[~batch.known].any()
    points = batch.points.astype(int)
    for photo, prompt, which in zip(*batch.known.nonzero(), strict=True):
        x, y = points[photo, prompt]
        assert batch.others[photo, prompt, which, y, x] == 255


def test_a_close_view_of_a_large_thing_has_a_low_iou():
    target = torch.zeros(2, 16, 16)
    target[:, 4:12] = 1
    logits = (target * 2 - 1)[:, None]
    iou = actual_iou(logits, target, outside=torch.tensor([0.0, 384.0]))
    assert iou[:, 0].tolist() == [1.0, 0.25]


def test_ignored_pixels_cost_nothing_and_count_for_nothing():
    target = torch.zeros(1, 16, 16)
    target[0, 4:12, 4:12] = 1
    wrong = torch.zeros_like(target)
    wrong[0, 12:] = 1
    logits = ((target + wrong) * 40 - 20)[None]
    valid = 1 - wrong
    weights = RunConfig().weights
    assert mask_losses(logits, target, weights=weights, progress=0, valid=valid)[0, 0] < 1e-3
    assert mask_losses(logits, target, weights=weights, progress=0)[0, 0] > 1
    assert actual_iou(logits, target, valid=valid)[0, 0] == 1


def test_each_right_answer_pulls_the_mask_that_is_nearest_to_it():
    part, whole = torch.zeros(1, 16, 16), torch.zeros(1, 16, 16)
    part[0, 4:8, 4:8], whole[0, 2:14, 2:14] = 1, 1
    logits = torch.zeros(1, 4, 16, 16)
    logits[0, 1], logits[0, 3] = part[0] * 2 - 1, whole[0] * 2 - 1

    def pull(known: bool) -> torch.Tensor:
        asked = logits.clone().requires_grad_()
        loss, _ = prompt_loss(
            asked,
            torch.zeros(1, 4),
            part,
            ambiguous=torch.tensor([True]),
            weights=RunConfig().weights,
            progress=0.0,
            others=whole[:, None],
            known=torch.tensor([[known]]),
        )
        loss.backward()
        return asked.grad[0]

    alone, both = pull(known=False), pull(known=True)
    assert torch.equal(alone[:3], both[:3])
    # The larger mask is drawn towards the whole: up inside of it, where the part alone drew it down.
    assert (alone[3] * whole[0]).sum() > 0
    assert (both[3] * whole[0]).sum() < (alone[3] * whole[0]).sum()


def test_a_run_by_the_clock_ends_on_time_with_a_rate_of_zero(monkeypatch):
    schedule = Schedule(warmup=0, began=1000.0, until=2000.0, fall=0.5)
    found = []
    for now in (1000.0, 1400.0, 1750.0, 1999.0, 2000.0):
        monkeypatch.setattr("time.time", lambda now=now: now)
        found.append((round(schedule.rate(70), 2), round(schedule.progress(70), 2), schedule.is_over(70)))
    assert found == [(1, 0, False), (1, 0.4, False), (0.5, 0.75, False), (0, 1, False), (0, 1, True)]
