"""Downloads from a hub on this machine: progress in bytes, once for all who wait, cancelled, stalled, broken off."""

import threading
from types import SimpleNamespace

import pytest

from samui.errors import ModelError
from samui.models import checkpoints
from samui.models.downloads import Downloads
from samui.models.hub import StoppedError
from tests.hub import COMMIT, running

NAME = "owner/name"
# Of all files but config.json, a kilobyte that says first whether the rest is worth it.
SIZE = sum(
    (checkpoints.BUNDLED_FOLDER / name).stat().st_size for name in ("processor_config.json", "model.safetensors")
)
WEIGHTS = "model.safetensors"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with running(NAME, checkpoints.BUNDLED_FOLDER, tmp_path / "cache", monkeypatch) as hub:
        yield hub


@pytest.fixture
def impatient(monkeypatch):
    """A client that takes a line for dead after 0.2 s, and tries again at once."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    monkeypatch.setattr("huggingface_hub.file_download.time", SimpleNamespace(sleep=lambda seconds: None))


class Gate:
    """A line that sends the weights' first bytes and holds the rest back until `opened`."""

    def __init__(self, hub, first):
        self.first, self.opened, self.reached = first, threading.Event(), threading.Event()
        hub.send = self.send

    def send(self, line, file, data):
        if file != WEIGHTS:
            line.wfile.write(data)
            return
        line.wfile.write(data[: self.first])
        self.reached.set()
        assert self.opened.wait(30)
        line.wfile.write(data[self.first :])


def blobs(tmp_path):
    return sorted(file.name for file in (tmp_path / "cache").rglob("blobs/*"))


def test_bytes_are_told_as_they_come_and_add_up(hub):
    told = []
    checkpoints.download(NAME, lambda done, total: told.append((done, total)))
    assert {total for _, total in told} == {SIZE}
    done = [done for done, _ in told]
    assert done == sorted(done)
    assert done[-1] == SIZE
    assert len(done) > SIZE >> 20


def test_downloaded_model_is_found_again_without_the_hub(hub):
    checkpoints.download(NAME, lambda done, total: None)
    hub.asked.clear()
    choice = checkpoints.resolve(NAME)
    assert choice.folder.name == choice.revision == COMMIT
    assert hub.asked == []


@pytest.mark.slow
def test_many_who_wait_share_one_download_and_see_it_grow(hub):
    gate = Gate(hub, first=3_000_000)
    downloads = Downloads(checkpoints.download)
    one, two = downloads.follow(NAME), downloads.follow(NAME)
    next(one), next(two)
    assert gate.reached.wait(30)
    for progress in one, two:
        seen = next(done for done, total in progress if done >= 2_000_000 and total == SIZE)
        assert seen < 4_000_000
    gate.opened.set()
    list(one), list(two)
    assert hub.asked.count(f"GET {WEIGHTS}") == 1


@pytest.mark.slow
def test_download_stops_when_the_last_one_leaves_and_not_before(hub, tmp_path):
    gate = Gate(hub, first=2_000_000)
    stopped, fetch = threading.Event(), checkpoints.download

    def noting(name, watch):
        try:
            fetch(name, watch)
        except StoppedError:
            stopped.set()
            raise

    downloads = Downloads(noting)
    one, two = downloads.follow(NAME), downloads.follow(NAME)
    next(one), next(two)
    assert gate.reached.wait(30)
    one.close()
    next(two)
    assert not stopped.is_set()
    two.close()
    gate.opened.set()
    assert stopped.wait(30)
    assert not any(name.endswith(".incomplete") for name in blobs(tmp_path))
    assert len(blobs(tmp_path)) < 3
    hub.send = lambda line, file, data: line.wfile.write(data)
    for _ in downloads.follow(NAME):
        pass
    assert checkpoints.resolve(NAME).folder is not None


def test_line_that_breaks_once_goes_on_where_it_was(hub, impatient):
    sent = []

    def breaking(line, file, data):
        sent.append((file, len(data)))
        if file == WEIGHTS and len(data) > SIZE // 2:
            line.wfile.write(data[: 6 * 2**20])
            line.connection.shutdown(2)
        else:
            line.wfile.write(data)

    hub.send = breaking
    told = []
    checkpoints.download(NAME, lambda done, total: told.append(done))
    assert told[-1] == SIZE
    weights = [size for file, size in sent if file == WEIGHTS]
    assert len(weights) == 2
    assert weights[1] < weights[0]


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["stall", "drop"])
def test_line_that_stays_dead_is_one_error(hub, impatient, fault):
    over = threading.Event()

    def dead(line, file, data):
        if file != WEIGHTS:
            line.wfile.write(data)
        elif fault == "stall":
            over.wait(30)
        else:
            line.connection.shutdown(2)

    hub.send = dead
    with pytest.raises(ModelError, match=f"^model: '{NAME}' must download completely, got ") as caught:
        list(Downloads(checkpoints.download).follow(NAME))
    over.set()
    assert "\n" not in str(caught.value)
    assert hub.asked.count(f"GET {WEIGHTS}") == 6  # the hub client's own number of tries


def test_model_that_the_hub_does_not_have_is_named(hub):
    with pytest.raises(ModelError, match=r"^model: owner/other is not on the hub, or needs a login$"):
        list(Downloads(checkpoints.download).follow("owner/other"))


def test_failed_download_can_be_tried_again(hub):
    downloads = Downloads(checkpoints.download)
    whole, hub.folder = hub.folder, hub.folder / "nowhere"
    with pytest.raises(ModelError):
        list(downloads.follow(NAME))
    hub.folder = whole
    list(downloads.follow(NAME))
    assert checkpoints.resolve(NAME).folder is not None
