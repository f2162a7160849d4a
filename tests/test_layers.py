"""Imports point down, and the heavy ones stay where they belong. The layer of a module is the floor of its folder."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# The floors from the ground up; docs/architecture.md describes them in this order, from the top down.
FLOORS = ["pixels", "models", "everything", "work", "formats", "workspace", "serve", "canvas", "ui", "bench", "cli"]
GRADIO = {"canvas", "ui"}
TORCH = {"models"}
BENCHES_MAY = {"torch", "transformers", "gradio", "playwright"}  # they time other people's code beside ours
FACES = {"__init__", "__main__", "images"}  # what the package shows to others: `samui`, `python -m samui`


def modules():
    files = sorted((ROOT / "samui").rglob("*.py"))
    return [f for f in files if f.parent.name != "samui" or f.stem not in FACES]


def floor(parts):
    """Number of the floor that `samui.` + parts lies on; 0 for the modules beside the folders."""
    return FLOORS.index(parts[0]) + 1 if parts[0] in FLOORS else 0


def imports(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("file", modules(), ids=lambda f: str(f.relative_to(ROOT)))
def test_imports_point_down(file):
    here = file.relative_to(ROOT / "samui").with_suffix("").parts
    for name in imports(file):
        first, *rest = name.split(".")
        if first == "samui" and rest:
            assert floor(rest) <= floor(here), f"{'.'.join(here)} imports {name} from above"
        assert first not in ("tests", "training"), f"{'.'.join(here)} imports {name}"
        if here[0] == "bench" and first in BENCHES_MAY:
            continue
        if first in ("gradio", "gradio_client"):
            assert here[0] in GRADIO, f"{'.'.join(here)} imports {name}"
        if first in ("torch", "transformers", "accelerate"):
            assert here[0] in TORCH, f"{'.'.join(here)} imports {name}"


def test_every_folder_is_a_floor():
    folders = {p.parent.relative_to(ROOT / "samui").parts[0] for p in (ROOT / "samui").glob("*/**/*.py")}
    assert folders == set(FLOORS)


def test_the_architecture_lists_the_floors_from_the_top_down():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [line.split("`")[1].rstrip("/") for line in text.splitlines() if line.startswith("| `samui/")]
    assert [row.removeprefix("samui/") for row in rows if row.removeprefix("samui/") in FLOORS] == FLOORS[::-1]


@pytest.mark.slow
@pytest.mark.parametrize("module", ["samui", "samui.work.session", "samui.serve.service", "samui.cli"])
def test_import_stays_light(module):
    code = f"import sys, {module}; print([m for m in ('torch', 'transformers', 'gradio') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
