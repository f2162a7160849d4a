"""From a model's name to a predictor: choose, download, check, put on a device.

Imports of torch and transformers take seconds, so they wait for the first call.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samui.errors import ModelError
from samui.models import checkpoints
from samui.models.choice import read as read_choice
from samui.models.families.family import Family
from samui.models.folder import CONFIG, content_revision, family_of, one_line, read_config
from samui.models.predictor import Predictor
from samui.models.traits import read as read_traits

if TYPE_CHECKING:
    import torch

AUTO_DTYPE = "auto"
TRANSFORMERS = "5.23", "5.24"  # the oldest and the newest version that the tests ran against
DTYPES = ("float32", "bfloat16", "float16", AUTO_DTYPE)
_CPU_SIDE = 16  # points a side of a grid: a quarter of the points that would take minutes on a CPU
log = logging.getLogger(__name__)


def load_predictor(
    name: str = checkpoints.AUTO,
    *,
    device: str | None = None,
    dtype: str | None = None,
    threads: int | None = None,
    decoder_device: str | None = None,
) -> Predictor:
    """A predictor for "auto", "bundled", a hub id or a local folder; reads the weights, and downloads them if need be.

    device: "cpu", "cuda", "cuda:1", "mps" and so on; by default what accelerate finds. dtype: "float32" (default, and
    equal to transformers), "bfloat16", "float16", or "auto", which is float32 with a large image encoder in bfloat16
    where the device computes that faster and the checkpoint bears it (`samui.models.precision`). threads: of torch
    on the CPU, for the whole process; by default `samui.models.threads` decides. decoder_device: where prompts are
    decoded, by default on `device`; "cpu" beside an encoder on a GPU that is lent for single calls. Raises ModelError.
    """
    if dtype is not None and dtype not in DTYPES:
        raise ModelError(f"dtype: must be one of {', '.join(DTYPES)}, got {dtype!r}")
    choice = checkpoints.resolve(name)
    places = _Places.find(device, decoder_device)
    taken = _set_threads(threads)
    try:
        predictor = _load(choice, places, dtype or "float32")
    except ModelError as error:
        if name != checkpoints.AUTO or choice.name == checkpoints.BUNDLED:
            raise
        # The hub answered but the download broke: a person without a model name still gets a page.
        choice = replace(checkpoints.resolve(checkpoints.BUNDLED), why=f"The small built-in model, as {error}.")
        predictor = _load(choice, places, dtype or "float32")
    log.info("%s (%s, %s)", predictor.why, places.told(taken), predictor.dtype)
    return predictor


@dataclass(frozen=True)
class _Places:
    """Where the parts of a model compute."""

    encoder: torch.device
    decoder: torch.device

    @classmethod
    def find(cls, device: str | None, decoder_device: str | None) -> _Places:
        """The places on the devices asked for; by default accelerate's choice for both."""
        encoder = _device(device, "device")
        return cls(encoder, encoder if decoder_device is None else _device(decoder_device, "decoder_device"))

    def told(self, threads: int) -> str:
        """For the log: each device, and how many threads the CPU has."""
        cpu = f"cpu, {threads} thread{'s' * (threads > 1)}"
        encoder, decoder = (cpu if place.type == "cpu" else str(place) for place in (self.encoder, self.decoder))
        return encoder if self.encoder == self.decoder else f"encoder: {encoder}; decoder: {decoder}"

    def move(self, model: Any) -> None:
        """Put a model's parts there. ModelError if they do not fit."""
        import torch

        device = self.decoder
        try:
            model.to(device)
            device = self.encoder
            model.vision_encoder.to(device)
        except torch.OutOfMemoryError:
            raise ModelError(f"device: must have memory for the model, got {str(device)!r}, which is full") from None


def _load(choice: checkpoints.ModelChoice, places: _Places, dtype: str) -> Predictor:
    import torch

    from samui.models import precision
    from samui.models.torch_predictor import TorchPredictor

    folder = checkpoints.fetch(choice)
    config = folder / CONFIG
    family = family_of(config)
    traits = family.traits if places.decoder.type != "cpu" else replace(family.traits, points_per_side=_CPU_SIDE)
    traits = read_traits(read_config(config), traits, config)
    kind = _model_class(family, config)
    model = _read(kind, folder, torch.float32 if dtype == AUTO_DTYPE else getattr(torch, dtype))
    preprocessing = family.preprocessing(folder, model.config)
    choice = replace(choice, folder=folder, revision=choice.revision or content_revision(folder))
    places.move(model)
    if dtype == AUTO_DTYPE:
        precision.lower(model, family.embed_small)
    try:
        network = family.network(model)
    except Exception as error:  # another version of transformers may lay out a model's parts otherwise
        raise ModelError(f"{config}: {_versions(kind.__name__)} ({one_line(error)})") from error
    return TorchPredictor(model, network, preprocessing, choice, traits, read_choice(folder))


def _model_class(family: Family, config: Path) -> Any:
    """The family's class of transformers. ModelError if the version that is installed does not have it."""
    try:
        kind = family.model_class()
    except (ImportError, AttributeError) as error:
        raise ModelError(f"{config}: {_versions(family.types[0])} ({one_line(error)})") from error
    if not _is_tested():
        log.warning("%s", _versions(kind.__name__))
    return kind


def _is_tested() -> bool:
    import transformers

    oldest, found, newest = (
        tuple(int(part) for part in text.split(".")[:2])
        for text in (TRANSFORMERS[0], transformers.__version__, TRANSFORMERS[1])
    )
    return oldest <= found <= newest


def _versions(what: str) -> str:
    import transformers

    return f"{what} is tested with transformers {' to '.join(TRANSFORMERS)}, got {transformers.__version__}"


def _read(kind: Any, folder: Path, dtype: torch.dtype) -> Any:
    """The model in eval mode, on the CPU. ModelError if config.json and the weights do not fit together."""
    try:
        with _quiet():
            model, report = kind.from_pretrained(
                folder,
                dtype=dtype,  # else a float16 checkpoint would stay float16, also on a CPU
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
            )
    except Exception as error:  # configuration and shape errors come as half a dozen types
        raise ModelError(f"{folder}: must load as {kind.__name__}, got {one_line(error)}") from error
    # transformers fills what a checkpoint lacks with random numbers and only logs it.
    if report["missing_keys"]:
        lacking = sorted(report["missing_keys"])
        raise ModelError(f"{folder}: weights must be complete, got {len(lacking)} missing, {lacking[0]} first")
    if report["unexpected_keys"]:
        extra = sorted(report["unexpected_keys"])
        log.warning(
            "%s: weights hold %d more than %s has, %s first; left out", folder, len(extra), kind.__name__, extra[0]
        )
    return model.eval().requires_grad_(False)


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bar and no load report of transformers: what they say is checked and raised here."""
    from transformers.utils import logging as reports

    level, bars = reports.get_verbosity(), reports.is_progress_bar_enabled()
    reports.set_verbosity_error()
    reports.disable_progress_bar()
    try:
        yield
    finally:
        reports.set_verbosity(level)
        if bars:
            reports.enable_progress_bar()


def _device(asked: str | None, where: str) -> torch.device:
    """The device asked for, or the one that accelerate finds. where: the parameter, for errors.

    PartialState is the part of accelerate that finds devices and no more: it starts a process group only under
    `accelerate launch`, where it gives every process a GPU of its own, while Accelerator also sets up mixed precision,
    gradients and trackers.
    """
    import torch

    if asked is None:
        from accelerate import PartialState

        return PartialState().device
    try:
        device = torch.device(asked)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        raise ModelError(f"{where}: must be one that this machine has, got {asked!r} ({one_line(error)})") from None
    if device.type == "meta":
        raise ModelError(f"{where}: must be one that computes, got {asked!r}")
    return device


def _set_threads(asked: int | None) -> int:
    from samui.models import threads

    if asked is not None and (not isinstance(asked, int) or asked < 1):
        raise ModelError(f"threads: must be a positive whole number, got {asked!r}")
    return threads.settle(asked)
