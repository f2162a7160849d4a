"""`python -m training run|evaluate|export|blend|curves|compact`: from photos to a checkpoint."""

import argparse
import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from training.config import FURTHER, RunConfig, Schedule
from training.photos import TRAINING, PhotoStore, open_set


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0, or 1 with one line on stderr that says what is wrong."""
    options = build_parser().parse_args(arguments)
    try:
        options.action(options)
    except (OSError, ValueError) as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True)

    run = commands.add_parser("run", help="train, or go on where --out stopped; then export and draw the curves")
    run.add_argument("--data", type=Path, required=True, help="folder with the photo sets' zip files")
    run.add_argument("--out", type=Path, required=True, help="folder of the run")
    run.add_argument("--start", type=Path, help="checkpoint to begin with, where OUT holds no run yet")
    run.add_argument("--cache", type=Path, help="folder for decoded photos (default: OUT/cache)")
    run.add_argument("--device", default="auto", help="cuda, mps, cpu or auto")
    run.add_argument("--shards", type=int, help="parts of a batch in threads of their own (default: cores on a CPU)")
    run.add_argument("--optimizer", choices=("muon", "adamw"), default="muon")
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--freeze", type=int, default=0, metavar="N", help="keep the encoder's first N layers as they are")
    run.add_argument("--stop-at", type=int, help="stop at this step, keeping the state")
    run.add_argument("--minutes", type=float, help="end after this time, the learning rate at zero; with --start")
    run.set_defaults(action=run_training)

    evaluate = commands.add_parser("evaluate", help="mean IoU of a checkpoint on held-out photos")
    evaluate.add_argument("checkpoint", type=Path)
    evaluate.add_argument("--data", type=Path, required=True)
    evaluate.add_argument("--cache", type=Path)
    evaluate.add_argument("--count", type=int, default=200, help="photos of ECSSD")
    evaluate.set_defaults(action=evaluate_checkpoint)

    export = commands.add_parser("export", help="write a run's averaged weights as a float16 checkpoint")
    export.add_argument("out", type=Path)
    export.add_argument("checkpoint", type=Path)
    export.add_argument("--size", type=int, help="image size in pixels (default: that of the run)")
    export.set_defaults(action=lambda options: export_run(options.out, options.checkpoint, options.size))

    mixed = commands.add_parser("blend", help="write a checkpoint between two of one architecture")
    mixed.add_argument("first", type=Path)
    mixed.add_argument("second", type=Path)
    mixed.add_argument("checkpoint", type=Path)
    mixed.add_argument("--share", type=float, default=0.5, help="0 is the first, 1 the second (default 0.5)")
    mixed.set_defaults(action=blend_checkpoints)

    curves = commands.add_parser("curves", help="draw a run's log")
    curves.add_argument("out", type=Path)
    curves.add_argument("picture", type=Path)
    curves.set_defaults(action=lambda options: draw_run(options.out, options.picture))

    compact = commands.add_parser("compact", help="write a run's state with its moments in bfloat16")
    compact.add_argument("out", type=Path)
    compact.add_argument("file", type=Path)
    compact.set_defaults(action=lambda options: compact_run(options.out, options.file))
    choice = commands.add_parser("choice", help="fit how a checkpoint's candidates from several views are compared")
    choice.add_argument("checkpoint", type=Path)
    choice.add_argument("--data", type=Path, required=True)
    choice.add_argument("--count", type=int, default=300, help="clicks (default 300)")
    choice.add_argument("--seed", type=int, default=0)
    choice.set_defaults(action=fit_choice)
    return parser


def fit_choice(options: argparse.Namespace) -> None:
    """Write choice.json into the checkpoint's folder, and print what came of it."""
    from training.choice import fit_choice as fit

    print(json.dumps(fit(options.checkpoint, options.data, count=options.count, seed=options.seed)))


def run_training(options: argparse.Namespace) -> None:
    """Train, export and draw."""
    from training.loop import Trainer

    device = choose_device(options.device)
    cache = options.cache or options.out / "cache"
    stores = open_training_sets(options.data, cache)
    shards = options.shards or (os.cpu_count() or 1 if device.type == "cpu" else 1)
    config = FURTHER if options.start else RunConfig()
    config = replace(config, seed=options.seed, optimizer=options.optimizer, frozen=options.freeze)
    schedule = Schedule()
    if options.minutes:
        now = time.time()
        schedule = Schedule(phases=((0, 256, 8),), warmup=40, began=now, until=now + 60 * options.minutes)
    trainer = Trainer(
        options.out,
        config=config,
        schedule=schedule,
        stores=stores,
        held_out=open_held_out_sets(options.data, cache),
        device=device,
        shards=shards,
        start=options.start,
    )
    signal.signal(signal.SIGTERM, trainer.stop)
    signal.signal(signal.SIGINT, trainer.stop)
    trainer.run(stop_at=options.stop_at)
    if trainer.schedule.is_over(trainer.step):
        export_run(options.out, options.out / "checkpoint", None)
        draw_run(options.out, options.out / "curve.png")


def choose_device(name: str) -> torch.device:
    """The device of that name; for "auto" the best available."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def open_training_sets(data: Path, cache: Path | None) -> dict[str, PhotoStore]:
    """The training part of every set that lies in `data`; at least DUTS must."""
    stores = {}
    for name in TRAINING:
        if name == "duts" or any(data.glob(f"{name}.zip")) or any(data.glob(f"{name}-[0-9]*.zip")):
            longest = 320 if name in ("duts", "human", "unlabelled") else 480
            stores[name] = open_set(data, set_name=name, cache=cache, held_out=False, longest=longest)
    return stores


def open_held_out_sets(data: Path, cache: Path | None) -> dict[str, PhotoStore]:
    """The held-out photos of the sets that lie in `data`."""
    names = [name for name in ("ecssd", "bsds") if any(data.glob(f"{name}*.zip"))]
    return {name: open_set(data, set_name=name, cache=cache, held_out=True, longest=480) for name in names}


def evaluate_checkpoint(options: argparse.Namespace) -> None:
    """Print one JSON line a set."""
    from training.evaluation import measure, object_cases, region_cases
    from training.export import load_checkpoint

    network = load_checkpoint(options.checkpoint)
    size = network.sam.config.vision_config.image_size
    for name, store in open_held_out_sets(options.data, options.cache).items():
        if name == "ecssd":
            cases = object_cases(store, count=options.count, size=size)
        else:
            cases = region_cases(store, count=len(store), size=size)
        print(json.dumps({"set": name, "objects": len(cases), **measure(network, cases)}), flush=True)


def export_run(out: Path, checkpoint: Path, size: int | None) -> None:
    from training.export import export_checkpoint, load_average

    export_checkpoint(load_average(out / "state.pt"), checkpoint, size=size)


def blend_checkpoints(options: argparse.Namespace) -> None:
    from training.export import blend, export_checkpoint, load_checkpoint

    if not 0 <= options.share <= 1:
        raise ValueError(f"--share: must be from 0 to 1, got {options.share:g}")
    networks = load_checkpoint(options.first), load_checkpoint(options.second)
    export_checkpoint(blend(*networks, options.share), options.checkpoint)


def draw_run(out: Path, picture: Path) -> None:
    from training.curves import draw_curves

    draw_curves(out / "log.jsonl", picture)


def compact_run(out: Path, file: Path) -> None:
    from training.state import compact_state, load_state

    torch.save(compact_state(load_state(out / "state.pt", device=torch.device("cpu"))), file)


if __name__ == "__main__":
    raise SystemExit(main())
