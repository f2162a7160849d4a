import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training.__main__ import main, open_held_out_sets
from training.batches import make_batch
from training.config import RunConfig, Schedule, read_schedule
from training.export import export_checkpoint, load_checkpoint
from training.loop import Trainer
from training.losses import actual_iou, mask_losses, prompt_loss
from training.optimizers import orthogonalise
from training.state import Average, compact_state, load_state
from training.step import batch_loss

pytestmark = pytest.mark.slow


def make_trainer(out: Path, *, config, schedule, stores, held_out=None, shards: int = 1, start=None) -> Trainer:
    return Trainer(
        out,
        config=config,
        schedule=schedule,
        stores=stores,
        held_out=held_out or {},
        device=torch.device("cpu"),
        shards=shards,
        start=start,
    )


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_the_loss_falls_on_one_batch(tmp_path: Path, config: RunConfig, schedule, stores, kind: str):
    trainer = make_trainer(tmp_path, config=replace(config, optimizer=kind), schedule=schedule, stores=stores)
    batch = make_batch(stores, config=config, schedule=schedule, step=0)
    losses = []
    for _ in range(30):
        gradients, facts = trainer.gradients(batch)
        trainer.optimizer.step(gradients, rate=1.0)
        losses.append(facts["loss"])
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("shards", [1, 2])
def test_an_interrupted_run_resumes_to_the_bit(tmp_path: Path, config, stores, shards: int):
    # A change of image size lies on the way, before the interruption and after it.
    schedule = Schedule(phases=((0, 64, 2), (2, 128, 2), (5, 64, 2)), warmup=2, decay_start=4, decay_steps=3)
    arguments = {"config": config, "schedule": schedule, "stores": stores, "shards": shards}
    whole = make_trainer(tmp_path / "whole", **arguments)
    whole.run()
    make_trainer(tmp_path / "parts", **arguments).run(stop_at=3)
    resumed = make_trainer(tmp_path / "parts", **arguments)
    assert resumed.step == 3
    resumed.run()
    first = load_state(tmp_path / "whole" / "state.pt", device=torch.device("cpu"))
    second = load_state(tmp_path / "parts" / "state.pt", device=torch.device("cpu"))
    assert first["step"] == second["step"] == 7
    for part in ("weights", "average"):
        assert all(torch.equal(value, second[part][name]) for name, value in first[part].items())
    for part in ("momentum", "second"):
        mine, other = first["optimizer"][part], second["optimizer"][part]
        assert all(torch.equal(value, other[name]) for name, value in mine.items())


def test_a_failed_save_leaves_the_old_state_whole(tmp_path: Path, config, schedule, stores, monkeypatch):
    trainer = make_trainer(tmp_path, config=config, schedule=schedule, stores=stores)
    trainer.save()
    before = (tmp_path / "state.pt").read_bytes()

    def fail(_, file):
        file.write(b"half a sta")
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="no space left"):
        trainer.save()
    assert (tmp_path / "state.pt").read_bytes() == before


def test_a_new_run_starts_from_a_checkpoint_and_a_run_that_is_there_goes_on(tmp_path: Path, config, schedule, stores):
    arguments = {"config": config, "schedule": schedule, "stores": stores}
    first = make_trainer(tmp_path / "first", **arguments)
    first.run(stop_at=2)
    export_checkpoint(first.averaged(), tmp_path / "checkpoint")
    second = make_trainer(tmp_path / "second", **arguments, start=tmp_path / "checkpoint")
    for name, value in first.averaged().sam.state_dict().items():
        assert torch.allclose(second.network.sam.state_dict()[name], value, atol=2e-3, rtol=2e-3), name
    second.run(stop_at=1)
    again = make_trainer(tmp_path / "second", **arguments, start=tmp_path / "nowhere")
    assert again.step == 1


def test_a_blend_lies_between_two_checkpoints(tmp_path: Path, config, schedule, stores, capsys):
    trainer = make_trainer(tmp_path / "run", config=config, schedule=schedule, stores=stores)
    export_checkpoint(trainer.network, tmp_path / "old")
    trainer.run(stop_at=2)
    export_checkpoint(trainer.network, tmp_path / "new")
    blended = [str(tmp_path / name) for name in ("old", "new", "blended")]
    assert main(["blend", *blended, "--share", "0.25"]) == 0
    old, new, found = (load_checkpoint(tmp_path / name).sam.state_dict() for name in ("old", "new", "blended"))
    name = "mask_decoder.iou_prediction_head.proj_out.weight"
    assert not torch.equal(old[name], new[name])
    assert torch.allclose(found[name], 0.75 * old[name] + 0.25 * new[name], atol=1e-3)
    assert (tmp_path / "blended" / "processor_config.json").exists()
    assert main(["blend", *blended, "--share", "2"]) == 1
    assert "--share: must be from 0 to 1, got 2" in capsys.readouterr().err


def test_an_edited_schedule_is_taken_up_when_the_run_goes_on(tmp_path: Path, config, schedule, stores):
    make_trainer(tmp_path, config=config, schedule=schedule, stores=stores).run(stop_at=1)
    fields = json.loads((tmp_path / "schedule.json").read_text())
    (tmp_path / "schedule.json").write_text(json.dumps(fields | {"decay_start": 1, "decay_steps": 2}))
    trainer = make_trainer(tmp_path, config=config, schedule=schedule, stores=stores)
    trainer.run()
    assert trainer.step == 3


def test_a_compacted_state_resumes(tmp_path: Path, config, schedule, stores):
    make_trainer(tmp_path, config=config, schedule=schedule, stores=stores).run(stop_at=2)
    slim = compact_state(load_state(tmp_path / "state.pt", device=torch.device("cpu")))
    whole = (tmp_path / "state.pt").stat().st_size
    torch.save(slim, tmp_path / "state.pt")
    assert (tmp_path / "state.pt").stat().st_size < 0.85 * whole
    trainer = make_trainer(tmp_path, config=config, schedule=schedule, stores=stores)
    trainer.run(stop_at=3)
    assert trainer.step == 3


def test_two_shards_give_the_mean_of_their_gradients(tmp_path: Path, config, schedule, stores):
    trainer = make_trainer(tmp_path, config=config, schedule=schedule, stores=stores)
    batch = make_batch(stores, config=config, schedule=schedule, step=0)
    wanted = None
    for shard in range(2):
        arguments = {"config": config, "step": 0, "shard": shard, "progress": 0.0, "device": torch.device("cpu")}
        loss, _ = batch_loss(trainer.network, batch.part(shard, 2), **arguments)
        found = torch.autograd.grad(loss / 2, trainer.optimizer.parameters)
        wanted = found if wanted is None else [a + b for a, b in zip(wanted, found, strict=True)]
    trainer.shards = 2
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as trainer.pool:
        gradients, _ = trainer.gradients(batch)
    assert all(torch.equal(a, b) for a, b in zip(gradients, wanted, strict=True))


def test_schedule_rises_stays_and_falls():
    schedule = Schedule(phases=((0, 128, 8), (50, 192, 4)), warmup=10, decay_start=100, decay_steps=50)
    assert schedule.last_step == 150
    assert [round(schedule.rate(step), 2) for step in (0, 9, 60, 125, 150)] == [0.1, 1, 1, 0.5, 0]
    assert schedule.phase(49) == (128, 8)
    assert schedule.phase(50) == (192, 4)


def test_a_broken_schedule_names_the_file(tmp_path: Path):
    (tmp_path / "schedule.json").write_text('{"phases": [[0, 64]], "speed": 3}')
    with pytest.raises(ValueError, match=r"schedule\.json: must hold the fields of Schedule, got .*speed"):
        read_schedule(tmp_path / "schedule.json")


def test_a_right_mask_costs_nearly_nothing_and_a_wrong_one_much():
    target = torch.zeros(1, 16, 16)
    target[0, 4:12, 4:12] = 1
    logits = torch.stack([target[0] * 40 - 20, 20 - target[0] * 40])[None]
    right, wrong = mask_losses(logits, target, weights=RunConfig().weights, progress=0.0)[0]
    assert right < 1e-3
    assert wrong > 10
    assert actual_iou(logits, target).tolist() == [[1.0, 0.0]]


def test_only_the_best_of_three_learns_most_from_a_click():
    target = torch.zeros(1, 16, 16)
    target[0, 4:12, 4:12] = 1
    logits = torch.zeros(1, 4, 16, 16)
    logits[0, 2] = target[0] * 2 - 1
    logits.requires_grad_()
    scores = torch.zeros(1, 4, requires_grad=True)
    loss, iou = prompt_loss(
        logits, scores, target, ambiguous=torch.tensor([True]), weights=RunConfig().weights, progress=0.0
    )
    loss.backward()
    pull = logits.grad.abs().sum(dim=(0, 2, 3))
    assert pull[2] > 5 * max(pull[1], pull[3])
    assert pull[0] > 0
    # The score of every mask learns the mask's own IoU.
    assert iou[0, 2] == 1
    assert scores.grad[0, 2] < 0


def test_orthogonalised_matrices_have_singular_values_near_one():
    matrices = torch.randn(2, 96, 48, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalise(matrices))
    assert values.min() > 0.4
    assert values.max() < 1.3


def test_the_average_follows_the_weights(tmp_path: Path, config, schedule, stores):
    trainer = make_trainer(tmp_path, config=config, schedule=schedule, stores=stores)
    average = Average(trainer.network, decay=0.5)
    name = "sam.mask_decoder.iou_token.weight"
    before = average.weights[name].clone()
    with torch.no_grad():
        trainer.network.sam.mask_decoder.iou_token.weight.add_(1)
    average.update(trainer.network, step=1000)
    assert torch.allclose(average.weights[name], before + 0.5)


def test_one_command_goes_from_photos_to_a_measured_checkpoint(tmp_path: Path, data: Path, config, monkeypatch, capsys):
    import training.__main__ as command

    monkeypatch.setattr(command, "RunConfig", lambda: replace(config, evaluate_every=2))
    schedule = Schedule(phases=((0, 64, 2),), warmup=1, decay_start=1, decay_steps=1)
    monkeypatch.setattr(command, "Schedule", lambda: schedule)
    monkeypatch.setattr(command, "draw_run", lambda _, picture: picture.write_bytes(b"drawn"))
    out = tmp_path / "run"
    assert main(["run", "--data", str(data), "--out", str(out), "--device", "cpu", "--shards", "1"]) == 0
    assert (out / "checkpoint" / "model.safetensors").exists()
    assert (out / "curve.png").exists()
    assert main(["evaluate", str(out / "checkpoint"), "--data", str(data), "--count", "2"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [line["set"] for line in lines] == ["ecssd", "bsds"]
    assert all(0 <= line["click1"] <= 1 and line["filled"] > 0.5 for line in lines)


def test_curves_are_drawn_from_a_log(tmp_path: Path):
    pytest.importorskip("matplotlib")
    from training.curves import draw_curves, read_log

    entries = []
    for step in (20, 40, 40):
        facts = {"step": step, "seen": 8 * step}
        entries.append(facts | {"kind": "train", "size": 64 * (1 + step // 40), "loss": 1 / step, "rate": 0.5})
        scores = dict.fromkeys(("click1", "click3", "click5", "box", "jittered"), step / 100)
        entries += [facts | {"kind": "evaluation", "set": name} | scores for name in ("ecssd", "bsds")]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    assert len(read_log(tmp_path / "log.jsonl")) == 6
    draw_curves(tmp_path / "log.jsonl", tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 5000


def test_a_missing_data_folder_is_one_line(tmp_path: Path, capsys):
    assert main(["run", "--data", str(tmp_path), "--out", str(tmp_path / "run")]) == 1
    assert capsys.readouterr().err.startswith("training: ")


def test_measuring_leaves_held_out_photos_alone(data: Path, tmp_path: Path, config, schedule, stores):
    held_out = open_held_out_sets(data, None)
    trainer = make_trainer(tmp_path, config=config, schedule=schedule, stores=stores, held_out=held_out)
    trainer.step = 1
    trainer.evaluate()
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {entry["set"] for entry in entries} == {"ecssd", "bsds"}
    assert all(np.isfinite(entry["click5"]) for entry in entries)
    shutil.rmtree(tmp_path)
