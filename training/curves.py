"""The course of a run, drawn from its log."""

import itertools
import json
from pathlib import Path


def read_log(file: Path) -> list[dict]:
    """The entries of `log.jsonl`. A run that went back to an earlier state wrote some steps twice: the last count."""
    entries: dict[tuple, dict] = {}
    for line in file.read_text().splitlines():
        entry = json.loads(line)
        entries[entry["kind"], entry["step"], entry.get("set")] = entry
    return sorted(entries.values(), key=lambda entry: entry["step"])


def draw_curves(log: Path, picture: Path) -> None:
    """Two panels over the photos seen: loss and learning rate; held-out IoU by kind of prompt. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    entries = read_log(log)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    train = [entry for entry in entries if entry["kind"] == "train"]
    seen = [entry["seen"] / 1000 for entry in train]
    left.plot(seen, [entry["loss"] for entry in train], color="#35507a", linewidth=1, label="loss")
    left.set(xlabel="thousand photos seen", ylabel="training loss")
    rate = left.twinx()
    rate.plot(seen, [entry["rate"] for entry in train], color="#c08030", linewidth=1)
    rate.set(ylim=(0, 1.05), ylabel="learning rate (part of the highest)")
    for before, after in itertools.pairwise(train):
        if before["size"] != after["size"]:
            for panel in (left, right):
                panel.axvline(after["seen"] / 1000, color="#999999", linestyle=":", linewidth=1)
            left.text(after["seen"] / 1000, left.get_ylim()[1], f" {after['size']} px", va="top", fontsize=8)

    colours = {"click1": "#b03a48", "click3": "#d08a2e", "click5": "#8a9a2a", "box": "#2f7d5b", "jittered": "#3b6fb0"}
    for which, style in (("ecssd", "-"), ("bsds", "--")):
        points = [entry for entry in entries if entry["kind"] == "evaluation" and entry["set"] == which]
        for name, colour in colours.items():
            if which == "ecssd" or name in ("click1", "box"):
                places = [entry["seen"] / 1000 for entry in points]
                label = f"{which} {name}"
                right.plot(places, [entry[name] for entry in points], style, color=colour, linewidth=1.2, label=label)
    right.set(xlabel="thousand photos seen", ylabel="mean IoU, held-out photos")
    right.legend(fontsize=7, ncol=2, loc="lower right")
    right.grid(alpha=0.25)
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=110)
    pyplot.close(figure)
