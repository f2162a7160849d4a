"""The Hugging Face hub and its cache on this machine: is a model there, and get its files. No torch here."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from samui.errors import ModelError
from samui.models.folder import CONFIG, INDEX, SETTINGS, WEIGHTS, family_of, one_line, weight_files

Watch = Callable[[int, int], None]  # (bytes that have come, bytes of all files); what it raises ends a download
_CHUNK = 2**20  # bytes after which a download is looked at; the hub client's own 10 MB are a minute of a slow line
_PATTERNS = [*SETTINGS, WEIGHTS, INDEX, "model-*.safetensors"]


class StoppedError(Exception):
    """Raised by a watch: nobody wants the download any more."""


def download(name: str, revision: str | None, watch: Watch | None = None) -> Path:
    """The folder in the hub cache with settings and safetensors of a model; downloads those that are missing.

    watch: is called as bytes arrive; without one the hub client draws its bars on stderr. Raises ModelError; for a
    family that does not run here, before the weights are requested.
    """
    from huggingface_hub import constants, hf_hub_download, snapshot_download

    constants.DOWNLOAD_CHUNK_SIZE = min(constants.DOWNLOAD_CHUNK_SIZE, _CHUNK)
    get = partial(snapshot_download, name, revision=revision, allow_patterns=_PATTERNS)
    try:
        config = Path(hf_hub_download(name, CONFIG, revision=revision, tqdm_class=_watched(lambda *_: None, 0)))
        family_of(config)
        if watch is not None:
            wanted: Any = get(dry_run=True, tqdm_class=_watched(watch, 0))
            total = sum(file.file_size for file in wanted if file.will_download)
            get = partial(get, tqdm_class=_watched(watch, total))
        folder = Path(str(get()))
        _note_main(folder)
    except (StoppedError, ModelError):
        raise
    except Exception as error:  # the hub client raises errors of four libraries, disk full among them
        raise ModelError(f"model: {name!r} must download completely, got {one_line(error)}") from error
    return folder


def cached(name: str) -> Path | None:
    """The snapshot folder of a model whose settings and weights are all in the local hub cache."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(name, CONFIG)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    try:
        complete = all(path.is_file() for path in weight_files(folder))
    except ModelError:  # an interrupted download, or one of another program that took the pickle
        return None
    return folder if complete else None


def ask(name: str, timeout: float) -> str | None:
    """The commit of a model that the hub has. Raises ModelError with the reason if it does not, or not in time.

    In a thread of its own, since a resolver that hangs heeds no timeout of the HTTP client; the thread may outlive us.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    answers: queue.SimpleQueue = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(get_hf_file_metadata(hf_hub_url(name, CONFIG), timeout=timeout))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=run, daemon=True, name="samui-ask-hub").start()
    try:
        answer = answers.get(timeout=timeout)
    except queue.Empty:
        answer = TimeoutError(f"no answer within {timeout:g} s")
    if isinstance(answer, GatedRepoError):
        page = f"https://huggingface.co/{name}"
        raise ModelError(
            f"model: {name} is on the hub for registered users only; ask for access at {page} and log in with "
            "`hf auth login`"
        )
    if isinstance(answer, RepositoryNotFoundError):
        raise ModelError(f"model: {name} is not on the hub, or needs a login")
    if isinstance(answer, HfHubHTTPError):
        raise ModelError(f"model: {name} is not in the local hub cache and the hub refused it ({one_line(answer)})")
    if isinstance(answer, Exception):
        reason = one_line(answer)
        raise ModelError(f"model: {name} is not in the local hub cache and the hub cannot be reached ({reason})")
    return answer.commit_hash


def _note_main(folder: Path) -> None:
    """Note a snapshot as that of `main`, as the hub client does for downloads without a commit."""
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
