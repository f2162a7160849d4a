"""What `pip install .` installs: whole, no more than that, and with what it needs."""

import email
import hashlib
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import samui
from samui import shipped
from samui.errors import SamuiError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it there

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def listed(file):
    """The requirements of a file and of those that it includes, without comments."""
    found = set()
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("-r "):
            found |= listed(line.removeprefix("-r "))
        elif line:
            found.add(line.replace('"', "'"))
    return found


def declared(extra=None):
    """The requirements of the package or of an extra, and of those extras that it includes."""
    found = set()
    for line in PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]:
        if included := re.fullmatch(r"samui\[(.+)\]", line):
            found |= set().union(*(declared(name) for name in included[1].split(",")))
        else:
            found.add(line)
    return found


@pytest.mark.parametrize("extra", [None, *PROJECT["optional-dependencies"]])
def test_requirements_files_say_what_the_package_says(extra):
    file = "requirements.txt" if extra is None else f"requirements-{extra}.txt"
    beyond = declared() if extra == "dev" else set()  # its file has the app's as well, as README's command is one
    assert listed(file) == declared(extra) | beyond
    assert all(re.search(r"[>=]=\d", line) for line in listed(file)), "each has the version that was tested"


def test_there_is_no_requirements_file_beyond_the_package():
    extras = {f"requirements-{extra}.txt" for extra in PROJECT["optional-dependencies"]}
    assert {file.name for file in ROOT.glob("requirements*.txt")} == {"requirements.txt", *extras}


def test_a_space_needs_nothing_but_the_list():
    """It installs requirements.txt before it has the rest of the repository."""
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        assert not line.startswith(("-", ".", "/")), line


def test_parts_are_found_beside_the_package_or_in_it(tmp_path, monkeypatch):
    inside, beside = tmp_path / "samui" / "assets", tmp_path / "assets"
    monkeypatch.setattr(shipped, "_PLACES", (inside, beside))
    with pytest.raises(SamuiError) as refused:
        shipped.check(shipped.folder("samples"))
    told = f"samples: must be in {inside} or {beside}, got an installation without it; install samui again"
    assert str(refused.value) == told
    for place in (beside, inside):  # the package's own come first
        (place / "samples").mkdir(parents=True)
        assert shipped.check(shipped.folder("samples")) == place / "samples"


def test_page_and_model_without_their_files_say_so(tmp_path, monkeypatch):
    from samui.models import checkpoints
    from samui.ui import samples

    monkeypatch.setattr(samples, "FOLDER", tmp_path / "samples")
    monkeypatch.setattr(checkpoints, "BUNDLED_FOLDER", tmp_path / "samui-tiny")
    with pytest.raises(SamuiError, match=r"samples: must be in .*install samui again"):
        samples.offered()
    with pytest.raises(SamuiError, match=r"samui-tiny: must be in .*install samui again"):
        checkpoints.resolve("bundled")


def build(source, target, *kinds):
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(target), *(f"-t{kind}" for kind in kinds)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(wheel of the repository, sdist, wheel of the sdist)."""
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, folder / "here", "sdist", "wheel")
    (sdist,) = (folder / "here").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(folder)
    build(folder / sdist.name.removesuffix(".tar.gz"), folder / "there", "wheel")
    return *(folder / "here").glob("*.whl"), sdist, *(folder / "there").glob("*.whl")


def contents(wheel):
    """Digest of each file in it, by name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


def tracked(*folders):
    """Files of the repository in these folders, those that were made by running it left out."""
    files = (file for folder in folders for file in (ROOT / folder).rglob("*") if file.is_file())
    return {
        file.relative_to(ROOT).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if "__pycache__" not in file.parts and file.suffix != ".pyi" and file.name != ".gitignore"
    }


@pytest.mark.package
def test_wheel_has_the_code_the_page_the_photos_the_model_and_nothing_else(built):
    found = {name: digest for name, digest in contents(built[0]).items() if ".dist-info/" not in name}
    assets = {f"samui/{name}": digest for name, digest in tracked("assets/samples", "assets/models").items()}
    assert found == tracked("samui") | assets
    for name in ("canvas/start.js", "canvas/canvas.html", "canvas/styles/canvas.css", "assets/samples/ATTRIBUTION.md"):
        assert f"samui/{name}" in found
    assert "samui/assets/models/samui-tiny/model.safetensors" in found


@pytest.mark.package
def test_wheel_says_its_version_licence_needs_and_command(built):
    with zipfile.ZipFile(built[0]) as archive:
        (info,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        assert info == f"samui-{samui.__version__}.dist-info"
        told = email.message_from_bytes(archive.read(f"{info}/METADATA"))
        assert archive.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
        assert b"samui = samui.cli:main" in archive.read(f"{info}/entry_points.txt")
    assert (told["Version"], told["License-Expression"]) == (samui.__version__, "Apache-2.0")
    needs = {need.replace(" ", "") for need in told.get_all("Requires-Dist") if "extra ==" not in need}
    assert {re.split(r"[>=]", need)[0].replace("_", "-") for need in needs} == {
        re.split(r"[>=]", need)[0].replace("_", "-") for need in declared()
    }
    assert set(told.get_all("Provides-Extra")) == set(PROJECT["optional-dependencies"])


@pytest.mark.package
def test_wheel_of_the_sdist_is_that_of_the_repository(built):
    here, _, there = built
    assert contents(here) == contents(there)
    assert here.name == there.name


@pytest.mark.package
def test_sdist_has_all_of_the_repository(built):
    with tarfile.open(built[1]) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert set(listing.split()) <= inside


@pytest.mark.package
def test_package_away_from_the_repository_finds_its_photos_and_its_model(built, tmp_path):
    with zipfile.ZipFile(built[0]) as archive:
        archive.extractall(tmp_path)
    code = "from samui.models import checkpoints; from samui.ui import samples; "
    code += "print(checkpoints.resolve('bundled').folder, samples.find('cat'), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assets = tmp_path / "samui" / "assets"
    assert done.stdout.splitlines() == [str(assets / "models" / "samui-tiny"), str(assets / "samples" / "cat.jpg")]
