"""The training loop: batches in, a state on disk every minute or two, numbers in a log."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from transformers import SamConfig, SamModel

from training.batches import Batch, read_ahead
from training.config import RunConfig, Schedule, read_schedule, to_json
from training.evaluation import measure, object_cases, region_cases
from training.export import load_checkpoint
from training.network import Segmenter
from training.optimizers import Optimizer
from training.photos import PhotoStore
from training.start import build_network, resize_network
from training.state import Average, load_state, save_state
from training.step import batch_loss, normalise


class Trainer:
    """One run in one folder. `state.pt`, `schedule.json` and `log.jsonl` lie there."""

    def __init__(
        self,
        out: Path,
        *,
        config: RunConfig,
        schedule: Schedule,
        stores: dict[str, PhotoStore],
        held_out: dict[str, PhotoStore],
        device: torch.device,
        shards: int = 1,
        start: Path | None = None,
    ):
        """start: folder of an exported checkpoint, whose weights a new run begins with; an existing run resumes."""
        self.out, self.config, self.stores, self.held_out = out, config, stores, held_out
        self.device, self.shards = device, shards
        out.mkdir(parents=True, exist_ok=True)
        self.step = 0
        self.stopping = False
        if (out / "schedule.json").exists():
            schedule = read_schedule(out / "schedule.json")
        else:
            (out / "schedule.json").write_text(to_json(schedule))
        self.schedule = schedule
        self.seen, self.seconds = 0, 0.0
        if (out / "state.pt").exists():
            self.resume(load_state(out / "state.pt", device=device))
            return
        size, _ = schedule.phase(0)
        if start is None:
            patches = sample_patches(stores, size=size, patch=config.network.patch, seed=config.seed)
            network = build_network(config.network, seed=config.seed, patches=patches)
        else:
            network = load_checkpoint(start)
        self.take(resize_network(network, size).to(device))
        self.average = Average(self.network, decay=config.ema)

    def take(self, network: Segmenter) -> None:
        """Make `network` the one to train, with a fresh optimizer."""
        self.network = network
        # Positions of prompts stay as they were set: a drifting coordinate system helps nobody.
        network.sam.shared_image_embedding.positional_embedding.requires_grad_(False)
        if self.config.frozen:
            encoder = network.sam.vision_encoder
            encoder.pos_embed.requires_grad_(False)
            for part in (encoder.patch_embed, *encoder.layers[: self.config.frozen]):
                part.requires_grad_(False)
        config = self.config
        self.optimizer = Optimizer(
            network,
            kind=config.optimizer,
            matrix_rate=config.matrix_rate,
            other_rate=config.other_rate,
            weight_decay=config.weight_decay,
        )

    def resume(self, state: dict) -> None:
        """Go on from a saved state."""
        self.take(Segmenter(SamModel(SamConfig.from_dict(state["config"]))).to(self.device))
        self.network.load_state_dict(state["weights"])
        self.optimizer.load(state["optimizer"])
        self.average = Average(self.network, decay=self.config.ema)
        self.average.weights = state["average"]
        torch.set_rng_state(state["random"].cpu())
        self.step = state["step"]
        self.seen, self.seconds = state["facts"]["seen"], state["facts"]["seconds"]

    def grow(self, size: int) -> None:
        """Change the image size; weights, average and moments come along, token positions are interpolated."""
        moments, average = self.optimizer.state(), self.averaged()
        self.take(resize_network(self.network, size))
        self.average.weights = {k: v.clone() for k, v in resize_network(average, size).state_dict().items()}
        for name, values in (("momentum", self.optimizer.momentum), ("second", self.optimizer.second)):
            for key, value in values.items():
                if moments[name][key].shape == value.shape:
                    value.copy_(moments[name][key])
        self.optimizer.steps = moments["steps"]

    def averaged(self) -> Segmenter:
        """A network with the averaged weights."""
        network = resize_network(self.network, self.network.sam.config.vision_config.image_size)
        network.load_state_dict(self.average.weights)
        return network

    def gradients(self, batch: Batch) -> tuple[list[Tensor], dict[str, float]]:
        """Gradients of the mean loss. Shards run in threads of their own and are added up in a fixed order.

        On a CPU, two threads with half the batch each beat two threads that share every operation: no barrier after
        each of a thousand small operations, and each core works in its own cache.
        """

        def work(shard: int) -> tuple[tuple[Tensor, ...], dict[str, float]]:
            loss, facts = batch_loss(
                self.network,
                batch.part(shard, self.shards),
                config=self.config,
                step=self.step,
                shard=shard,
                progress=self.schedule.progress(self.step),
                device=self.device,
            )
            return torch.autograd.grad(loss / self.shards, self.optimizer.parameters), facts

        if self.shards == 1:
            results = [work(0)]
        else:
            results = list(self.pool.map(work, range(self.shards)))
        gradients = [gradient.clone() for gradient in results[0][0]]
        for more, _ in results[1:]:
            torch._foreach_add_(gradients, list(more))
        return gradients, {name: float(np.mean([facts[name] for _, facts in results])) for name in results[0][1]}

    def run(self, *, stop_at: int | None = None) -> None:
        """Train to the schedule's end, or to step `stop_at`. Safe to kill at any moment."""
        if self.shards > 1:
            torch.set_num_threads(1)
            self.pool = ThreadPoolExecutor(self.shards, thread_name_prefix="shard")
        written = self.stamp()
        batches = read_ahead(self.stores, config=self.config, schedule=self.schedule, first=self.step)
        last_save, facts = time.monotonic(), []
        while not self.schedule.is_over(self.step) and self.step != stop_at and not self.stopping:
            began = time.monotonic()
            size, count = self.schedule.phase(self.step)
            if size != self.network.sam.config.vision_config.image_size:
                self.grow(size)
            gradients, numbers = self.gradients(next(batches))
            norm = self.optimizer.step(gradients, rate=self.schedule.rate(self.step))
            self.average.update(self.network, step=self.step)
            self.step += 1
            self.seen += count
            self.seconds += time.monotonic() - began
            facts.append(numbers | {"norm": norm})
            if self.step % 20 == 0:
                means = {name: round(float(np.mean([each[name] for each in facts])), 4) for name in facts[0]}
                self.log("train", size=size, rate=round(self.schedule.rate(self.step), 4), **means)
                facts = []
            if self.step % self.config.evaluate_every == 0:
                self.evaluate()
            if time.monotonic() - last_save > self.config.save_seconds:
                self.save()
                last_save = time.monotonic()
                # Somebody may have changed the plan: read on with the new one.
                if self.stamp() != written:
                    written = self.stamp()
                    self.schedule = read_schedule(self.out / "schedule.json")
                    batches.close()
                    batches = read_ahead(self.stores, config=self.config, schedule=self.schedule, first=self.step)
                    self.log("schedule", **json.loads(to_json(self.schedule)))
        batches.close()
        self.save()
        if self.shards > 1:
            self.pool.shutdown()

    def stop(self, *_: object) -> None:
        """Ask `run` to save and return after the step in hand; fit to be a signal handler."""
        self.stopping = True

    def stamp(self) -> float:
        return (self.out / "schedule.json").stat().st_mtime

    def save(self) -> None:
        save_state(
            self.out / "state.pt",
            step=self.step,
            network=self.network,
            optimizer=self.optimizer,
            average=self.average,
            facts={"seen": self.seen, "seconds": self.seconds},
        )

    def evaluate(self) -> None:
        """Log the averaged network's mean IoU on a few held-out photos."""
        network = self.averaged()
        size = network.sam.config.vision_config.image_size
        for name, store in self.held_out.items():
            if name == "ecssd":
                cases = object_cases(store, count=60, size=size)
            else:
                cases = region_cases(store, count=20, size=size)
            self.log("evaluation", set=name, size=size, **measure(network, cases))

    def log(self, kind: str, **facts: object) -> None:
        entry = {"kind": kind, "step": self.step, "seen": self.seen, "seconds": round(self.seconds, 1)} | facts
        with open(self.out / "log.jsonl", "a") as file:
            file.write(json.dumps(entry) + "\n")


def sample_patches(stores: dict[str, PhotoStore], *, size: int, patch: int, seed: int) -> np.ndarray | None:
    """Normalised patches `(n, 3 * patch**2)`, channels first, of training photos shrunk to `size` pixels."""
    store = stores.get("duts")
    if store is None:
        return None
    generator = np.random.default_rng([seed, 2])
    patches = []
    for _ in range(400):
        image = store[int(generator.integers(len(store)))].image
        scale = size / max(image.shape[:2])
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        pixels = normalise(torch.from_numpy(image)[None])[0].numpy()
        for _ in range(20):
            x = int(generator.integers(0, pixels.shape[2] - patch + 1))
            y = int(generator.integers(0, pixels.shape[1] - patch + 1))
            patches.append(pixels[:, y : y + patch, x : x + patch].ravel())
    return np.stack(patches)
