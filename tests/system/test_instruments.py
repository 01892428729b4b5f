"""Two instruments of one recorded file through the whole program, ingest killed on the way: of each the oracle's word
on the file filtered to it, which a run on that file alone gives too."""

import dataclasses
import json
from pathlib import Path
from random import Random

import pytest

from tests import oracle
from tests.system import driver, recorded, verifier
from tests.system.conftest import ORDERS_PER_S, SETTINGS, THRESHOLD, TRIALS, WINDOW
from tests.system.driver import RunningProgram
from tests.waiting import RUN_LIMIT_S

pytestmark = pytest.mark.system

SEEDS = {"AAA": 1, "B/USD": 2}


def in_turn(folder: Path) -> tuple[Path, dict[str, oracle.Result]]:
    """One file of all lines, and what the oracle says of each instrument's, by their places in that file."""
    chance, lines, places, own = Random(1), ["sym,time_ms,bid,offer"], {}, {}
    for name, seed in SEEDS.items():
        own[name] = recorded.write(folder / f"{seed}.csv", seed).read_text().splitlines()
        # What has not all fields says of no instrument.
        own[name] = [line for line in own[name] if line.count(",") == 2]
        places[name] = {1: 1}
    left = {name: list(enumerate(kept[1:], start=2)) for name, kept in own.items()}
    while any(left.values()):
        name = chance.choice([name for name in left if left[name]])
        number, line = left[name].pop(0)
        lines.append(f"{name},{line}")
        places[name][number] = len(lines)
    results = {}
    for name, kept in own.items():
        alone = folder / "alone.csv"
        alone.write_text("\n".join(kept) + "\n")
        found = oracle.evaluate_file(alone, SETTINGS)
        rejects = [dataclasses.replace(one, line=places[name][one.line]) for one in found.rejects]
        results[f"replay:{name}"] = dataclasses.replace(found, rejects=rejects)
    path = folder / "both.csv"
    path.write_text("\n".join(lines) + "\n")
    return path, results


def test_two_instruments_of_one_file_have_the_labels_of_two_runs(tmp_path: Path) -> None:
    path, results = in_turn(tmp_path)
    killed = []

    def kill_ingest_once(running: RunningProgram) -> None:
        lies = (tmp_path / "out.txt").read_text()
        if not killed and "first quotes of replay:B/USD" in lies and (ingest := running.service("ingest")):
            killed.append(ingest.pid)
            ingest.kill()

    arguments = [
        *("run", "--feed", f"replay:{path}", "--instrument-column", "sym", "--speed", "400"),
        *("--threshold", THRESHOLD, "--orders-per-second", str(ORDERS_PER_S)),
        *("--window", str(WINDOW), "--trials", str(TRIALS)),
        *("--export", "out", "--summary", "s.json", "--data-dir", "data"),
    ]
    ended = driver.run(arguments, tmp_path, RUN_LIMIT_S, kill_ingest_once)
    assert (ended.code, ended.left) == (0, []), ended.output + ended.errors
    counts, faults = verifier.differences(tmp_path / "out", results)
    assert faults == []
    assert min(counts.values()) > 1000
    summary = json.loads((tmp_path / "s.json").read_text())
    assert (len(killed), summary["restarts"]["ingest"]) == (1, 1)
    for name, result in results.items():
        wanted = verifier.expected_summary(result)
        found, reading = summary["instruments"][name], summary["reading"][name]
        assert {key: found[key] for key in found} == {key: wanted[key] for key in found}
        assert (reading["ticks"], reading["rejected"]) == (len(result.ticks), len(result.rejects))
    rows = sum(1 for _ in path.open()) - 1
    assert sum(one["rows"] for one in summary["reading"].values()) == rows
    assert f"{rows:,} rows read = " in ended.output
    served = {model["instrument"] for model in summary["models"] if model["served"]}
    assert served == set(results)
