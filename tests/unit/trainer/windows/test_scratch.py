"""Scratch space gives back what was put there, and takes freed slots again; a file says in one line what it lacks."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.trainer.windows import scratch_file
from services.trainer.windows.scratch import Scratch, ScratchMemory
from services.trainer.windows.scratch_file import ScratchFile
from tidewheel.runtime.process import EXIT_FAILED, FatalError

ONE_LINE = "scratch space in {} is full; TIDEWHEEL_SCRATCH_DIR names another directory"


@pytest.fixture(params=["memory", "file"])
def scratch(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scratch]:
    made: Scratch = ScratchMemory() if request.param == "memory" else ScratchFile(str(tmp_path))
    yield made
    made.close()


def test_what_was_written_is_read(scratch: Scratch) -> None:
    one, other = scratch.slot(10), scratch.slot(4)
    one.write(0, b"0123456789")
    other.write(0, b"abcd")
    one.write(3, b"xy")
    assert (one.read(0, 10), one.read(4, 2), one.read(9, 0), other.read(0, 4)) == (b"012xy56789", b"y5", b"", b"abcd")


def test_slots_in_use_are_counted(scratch: Scratch) -> None:
    one, other = scratch.slot(10), scratch.slot(4)
    assert scratch.used_bytes == 14
    one.free()
    assert scratch.used_bytes == 4
    scratch.slot(10)
    other.free()
    assert scratch.used_bytes == 10


def test_a_freed_slot_is_nobodys(scratch: Scratch) -> None:
    slot = scratch.slot(4)
    slot.write(0, b"abcd")
    slot.free()
    for use in (lambda: slot.read(0, 4), lambda: slot.write(0, b"abcd"), slot.free):
        with pytest.raises(AssertionError, match="freed"):
            use()


def test_a_slot_that_is_taken_again_is_another(tmp_path: Path) -> None:
    scratch = ScratchFile(str(tmp_path))
    slots = [scratch.slot(size) for size in (100, 7, 100, 7)]
    for number, slot in enumerate(slots):
        slot.write(0, bytes([number]) * 7)
    written = os.fstat(scratch.fileno()).st_size
    for slot in slots[1:]:
        slot.free()
    for number, size in enumerate((7, 100, 7), start=11):
        scratch.slot(size).write(0, bytes([number]) * 7)
    assert slots[0].read(0, 7) == bytes(7)
    assert (os.fstat(scratch.fileno()).st_size, scratch.used_bytes) == (written, 214)


@pytest.mark.parametrize(("at", "size"), [(0, 5), (4, 1), (-1, 1)])
def test_nothing_is_read_or_written_beyond_a_slot(tmp_path: Path, at: int, size: int) -> None:
    scratch = ScratchFile(str(tmp_path))
    slot = scratch.slot(4)
    scratch.slot(4)
    slot.write(0, b"abcd")
    with pytest.raises(AssertionError, match="ends before"):
        slot.write(at, bytes(size))
    with pytest.raises(AssertionError, match="ends before"):
        slot.read(at, size)


def test_the_file_has_no_name(tmp_path: Path) -> None:
    scratch = ScratchFile(str(tmp_path))
    scratch.slot(4).write(0, b"abcd")
    assert list(tmp_path.iterdir()) == []
    assert os.fstat(scratch.fileno()).st_nlink == 0


def test_a_few_bytes_at_a_time_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pwrite, pread = os.pwrite, os.pread
    monkeypatch.setattr(scratch_file.os, "pwrite", lambda fd, data, at: pwrite(fd, data[:3], at))
    monkeypatch.setattr(scratch_file.os, "pread", lambda fd, size, at: pread(fd, min(size, 4), at))
    scratch = ScratchFile(str(tmp_path))
    scratch.slot(5)
    slot = scratch.slot(30)
    slot.write(2, b"0123456789abcdef")
    assert slot.read(3, 14) == b"123456789abcde"


def test_where_no_file_can_be_made_it_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(FatalError) as caught:
        ScratchFile(str(tmp_path / "none"))
    words = "fails: No such file or directory; TIDEWHEEL_SCRATCH_DIR names another directory"
    assert str(caught.value) == f"scratch space in {tmp_path / 'none'} {words}"


def test_a_trainer_without_a_place_ends_in_one_line(tmp_path: Path) -> None:
    place = {"TIDEWHEEL_SCRATCH_DIR": str(tmp_path / "none"), "TIDEWHEEL_METRICS_PORT": "0"}
    command = [sys.executable, "-m", "services.trainer"]
    ended = subprocess.run(command, env={**os.environ, **place}, capture_output=True, text=True, check=False)
    *_, last = ended.stderr.splitlines()
    assert ended.returncode == EXIT_FAILED
    assert f"scratch space in {tmp_path / 'none'} fails: No such file or directory" in last
    assert "Traceback" not in ended.stderr


def test_a_full_disk_is_said_in_one_line(tmp_path: Path) -> None:
    scratch = ScratchFile(str(tmp_path))
    slot = scratch.slot(4)
    full = os.open("/dev/full", os.O_RDWR)
    os.dup2(full, scratch.fileno())
    os.close(full)
    with pytest.raises(FatalError) as caught:
        slot.write(0, b"abcd")
    assert str(caught.value) == ONE_LINE.format(tmp_path)


@contextmanager
def files_end_at(size_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_is_full_amid_a_write_is_said_so_and_what_came_before_stands(tmp_path: Path) -> None:
    scratch = ScratchFile(str(tmp_path))
    first, second = scratch.slot(100), scratch.slot(100)
    first.write(0, b"a" * 100)
    with files_end_at(150), pytest.raises(FatalError) as caught:
        second.write(0, b"b" * 100)
    assert str(caught.value) == ONE_LINE.format(tmp_path)
    assert first.read(0, 100) == b"a" * 100
