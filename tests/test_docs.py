"""README and docs say what is true: commands, formats, files, outputs, code."""

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from samui import cli, formats
from samui.serve import asking, labelling, wire

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "assets").rglob("*.md"))]


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def subcommands(parser):
    """The commands of a parser by name; none where it has no further ones."""
    actions = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return next((action.choices for action in actions), {})


def flags(parser):
    """For each option its spellings: one of them must be told."""
    spelled = ([f for f in action.option_strings if f.startswith("--")] for action in parser._actions)
    return [spellings for spellings in spelled if spellings and spellings != ["--help"]]


def tells(text, spellings):
    return any(re.search(rf"(?<![\w-]){flag}(?![\w-])", text) for flag in spellings)


COMMANDS = subcommands(cli.parser())
BENCHES = subcommands(COMMANDS["bench"])
MODEL = {"--model", "--device", "--dtype", "--threads", "--json"}  # what most commands have; told once


def test_front_matter_makes_the_repository_a_space():
    front = dict(re.findall(r"^(\w+): (.+)$", README.split("---")[1], re.MULTILINE))
    assert (front["sdk"], front["app_file"]) == ("gradio", "app.py")
    assert (ROOT / front["app_file"]).is_file()
    required = re.search(r"^gradio>=([\d.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)[1]
    assert front["sdk_version"].startswith(required)


def test_first_screen_has_one_command_to_start_and_one_to_test():
    first = README.split("\n## ")[0]
    start = re.search(r"<!-- start -->\n```bash\n(.+)\n```", first)[1]
    test = re.search(r"<!-- test -->\n```bash\n(.+)\n```", first)[1]
    assert start.endswith("app.py")
    assert test.endswith("-m pytest")
    for command in (start, test):
        for name in re.findall(r"\S+\.(?:txt|py)\b", command):
            assert (ROOT / name).is_file(), name


def test_ci_runs_the_test_command_of_the_readme():
    assert "<!-- test -->" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_each_of_its_flags_is_in_the_readme(name):
    row = next(line for line in README.splitlines() if line.startswith(f"| `{name}"))
    text = README if name == "segment" else row  # whose row leaves some to the examples above it
    for spellings in flags(COMMANDS[name]):
        assert tells(text, spellings) or tells(README, set(spellings) & MODEL), f"{name} {spellings}"


def test_every_bench_is_in_the_readme():
    row = next(line for line in README.splitlines() if line.startswith("| `bench"))
    assert re.findall(r"`bench (\w+)`", row) == list(BENCHES)


@pytest.mark.parametrize("name", BENCHES)
def test_each_flag_of_a_bench_is_in_its_row(name):
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").split("\n## Flags\n")[1]
    row = next(line for line in text.splitlines() if line.startswith(f"| `bench {name}"))
    for spellings in flags(BENCHES[name]):
        assert tells(text.split("\n|")[0] if set(spellings) & MODEL else row, spellings), f"bench {name} {spellings}"


def test_table_of_formats_is_complete():
    for name in formats.FORMATS:
        assert f"`{name}`" in README, name


@pytest.mark.parametrize("file", DOCS, ids=lambda f: str(f.relative_to(ROOT)))
def test_links_lead_to_files(file):
    text = file.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text):
        assert (file.parent / target).exists(), target


@pytest.mark.parametrize("file", DOCS, ids=lambda f: str(f.relative_to(ROOT)))
def test_modules_and_files_that_docs_name_exist(file):
    text = file.read_text(encoding="utf-8")
    for target in re.findall(r"`((?:samui|tests|training|canvas|ui|docs)/[\w./]+\.(?:py|js|css|html|md))`", text):
        places = (ROOT / target, ROOT / "samui" / target)
        assert any(place.exists() for place in places), target


@pytest.mark.model
def test_console_blocks_print_what_they_say(tmp_path):
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, expected = part.partition("\n")
            if not expected.strip():
                continue
            words = shlex.split(line)
            assert words[:3] == ["python", "-m", "samui"]
            words = [str(tmp_path / w) if w == words[words.index("--out") + 1] else w for w in words]
            done = subprocess.run([sys.executable, *words[1:]], cwd=ROOT, capture_output=True, text=True, check=True)
            assert done.stdout.replace(f"{tmp_path}/", "") == expected.rstrip() + "\n"


@pytest.mark.model
def test_library_example_runs():
    example = next(block for block in blocks("python") if "load_predictor" in block)
    done = subprocess.run([sys.executable, "-c", example], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\[[\d. ]+\] \d+\n", done.stdout)


def test_protocol_lists_every_action_of_the_wire_and_every_kind_of_error():
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", text))
    assert set(wire.parse.__globals__["_PARSERS"]) <= named
    assert set(wire.error_reply.__globals__["_KINDS"].values()) <= named


def keys():
    """Each key of the page with its modifiers, as keys.js has it; of several signs for one thing the first."""
    text = (ROOT / "samui" / "canvas" / "tools" / "keys.js").read_text(encoding="utf-8")
    modifiers = {
        "WITH_CONTROL": ["Ctrl"],
        "WITH_CONTROL_AND_SHIFT": ["Shift", "Ctrl"],
        "IN_A_FOLDER_WITH_SHIFT": ["Shift"],
    }
    for table, body in re.findall(r"^const ([A-Z_]+) = \{(.*?)\};$", text, re.DOTALL | re.MULTILINE):
        for key, command in re.findall(r'"?([^\s":,{}]+)"?: "([\w-]+)"', body):
            if (table, key) in {("WITH_CONTROL", "y"), ("WITH_CONTROL_AND_SHIFT", "y")} or command == "nothing":
                continue
            if key not in ("Backspace", "=", "_"):
                yield [*modifiers.get(table, []), key.upper() if len(key) == 1 else key]


@pytest.mark.parametrize("keys_", list(keys()), ids="+".join)
def test_every_key_of_the_page_is_in_its_help_and_in_the_readme(keys_):
    help_ = (ROOT / "samui" / "canvas" / "canvas.html").read_text(encoding="utf-8").split('<dialog class="help"')[1]
    table = README.split("## Gestures and keys")[1].split("\n## ")[0]
    marked = " ".join(f"<kbd>{'Esc' if key == 'Escape' else key}</kbd>" for key in keys_)
    told = re.search(rf"(?<![\w+]){re.escape('+'.join(keys_))}(?!\w)", table)
    assert told, f"README: must tell {'+'.join(keys_)}"
    if keys_ != ["?"]:  # which opens the help
        assert marked in help_, f"help: must tell {'+'.join(keys_)}"


def test_protocol_lists_every_question_about_the_workspace():
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8").split("## The folder and the library")[1]
    assert set(asking.ASKS) | set(labelling.CHANGES) <= set(re.findall(r"`(\w+)`", text))
