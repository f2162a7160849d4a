"""Writing of files: whole or not at all, in no other thing's place, and nothing left beside them."""

import os
import stat

import pytest

from samui import files
from samui.errors import ExportError


def test_write_replaces_a_file_whole_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "größe 😀.json"
    files.write(path, b"old")
    files.write(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == [path.name]


def test_write_that_fails_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "masks.json"
    files.write(path, b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ExportError, match=r"masks\.json: must be a file that can be written, got: No space left"):
        files.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [path.name]


def test_write_syncs_the_data_before_the_name_points_to_it(tmp_path, monkeypatch):
    calls, sizes = [], []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append("sync"), sizes.append(os.fstat(fd).st_size), sync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("replace"), replace(a, b)))
    files.write(tmp_path / "a", b"data")
    assert calls == ["sync", "replace", "sync"], "the data, the name, the folder"
    assert sizes[0] == 4, "nothing is left in Python's own buffer"


def test_write_does_without_syncing_a_folder_where_that_cannot_be(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "O_DIRECTORY")
    files.write(tmp_path / "a", b"data")
    assert (tmp_path / "a").read_bytes() == b"data"


def test_write_follows_a_link_and_gives_usual_rights(tmp_path):
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "a.png"
    target.write_bytes(b"old")
    link = tmp_path / "a.png"
    link.symlink_to(target)
    files.write(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize(
    ("name", "got"),
    [("none/a.png", ": No such file or directory"), ("", " a folder"), ("pipe", " a device")],
    ids=["missing folder", "a folder", "a pipe"],
)
@pytest.mark.parametrize("attempt", [lambda path: files.write(path, b""), files.check_target], ids=["write", "check"])
def test_write_to_no_place_says_so_and_leaves_it(name, got, attempt, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ExportError) as caught:
        attempt(tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: must be a file that can be written, got{got}"
    assert os.listdir(tmp_path) == ["pipe"]
    assert (tmp_path / "pipe").is_fifo()


def test_a_write_that_is_interrupted_leaves_nothing_behind(tmp_path):
    def pieces():
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write(tmp_path / "a.json", pieces())
    assert os.listdir(tmp_path) == []


def test_check_of_a_target_leaves_the_file_and_refuses_the_image_itself(tmp_path):
    image, other = tmp_path / "a.png", tmp_path / "b.png"
    image.write_bytes(b"photo")
    other.write_bytes(b"old")
    (tmp_path / "link.png").symlink_to(image)
    files.check_target(other, image)
    files.check_target(tmp_path / "new.png", image)
    files.check_target(other, tmp_path / "nowhere.png")
    assert other.read_bytes() == b"old"
    for name in ("a.png", "link.png"):
        with pytest.raises(ExportError, match=rf"{name}: must be another file than the image, got the same"):
            files.check_target(tmp_path / name, image)
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.png", "link.png"]


def test_a_replaced_link_gives_way_and_the_system_s_own_error_comes_out(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with files.replacing(tmp_path / "link") as file:
        file.write(b"new")
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"old"
    with pytest.raises(FileNotFoundError), files.replacing(tmp_path / "none" / "a"):
        pass


def test_until_its_block_ends_a_file_is_the_old_one_and_its_sibling_is_known_as_temporary(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with files.replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        (other,) = {entry.name for entry in tmp_path.iterdir()} - {"a"}
        assert other.endswith(files.TEMPORARY)
        assert other.startswith(".samui-")
    assert path.read_bytes() == b"new"


def test_what_need_not_outlive_a_crash_is_not_synced(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: pytest.fail("synced"))
    with files.replacing(tmp_path / "a", durable=False) as file:
        file.write(b"data")
    assert (tmp_path / "a").read_bytes() == b"data"
