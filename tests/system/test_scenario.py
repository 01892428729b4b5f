"""`tidewheel scenario` on a real run with a real Prometheus: a poisoned model is refused, told of and put back; and a
server that stands still goes on after Ctrl-C."""

import json
import shutil
import signal
from pathlib import Path

import psutil
import pytest

from tests.system import driver
from tests.waiting import LIMIT_S, RUN_LIMIT_S, eventually
from tidewheel.local.processes.process_file import process_of
from tidewheel.registry.store import Registry

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        shutil.which("prometheus") is None, reason="prometheus is not on PATH; Debian's package is prometheus"
    ),
]
SHORT = ("--window", "400", "--trials", "2", "--orders-per-second", "5", "--threshold", "2", "--speed", "120")
INSTRUMENT = "sim:BTC-USD"


def serves(data: Path) -> bool:
    """Whether the run's predictor has given an answer by a model."""
    return (data / "served.jsonl").exists() and (data / "served.jsonl").stat().st_size > 0


def registry_of(data: Path) -> Registry:
    return Registry.connect(json.loads((data / "run.json").read_text())["addresses"]["redis"])


def test_faults_are_shown_and_undone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with driver.started(["run", "--observe", *SHORT, "--data-dir", str(data)], tmp_path) as running:
        eventually(lambda: serves(data), "a model serves", 0.2, RUN_LIMIT_S)
        redis_is_let_go_on(data, tmp_path / "away")
        done = driver.run(
            ["scenario", "poisoned-model", "--until", "fires", "--data-dir", str(data)],
            tmp_path / "poisoned",
            RUN_LIMIT_S,
        )
        # Whether another alert fires is the machine's affair here: under load, one that services start again may.
        assert "SwapsRefused fired after" in done.output
        assert (done.code == 0) == ("as it should be" in done.output)
        assert done.left == []
        pointer = registry_of(data).current(INSTRUMENT)
        assert pointer is not None
        assert registry_of(data).load_pointed(pointer).seq == pointer.seq
        running.scan()
        running.process.terminate()
        running.wait(LIMIT_S)
        assert running.wait_gone() == []


def redis_is_let_go_on(data: Path, folder: Path) -> None:
    pid = process_of(data / "processes.json", "redis")
    assert pid is not None
    redis = psutil.Process(pid)
    with driver.started(["scenario", "redis-away", "--data-dir", str(data)], folder) as scenario:
        eventually(lambda: redis.status() == psutil.STATUS_STOPPED, "it stands still", 0.1)
        scenario.scan()
        scenario.process.send_signal(signal.SIGINT)
        assert scenario.wait(LIMIT_S) == 130
        assert scenario.wait_gone() == []
    eventually(lambda: redis.status() != psutil.STATUS_STOPPED, "it goes on", 0.1)
    assert "redis goes on" in (folder / "out.txt").read_text()
