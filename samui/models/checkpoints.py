"""Which checkpoints there are and where one comes from: built in, a folder, or the Hugging Face hub. No torch here."""

from __future__ import annotations

import hashlib
import json
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from samui import shipped
from samui.errors import ModelError

BUNDLED = "bundled"
AUTO = "auto"
PREFERRED = "facebook/sam-vit-base"
BUNDLED_FOLDER = shipped.folder("models/samui-tiny")
FAMILIES = ("sam",)  # values of config.json's model_type for which samui/models/families has an adapter
HUB_TIMEOUT = 2.5  # seconds in all, name look-up included
Watch = Callable[[int, int], None]  # (bytes that have come, bytes of all files); what it raises ends a download
_CHUNK = 2**20  # bytes after which a download is looked at; the hub client's own 10 MB are a minute of a slow line
_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
_SETTINGS = ("config.json", "processor_config.json", "preprocessor_config.json")


@dataclass(frozen=True)
class KnownModel:
    """A row of the table. params in millions, megabytes as downloaded."""

    name: str
    title: str
    megabytes: int
    params: float
    note: str


KNOWN = (
    KnownModel(BUNDLED, "samui-tiny", 10, 5.2, "built in; starts at once, rough masks"),
    KnownModel("Zigeng/SlimSAM-uniform-77", "SlimSAM 77", 39, 9.7, "SAM pruned to a tenth; for slow machines"),
    KnownModel("Zigeng/SlimSAM-uniform-50", "SlimSAM 50", 112, 28.0, "SAM pruned to a third"),
    KnownModel(PREFERRED, "SAM ViT-B", 375, 93.7, "the usual choice: good masks"),
    KnownModel("facebook/sam-vit-large", "SAM ViT-L", 1250, 312.3, "better masks, wants a GPU"),
    KnownModel("facebook/sam-vit-huge", "SAM ViT-H", 2560, 641.1, "best masks of SAM, wants a GPU"),
)


@dataclass(frozen=True)
class ModelChoice:
    """Where a model comes from. name: a hub id, a folder as given, or "bundled"; title: for people.

    folder: where its files are, None if they must be downloaded first (`fetch`). revision: the hub's commit, or None
    for a folder. why: the sentence for the page and the log.
    """

    name: str
    title: str
    folder: Path | None
    revision: str | None
    why: str


def resolve(name: str, *, timeout: float = HUB_TIMEOUT) -> ModelChoice:
    """The choice for "auto", "bundled", a folder or a hub id; downloads nothing, asks the hub for `timeout` s at most.

    A model in the local hub cache is taken as it lies there, without asking the hub for a newer one.
    Raises ModelError for a folder that `check_folder` refuses, a malformed id, and a hub that does not have it.
    """
    if not isinstance(name, str) or not name.strip():
        raise ModelError(f"model: must be 'auto', 'bundled', a folder or a hub id, got {name!r}")
    if name == AUTO:
        try:
            return _from_hub(PREFERRED, timeout)
        except ModelError as error:
            reason = str(error).removeprefix("model: ")
            return _bundled(f"The small built-in model (rough masks), as {reason}. Choose {PREFERRED} for quality.")
    if name == BUNDLED:
        return _bundled(f"The small built-in model: rough masks. Choose {PREFERRED} for quality.")
    folder = Path(name).expanduser()
    if folder.is_dir():
        check_folder(folder)
        return ModelChoice(name, folder.resolve().name, folder.resolve(), None, f"The folder {name}, as asked.")
    if folder.is_absolute() or name.startswith((".", "~")) or "\\" in name or name.count("/") != 1:
        raise ModelError(
            f"model: must be 'auto', 'bundled', a hub id like owner/name or a folder that exists, got {name!r}"
        )
    return _from_hub(name, timeout)


class StoppedError(Exception):
    """Raised by a watch: nobody wants the download any more."""


def fetch(choice: ModelChoice, watch: Watch | None = None) -> Path:
    """The folder with the files of a choice; downloads settings and safetensors into the hub cache if need be.

    watch: is called as bytes arrive; without one the hub client draws its bars on stderr.
    """
    if choice.folder is not None:
        return choice.folder
    from huggingface_hub import constants, snapshot_download

    patterns = [*_SETTINGS, _WEIGHTS, _INDEX, "model-*.safetensors"]
    constants.DOWNLOAD_CHUNK_SIZE = min(constants.DOWNLOAD_CHUNK_SIZE, _CHUNK)
    download = partial(snapshot_download, choice.name, revision=choice.revision, allow_patterns=patterns)
    try:
        if watch is not None:
            wanted = download(dry_run=True, tqdm_class=_watched(watch, 0))
            total = sum(file.file_size for file in wanted if file.will_download)
            download = partial(download, tqdm_class=_watched(watch, total))
        folder = Path(download())
        _note_main(folder)
    except StoppedError:
        raise
    except Exception as error:  # the hub client raises errors of four libraries, disk full among them
        raise ModelError(f"model: {choice.name!r} must download completely, got {one_line(error)}") from error
    check_folder(folder)
    return folder


def download(name: str, watch: Watch) -> None:
    """Have the files of a model on this machine, by any name that `resolve` takes. Raises ModelError."""
    fetch(resolve(name), watch)


def check_folder(folder: Path) -> None:
    """Raise ModelError unless `folder` holds a config.json of a known family and whole safetensors files."""
    config = _read_json(folder / "config.json")
    if config.get("model_type") not in FAMILIES:
        families = " or ".join(FAMILIES)
        raise ModelError(f"{folder / 'config.json'}: model_type must be {families}, got {config.get('model_type')!r}")
    for path in weight_files(folder):
        _check_safetensors(path)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint: one, or those that its index names. ModelError if there are none."""
    if (folder / _WEIGHTS).is_file():
        return [folder / _WEIGHTS]
    if (folder / _INDEX).is_file():
        names = _read_json(folder / _INDEX).get("weight_map")
        if not isinstance(names, dict) or not names:
            raise ModelError(f"{folder / _INDEX}: weight_map must name the files, got {names!r}")
        return [folder / Path(name).name for name in sorted(set(names.values()))]
    pickles = sorted(p.name for p in folder.glob("*.bin")) + sorted(p.name for p in folder.glob("*.pt*"))
    got = f"only {', '.join(pickles)} (pickle files can run code and are not read)" if pickles else "no weights"
    raise ModelError(f"{folder}: must hold {_WEIGHTS}, got {got}")


def content_revision(folder: Path) -> str:
    """16 hexadecimal digits that change with any byte of the settings or the weights of a local checkpoint."""
    digest = hashlib.sha256()
    settings = [folder / name for name in _SETTINGS if (folder / name).is_file()]
    for path in [*settings, *weight_files(folder)]:
        with path.open("rb") as file:
            digest.update(
                hashlib.file_digest(file, "sha256").digest() if hasattr(hashlib, "file_digest") else _sha(file)
            )
    return digest.hexdigest()[:16]


def _bundled(why: str) -> ModelChoice:
    check_folder(shipped.check(BUNDLED_FOLDER))
    return ModelChoice(BUNDLED, KNOWN[0].title, BUNDLED_FOLDER, None, why)


def _from_hub(name: str, timeout: float) -> ModelChoice:
    from huggingface_hub import is_offline_mode
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise ModelError(f"model: must be a hub id like owner/name, got {name!r} ({one_line(error)})") from None
    title = next((known.title for known in KNOWN if known.name == name), name)
    folder = _cached(name)
    if folder is not None:
        check_folder(folder)
        return ModelChoice(name, title, folder, folder.name, f"{name} from the local hub cache.")
    if is_offline_mode():
        raise ModelError(f"model: {name} is not in the local hub cache and HF_HUB_OFFLINE forbids to ask the hub")
    return ModelChoice(name, title, None, _ask_hub(name, timeout), f"{name} from the hub.")


def _cached(name: str) -> Path | None:
    """The snapshot folder of a model whose settings and weights are all in the local hub cache."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(name, "config.json")
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    try:
        complete = all(path.is_file() for path in weight_files(folder))
    except ModelError:  # an interrupted download, or one of another program that took the pickle
        return None
    return folder if complete else None


def _note_main(folder: Path) -> None:
    """Let a snapshot be found as that of `main`, as the hub client notes it for downloads without a commit."""
    reference = folder.parent.parent / "refs" / "main"
    if not reference.exists():
        reference.parent.mkdir(exist_ok=True)
        reference.write_text(folder.name, encoding="utf-8")


def _watched(watch: Watch, total: int) -> type:
    """A progress bar for the hub client that draws nothing and tells the bytes of all files to a watch."""
    from huggingface_hub.utils import tqdm

    class Bar(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})
            # The client counts what it receives and what it writes; the first may be less than the files' sizes.
            self._tells = options.get("unit") == "B" and not str(options.get("name")).endswith(".transfer")

        def update(self, n: float | None = 1) -> None:
            if self._tells:
                self.n += n or 0
                watch(int(self.n), total)

    return Bar


def _ask_hub(name: str, timeout: float) -> str | None:
    """The commit of a model that the hub has. Raises ModelError with the reason if it does not, or not in time.

    In a thread of its own, since a resolver that hangs heeds no timeout of the HTTP client; the thread may outlive us.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    answers: queue.SimpleQueue = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(get_hf_file_metadata(hf_hub_url(name, "config.json"), timeout=timeout))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True, name="samui-ask-hub").start()
    try:
        answer = answers.get(timeout=timeout)
    except queue.Empty:
        answer = TimeoutError(f"no answer within {timeout:g} s")
    if isinstance(answer, GatedRepoError):
        raise ModelError(f"model: {name} is on the hub for registered people only; log in with `hf auth login`")
    if isinstance(answer, RepositoryNotFoundError):
        raise ModelError(f"model: {name} is not on the hub, or needs a login")
    if isinstance(answer, HfHubHTTPError):
        raise ModelError(f"model: {name} is not in the local hub cache and the hub refused it ({one_line(answer)})")
    if isinstance(answer, Exception):
        reason = one_line(answer)
        raise ModelError(f"model: {name} is not in the local hub cache and the hub cannot be reached ({reason})")
    return answer.commit_hash


def _check_safetensors(path: Path) -> None:
    """Reads the header alone; it holds the size that the file must have, so a truncated file shows."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            file.keys()
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: must be a whole safetensors file, got {one_line(error)}") from None


def _read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: must exist, got a folder without it") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: must be readable JSON, got {one_line(error)}") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path}: must be a JSON object, got {type(content).__name__}")
    return content


def _sha(file) -> bytes:  # Python 3.10 has no hashlib.file_digest
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.digest()


def one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."
