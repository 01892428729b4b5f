"""The data directory: one run at a time, and what the run before was asked to do."""

import os
from pathlib import Path

import pytest

from tidewheel.local.data_dir import DataDir, PathError, check_writable, write_atomically


def test_layout(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "a" / "b")
    data.prepare()
    assert data.logs.is_dir()
    assert [p.relative_to(data.root).as_posix() for p in (data.kafka, data.redis, data.log("ingest"))] == [
        "kafka",
        "redis",
        "logs/ingest.log",
    ]


def test_two_runs_cannot_share_it(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    with data.lock_dir(), pytest.raises(PathError, match=f"in use by another run \\(process {os.getpid()}\\)"):
        data.lock_dir()
    data.lock_dir().close()


def test_it_remembers(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    assert data.previous_run() is None
    data.save_run({"lasting": {"window": 5}})
    assert data.previous_run() == {"lasting": {"window": 5}}
    (kept,) = tmp_path.iterdir()
    assert kept.name == "run.json"
    assert kept.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00"])
def test_a_broken_memory_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(PathError, match=r"run\.json"):
        DataDir(tmp_path).previous_run()


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(PathError, match="cannot be made"):
        DataDir(tmp_path / "x").prepare()
    with pytest.raises(PathError, match="cannot be made"):
        check_writable(tmp_path / "x" / "summary.json")
    with pytest.raises(PathError, match="is a folder"):
        check_writable(tmp_path)


def test_no_space_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidewheel.local.data_dir.FREE_BYTES_MIN", 1 << 60)
    with pytest.raises(PathError, match="MiB are free, a run needs"):
        DataDir(tmp_path).prepare()


def test_a_file_that_cannot_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "taken"
    target.mkdir()
    with pytest.raises(PathError, match="cannot be written"):
        write_atomically(target, "x")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
