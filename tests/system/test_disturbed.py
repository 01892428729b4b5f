"""The same file at another speed, and with services killed in the middle: the same records and the same model bytes."""

import time
from pathlib import Path

import pytest

from tests.system.chaos import judge
from tests.system.conftest import INSTRUMENT, WINDOW, Replayed, replay
from tests.system.driver import Running

pytestmark = pytest.mark.system

KILLED = ("ingest", "labeler", "orderbot")


def assert_same(other: Replayed, undisturbed: Replayed) -> None:
    assert other.ended.code == 0, other.ended.output + other.ended.errors
    assert other.ended.left == []
    assert judge.differences(other.folder, undisturbed.folder, INSTRUMENT, other.result, WINDOW) == []


def test_another_speed_gives_the_same_records(replayed: Replayed, recorded_file: Path, tmp_path: Path) -> None:
    assert_same(replay(recorded_file, tmp_path, speed="300"), replayed)


class Killer:
    """Kills each named service once, as soon as the one before it has been started anew."""

    def __init__(self, names: tuple[str, ...], every_s: float) -> None:
        self.killed: list[tuple[str, int]] = []
        self._left = list(names)
        self._every_s = every_s
        self._next_s: float | None = None

    def __call__(self, running: Running) -> None:
        now = time.monotonic()
        if self._next_s is None and all(running.service(name) for name in KILLED):
            self._next_s = now + self._every_s
        if not self._left or self._next_s is None or now < self._next_s:
            return
        if service := running.service(self._left[0]):
            self.killed.append((self._left.pop(0), service.pid))
            service.kill()
            self._next_s = now + self._every_s


def test_kills_change_nothing(replayed: Replayed, recorded_file: Path, tmp_path: Path) -> None:
    # Slow enough that there is a middle to be killed in.
    killer = Killer(("labeler", "orderbot", "ingest"), every_s=2.5)
    killed = replay(recorded_file, tmp_path, speed="150", meanwhile=killer)
    assert {name for name, _ in killer.killed} == set(KILLED)
    assert {name: killed.summary["restarts"][name] for name in KILLED} == dict.fromkeys(KILLED, 1)
    assert_same(killed, replayed)
