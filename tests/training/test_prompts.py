import numpy as np
import pytest

from training.batches import make_batch
from training.prompts import box_round, click_centre, click_inside, corrective_clicks, jitter_box


def ring() -> np.ndarray:
    rows, columns = np.ogrid[:64, :64]
    distance = np.hypot(rows - 30, columns - 34)
    return (distance < 24) & (distance > 12)


def test_clicks_lie_inside_the_object_even_if_its_middle_is_empty():
    generator = np.random.default_rng(0)
    for _ in range(50):
        x, y = click_inside(generator, ring())
        assert ring()[int(y), int(x)]
    x, y = click_centre(ring())
    assert ring()[int(y), int(x)]


def test_a_box_touches_the_outermost_pixels():
    mask = np.zeros((20, 30), bool)
    mask[4:9, 6:21] = True
    assert box_round(mask).tolist() == [6, 4, 21, 9]


def test_a_jittered_box_stays_a_box_inside_the_picture():
    generator = np.random.default_rng(1)
    for _ in range(100):
        x0, y0, x1, y1 = jitter_box(generator, np.array([1, 2, 60, 9], np.float32), part=0.2, size=64)
        assert 0 <= x0 < x1 <= 64
        assert 0 <= y0 < y1 <= 64
        assert abs(y0 - 2) <= 0.2 * 7 + 1e-4


def test_corrective_clicks_name_the_error_they_lie_in():
    target = ring()
    predicted = np.zeros_like(target)
    predicted[:, :34] = target[:, :34]
    predicted[50:60, 2:12] = True
    named = set()
    for generator in (None, np.random.default_rng(2)):
        points, labels = corrective_clicks(generator, predicted=predicted, target=target, count=8)
        for (x, y), label in zip(points.astype(int), labels, strict=True):
            assert predicted[y, x] != target[y, x]
            assert bool(label) == target[y, x]
            named.add(int(label))
    assert named == {0, 1}


def test_the_first_corrective_click_is_in_the_middle_of_the_largest_error():
    target = np.zeros((40, 40), bool)
    target[10:31, 10:31] = True
    points, labels = corrective_clicks(None, predicted=np.zeros_like(target), target=target, count=1)
    assert points.tolist() == [[20, 20]]
    assert labels.tolist() == [1]


def test_a_perfect_mask_is_confirmed_by_a_click_inside():
    points, labels = corrective_clicks(np.random.default_rng(3), predicted=ring(), target=ring(), count=2)
    assert labels.tolist() == [1, 1]
    assert all(ring()[int(y), int(x)] for x, y in points)


@pytest.mark.parametrize("step", range(4))
def test_every_prompt_of_a_batch_fits_its_target(stores, config, schedule, step: int):
    batch = make_batch(stores, config=config, schedule=schedule, step=step)
    assert batch.images.shape == (4, 64, 64, 3)
    assert batch.is_box.any()
    assert not batch.is_box.all()
    for targets, points, boxes in zip(batch.targets, batch.points, batch.boxes, strict=True):
        for target, (x, y), (x0, y0, x1, y1) in zip(targets, points, boxes, strict=True):
            assert target[int(y), int(x)] == 255
            rows, columns = np.nonzero(target)
            wide, high = np.ptp(columns) + 1, np.ptp(rows) + 1
            assert abs(x0 - columns.min()) <= 0.12 * wide + 1
            assert abs(x1 - columns.max()) <= 0.12 * wide + 1
            assert abs(y0 - rows.min()) <= 0.12 * high + 1
            assert abs(y1 - rows.max()) <= 0.12 * high + 1


def test_a_batch_depends_on_seed_and_step_alone(stores, config, schedule):
    first, again = (make_batch(stores, config=config, schedule=schedule, step=7) for _ in range(2))
    assert all(np.array_equal(value, vars(again)[name]) for name, value in vars(first).items())
    other = make_batch(stores, config=config, schedule=schedule, step=8)
    assert not np.array_equal(first.images, other.images)
