"""The numbers by which a checkpoint's candidates from several views are compared: fitted on training photos.

Things of photos are clicked on, half of them at their innermost place and half anywhere inside, and every view's
candidates are compared with the truth. Two things are fitted: the weights that order the candidates, so that the IoU
of the first is high, and the map from a candidate's worth to the IoU that is to be expected of it. Weights are held
near the usual ones, and are taken only if they choose better on photos that they were not fitted on.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from samui.models.choice import FEATURES, FILE, Choice
from samui.models.predictor import Predictor
from samui.pixels.rle import Rle
from samui.pixels.views import views_of
from samui.types import Prompt
from samui.work.candidates import candidates, describe, likeness
from samui.work.segment import ImageViews
from training.photos import is_held_out, read_set
from training.views import SIZES, find_things

# Sets by their part of the clicks. In DUTS the main thing of a photo is meant, and must not be lost to its parts.
MIX = {
    "duts": 0.35,
    "voc": 0.2,
    "coco": 0.15,
    "bsds": 0.15,
    "ccp": 0.05,
    "coco-person": 0.04,
    "carparts": 0.03,
    "camvid": 0.03,
}
LONGEST = 640
FOLDS = 5
_GAIN = 0.005  # of the chosen candidate's IoU: less is nothing that another draw of photos would show
_HOLD = 0.01  # how firmly weights are held near the usual ones
_SHARPNESS = 20.0  # of the choice while it is fitted: a difference of worth of 0.05 is one of odds of e


@dataclass(frozen=True)
class Case:
    """The candidates of one click. features (n, F); ious (n,) with the truth."""

    features: np.ndarray
    ious: np.ndarray


def fit_choice(checkpoint: Path, data: Path, *, count: int, seed: int) -> dict:
    """Fit on about `count` clicks and write choice.json into the checkpoint's folder; what came of it."""
    from samui.models import load_predictor

    predictor = load_predictor(str(checkpoint), device="cpu")
    cases = [case for case in clicks(predictor, data, count=count, seed=seed) if case is not None]
    if len(cases) < 2 * FOLDS:
        raise ValueError(f"count: must give at least {2 * FOLDS} clicks, got {len(cases)}")
    usual = Choice()
    before, after = mean_chosen(cases, usual), cross_validated(cases, seed=seed)
    best = fit_weights(cases) if after > before + _GAIN else usual
    slope, offset = calibrate(cases, best)
    choice = replace(best, slope=slope, offset=offset)
    told = {"weights": dict(choice.weights), "slope": slope, "offset": offset}
    (checkpoint / FILE).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return {
        "clicks": len(cases),
        "usual": round(before, 4),
        "fitted": round(after, 4),
        "best of all": round(float(np.mean([case.ious.max() for case in cases])), 4),
        **told,
    }


def clicks(predictor: Predictor, data: Path, *, count: int, seed: int) -> Iterator[Case | None]:
    """The candidates of clicks on things of training photos; sets that do not lie in `data` are left out."""
    generator = np.random.default_rng(seed)
    for name, part in MIX.items():
        if not any([*data.glob(f"{name}.zip"), *data.glob(f"{name}-[0-9]*.zip")]):
            continue
        photos = [p for p in read_set(data, set_name=name, longest=LONGEST) if not is_held_out(name, p.name)]
        for index in generator.permutation(len(photos))[: round(count * part)]:
            photo = photos[int(index)]
            things, _ = find_things(generator, photo, name)
            if not things:
                continue
            sizes: dict[int, list[np.ndarray]] = {}
            for thing in things:
                share = thing.area / thing.mask.size
                sizes.setdefault(int(np.searchsorted(SIZES, share)), []).append(thing.mask)
            among = sizes[list(sizes)[generator.integers(len(sizes))]]
            yield describe_click(predictor, photo.image, among[generator.integers(len(among))], generator)


def describe_click(
    predictor: Predictor, image: np.ndarray, truth: np.ndarray, generator: np.random.Generator
) -> Case | None:
    """The candidates of one click on a thing; None where all of them are empty."""
    size = truth.shape[0], truth.shape[1]
    prompt = Prompt([place(truth, generator)], [1])
    views = ImageViews(predictor, np.ascontiguousarray(image))
    looked_in = views_of(prompt, size)
    views.need(looked_in)
    answers = {view: views.predict(prompt, view) for view in looked_in}
    found = candidates(answers)
    if not found:
        return None
    thing = Rle.encode(truth)
    common = np.array([one.mask.overlap(thing) for one in found], np.float64)
    ious = common / (np.array([one.mask.area for one in found]) + thing.area - common)
    return Case(describe(found, likeness(found)), ious)


def place(truth: np.ndarray, generator: np.random.Generator) -> tuple[float, float]:
    """Where a mask is clicked: at its innermost pixel, or anywhere, rather inside than at the border."""
    depth = cv2.distanceTransform(np.pad(truth.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    flat = depth.ravel()
    at = int(flat.argmax()) if generator.random() < 0.5 else int(generator.choice(flat.size, p=flat / flat.sum()))
    y, x = divmod(at, truth.shape[1])
    return x + 0.5, y + 0.5


def chosen(case: Case, choice: Choice) -> float:
    """IoU of the candidate that comes first."""
    return float(case.ious[int(np.argmax(choice.worth(case.features)))])


def mean_chosen(cases: list[Case], choice: Choice) -> float:
    return float(np.mean([chosen(case, choice) for case in cases]))


def cross_validated(cases: list[Case], *, seed: int) -> float:
    """Mean IoU of the candidates that weights choose which were fitted on the other folds."""
    folds = np.random.default_rng(seed).permutation(len(cases)) % FOLDS
    found = []
    for fold in range(FOLDS):
        choice = fit_weights([case for case, of in zip(cases, folds, strict=True) if of != fold])
        found += [chosen(case, choice) for case, of in zip(cases, folds, strict=True) if of == fold]
    return float(np.mean(found))


def fit_weights(cases: list[Case]) -> Choice:
    """The weights with which a soft choice among each click's candidates has the highest IoU, near the usual ones."""
    usual = Choice()
    scale = np.concatenate([case.features for case in cases]).std(axis=0) + 1e-6
    start = torch.tensor([usual.weights.get(name, 0.0) for name in FEATURES]) * torch.from_numpy(scale)
    weights = start.clone().requires_grad_()
    sets = [(torch.from_numpy(case.features / scale), torch.from_numpy(case.ious)) for case in cases]
    optimizer = torch.optim.LBFGS([weights], max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        gained = [torch.softmax(_SHARPNESS * (features @ weights), 0) @ ious for features, ious in sets]
        value = _HOLD * ((weights - start) / 0.1).square().sum() - torch.stack(gained).mean()
        value.backward()
        return value

    optimizer.step(loss)
    found = weights.detach().numpy() / scale
    return replace(usual, weights={name: round(float(w), 4) for name, w in zip(FEATURES, found, strict=True)})


def calibrate(cases: list[Case], choice: Choice) -> tuple[float, float]:
    """Slope and offset of the logistic map from the evidence for the candidates that come first to their IoU."""
    pairs = []
    for case in cases:
        best = np.argsort(-choice.worth(case.features))[:3]  # those that may be shown
        pairs += [*zip(choice.evidence(case.features)[best], case.ious[best], strict=True)]
    worth, ious = (torch.tensor(each, dtype=torch.float64) for each in zip(*pairs, strict=True))
    line = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([line], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(line[0] * worth + line[1], ious)
        value.backward()
        return value

    optimizer.step(loss)
    slope, offset = (round(float(each), 4) for each in line.detach())
    return max(slope, 0.1), offset
