"""The judge against planted faults: made exports that are right, and the same with one thing wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.system import verifier
from tests.system.chaos import judge
from tests.unit.chaos.made import judged

FIRST, SECOND = "replay:BTC-USD", "replay:ETH-USD"
SEEDS = {FIRST: 2, SECOND: 3}
WINDOW = 120
Row = tuple[Any, ...]


def end_offsets(name: str) -> list[Row]:
    return [
        (name, 1, "WINDOW_CLOSED", ""),
        (name, 1, "PUBLISHED", ""),
        (name, 2, "WINDOW_CLOSED", ""),
        (name, 2, "REFUSED", "one_class"),
    ]


ENDS = [*end_offsets(FIRST), *end_offsets(SECOND)]
SHA256 = "ab" * 32


def write(file: Path, columns: tuple[str, ...], rows: list[Row]) -> None:
    values = {name: [row[at] for row in rows] for at, name in enumerate(columns)}
    if "features" in values:
        values["features"] = [np.frombuffer(one, "<f4") for one in values["features"]]
    pq.write_table(pa.table(values), file)


def models_of(name: str, sha256: str = SHA256) -> list[dict[str, Any]]:
    figures = {**dict.fromkeys(judge.FIGURES), "instrument": name}
    return [
        {**figures, "seq": 1, "sha256": sha256, "verdict": "published"},
        {**figures, "seq": 2, "verdict": "refused"},
    ]


def write_summary(folder: Path, models: list[dict[str, Any]]) -> None:
    (folder / "s.json").write_text(json.dumps({"models": models}))


class Runs:
    """What an undisturbed run of each of two instruments and a disturbed one of both have left, alike until something
    is planted."""

    def __init__(self, folder: Path) -> None:
        self.results = {name: judged(folder, seed, 1000) for name, seed in SEEDS.items()}
        self.undisturbed = {name: folder / f"undisturbed-{seed}" for name, seed in SEEDS.items()}
        self.disturbed = folder / "disturbed"
        self.rows = self.rows_of(*SEEDS)
        for run, names in (*((run, [name]) for name, run in self.undisturbed.items()), (self.disturbed, [*SEEDS])):
            (run / "out").mkdir(parents=True)
            self.make(run, *names)

    def rows_of(self, *names: str) -> dict[str, list[Row]]:
        """Topic -> its records, those of one instrument after those of the other."""
        return {
            topic: [row for name in names for row in wanted(name, self.results[name])]
            for topic, (_, wanted) in verifier.TOPICS.items()
        }

    def make(self, run: Path, *names: str) -> None:
        rows = self.rows_of(*names)
        for topic in rows:
            self.write_topic(run, topic, rows[topic])
        for topic in ("transactions", "bars"):
            (run / "out" / f"{topic}.csv").write_text("x\n" + "1\n" * len(rows[topic]))
        letters = [(name, "ingest", one.line, one.reason) for name in names for one in self.results[name].rejects]
        write(run / "out" / "dead-letters.parquet", ("instrument", "service", "offset", "reason"), letters)
        self.write_ends(run, [row for name in names for row in end_offsets(name)])
        write_summary(run, [model for name in names for model in models_of(name)])

    def write_topic(self, run: Path, name: str, rows: list[Row]) -> None:
        write(run / "out" / f"{name}.parquet", verifier.TOPICS[name][0], rows)

    def write_ends(self, run: Path, rows: list[Row]) -> None:
        write(run / "out" / "training-runs.parquet", ("instrument", "seq", "step", "reason"), rows)

    def differences(self) -> list[str]:
        return judge.differences(self.disturbed, self.undisturbed, self.results, WINDOW)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def runs(made: Runs) -> Runs:
    made.make(made.disturbed, *SEEDS)
    return made


def dropped(rows: list[Row]) -> list[Row]:
    return rows[:70] + rows[71:]


def doubled(rows: list[Row]) -> list[Row]:
    return [*rows[:70], rows[70], *rows[70:]]


def swapped(rows: list[Row]) -> list[Row]:
    return [*rows[:70], rows[71], rows[70], *rows[72:]]


def changed(rows: list[Row]) -> list[Row]:
    """Another second column: a session, a second, an order's or an example's number."""
    row = rows[70]
    return [*rows[:70], (row[0], row[1] + 1, *row[2:]), *rows[71:]]


def test_equal_runs_have_no_differences(runs: Runs) -> None:
    for name in SEEDS:
        assert min(len(rows) for rows in runs.rows_of(name).values()) > 2 * WINDOW
    assert runs.differences() == []


def test_an_online_baseline_that_began_anew_is_no_difference_and_precision_is(runs: Runs) -> None:
    models: list[dict[str, Any]] = []
    for run, names in (*((run, [name]) for name, run in runs.undisturbed.items()), (runs.disturbed, [*SEEDS])):
        baseline = None if run == runs.disturbed else {"hits": 3}
        models = [
            {**one, "next": {"precision": 0.5, "baseline": baseline}} for name in names for one in models_of(name)
        ]
        write_summary(run, models)
    assert runs.differences() == []
    write_summary(runs.disturbed, [{**one, "next": {"precision": 0.6, "baseline": None}} for one in models])
    found = runs.differences()
    for name, run in runs.undisturbed.items():
        write_summary(run, models_of(name))
    assert len(found) == len(models)


@pytest.mark.parametrize("topic", sorted(verifier.TOPICS))
@pytest.mark.parametrize("fault", [dropped, doubled, swapped, changed])
def test_a_record_dropped_doubled_swapped_or_changed_is_found(
    runs: Runs, topic: str, fault: Callable[[list[Row]], list[Row]]
) -> None:
    runs.write_topic(runs.disturbed, topic, fault(runs.rows[topic]))
    found = runs.differences()
    assert [words for words in found if words.startswith(f"{topic}, record ")], found
    assert "the exported records are not those of the undisturbed run" in found


def test_one_bit_of_a_feature_is_found(runs: Runs) -> None:
    rows = runs.rows["examples"]
    features = bytearray(rows[70][-1])
    features[1000] ^= 1
    runs.write_topic(runs.disturbed, "examples", [*rows[:70], (*rows[70][:-1], bytes(features)), *rows[71:]])
    assert any(words.startswith("examples, record 71") for words in runs.differences())


def test_a_repeated_event_is_none_and_another_end_is_one(runs: Runs) -> None:
    runs.write_ends(runs.disturbed, [*ENDS, (SECOND, 1, "PUBLISHED", "")])
    assert runs.differences() == []
    runs.write_ends(runs.disturbed, [*ENDS, (SECOND, 1, "FAILED", "training_error")])
    (words,) = runs.differences()
    assert words.startswith(f"window 1 of {SECOND} ended in more than one way")


@pytest.mark.parametrize("ends", [ENDS[:-2], [*ENDS, (SECOND, 3, "PUBLISHED", "")]], ids=["one less", "one more"])
def test_a_window_that_did_not_end_or_never_was_is_found(runs: Runs, ends: list[Row]) -> None:
    runs.write_ends(runs.disturbed, ends)
    (words,) = runs.differences()
    assert words.endswith(f"of {SECOND} ended, wanted [1, 2]")


def test_another_model_and_one_less_are_found(runs: Runs) -> None:
    write_summary(runs.disturbed, [*models_of(FIRST), *models_of(SECOND, "cd" * 32)])
    assert runs.differences() == [f"model 1 of {SECOND}: sha256 is {'cd' * 32}, undisturbed {SHA256}"]
    write_summary(runs.disturbed, models_of(FIRST))
    assert runs.differences() == ["2 windows ended, undisturbed 4"]


@pytest.mark.parametrize("topic", sorted(verifier.TOPICS))
def test_an_instrument_without_records_and_one_that_nobody_traded_are_found(runs: Runs, topic: str) -> None:
    runs.write_topic(runs.disturbed, topic, runs.rows_of(FIRST)[topic])
    assert any(words.startswith(f"{topic}, record ") for words in runs.differences())
    stranger = ("replay:XRP-USD", *runs.rows[topic][-1][1:])
    runs.write_topic(runs.disturbed, topic, [*runs.rows[topic], stranger])
    assert any(words.startswith(f"{topic}, record {len(runs.rows[topic]) + 1}: ") for words in runs.differences())


def test_a_window_of_an_instrument_that_nobody_traded_is_found(runs: Runs) -> None:
    runs.write_ends(runs.disturbed, [*ENDS, ("replay:XRP-USD", 1, "PUBLISHED", "")])
    assert runs.differences() == ["windows [1] of replay:XRP-USD ended, wanted []"]
