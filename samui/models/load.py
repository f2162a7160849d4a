"""From a model's name to a predictor: choose, download, check, put on a device.

Imports of torch and transformers take seconds, so they wait for the first call.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from samui.errors import ModelError
from samui.models import checkpoints
from samui.models.checkpoints import one_line
from samui.models.predictor import Predictor
from samui.models.preprocess import Preprocessing

if TYPE_CHECKING:
    import torch

AUTO_DTYPE = "auto"
DTYPES = ("float32", "bfloat16", "float16", AUTO_DTYPE)
log = logging.getLogger(__name__)


def load_predictor(
    name: str = checkpoints.AUTO, *, device: str | None = None, dtype: str | None = None, threads: int | None = None
) -> Predictor:
    """A predictor for "auto", "bundled", a hub id or a local folder; reads the weights, and downloads them if need be.

    device: "cpu", "cuda", "cuda:1", "mps" and so on; by default what accelerate finds. dtype: "float32" (default, and
    equal to transformers), "bfloat16", "float16", or "auto", which is float32 with a large image encoder in bfloat16
    where the device computes that faster and the checkpoint bears it (`samui.models.precision`). threads: of torch
    on the CPU, for the whole process; by default `samui.models.threads` decides. Raises ModelError.
    """
    if dtype is not None and dtype not in DTYPES:
        raise ModelError(f"dtype: must be one of {', '.join(DTYPES)}, got {dtype!r}")
    choice = checkpoints.resolve(name)
    target = _device(device)
    taken = _set_threads(threads)
    try:
        predictor = _load(choice, target, dtype or "float32")
    except ModelError as error:
        if name != checkpoints.AUTO or choice.name == checkpoints.BUNDLED:
            raise
        # The hub answered but the download broke: a person without a model name still gets a page.
        choice = replace(checkpoints.resolve(checkpoints.BUNDLED), why=f"The small built-in model, as {error}.")
        predictor = _load(choice, target, dtype or "float32")
    where = f"cpu, {taken} thread{'s' * (taken > 1)}" if target.type == "cpu" else predictor.device
    log.info("%s (%s, %s)", predictor.why, where, predictor.dtype)
    return predictor


def _load(choice: checkpoints.ModelChoice, device: torch.device, dtype: str) -> Predictor:
    import torch
    from transformers import SamModel

    from samui.models import precision
    from samui.models.families.sam import SamPredictor
    from samui.models.fast import decoder as fast_decoder
    from samui.models.fast import vision as fast_vision

    folder = checkpoints.fetch(choice)
    model = _read(SamModel, folder, torch.float32 if dtype == AUTO_DTYPE else getattr(torch, dtype))
    preprocessing = Preprocessing.read(folder, model.config.vision_config.image_size)
    choice = replace(choice, folder=folder, revision=choice.revision or checkpoints.content_revision(folder))
    model = _move(model, device)
    if dtype == AUTO_DTYPE:
        precision.lower(model)
    fast_vision.install(model)
    return SamPredictor(model, preprocessing, choice, fast_decoder.install(model))


def _read(family: type, folder: Path, dtype: torch.dtype) -> torch.nn.Module:
    """The model in eval mode, on the CPU. ModelError if config.json and the weights do not fit together."""
    try:
        with _quiet():
            model, report = family.from_pretrained(
                folder,
                dtype=dtype,  # else a float16 checkpoint would stay float16, also on a CPU
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
            )
    except Exception as error:  # configuration and shape errors come as half a dozen types
        raise ModelError(f"{folder}: must load as {family.__name__}, got {one_line(error)}") from error
    # transformers fills what a checkpoint lacks with random numbers and only logs it.
    if report["missing_keys"]:
        lacking = sorted(report["missing_keys"])
        raise ModelError(f"{folder}: weights must be complete, got {len(lacking)} missing, {lacking[0]} first")
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


def _device(asked: str | None) -> torch.device:
    """The device asked for, or the one that accelerate finds.

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
        raise ModelError(f"device: must be one that this machine has, got {asked!r} ({one_line(error)})") from None
    if device.type == "meta":
        raise ModelError(f"device: must be one that computes, got {asked!r}")
    return device


def _move(model: torch.nn.Module, device: torch.device) -> torch.nn.Module:
    import torch

    try:
        return model.to(device)
    except torch.OutOfMemoryError:
        raise ModelError(f"device: must have memory for the model, got {str(device)!r}, which is full") from None


def _set_threads(asked: int | None) -> int:
    from samui.models import threads

    if asked is not None and (not isinstance(asked, int) or asked < 1):
        raise ModelError(f"threads: must be a positive whole number, got {asked!r}")
    return threads.settle(asked)
