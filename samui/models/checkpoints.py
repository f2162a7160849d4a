"""Which checkpoints there are and where one comes from: built in, a folder, or the Hugging Face hub. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from samui import shipped
from samui.errors import ModelError
from samui.models import hub
from samui.models.folder import check_folder, one_line
from samui.models.hub import Watch

BUNDLED = "bundled"
AUTO = "auto"
PREFERRED = "facebook/sam-vit-base"
BUNDLED_FOLDER = shipped.folder("models/samui-tiny")
HUB_TIMEOUT = 2.5  # seconds in all, name look-up included


# How long an image takes on a few cores of a CPU, from the shortest; measured for those that say so in
# docs/benchmarks.md, by the operations of their encoders for the others.
INSTANT, SECONDS, LONG, GPU = "under a second", "a few seconds", "ten seconds or more", "minutes: wants a GPU"
_APACHE = "Apache-2.0"


@dataclass(frozen=True)
class KnownModel:
    """A row of the table. params in millions, of what is loaded; megabytes as downloaded.

    encode: how long an image takes on a CPU. note: what it is good for. gated: the hub gives it only to those whose
    request its owners have granted.
    """

    name: str
    title: str
    megabytes: int
    params: float
    encode: str
    note: str
    licence: str = _APACHE
    gated: bool = False

    @property
    def told(self) -> str:
        """All but name and title, for people."""
        ask = f"; ask for access at https://huggingface.co/{self.name} and log in with `hf auth login`"
        access = f", gated{ask}" if self.gated else ""
        return f"{self.note}; {self.megabytes} MB, {self.licence}, encodes in {self.encode} on a CPU{access}"


KNOWN = (
    KnownModel(BUNDLED, "samui-tiny", 10, 5.2, INSTANT, "built in; starts at once, rough masks", "see its model card"),
    KnownModel("Zigeng/SlimSAM-uniform-77", "SlimSAM 77", 39, 9.7, SECONDS, "SAM pruned to a tenth; for slow machines"),
    KnownModel("Zigeng/SlimSAM-uniform-50", "SlimSAM 50", 112, 28.0, SECONDS, "SAM pruned to a third"),
    KnownModel(
        "facebook/sam2.1-hiera-tiny", "SAM 2.1 tiny", 156, 31.4, SECONDS, "the newer SAM's smallest; good on laptops"
    ),
    KnownModel(
        "facebook/sam2.1-hiera-small", "SAM 2.1 small", 184, 38.5, SECONDS, "a little better than tiny, nearly as fast"
    ),
    KnownModel(
        "facebook/sam2.1-hiera-base-plus", "SAM 2.1 base+", 323, 73.3, SECONDS, "good masks; the choice for quality"
    ),
    KnownModel(PREFERRED, "SAM ViT-B", 375, 93.7, SECONDS, "the usual choice: good masks"),
    KnownModel("syscv-community/sam-hq-vit-base", "SAM-HQ ViT-B", 379, 94.8, SECONDS, "fine edges, but see README"),
    KnownModel("facebook/sam2.1-hiera-large", "SAM 2.1 large", 898, 216.9, LONG, "best masks of SAM 2, wants a GPU"),
    KnownModel("facebook/sam-vit-large", "SAM ViT-L", 1250, 312.3, LONG, "better masks, wants a GPU"),
    KnownModel("facebook/sam-vit-huge", "SAM ViT-H", 2560, 641.1, LONG, "best masks of SAM, wants a GPU"),
    KnownModel("facebook/sam3", "SAM 3 tracker", 3440, 460.0, GPU, "the newest; points and boxes", "SAM License", True),
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


def fetch(choice: ModelChoice, watch: Watch | None = None) -> Path:
    """The folder with the files of a choice; downloads settings and safetensors into the hub cache if need be.

    watch: is called as bytes arrive; without one the hub client draws its bars on stderr.
    """
    if choice.folder is not None:
        return choice.folder
    folder = hub.download(choice.name, choice.revision, watch)
    check_folder(folder)
    return folder


def download(name: str, watch: Watch) -> None:
    """Have the files of a model on this machine, by any name that `resolve` takes. Raises ModelError."""
    fetch(resolve(name), watch)


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
    folder = hub.cached(name)
    if folder is not None:
        check_folder(folder)
        return ModelChoice(name, title, folder, folder.name, f"{name} from the local hub cache.")
    if is_offline_mode():
        raise ModelError(f"model: {name} is not in the local hub cache and HF_HUB_OFFLINE forbids asking the hub")
    return ModelChoice(name, title, None, hub.ask(name, timeout), f"{name} from the hub.")
