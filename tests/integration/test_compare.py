"""`tidewheel compare` beside `tidewheel run` with the same settings, on real servers: the same numbers, to the bit."""

import json
import os
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.system import driver, recorded
from tests.waiting import RUN_LIMIT_S
from tidewheel.domain.models import ModelRecord
from tidewheel.evidence import pooling
from tidewheel.registry.store import Registry

INSTRUMENT = "replay:MADE-USD"
SETTINGS = [
    *("--instrument", "MADE-USD", "--threshold", "5", "--orders-per-second", "2", "--window", "400"),
    *("--step", "200", "--trials", "2", "--max-holding", "900"),
]
# A run on a busy machine must not cut a search short.
UNHURRIED = {"TIDEWHEEL_TUNING_LIMIT_S": "0", "TIDEWHEEL_DUE_EACH": "2"}
COUNTS = ("ticks", "bars", "orders", "transactions", "examples", "dead_letters")
# What tells of the clock, of servers or of the other processes.
OF_THE_RUN = ("instrument", "tuning_s", "window_closed_to_served_s", "served")


def differences(run: dict[str, Any], compared: dict[str, Any]) -> list[str]:
    """In what the summary of a run and a configuration compared differ."""
    models = [{name: value for name, value in one.items() if name not in OF_THE_RUN} for one in run["models"]]
    found = [name for name in COUNTS if run[name] != compared[name]]
    if len(models) != len(compared["models"]):
        return [*found, "windows"]
    pairs = zip(models, compared["models"], strict=True)
    return found + [f"{one['seq']} {name}" for one, other in pairs for name in one if one[name] != other[name]]


@pytest.mark.broker
@pytest.mark.redis_server
def test_the_same_numbers_as_a_run(broker: str, empty_redis: str, tmp_path: Path) -> None:
    file = recorded.write(tmp_path / "made.csv", seed=3)
    servers = ["--kafka", broker, "--redis", empty_redis, "--summary", "s.json", "--data-dir", "data"]
    arguments_of_run = ["run", "--feed", f"replay:{file}", *SETTINGS, "--memory", "3", *servers]
    ran = driver.run(arguments_of_run, tmp_path, RUN_LIMIT_S, settings=UNHURRIED)
    assert ran.code == 0, ran.output + ran.errors
    arguments = ["compare", str(file), *SETTINGS, "--vary", "memory=1,3", "--jobs", "2", "--json"]
    ended = driver.run(arguments, tmp_path, RUN_LIMIT_S, settings=UNHURRIED)
    assert (ended.code, ended.left) == (0, []), ended.errors
    (found,) = json.loads(ended.output)["files"]
    other, same = found["configurations"]
    summary = json.loads((tmp_path / "s.json").read_text())
    assert differences(summary, same) == []
    assert sum(bool(model["sha256"]) for model in same["models"]) > 3
    assert [model for model in same["models"] if model["next"] and model["next"]["wealth"]["bets"]]
    # That it can fail: another memory makes other models of the same labels.
    assert {name.partition(" ")[2] for name in differences(summary, other)} >= {"sha256", "next"}

    with closing(Registry.connect(empty_redis)) as registry:
        records = [one for one in registry.records(INSTRUMENT) if isinstance(one, ModelRecord)]
    pooled = pooling.pool_scorecards([one.scorecard for one in records if one.scorecard])
    assert pooled.lift
    assert pooled.account
    assert list(same["lift"].values()) == [pooled.lift.value, pooled.lift.low, pooled.lift.high]
    bettor = pooled.account.bettor
    assert [same[name] for name in ("e_gross", "e_net", "bets")] == [bettor.e_gross, bettor.e_net, bettor.bets]
    assert same["evidence"] == pooled.evidence


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_half_way_it_leaves_nothing(number: int, tmp_path: Path) -> None:
    file, scratch = recorded.write(tmp_path / "made.csv", seed=3), tmp_path / "scratch"
    scratch.mkdir()
    arguments = ["compare", str(file), *SETTINGS, "--vary", "memory=1,2,3", "--jobs", "2"]
    asked = False

    def ask(running: driver.RunningProgram) -> None:
        """As Ctrl-C on a terminal does: the whole group is told."""
        nonlocal asked
        if not asked and list(scratch.glob("*/training-*")):
            asked = True
            os.killpg(running.process.pid, number)

    ended = driver.run(arguments, tmp_path, RUN_LIMIT_S, ask, {**UNHURRIED, "TMPDIR": str(scratch)})
    assert asked
    assert (ended.code, ended.left, ended.output) == (130, [], "")
    assert ended.pids > 2
    assert "Traceback" not in ended.errors
    assert list(scratch.iterdir()) == []


def test_only_who_started_them_ends_its_processes_on_ctrl_c(tmp_path: Path) -> None:
    """Else one tells of it where the signal comes while it imports, and goes on."""
    file, scratch = recorded.write(tmp_path / "made.csv", seed=3), tmp_path / "scratch"
    scratch.mkdir()
    asked: set[int] = set()

    def ask(running: driver.RunningProgram) -> None:
        if list(scratch.glob("*/training-*")):
            for name in ("LokyProcess-1", "LokyProcess-2"):
                if (child := running.child(name)) and child.pid not in asked:
                    asked.add(child.pid)
                    child.send_signal(signal.SIGINT)

    arguments = ["compare", str(file), *SETTINGS, "--vary", "memory=1,2,3", "--jobs", "2"]
    ended = driver.run(arguments, tmp_path, RUN_LIMIT_S, ask, {**UNHURRIED, "TMPDIR": str(scratch)})
    assert len(asked) == 2
    assert (ended.code, ended.left) == (0, []), ended.errors
    assert "Traceback" not in ended.errors


def test_a_process_that_is_killed_is_one_line(tmp_path: Path) -> None:
    file, scratch = recorded.write(tmp_path / "made.csv", seed=3), tmp_path / "scratch"
    scratch.mkdir()

    def kill(running: driver.RunningProgram) -> None:
        if list(scratch.glob("*/training-*")) and (child := running.child("LokyProcess-1")):
            child.kill()

    arguments = ["compare", str(file), *SETTINGS, "--vary", "memory=1,2,3", "--jobs", "2"]
    ended = driver.run(arguments, tmp_path, RUN_LIMIT_S, kill, {**UNHURRIED, "TMPDIR": str(scratch)})
    assert (ended.code, ended.left, ended.output) == (1, [], "")
    errors = [line for line in ended.errors.splitlines() if not line.startswith(("labelling: ", "training: "))]
    assert len(errors) == 1
    assert "a process of the comparison was ended from outside" in errors[0]
    assert list(scratch.iterdir()) == []
