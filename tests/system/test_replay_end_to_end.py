"""A recorded file through the whole program: exactly the oracle's records, served models, and nothing left behind."""

import dataclasses
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests import oracle
from tests.system import verifier
from tests.system.conftest import INSTRUMENT, REPLAYED_ONCE, SETTINGS, TRIALS, WINDOW, Replayed

MEMORY = 12  # as many windows as a model is made of where nothing else is said

pytestmark = [pytest.mark.system, REPLAYED_ONCE]


def windows(replayed: Replayed) -> list[oracle.Window]:
    labels = [example.label for example in replayed.result.examples()]
    return oracle.windows_of(labels, WINDOW, WINDOW)


def test_it_ends_by_itself_and_leaves_nothing_behind(replayed: Replayed) -> None:
    assert replayed.ended.code == 0, replayed.ended.output + replayed.ended.errors
    assert replayed.ended.pids >= 7, "a broker, a Redis and five services"
    assert replayed.ended.left == []


def test_the_file_holds_what_it_is_to_test(replayed: Replayed) -> None:
    result = replayed.result
    assert len(result.sessions) == 2
    assert {reject.reason for reject in result.rejects} == {
        *("malformed", "not_finite", "not_positive", "too_large", "crossed", "spread"),
    }
    assert any(tick.late for tick in result.ticks)
    assert max(bar.tick_count for bar in result.bars) > 50
    assert set(result.not_placed_by_reason) == {"spread", "stale"}
    assert {transaction.outcome for transaction in result.transactions} == {"PROFIT", "LOSS", "VOID"}
    assert len({bar.second // 86_400 for bar in result.bars}) == 2
    assert len(windows(replayed)) >= 2


def test_exports_equal_the_oracle_record_for_record(replayed: Replayed) -> None:
    counts, faults = verifier.differences(replayed.export, {INSTRUMENT: replayed.result})
    assert faults == []
    assert min(counts.values()) > 1000


def test_the_verifier_can_fail(replayed: Replayed) -> None:
    """Planted: the oracle told of another exit price, and of one row less."""
    settings = dataclasses.replace(SETTINGS, exit_on="mid")
    other = oracle.evaluate_rows(
        [oracle.Row(t.line, t.time_ns, t.bid, t.offer) for t in replayed.result.ticks[:-1]], settings
    )
    _, faults = verifier.differences(replayed.export, {INSTRUMENT: other})
    assert {fault.split(",")[0] for fault in faults} >= {"ticks", "transactions", "examples", "dead-letters"}


def test_dead_letters_carry_the_line_and_its_text(replayed: Replayed, recorded_file: Path) -> None:
    lines = recorded_file.read_text().splitlines()
    letters = pq.read_table(replayed.export / "dead-letters.parquet").to_pylist()
    assert letters
    for letter in letters:
        raw = letter["raw"] if isinstance(letter["raw"], bytes) else str(letter["raw"]).encode()
        assert raw.decode() == lines[letter["offset"] - 1]
        assert letter["detail"]
        assert letter["source"] == "replay:quotes.csv"


def test_the_summary_counts_what_the_oracle_counts(replayed: Replayed) -> None:
    summary, wanted = replayed.summary, verifier.expected_summary(replayed.result)
    assert {"placed": summary["orders"]["placed"], "not_placed": summary["orders"]["not_placed"]} == {
        "placed": wanted.pop("placed"),
        "not_placed": wanted.pop("not_placed"),
    }
    assert {name: summary[name] for name in wanted} == wanted
    assert sum(summary["restarts"].values()) == 0
    assert summary["wall_s"] > 0


def test_every_window_is_published_or_refused_as_the_rule_says(replayed: Replayed) -> None:
    models, known = replayed.summary["models"], windows(replayed)
    assert [model["seq"] for model in models] == [window.number for window in known]
    for model, window in zip(models, known, strict=True):
        if window.remembered_one_class(known, MEMORY):
            assert model["verdict"] == "refused"
            assert model["reason"]
        else:
            assert model["reason"] != "one_class"
        if model["verdict"] == "published":
            assert re.fullmatch("[0-9a-f]{64}", model["sha256"])
            # None are made where nothing can be held out, and nothing is stated of a test part without a holdout model.
            assert model["trials"] in (0, TRIALS)
            for part in (model["validation"], model["test"]):
                assert part is None or 0 <= part["recall"] <= 1
            assert model["evidence"] in ("none", "weak", "strong")
        else:
            assert model["verdict"] in ("refused", "failed")
            assert not model["served"]
    assert any(window.one_class for window in known), "else the rule is not tested"


def test_models_are_served_and_answer(replayed: Replayed) -> None:
    served = [model for model in replayed.summary["models"] if model["served"]]
    assert served
    assert replayed.summary["models"][-1]["seq"] >= served[-1]["seq"]
    assert replayed.summary["predictions"] >= len(served)
    newest = [model for model in replayed.summary["models"] if model["verdict"] == "published"][-1]
    assert newest["served"], "the newest published model answered a prediction"


def test_the_output_is_plain_lines(replayed: Replayed) -> None:
    assert "\x1b" not in replayed.ended.output
    assert str(replayed.folder / "data") in replayed.ended.output or "data lies in data" in replayed.ended.output


def test_training_runs_tell_each_step_of_a_published_window(replayed: Replayed) -> None:
    published = next(m for m in replayed.summary["models"] if m["verdict"] == "published")
    table = pq.read_table(replayed.export / "training-runs.parquet").to_pylist()
    steps = [row["step"] for row in table if row["seq"] == published["seq"]]
    names = json.dumps(steps)
    for step in ("WINDOW_CLOSED", "VALIDATED", "SPLIT", "TRIAL", "SELECTED", "GATE", "PUBLISHED"):
        assert step in names
    assert steps.count("TRIAL") == TRIALS
