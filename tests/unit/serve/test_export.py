"""Exports of a session: their folder, and what is said where there is no room for one."""

from pathlib import Path

import pytest

from samui.errors import ExportError
from samui.serve import export


def test_the_last_five_exports_stay(tmp_path):
    files = [export.keep(tmp_path, "a.png", bytes([number])) for number in range(7)]
    assert [file.is_file() for file in files] == [False, False, *[True] * 5]
    assert [file.read_bytes() for file in files[2:]] == [bytes([number]) for number in range(2, 7)]
    assert sorted(path.name for path in (tmp_path / "exports").iterdir()) == [file.parent.name for file in files[2:]]


def test_a_disk_without_room_for_a_folder_says_so(tmp_path, monkeypatch):
    def full(self, *arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(ExportError, match=r"^save: there must be room for a file, got: No space left on device$"):
        export.keep(tmp_path, "a.png", b"")
