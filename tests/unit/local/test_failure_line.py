"""What people are told of a process that has ended, taken from its log."""

from pathlib import Path

import pytest

from tidewheel.local.processes import subprocesses
from tidewheel.local.processes.subprocesses import EMPTY_LOG, read_failure_line

IDLE = "WARNING: Restricted methods will be blocked\nSLF4J: Defaulting to no-operation (NOP) logger implementation\n"


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("started\nValueError: no such thing\nbye\n", "ValueError: no such thing"),
        ("started\nbye\n", "bye"),
        (f"about to start\n{IDLE}", "about to start"),
        (IDLE, EMPTY_LOG),
        ("", EMPTY_LOG),
    ],
)
def test_the_line_that_tells_most(tmp_path: Path, log: str, words: str) -> None:
    (tmp_path / "log").write_text(log)
    assert read_failure_line(tmp_path / "log") == words


def test_a_log_that_was_never_written(tmp_path: Path) -> None:
    assert read_failure_line(tmp_path / "none" / "log") == "it wrote no log"


def test_a_full_disk_is_told_though_the_log_could_not_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocesses, "DISK_FULL_BYTES", 2**80)
    (tmp_path / "log").write_text("started\n")
    assert read_failure_line(tmp_path / "log") == f"no space left on the disk that holds {tmp_path}"
