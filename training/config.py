"""All settings of a training run, as small frozen values."""

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class NetworkConfig:
    """The `SamModel` to train: a plain ViT with window attention, and SAM's decoder, both narrow."""

    size: int = 256
    patch: int = 8
    hidden: int = 256
    layers: int = 6
    heads: int = 4
    mlp: int = 768
    window: int = 8
    global_layers: tuple[int, ...] = (1, 3, 5)
    decoder: int = 128
    decoder_mlp: int = 512
    decoder_heads: int = 4


@dataclass(frozen=True)
class Mix:
    """How often samples come from each source; weights, not percentages."""

    duts: float = 0.48
    human: float = 0.02
    coco128: float = 0.06
    bsds: float = 0.19
    composite: float = 0.15
    patch: float = 0.08
    shapes: float = 0.02
    voc: float = 0.0
    coco: float = 0.0
    coco_person: float = 0.0
    ccp: float = 0.0
    carparts: float = 0.0
    facade: float = 0.0
    camvid: float = 0.0
    mixed: float = 0.0

    def shares(self) -> dict[str, float]:
        """The weights by name of the set."""
        return {name.replace("_", "-"): weight for name, weight in vars(self).items()}


@dataclass(frozen=True)
class LossWeights:
    """SAM's 20:1 of focal and dice, binary cross entropy that fades out, and the two helpers."""

    focal: float = 20.0
    dice: float = 1.0
    entropy: float = 1.0
    entropy_end: float = 0.2
    score: float = 1.0
    helper: float = 1.0
    spread_click: float = 0.1
    spread_other: float = 0.4
    other: float = 0.4


@dataclass(frozen=True)
class Schedule:
    """Learning rates and image sizes by step; kept in `OUT/schedule.json`, which may be edited while the run goes on.

    `phases` are `(first step, image size, photos a step)`. The rate rises over `warmup` steps, stays, and falls
    linearly to zero over `decay_steps` from `decay_start` on, where the run ends.

    With `until`, the clock counts instead of steps, both in seconds since 1970: the rate falls over the last `fall` of
    the time between `began` and `until`. So a run on a busy machine ends on time with a rate of zero, whatever the
    number of its steps; it resumes well, but not to the bit.
    """

    phases: tuple[tuple[int, int, int], ...] = ((0, 128, 48), (3000, 192, 32), (4200, 256, 24))
    warmup: int = 200
    decay_start: int = 3600
    decay_steps: int = 1200
    began: float = 0.0
    until: float = 0.0
    fall: float = 0.7

    @property
    def last_step(self) -> int:
        return 10**9 if self.until else self.decay_start + self.decay_steps

    def is_over(self, step: int) -> bool:
        """Whether the run ends before `step`."""
        return step >= self.last_step or (self.until > 0 and time.time() >= self.until)

    def phase(self, step: int) -> tuple[int, int]:
        """Image size and photos a step at `step`."""
        size, batch = self.phases[0][1:]
        for first, *rest in self.phases:
            if step >= first:
                size, batch = rest
        return size, batch

    def rate(self, step: int) -> float:
        """Factor on the learning rates, 0 to 1."""
        rising = min(1.0, (step + 1) / max(1, self.warmup))
        if self.until:
            falling = (1 - self.progress(step)) / self.fall
        else:
            falling = (self.last_step - step) / max(1, self.decay_steps)
        return max(0.0, min(rising, falling, 1.0))

    def progress(self, step: int) -> float:
        """Part of the run that is done, 0 to 1."""
        if self.until:
            return min(1.0, max(0.0, (time.time() - self.began) / max(1.0, self.until - self.began)))
        return min(1.0, step / max(1, self.last_step))


@dataclass(frozen=True)
class RunConfig:
    """One training run."""

    seed: int = 0
    network: NetworkConfig = field(default_factory=NetworkConfig)
    mix: Mix = field(default_factory=Mix)
    weights: LossWeights = field(default_factory=LossWeights)
    prompts: int = 3
    corrected: int = 1
    frozen: int = 0  # layers of the encoder, from the pixels up, that keep their weights
    optimizer: str = "muon"
    matrix_rate: float = 3e-3
    other_rate: float = 1e-3
    weight_decay: float = 0.02
    ema: float = 0.998
    save_seconds: float = 90.0
    evaluate_every: int = 200


# For going on from a checkpoint that knows the main thing of a photo: everything else beside it, at lower rates.
FURTHER = RunConfig(
    mix=Mix(
        duts=0.27,
        human=0.01,
        coco128=0.02,
        bsds=0.18,
        composite=0.04,
        patch=0.02,
        shapes=0.0,
        voc=0.13,
        coco=0.11,
        coco_person=0.03,
        ccp=0.05,
        carparts=0.035,
        facade=0.025,
        camvid=0.03,
        mixed=0.02,
    ),
    weights=LossWeights(entropy=0.2, helper=0.1),
    prompts=8,
    corrected=3,
    matrix_rate=1.2e-3,
    other_rate=4e-4,
)


def to_json(value: object) -> str:
    """A config as JSON text."""
    return json.dumps(asdict(value), indent=1)


def read_schedule(path: Path) -> Schedule:
    """Read `schedule.json`. Raises ValueError that names the file and the rule."""
    try:
        fields = json.loads(path.read_text())
        fields["phases"] = tuple(tuple(int(number) for number in phase) for phase in fields["phases"])
        return Schedule(**fields)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: must hold the fields of Schedule, got {error}") from error
