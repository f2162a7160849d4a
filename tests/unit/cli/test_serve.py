"""The command `serve`: what is wrong with the start is told at once, in one line, with the option that is wrong."""

import logging
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from samui import cli
from samui.models import threads
from tests.fakes import FakePredictor

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Runs `serve` in this process with a temporary folder of its own, and gives back what it changed."""
    environment, handler = dict(os.environ), signal.getsignal(signal.SIGTERM)
    for name in ("GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "GRADIO_NUM_PORTS", "SPACE_ID"):
        os.environ.pop(name, None)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    yield lambda *arguments: cli.main(["serve", *map(str, arguments)])
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def launched(monkeypatch):
    """What `serve` asks for when the model is loaded; nothing is served."""
    asked = []
    monkeypatch.setattr("samui.models.load_predictor", lambda name, **options: FakePredictor())
    monkeypatch.setattr("samui.ui.launch.launch", lambda service, **options: asked.append((service, options)))
    return asked


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


MOST = threads.most()
NOT_HERE = "--host: must be an address of this machine, got"
MISTAKES = {
    "port taken": ("--port TAKEN", "--port: must be free, got TAKEN"),
    "port taken, for all": ("--host 0.0.0.0 --port TAKEN", "--port: must be free, got TAKEN"),
    "host of another machine": ("--host 192.0.2.77", f"{NOT_HERE} '192.0.2.77'"),
    "host of none": ("--host 999.1.1.1 --port TAKEN", f"{NOT_HERE} '999.1.1.1'"),
    "root path without a slash": (
        "--root-path samui",
        "samui serve: argument --root-path: must be a path such as /samui, or the page's address, got 'samui'",
    ),
    "port too high": ("--port 65536", "samui serve: argument --port: must be from 1 to 65535, got '65536'"),
    "port in other digits": ("--port ٣", "samui serve: argument --port: must be from 1 to 65535, got '٣'"),
    **{
        f"threads {given[:9]}": (
            f"--threads {given}",
            f"samui serve: argument --threads: must be from 1 to {MOST}, got '{given}'",
        )
        for given in ("0", "-1", "1.5", "many", "100000", "20000", str(MOST + 1), "9" * 20, "9" * 5000)
    },
}


@pytest.mark.parametrize(("line", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_start_that_cannot_be_is_one_line_before_the_model_is_loaded(start, taken, monkeypatch, capsys, line, told):
    monkeypatch.setattr("samui.models.load_predictor", lambda name, **options: pytest.fail("loaded"))
    monkeypatch.setattr("samui.serve.service.Service", lambda *arguments: pytest.fail("a run was begun"))
    assert start(*line.replace("TAKEN", str(taken)).split()) == 1
    assert capsys.readouterr().err == told.replace("TAKEN", str(taken)) + "\n"


@pytest.mark.parametrize(("name", "value"), [("GRADIO_SERVER_PORT", "http"), ("GRADIO_NUM_PORTS", "all")])
def test_a_variable_of_gradio_that_is_no_number_is_one_line(start, capsys, name, value):
    os.environ[name] = value
    assert start() == 1
    told = capsys.readouterr().err
    assert told.startswith("GRADIO_SERVER_PORT, GRADIO_NUM_PORTS: must be whole numbers, got")
    assert (value in told, told.count("\n")) == (True, 1)


def test_a_temporary_folder_that_cannot_be_is_told_as_what_it_is(start, tmp_path, capsys):
    place = tmp_path / f"samui-{os.getuid()}"
    place.write_text("a file")
    assert start() == 1
    assert capsys.readouterr().err == f"{place}: must be a folder that can be written, got: File exists\n"


@pytest.mark.parametrize("called", ["samui.serve.scratch.Path.mkdir", "samui.serve.service.Service.warm"])
def test_an_error_of_the_system_is_not_told_as_a_busy_port(start, launched, monkeypatch, capsys, called):
    """Its place and reason, from wherever: making the folder of the run, or loading the model."""

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied", "/of/others")

    monkeypatch.setattr(called, refused)
    assert start("--model", "fake") == 1
    told = capsys.readouterr().err
    assert told.startswith("/of/others: must ")
    assert told.endswith("got: Permission denied\n")
    assert (told.count("\n"), "port" in told) == (1, False)


def test_a_model_that_cannot_be_is_one_line_also_where_the_page_is_open_to_all(start, capsys, caplog):
    caplog.set_level(logging.INFO)
    assert start("--host", "0.0.0.0", "--model", "./nowhere") == 1
    assert capsys.readouterr().err.startswith("model: must be 'auto', 'bundled', a hub id")
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("variables", "flags", "host", "first", "last"),
    [
        ({}, [], "127.0.0.1", 7860, 7959),
        ({"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": "40000"}, [], "0.0.0.0", 40000, 40099),
        ({"GRADIO_SERVER_PORT": "40000", "GRADIO_NUM_PORTS": "3"}, [], "127.0.0.1", 40000, 40002),
        ({"GRADIO_SERVER_PORT": "65530"}, [], "127.0.0.1", 65530, 65535),
        ({"GRADIO_SERVER_NAME": "192.0.2.77"}, ["--host", "127.0.0.1", "--port", "40007"], "127.0.0.1", 40007, 40007),
    ],
    ids=["default", "of a Space", "fewer", "at the end", "flags win"],
)
def test_host_and_ports_come_from_flags_or_gradios_variables(start, launched, variables, flags, host, first, last):
    os.environ.update(variables)
    assert start("--model", "fake", *flags) == 0
    ((_, asked),) = launched
    assert (asked["host"], asked["ports"][0], asked["ports"][-1]) == (host, first, last)
    assert not {"GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"} & set(os.environ)  # Gradio would bind what they say


@pytest.mark.parametrize(
    ("flags", "is_open"),
    [([], False), (["--host", "localhost"], False), (["--host", "0.0.0.0"], True), (["--share"], True)],
)
def test_where_others_reach_the_page_it_says_so_and_lets_nobody_choose_any_model(
    start, launched, caplog, flags, is_open
):
    assert start("--model", "fake", *flags) == 0
    ((service, _),) = launched
    assert service.settings.free_models is not is_open
    assert ("The page is open to everybody who reaches it: there is no login." in caplog.messages) is is_open


@pytest.mark.parametrize(
    ("flags", "place", "budget"),
    [
        ([], "photos/.samui/embeddings", 4_000_000_000),
        (["--disk-cache-bytes", "500MB"], "photos/.samui/embeddings", 500_000_000),
        (["--disk-cache-bytes", "0"], None, 0),
        (["--cache", "elsewhere"], "elsewhere", 4_000_000_000),
    ],
    ids=str,
)
def test_embeddings_are_kept_beside_the_store_of_the_folder(
    start, launched, tmp_path, monkeypatch, flags, place, budget
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    assert start("photos", "--model", "fake", "--no-library", *flags) == 0
    settings = launched[0][0].settings
    assert (settings.disk_cache, settings.disk_bytes) == (place and Path(place), budget)


@pytest.mark.parametrize("text", ["4G", "-1", "1.5GB", "many"])
def test_budget_on_disk_that_is_no_number_of_bytes_is_one_line(start, capsys, text):
    assert start("--model", "fake", f"--disk-cache-bytes={text}") == 1
    told = f"--disk-cache-bytes: must be a number of bytes, such as 500MB or 4GB, got {text!r}\n"
    assert capsys.readouterr().err.endswith(told)


@pytest.mark.model
def test_the_page_starts_behind_a_proxy_and_leaves_nothing_behind(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        proxy = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    named = {name for name in os.environ if name.lower() in ("no_proxy", "gradio_server_name", "gradio_server_port")}
    environment = {name: value for name, value in os.environ.items() if name not in named}
    environment |= {"http_proxy": proxy, "all_proxy": proxy, "TMPDIR": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "samui", "serve", "--model", "bundled"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            told = [server.stderr.readline(), server.stderr.readline()]
            assert told[1].startswith("samui is at http://127.0.0.1:"), "".join(told) + server.stderr.read()
            url = told[1].split()[-1]
            with httpx.Client(trust_env=False) as client:
                assert "samui" in client.get(url).text
                assert client.get(f"{url}samui/sample/cat.jpg").content[:2] == b"\xff\xd8"
        finally:
            server.terminate()
        assert server.wait() == 0
    assert list((tmp_path / f"samui-{os.getuid()}").iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "has_library"),
    [
        ([], True),
        (["--no-library"], False),
        (["--hosted"], False),
        (["--share"], False),
        (["--host", "0.0.0.0"], False),
    ],
)
def test_a_person_s_library_is_open_on_a_page_of_their_own_alone(start, launched, monkeypatch, flags, has_library):
    kept = []
    monkeypatch.setattr("samui.serve.service.Service.close", lambda self: kept.append(self.server.store.library))
    assert start("--model", "fake", *flags) == 0
    assert [library is not None for library in kept] == [has_library]
    for library in kept:
        if library is not None:
            library.close()


def test_a_folder_is_opened_with_its_labels_and_author(start, launched, folder, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("cat\ndog\n")
    assert start(folder, "--model", "fake", "--labels", labels, "--author", "anna", "--no-library") == 0
    ((service, _),) = launched
    workspace = service.server.store.folder
    assert (workspace.folder, workspace.labels.fixed, service.settings.author) == (folder, ("cat", "dog"), "anna")
    assert (folder / ".samui" / "store.sqlite").is_file()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["FOLDER", "--hosted"], "FOLDER: must not be given for a public page, which would show it to strangers"),
        (["--labels", "FOLDER"], "--labels: must go with a FOLDER, got FOLDER alone"),
        (["FOLDER", "--labels", "nowhere"], "nowhere: must be a file of labels, one a line, got: No such file"),
        (["nowhere"], "nowhere: must be a folder of images, got nothing there"),
    ],
    ids=["public page", "labels alone", "no labels", "no folder"],
)
def test_a_folder_that_cannot_be_is_one_line(start, launched, folder, capsys, words, told):
    assert start(*(str(folder) if word == "FOLDER" else word for word in words), "--model", "fake") == 1
    assert capsys.readouterr().err.startswith(
        told.replace("FOLDER", str(folder)).replace("a " + str(folder), "a FOLDER")
    )
    assert launched == []
