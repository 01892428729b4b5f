"""The summary from what the topics told."""

import json
from dataclasses import replace

import pytest

from tests.conformance.make_examples import VALUES
from tests.synthetic_seconds import seconds
from tests.unit.local.values import CARD, NAME, PART, T0_NS, event, result, whole_run
from tidewheel.contracts.codecs.market import FeedEvent, FeedStatus
from tidewheel.domain.market import SourceKind
from tidewheel.domain.orders import NotPlacedReason, Outcome
from tidewheel.domain.training import Step
from tidewheel.local.monitoring.observed import LabelerFrontier, ObservedSystem
from tidewheel.local.summary import RunStats, as_json, as_text, summary

NEXT_SHOWN = ("rows", "positives", "flagged", "hits", "precision", "recall", "base_rate", "wealth")
FACTS = RunStats(12.34567, {(NAME, 1): T0_NS + 4_500_000_000}, 17, {"ingest": 0, "labeler": 2})


def observed() -> ObservedSystem:
    seen = ObservedSystem()
    for one in (*whole_run(1), event(1, Step.SCORED, scorecard=CARD), *whole_run(2, Step.REFUSED, "one_class")):
        seen.on_record(one)
    seen.on_record(event(3, Step.WINDOW_CLOSED))
    seen.on_record(LabelerFrontier(NAME, 99, 26_543))
    made = seen.instruments[NAME]
    made.market.ticks, made.market.bars = 34_567, 7_000
    made.orders.placed = 35_000
    made.orders.not_placed[NotPlacedReason.SPREAD] = 3
    made.orders.outcomes[Outcome.PROFIT] = 15_000
    return seen


def test_counts() -> None:
    values = summary(observed(), FACTS)
    assert values["orders"]["placed"] == 35_000
    assert values["orders"]["not_placed"] == 3
    assert values["orders"]["not_placed_by_reason"] == {"spread": 3, "stale": 0, "threshold": 0}
    assert values["transactions"] == {"PROFIT": 15_000, "LOSS": 0, "EXPIRED": 0, "VOID": 0}
    wanted = ("wall_s", "ticks", "bars", "examples", "dead_letters", "predictions", "restarts")
    assert [values[name] for name in wanted] == [12.346, 34_567, 7_000, 26_543, 0, 17, {"ingest": 0, "labeler": 2}]


def test_what_repeats_and_what_is_missing() -> None:
    seen = observed()
    first, second, _, fourth = seconds(4, instrument=NAME)
    example = VALUES["examples", "one.example"]
    for one in (first, second, second, fourth, *(replace(example, example_seq=n) for n in (3, 4, 9))):
        seen.on_record(one)
    values = summary(seen, FACTS)
    assert values["continuity"] == {
        "ticks": {"repeated": 1, "skipped": 1},
        "examples": {"repeated": 0, "skipped": 4},
    }
    printed = as_text(values)
    assert "topic ticks: 1 records came again or late, 1 are missing" in printed
    assert "topic examples: 0 records came again or late, 4 are missing" in printed
    assert not any("came again" in line for line in as_text(summary(observed(), FACTS)))


def test_what_became_of_a_recordings_rows() -> None:
    seen = observed()
    entry = {"count": 5, "first": "line 7", "last": "line 90", "detail": "why"}
    rows = {"rows": 100, "ticks": 95, "rejected": 5, "other_instruments": 0}
    account = {**rows, "by_reason": {"stray_time": entry}, "anomalies": {}}
    seen.on_record(FeedStatus(NAME, FeedEvent.ACCOUNTED, 0, 1, json.dumps(account), SourceKind.REPLAY))
    values = summary(seen, FACTS)
    assert values["reading"] == {NAME: account}
    told = as_text(values)
    assert f"{NAME}: 100 rows read = 95 ticks + 5 rejected" in told
    assert f"{NAME}: rejected as stray_time: 5 rows, line 7 to line 90: why" in told
    assert any(line.startswith(f"{NAME}: WARNING: 5.0% of the rows") for line in told)
    seen.on_record(FeedStatus(NAME, FeedEvent.ACCOUNTED, 0, 1, "of another version", SourceKind.REPLAY))
    assert summary(seen, FACTS)["reading"] == {}


def test_models() -> None:
    served, refused = summary(observed(), FACTS)["models"]
    assert (served["instrument"], served["seq"], served["sha256"], served["verdict"]) == (
        NAME,
        1,
        "ab" * 32,
        "published",
    )
    assert (served["served"], served["window_closed_to_served_s"], served["trials"]) == (True, 4.5, 10)
    assert served["validation"]["recall"] == 0.31
    assert served["test"]["at_half"]["threshold"] == 0.5
    assert {name: served["next"][name] for name in NEXT_SHOWN} == {
        "rows": 10_000,
        "positives": 4800,
        "flagged": 600,
        "hits": 333,
        "precision": 0.555,
        "recall": 0.12,
        "base_rate": 0.48,
        "wealth": {"e_gross": pytest.approx(34.2), "e_net": pytest.approx(0.4), "bets": 1_200},
    }
    assert "calibration_error" in served["next"]
    assert (refused["verdict"], refused["reason"], refused["next"]) == ("refused", "one_class", None)
    assert (refused["served"], refused["window_closed_to_served_s"]) == (False, None)


def test_a_run_without_a_model() -> None:
    seen = ObservedSystem()
    seen.on_record(event(1, Step.FAILED, reason="it raised"))
    (failed,) = summary(seen, FACTS)["models"]
    assert (failed["verdict"], failed["sha256"], failed["test"], failed["threshold"]) == ("failed", "", None, None)
    assert as_text(summary(seen, FACTS))[-1] == "model 1: failed (it raised)"


def test_no_number_breaks_the_json() -> None:
    seen = ObservedSystem()
    odd = replace(result(tested=replace(PART, auc=float("nan"))), threshold=float("inf"))
    seen.on_record(event(1, Step.PUBLISHED, result=odd))
    model = json.loads(as_json(summary(seen, FACTS)))["models"][0]
    assert (model["threshold"], model["test"]["auc"]) == (None, None)


def test_an_empty_run() -> None:
    values = summary(ObservedSystem(), replace(FACTS, served={}, predictions=0))
    assert values["models"] == []
    assert as_text(values)[0] == "12.3 s: 0 ticks in 0 market seconds, 0 orders placed, 0 not placed"


def test_lines_for_people() -> None:
    lines = as_text(summary(observed(), FACTS))
    assert lines[2] == "17 predictions, 0 dead letters, 2 restarts"
    assert lines[3] == (
        "model 1: published, test precision 0.612 at recall 0.310 (base rate 0.480), evidence weak; "
        "next window precision 0.555 at recall 0.120 (base rate 0.480); served 4.5 s after its window closed"
    )


def test_several_instruments_each_with_its_own() -> None:
    seen = observed()
    rows = {"rows": 10, "ticks": 9, "rejected": 1, "other_instruments": 0, "by_reason": {}, "anomalies": {}}
    for name in (NAME, "sim:OTHER"):
        seen.on_record(FeedStatus(name, FeedEvent.ACCOUNTED, 0, 1, json.dumps(rows), SourceKind.REPLAY))
    for seq in range(1, 20):
        seen.on_record(replace(event(seq, Step.FAILED), instrument="sim:OTHER"))
    values = summary(seen, FACTS)
    assert (values["instruments"][NAME]["ticks"], values["instruments"]["sim:OTHER"]["ticks"]) == (34_567, 0)
    lines = as_text(values)
    assert (
        "sim:OTHER: 0 ticks in 0 market seconds, 0 orders placed: 0 PROFIT, 0 LOSS, 0 EXPIRED, 0 VOID; 0 examples"
        in (lines)
    )
    assert "20 rows read = 18 ticks + 2 rejected" in lines
    models = [line for line in lines if ": model " in line]
    assert [line.split(":", 2)[1] for line in models] == ["BTC-USD"] * 2 + ["OTHER"] * 6
    assert models[-1].startswith("sim:OTHER: model 19")
