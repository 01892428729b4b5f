"""The same file at another speed: the same records and the same model bytes."""

from pathlib import Path

import pytest

from tests.system.chaos import judge
from tests.system.conftest import REPLAYED_ONCE, WINDOW, Replayed, replay

pytestmark = [pytest.mark.system, REPLAYED_ONCE]


def assert_same(other: Replayed, undisturbed: Replayed) -> None:
    assert other.ended.code == 0, other.ended.output + other.ended.errors
    assert other.ended.left == []
    name = undisturbed.instrument
    assert judge.differences(other.folder, {name: undisturbed.folder}, {name: undisturbed.result}, WINDOW) == []


def test_another_speed_gives_the_same_records(replayed: Replayed, recorded_file: Path, tmp_path: Path) -> None:
    assert_same(replay(recorded_file, tmp_path, speed="300"), replayed)
