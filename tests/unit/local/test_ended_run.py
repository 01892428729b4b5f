"""Whose servers a command reads that is told a run's directory. No server is started here."""

import json
import os
from pathlib import Path

import pytest

from tidewheel.local.data_dir import COMMAND, DataDir, InUseError
from tidewheel.local.ended_run import RunServers, run_servers
from tidewheel.runtime.process import FatalError

ADDRESSES = {"kafka": "127.0.0.1:20192", "redis": "redis://127.0.0.1:20179/0", "predictor": "127.0.0.1:20151"}
EXTERNAL = {"kafka": "broker:9092", "redis": "redis://cache:6379/0"}
WANTED = ("kafka", "redis")


def made_run(root: Path, lasting: dict[str, object]) -> DataDir:
    data = DataDir(root)
    data.save_run({"lasting": lasting, "changing": {}, "addresses": ADDRESSES})
    return data


def found(root: Path, wanted: tuple[str, ...] = WANTED) -> tuple[RunServers, list[str]]:
    said: list[str] = []
    with run_servers(root, wanted, said.append) as servers:
        return servers, said


def test_a_run_that_goes_on_is_read_where_it_listens(tmp_path: Path) -> None:
    with made_run(tmp_path, {"kafka": None, "redis": None}).lock_dir():
        assert found(tmp_path) == (RunServers(**ADDRESSES), [])
        assert found(tmp_path, ("redis",))[0] == RunServers("", ADDRESSES["redis"], ADDRESSES["predictor"])


def test_servers_that_a_run_was_given_are_there_when_it_has_ended(tmp_path: Path) -> None:
    made_run(tmp_path, {**EXTERNAL})
    assert found(tmp_path) == (RunServers(**EXTERNAL, ended=True), [])


def test_nothing_else_may_use_the_directory_meanwhile(tmp_path: Path) -> None:
    data = made_run(tmp_path, {**EXTERNAL})
    with run_servers(tmp_path, WANTED, print):
        with pytest.raises(InUseError, match=f"in use by another command \\(process {os.getpid()}\\)"):
            data.lock_dir()
        with pytest.raises(FatalError, match="wait for its end"), run_servers(tmp_path, WANTED, print):
            pass
    data.lock_dir(COMMAND).close()


def test_a_lock_of_an_older_version_is_that_of_a_run(tmp_path: Path) -> None:
    data = made_run(tmp_path, {"kafka": None, "redis": None})
    with data.lock_dir():
        (tmp_path / "lock").write_text("77\n")
        assert not found(tmp_path)[0].ended


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "has no run.json, so it is no data directory of a run"),
        ("[]", "is not of a run"),
        ("{", "cannot be read"),
        ("{}", "does not say where the servers of its run listen"),
        (json.dumps({"lasting": {"kafka": None, "redis": None}, "addresses": 3}), "does not say where"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path: Path, text: str | None, why: str) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(FatalError, match=why):
        found(tmp_path)
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="is no folder"):
        found(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(FatalError, match="is no folder"):
        found(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_run_that_never_came_to_a_log(tmp_path: Path) -> None:
    made_run(tmp_path, {"kafka": None, "redis": None})
    with pytest.raises(FatalError, match="holds no log of Kafka's"):
        found(tmp_path, ("kafka",))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "run.json"]
