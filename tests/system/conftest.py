"""One replay of one made file through the whole program, which most system tests look at."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests import oracle
from tests.system import driver, recorded
from tests.system.driver import CompletedRun, RunningProgram
from tests.waiting import RUN_LIMIT_S

SYMBOL = "BTC-USD"
INSTRUMENT = f"replay:{SYMBOL}"
THRESHOLD, ORDERS_PER_S, WINDOW, TRIALS = "2", 2, 500, 4
SETTINGS = oracle.Settings(threshold=THRESHOLD, orders_per_second=ORDERS_PER_S)
# Tests that measure by the undisturbed run go to one worker, so that it is made once.
REPLAYED_ONCE = pytest.mark.xdist_group("replayed")


@dataclass(frozen=True)
class Replayed:
    """A run on a recorded file that has ended, and what the oracle says of that file."""

    ended: CompletedRun
    folder: Path
    instrument: str
    file: Path
    result: oracle.Result

    @property
    def export(self) -> Path:
        return self.folder / "out"

    @cached_property
    def summary(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "s.json").read_text()))


def replay(
    file: Path,
    folder: Path,
    *more: str,
    symbol: str = SYMBOL,
    speed: str = "max",
    limit_s: float = RUN_LIMIT_S,
    meanwhile: Callable[[RunningProgram], None] = lambda running: None,
) -> Replayed:
    """Run the program on a file as a user would, to its end."""
    arguments = [
        *("run", "--feed", f"replay:{file}", "--instrument", symbol, "--speed", speed),
        *("--threshold", THRESHOLD, "--orders-per-second", str(ORDERS_PER_S)),
        *("--window", str(WINDOW), "--trials", str(TRIALS)),
        *("--export", "out", "--summary", "s.json", "--data-dir", "data", *more),
    ]
    ended = driver.run(arguments, folder, limit_s, meanwhile)
    return Replayed(ended, folder, f"replay:{symbol}", file, oracle.evaluate_file(file, SETTINGS))


@pytest.fixture(scope="session")
def recorded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded.write(tmp_path_factory.mktemp("recorded") / "quotes.csv")


@pytest.fixture(scope="session")
def replayed(recorded_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """The undisturbed run at full speed, by which the others are measured.

    Fails where a second worker makes it too: grouping that no longer works would only be slow, and nobody would look.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        (tmp_path_factory.getbasetemp().parent / "replayed-once").mkdir()
    undisturbed = replay(recorded_file, tmp_path_factory.mktemp("replayed"))
    assert undisturbed.ended.code == 0, undisturbed.ended.output + undisturbed.ended.errors
    return undisturbed
