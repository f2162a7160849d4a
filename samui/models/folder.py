"""A checkpoint's folder: what must be in it, which files count, and what its content is called. No torch here."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, BinaryIO

from samui.errors import ModelError
from samui.models import families
from samui.models.families.family import Family

WEIGHTS, INDEX, CONFIG = "model.safetensors", "model.safetensors.index.json", "config.json"
SETTINGS = (CONFIG, "processor_config.json", "preprocessor_config.json")


def check_folder(folder: Path) -> None:
    """Raise ModelError unless `folder` holds a config.json of a family that runs here and whole safetensors files."""
    family_of(folder / CONFIG)
    for path in weight_files(folder):
        _check_safetensors(path)


def family_of(config: Path) -> Family:
    """The family that a config.json names. Raises ModelError for an unknown family or missing packages."""
    return families.of(read_config(config).get("model_type"), config)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint: one, or those that its index names. ModelError if there are none."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        names = read_config(folder / INDEX).get("weight_map")
        if not isinstance(names, dict) or not names:
            raise ModelError(f"{folder / INDEX}: weight_map must name the files, got {names!r}")
        return [folder / Path(name).name for name in sorted(set(names.values()))]
    pickles = sorted(p.name for p in folder.glob("*.bin")) + sorted(p.name for p in folder.glob("*.pt*"))
    got = f"only {', '.join(pickles)} (pickle files can run code and are not read)" if pickles else "no weights"
    raise ModelError(f"{folder}: must hold {WEIGHTS}, got {got}")


def content_revision(folder: Path) -> str:
    """16 hexadecimal digits that change with any byte of the settings or the weights of a local checkpoint."""
    digest = hashlib.sha256()
    settings = [folder / name for name in SETTINGS if (folder / name).is_file()]
    for path in [*settings, *weight_files(folder)]:
        with path.open("rb") as file:
            digest.update(
                hashlib.file_digest(file, "sha256").digest() if hasattr(hashlib, "file_digest") else _sha(file)
            )
    return digest.hexdigest()[:16]


def _check_safetensors(path: Path) -> None:
    """Read the header alone; it gives the size that the file must have, so truncation is noticed."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            file.keys()
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: must be a whole safetensors file, got {one_line(error)}") from None


def read_config(path: Path) -> dict[str, Any]:
    """The content of a JSON file that must be an object. Raises ModelError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: must exist, got a folder without it") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: must be readable JSON, got {one_line(error)}") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path}: must be a JSON object, got {type(content).__name__}")
    return content


def _sha(file: BinaryIO) -> bytes:  # Python 3.10 has no hashlib.file_digest
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.digest()


def one_line(error: Exception) -> str:
    """The text of an error of another library on one line, 200 characters at most."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."
