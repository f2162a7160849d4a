"""Which files of a folder are images to work on, and what is said of the others."""

import os

import pytest

from samui.cli.folder import survey
from samui.errors import ImageError


def test_images_by_name_in_the_order_of_their_bytes(tmp_path):
    for name in ("b.PNG", "a.jpg", "c.jfif", "notes.txt", os.fsdecode(b"\xff.tif"), "B.webp", "photos"):
        (tmp_path / name).write_bytes(b"")
    found = survey(tmp_path)
    assert [file.name for file in found.images] == ["B.webp", "a.jpg", "b.PNG", "c.jfif", os.fsdecode(b"\xff.tif")]
    assert (found.passed, found.passed_over) == ({}, "")


def test_pictures_that_are_passed_over_are_counted_by_what_they_are(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "._a.jpg").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")
    (tmp_path / "._b.jpg").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")
    (tmp_path / "._c.jpg").write_bytes(b"\xff\xd8\xff a picture that is called so")
    (tmp_path / "d.gif").write_bytes(b"")
    (tmp_path / "e.GIF").write_bytes(b"")
    (tmp_path / "f.heic").write_bytes(b"")
    (tmp_path / "g.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "h.png").symlink_to(tmp_path / "a.jpg")
    (tmp_path / "i.png").mkdir()
    found = survey(tmp_path)
    assert [file.name for file in found.images] == ["._c.jpg", "a.jpg", "h.png"]
    assert found.passed_over == ".gif (2), .heic (1), companions of macOS (2), links to nothing (1), no files (1)"


def test_a_folder_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(ImageError, match=r"nowhere: must be a folder that can be read, got: No such file"):
        survey(tmp_path / "nowhere")
