"""The judge against planted faults: made exports that are right, and the same with one thing wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import oracle
from tests.system import recorded, verifier
from tests.system.chaos import judge

INSTRUMENT = "replay:BTC-USD"
WINDOW = 120
Row = tuple[Any, ...]
ENDS: list[Row] = [
    (1, "WINDOW_CLOSED", ""),
    (1, "PUBLISHED", ""),
    (2, "WINDOW_CLOSED", ""),
    (2, "REFUSED", "one_class"),
]
SHA256 = "ab" * 32


def write(file: Path, columns: tuple[str, ...], rows: list[Row]) -> None:
    values = {name: [row[at] for row in rows] for at, name in enumerate(columns)}
    if "features" in values:
        values["features"] = [np.frombuffer(one, "<f4") for one in values["features"]]
    pq.write_table(pa.table(values), file)


def models(sha256: str = SHA256) -> list[dict[str, Any]]:
    figures = dict.fromkeys(judge.FIGURES)
    return [
        {**figures, "seq": 1, "sha256": sha256, "verdict": "published"},
        {**figures, "seq": 2, "verdict": "refused"},
    ]


def write_summary(folder: Path, models: list[dict[str, Any]]) -> None:
    (folder / "s.json").write_text(json.dumps({"models": models}))


class Runs:
    """What an undisturbed and a disturbed run have left, alike until something is planted."""

    def __init__(self, folder: Path) -> None:
        market = recorded.Market(seed=2)
        market.seconds(1000)
        (folder / "quotes.csv").write_text("\n".join(market.lines) + "\n")
        self.result = oracle.judge(folder / "quotes.csv", oracle.Settings(threshold="2", orders_per_second=1))
        self.undisturbed, self.disturbed = folder / "undisturbed", folder / "disturbed"
        self.rows = {name: list(wanted(INSTRUMENT, self.result)) for name, (_, wanted) in verifier.TOPICS.items()}
        for run in (self.undisturbed, self.disturbed):
            (run / "out").mkdir(parents=True)
            self.make(run)

    def make(self, run: Path) -> None:
        for name in self.rows:
            self.write_topic(run, name, self.rows[name])
        for name in ("transactions", "bars"):
            (run / "out" / f"{name}.csv").write_text("x\n" + "1\n" * len(self.rows[name]))
        letters: list[Row] = [("ingest", one.line, one.reason) for one in self.result.rejects]
        write(run / "out" / "dead-letters.parquet", ("service", "offset", "reason"), letters)
        self.write_ends(run, ENDS)
        write_summary(run, models())

    def write_topic(self, run: Path, name: str, rows: list[Row]) -> None:
        write(run / "out" / f"{name}.parquet", verifier.TOPICS[name][0], rows)

    def write_ends(self, run: Path, rows: list[Row]) -> None:
        write(run / "out" / "training-runs.parquet", ("seq", "step", "reason"), rows)

    def differences(self) -> list[str]:
        return judge.differences(self.disturbed, self.undisturbed, INSTRUMENT, self.result, WINDOW)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def runs(made: Runs) -> Runs:
    made.make(made.disturbed)
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
    assert min(len(rows) for rows in runs.rows.values()) > 2 * WINDOW
    assert runs.differences() == []


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
    runs.write_ends(runs.disturbed, [*ENDS, (1, "PUBLISHED", "")])
    assert runs.differences() == []
    runs.write_ends(runs.disturbed, [*ENDS, (1, "FAILED", "training_error")])
    (words,) = runs.differences()
    assert words.startswith("window 1 ended in more than one way")


@pytest.mark.parametrize("ends", [ENDS[:2], [*ENDS, (3, "PUBLISHED", "")]], ids=["one less", "one more"])
def test_a_window_that_did_not_end_or_never_was_is_found(runs: Runs, ends: list[Row]) -> None:
    runs.write_ends(runs.disturbed, ends)
    (words,) = runs.differences()
    assert "wanted [1, 2]" in words


def test_another_model_and_one_less_are_found(runs: Runs) -> None:
    write_summary(runs.disturbed, models("cd" * 32))
    assert runs.differences() == [f"model 1: sha256 is {'cd' * 32}, undisturbed {SHA256}"]
    write_summary(runs.disturbed, models()[:1])
    assert runs.differences() == ["1 windows ended, undisturbed 2"]
