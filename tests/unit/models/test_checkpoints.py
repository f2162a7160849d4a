import json
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import save_file

from samui.errors import ModelError
from samui.models import checkpoints, families
from samui.models import hub as hub_client
from samui.models.folder import content_revision
from tests.hub import point_at

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty hub cache, and a hub on a port where nothing listens; no request leaves the machine."""
    cache = tmp_path / "hub"
    cache.mkdir()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    point_at(address, cache, monkeypatch)
    return cache


def checkpoint(folder, **config):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "sam"} | config))
    save_file({"weight": np.zeros((4, 4), np.float32)}, folder / "model.safetensors")
    return folder


def cached(cache, name):
    root = cache / f"models--{name.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(COMMIT)
    return checkpoint(root / "snapshots" / COMMIT)


@pytest.mark.slow
def test_the_module_needs_no_torch():
    code = "import samui, samui.models, sys; print({'torch', 'transformers', 'accelerate'} & set(sys.modules))"
    root = Path(checkpoints.__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_bundled_is_the_folder_in_assets():
    choice = checkpoints.resolve("bundled")
    assert (choice.name, choice.folder) == ("bundled", checkpoints.BUNDLED_FOLDER)
    assert choice.why == "The small built-in model: rough masks. Choose facebook/sam-vit-base for quality."
    assert checkpoints.fetch(choice) == checkpoints.BUNDLED_FOLDER


def test_a_local_folder_is_taken_without_a_hub(tmp_path, hub):
    folder = checkpoint(tmp_path / "mine")
    choice = checkpoints.resolve(str(folder))
    assert (choice.folder, choice.title) == (folder, "mine")
    assert "as asked" in choice.why


def test_auto_takes_the_preferred_model_from_the_cache_without_asking_the_hub(hub, monkeypatch):
    folder = cached(hub, checkpoints.PREFERRED)
    monkeypatch.setattr(hub_client, "ask", lambda *_: pytest.fail("asked the hub"))
    choice = checkpoints.resolve("auto")
    assert (choice.name, choice.folder, choice.revision) == (checkpoints.PREFERRED, folder, COMMIT)
    assert choice.why == "facebook/sam-vit-base from the local hub cache."
    assert choice.title == "SAM ViT-B"


@pytest.mark.parametrize("missing", ["model.safetensors", "config.json"])
def test_a_half_downloaded_model_does_not_count_as_cached(hub, missing):
    (cached(hub, checkpoints.PREFERRED) / missing).unlink()
    assert checkpoints.resolve("auto").name == "bundled"


def test_a_model_of_which_a_shard_is_missing_does_not_count_as_cached(hub):
    folder = cached(hub, checkpoints.PREFERRED)
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-1.safetensors"}}')
    assert checkpoints.resolve("auto").folder == folder
    (folder / "model-1.safetensors").unlink()
    assert checkpoints.resolve("auto").name == "bundled"


def test_auto_takes_the_preferred_model_if_the_hub_answers(hub, monkeypatch):
    monkeypatch.setattr(hub_client, "ask", lambda name, timeout: COMMIT)
    choice = checkpoints.resolve("auto")
    assert (choice.name, choice.folder, choice.revision) == (checkpoints.PREFERRED, None, COMMIT)
    assert choice.why == "facebook/sam-vit-base from the hub."


def test_auto_falls_back_to_bundled_and_says_why(hub):
    choice = checkpoints.resolve("auto")
    assert choice.name == "bundled"
    assert "facebook/sam-vit-base is not in the local hub cache and the hub cannot be reached" in choice.why
    assert choice.why.endswith("Choose facebook/sam-vit-base for quality.")


def test_auto_offline_asks_nobody(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub_client, "ask", lambda *_: pytest.fail("asked the hub"))
    assert "HF_HUB_OFFLINE" in checkpoints.resolve("auto").why


def test_name_service_that_hangs_costs_the_timeout_and_no_more(hub, monkeypatch):
    answers = threading.Event()
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda *_, **__: answers.wait())
    choice = checkpoints.resolve("auto", timeout=0.2)  # would wait for ever otherwise
    answers.set()
    assert choice.name == "bundled"
    assert "no answer within 0.2 s" in choice.why


def broken(name):
    def make(folder):
        checkpoint(folder)
        weights = folder / "model.safetensors"
        if name == "no config":
            (folder / "config.json").unlink()
        elif name == "config is no JSON":
            (folder / "config.json").write_text("{")
        elif name == "config is a list":
            (folder / "config.json").write_text("[]")
        elif name == "other family":
            checkpoint(folder, model_type="bert")
        elif name == "no family":
            (folder / "config.json").write_text("{}")
        elif name == "pickle only":
            weights.rename(folder / "pytorch_model.bin")
        elif name == "no weights":
            weights.unlink()
        elif name == "truncated":
            weights.write_bytes(weights.read_bytes()[:-10])
        elif name == "zero bytes":
            weights.write_bytes(b"")
        elif name == "not safetensors":
            weights.write_bytes(b"PK\x03\x04" * 100)
        elif name == "shard missing":
            weights.unlink()
            (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-1.safetensors"}}')
        elif name == "index without files":
            weights.unlink()
            (folder / "model.safetensors.index.json").write_text("{}")
        return folder

    return make


TYPES = "sam, sam_hq, sam2, sam2_video, sam3_tracker, sam3_tracker_video, sam3_video, edgetam, edgetam_video"
BROKEN = {
    "no config": "config.json: must exist, got a folder without it",
    "config is no JSON": "config.json: must be readable JSON, got Expecting property name",
    "config is a list": "config.json: must be a JSON object, got list",
    "other family": f"config.json: model_type must be one of {TYPES}, got 'bert'",
    "no family": f"config.json: model_type must be one of {TYPES}, got None",
    "pickle only": "must hold model.safetensors, got only pytorch_model.bin (pickle files can run code",
    "no weights": "must hold model.safetensors, got no weights",
    "truncated": "model.safetensors: must be a whole safetensors file, got ",
    "zero bytes": "model.safetensors: must be a whole safetensors file, got ",
    "not safetensors": "model.safetensors: must be a whole safetensors file, got ",
    "shard missing": "model-1.safetensors: must be a whole safetensors file, got ",
    "index without files": "model.safetensors.index.json: weight_map must name the files, got None",
}


@pytest.mark.parametrize(("name", "message"), BROKEN.items(), ids=BROKEN.keys())
def test_a_folder_that_is_no_checkpoint_is_refused_with_its_fault(tmp_path, name, message):
    folder = broken(name)(tmp_path / "model")
    with pytest.raises(ModelError) as caught:
        checkpoints.resolve(str(folder))
    assert str(caught.value).startswith(str(folder))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


NAMES = {
    "missing folder": ("./nowhere", "a folder that exists, got './nowhere'"),
    "missing absolute folder": ("/nowhere/model", "a folder that exists, got '/nowhere/model'"),
    "one word": ("sam", "a hub id like owner/name or a folder that exists, got 'sam'"),
    "three parts": ("a/b/c", "a folder that exists, got 'a/b/c'"),
    "empty": ("", "must be 'auto', 'bundled', a folder or a hub id, got ''"),
    "none": (None, "must be 'auto', 'bundled', a folder or a hub id, got None"),
    "malformed id": ("owner/na me", "must be a hub id like owner/name, got 'owner/na me'"),
    "unreachable": ("owner/name", "owner/name is not in the local hub cache and the hub cannot be reached ("),
}


@pytest.mark.parametrize(("name", "message"), NAMES.values(), ids=NAMES.keys())
def test_a_name_that_leads_nowhere_is_refused_with_the_rule(hub, name, message):
    with pytest.raises(ModelError) as caught:
        checkpoints.resolve(name)
    assert str(caught.value).startswith("model: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("RepositoryNotFoundError", "is not on the hub, or needs a login"),
        ("GatedRepoError", "for registered users only; ask for access at https://huggingface.co/"),
    ],
)
def test_a_model_that_the_hub_refuses_is_named(hub, monkeypatch, kind, message):
    from huggingface_hub import errors

    response = SimpleNamespace(headers={}, request=None, status_code=404)

    def refuse(*_, **__):
        raise getattr(errors, kind)("no", response=response)

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", refuse)
    with pytest.raises(ModelError, match=f"model: owner/name .*{message}"):
        checkpoints.resolve("owner/name")


def test_a_download_that_breaks_is_one_error(hub, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    choice = checkpoints.ModelChoice("owner/name", "name", None, COMMIT, "")
    with pytest.raises(ModelError, match=r"model: 'owner/name' must download completely, got .*No space left"):
        checkpoints.fetch(choice)


class Needy:
    """A family whose networks need a package that nobody has, and one that is here."""

    types, needs = ("needy",), ("samui_no_such_package", "numpy")


def test_a_family_whose_packages_are_missing_is_refused_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(families, "ADAPTERS", (*families.ADAPTERS, Needy()))
    with pytest.raises(ModelError) as caught:
        checkpoints.resolve(str(checkpoint(tmp_path / "model", model_type="needy")))
    assert str(caught.value) == (
        f"{tmp_path / 'model' / 'config.json'}: model_type needy needs samui_no_such_package and numpy, "
        "got no samui_no_such_package; install with `pip install samui_no_such_package`"
    )


@pytest.mark.parametrize("kind", ["needy", "bert"])
def test_a_model_that_cannot_run_here_is_refused_before_its_weights_are_asked_for(hub, monkeypatch, tmp_path, kind):
    monkeypatch.setattr(families, "ADAPTERS", (*families.ADAPTERS, Needy()))
    config = checkpoint(tmp_path / "downloaded", model_type=kind) / "config.json"
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: str(config))
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: pytest.fail("asked for weights"))
    with pytest.raises(ModelError, match=r"config\.json: model_type"):
        checkpoints.fetch(checkpoints.ModelChoice("owner/name", "name", None, COMMIT, ""))


def test_each_model_type_has_one_family(monkeypatch):
    monkeypatch.setattr(families, "find_spec", lambda package: package)
    types = [name for family in families.ADAPTERS for name in family.types]
    assert len(types) == len(set(types))
    assert {families.of(name, "config.json") for name in types} == set(families.ADAPTERS)


def test_no_pickle_is_ever_downloaded(hub, monkeypatch, tmp_path):
    asked = {}
    folder = checkpoint(tmp_path / "downloaded")
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: str(folder / "config.json"))
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **how: asked.update(how) or str(folder))
    assert checkpoints.fetch(checkpoints.ModelChoice("owner/name", "name", None, COMMIT, "")) == folder
    assert asked["revision"] == COMMIT
    assert all(pattern.endswith((".json", ".safetensors")) for pattern in asked["allow_patterns"])


@pytest.mark.parametrize("changed", ["config.json", "model.safetensors", "preprocessor_config.json"])
def test_content_revision_changes_with_any_file_that_counts(tmp_path, changed):
    folder = checkpoint(tmp_path / "model")
    first = content_revision(folder)
    (folder / "README.md").write_text("not part of the model")
    assert content_revision(folder) == first
    with (folder / changed).open("ab") as file:
        file.write(b" ")
    assert content_revision(folder) != first
    assert len(first) == 16


def test_the_table_tells_size_licence_time_and_use_and_how_to_get_what_is_gated():
    told = {known.name: known.told for known in checkpoints.KNOWN}
    tiny = "the newer SAM's smallest; good on laptops; 156 MB, Apache-2.0, encodes in a few seconds on a CPU"
    assert told["facebook/sam2.1-hiera-tiny"] == tiny
    gated = [known.name for known in checkpoints.KNOWN if known.gated]
    assert gated == ["facebook/sam3"]
    assert "SAM License" in told["facebook/sam3"]
    assert told["facebook/sam3"].endswith(
        "gated; ask for access at https://huggingface.co/facebook/sam3 and log in with `hf auth login`"
    )


def test_the_table_names_each_model_once_and_ends_with_the_largest():
    names = [known.name for known in checkpoints.KNOWN]
    assert len(set(names)) == len(names)
    assert {checkpoints.BUNDLED, checkpoints.PREFERRED} <= set(names)
    assert [known.megabytes for known in checkpoints.KNOWN] == sorted(known.megabytes for known in checkpoints.KNOWN)
