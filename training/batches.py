"""Batches as a pure function of (seed, step): that is what makes a run resumable to the bit.

Nothing here has a state to save. Step 1234 draws the same photos, crops and prompts whether the run was
interrupted or not, and however many threads prepare batches ahead.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from training.config import RunConfig, Schedule
from training.photos import PhotoStore
from training.prompts import box_round, click_inside, jitter_box
from training.scenes import Scene, make_scene

OTHERS = 2  # right answers to a click besides the one that is sought: part, thing, group
ALIKE = 0.85  # IoU from which two masks are one answer


@dataclass(frozen=True)
class Batch:
    """One step's input, B photos with P first prompts each, as numpy arrays.

    `images` uint8 `(B, S, S, 3)`; `targets` uint8 0/255 `(B, P, S, S)`; `is_box` bool `(B, P)`; `points` float32
    `(B, P, 2)` and `boxes` float32 `(B, P, 4)` in pixels, both always filled in; `mains` uint8 `(B, S, S)` and
    `has_main` bool `(B,)` for the helper head. `others` uint8 0/255 `(B, P, OTHERS, S, S)` are further right answers to
    a click, of which `known` bool `(B, P, OTHERS)` tells the filled ones; `outside` float32 `(B, P)` counts the pixels
    of each target beyond the picture; `ignored` uint8 `(B, S, S)` is 255 where nothing is known.
    """

    images: np.ndarray
    targets: np.ndarray
    is_box: np.ndarray
    points: np.ndarray
    boxes: np.ndarray
    mains: np.ndarray
    has_main: np.ndarray
    others: np.ndarray
    known: np.ndarray
    outside: np.ndarray
    ignored: np.ndarray

    def part(self, index: int, parts: int) -> "Batch":
        """Every `parts`-th photo, beginning at `index`."""
        return Batch(**{name: value[index::parts] for name, value in vars(self).items()})


def make_batch(stores: dict[str, PhotoStore], *, config: RunConfig, schedule: Schedule, step: int) -> Batch:
    """Draw the batch of `step`."""
    size, count = schedule.phase(step)
    # SeedSequence mixes well: neighbouring steps share nothing.
    generators = [np.random.default_rng(seed) for seed in np.random.SeedSequence([config.seed, step]).spawn(count)]
    rows = []
    for generator in generators:
        scene = make_scene(generator, stores=stores, mix=config.mix, size=size)
        rows.append(prompt_scene(generator, scene=scene, count=config.prompts))
    return Batch(*(np.stack(column) for column in zip(*rows, strict=True)))


def prompt_scene(generator: np.random.Generator, *, scene: Scene, count: int) -> tuple:
    """One photo's row of a batch: alternating clicks and boxes on masks drawn at random.

    The first mask is a photo's whole object or what its view was made for, so it is asked for most often.
    """
    size = len(scene.image)
    targets, points, boxes, is_box = [], [], [], []
    others, known = np.zeros((count, OTHERS, size, size), np.uint8), np.zeros((count, OTHERS), bool)
    outside = np.zeros(count, np.float32)
    ignored = np.zeros((size, size), np.uint8) if scene.ignored is None else scene.ignored
    odd = generator.random() < 0.5
    for k in range(count):
        first = k < 2 and generator.random() < 0.5
        number = 0 if first else int(generator.integers(len(scene.masks)))
        mask = scene.masks[number]
        region = mask > 0
        box = box_round(region)
        if generator.random() < 0.5:
            box = jitter_box(generator, box, part=0.12, size=size)
        targets.append(mask)
        points.append(click_inside(generator, region))
        boxes.append(box)
        is_box.append(scene.boxes_only or k % 2 == odd)
        outside[k] = scene.outside[number] if scene.outside else 0
        if not is_box[-1]:
            for place, other in enumerate(other_answers(scene, mask, points[-1])):
                others[k, place], known[k, place] = other, True
    main = np.zeros((size, size), np.uint8) if scene.main is None else scene.main
    return (
        scene.image,
        np.stack(targets),
        np.array(is_box),
        np.array(points, np.float32),
        np.stack(boxes),
        main,
        np.array(scene.main is not None),
        others,
        known,
        outside,
        ignored,
    )


def other_answers(scene: Scene, mask: np.ndarray, point: tuple[float, float]) -> list[np.ndarray]:
    """Up to OTHERS masks of the scene that hold the click too and are neither `mask` nor each other, nearly."""
    x, y = int(point[0]), int(point[1])
    found = [mask]
    for other in (*scene.others, *scene.masks):
        if other[y, x] and all(overlap(other, earlier) < ALIKE for earlier in found):
            found.append(other)
        if len(found) > OTHERS:
            break
    return found[1:]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """IoU of two 0/255 masks."""
    return np.count_nonzero(one & other) / max(1, np.count_nonzero(one | other))


def read_ahead(
    stores: dict[str, PhotoStore], *, config: RunConfig, schedule: Schedule, first: int, depth: int = 3
) -> Iterator[Batch]:
    """Yield the batches of steps `first`, `first + 1`, ... to the schedule's end, prepared by one thread ahead."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        waiting: list[Future[Batch]] = []
        step = first
        try:
            while step < schedule.last_step or waiting:
                while len(waiting) < depth and step < schedule.last_step:
                    waiting.append(pool.submit(make_batch, stores, config=config, schedule=schedule, step=step))
                    step += 1
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()
