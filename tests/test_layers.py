"""Imports point down, and the heavy ones stay where they belong (the layers stand in docs/architecture.md)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A module may import modules of lower layers, and its neighbours of the same one.
LAYERS = {
    0: ["types", "errors"],
    1: [
        "geometry",
        "masks",
        "images",
        "models",
        "open_image",
        "colours",
        "actions",
        "scratch",
        "settings",
        "snap",
        "timings",
        "downloads",
        "waiting",
    ],
    2: [
        "predictor",
        "predictors",
        "embeddings",
        "pictures",
        "steps",
        "session",
        "sessions",
        "segment",
        "everything",
        "everything_session",
        "found_masks",
        "state",
    ],
    3: ["formats", "export", "batch", "wire", "service", "offer", "describe", "everything_service", "canvas"],
    4: ["ui", "bench"],
    5: ["cli", "cli_bench", "cli_everything", "__main__"],
}
LAYER_OF = {name: layer for layer, names in LAYERS.items() for name in names}
GRADIO = {"canvas", "ui"}
TORCH = {"predictor"}
BENCHES_MAY = {"torch", "transformers", "gradio", "playwright"}  # they time other people's code beside ours


def modules():
    files = sorted((ROOT / "samui").rglob("*.py"))
    return [f for f in files if f != ROOT / "samui" / "__init__.py"]


def part(file):
    """The name in LAYERS that a file belongs to: its module, or its package's."""
    first = file.relative_to(ROOT / "samui").parts[0]
    return first.removesuffix(".py")


def imports(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("file", modules(), ids=lambda f: str(f.relative_to(ROOT)))
def test_imports_point_down(file):
    here = part(file)
    assert here in LAYER_OF, f"{here} has no layer yet"
    for name in imports(file):
        parts = name.split(".")
        if parts[0] == "samui" and len(parts) > 1 and parts[1] in LAYER_OF:
            assert LAYER_OF[parts[1]] <= LAYER_OF[here], f"{here} imports {name} from above"
        assert parts[0] not in ("tests", "training"), f"{here} imports {name}"
        if here == "bench" and parts[0] in BENCHES_MAY:
            continue
        if parts[0] in ("gradio", "gradio_client"):
            assert here in GRADIO, f"{here} imports {name}"
        if parts[0] in ("torch", "transformers", "accelerate"):
            assert here in TORCH, f"{here} imports {name}"


@pytest.mark.parametrize("module", ["samui", "samui.session", "samui.service", "samui.cli"])
def test_import_stays_light(module):
    code = f"import sys, {module}; print([m for m in ('torch', 'transformers', 'gradio') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
