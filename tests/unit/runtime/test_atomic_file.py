"""A file is replaced in one step, on the disk before it has its name, and by nothing where that fails."""

import os
from pathlib import Path

import pytest

from tidewheel.runtime.atomic_file import replace_file


def test_the_new_content_is_there_and_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "one"
    for content in (b"first and longer", b"second"):
        replace_file(path, content, mode=0o600)
        assert path.read_bytes() == content
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["one"]


def test_it_is_synced_whole_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, synced, sync = tmp_path / "one", [], os.fsync
    path.write_bytes(b"before")

    def seen(descriptor: int) -> None:
        sync(descriptor)
        synced.append((os.fstat(descriptor).st_size, path.read_bytes()))

    monkeypatch.setattr(os, "fsync", seen)
    replace_file(path, b"afterwards")
    assert synced == [(len(b"afterwards"), b"before")]


def test_what_cannot_be_replaced_stays_and_no_draft_is_left(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        replace_file(tmp_path / "folder", b"x")
    with pytest.raises(OSError, match="none"):
        replace_file(tmp_path / "none" / "file", b"x")
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]
