"""Print the rooms of a checkout and the arrows between them: `python -m tests.rooms [CHECKOUT]`.

A room is a folder or a module directly under samui, `app.py`, or training. An arrow says that a room imports another.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path


def rooms(root: Path) -> dict[str, list[Path]]:
    """The Python files of each room, by its name."""
    found: dict[str, list[Path]] = {}
    for file in sorted([root / "app.py", *root.glob("samui/**/*.py"), *root.glob("training/**/*.py")]):
        parts = file.relative_to(root).with_suffix("").parts
        found.setdefault(".".join(parts[:2]) if parts[0] == "samui" else parts[0], []).append(file)
    return found


def arrows(root: Path) -> set[tuple[str, str]]:
    """(room, room that it imports) of every import."""
    names = rooms(root)
    return {
        (here, there)
        for here, files in names.items()
        for file in files
        for imported in _imported(file)
        if (there := ".".join(imported.split(".")[:2])) in names and there != here
    }


def _imported(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


if __name__ == "__main__":
    checkout = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    print(f"{len(rooms(checkout))} rooms, {len(arrows(checkout))} arrows")
    for one, other in sorted(arrows(checkout)):
        print(f"{one} -> {other}")
