"""Writes an example of each record that has none yet: `python -m tests.conformance.make_examples`.

What is written once is decoded for ever, so nothing is ever written over. To keep an example of a changed message, add
one here under a new name.
"""

import json
import sys
from dataclasses import replace

import numpy as np

from tests.conformance.records import CODECS, FOLDER, plain
from tidewheel.contracts.codecs.labeler_state import LabelerFrontier, LabelerSnapshot, encode_state
from tidewheel.contracts.codecs.market import DeadLetter, FeedEvent, FeedStatus
from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.account import Account, ModelPeriod
from tidewheel.domain.betting import Bet, Bettor
from tidewheel.domain.features import FEATURE_COUNT, SCHEMA_HASH, Example
from tidewheel.domain.labeler_state import Frontier, LabelerState
from tidewheel.domain.market import NO_QUOTES, MarketSecond, Quotes, SourceKind, TickFlag
from tidewheel.domain.models import (
    Baseline,
    CalibrationBin,
    Champion,
    Confusion,
    CurvePoint,
    Evidence,
    Hyperparameters,
    Lineage,
    Model,
    ModelRecord,
    PartMetrics,
    RememberedWindow,
    Scorecard,
    Verdict,
)
from tidewheel.domain.orders import NotPlacedReason, Outcome, SecondOrders, Transaction
from tidewheel.domain.predictions import ServedPrediction
from tidewheel.domain.prices import E9
from tidewheel.domain.time import NS_PER_S
from tidewheel.domain.training import RunEvent, RunResult, SplitSizes, Step, Trial

INSTRUMENT, SECOND = "kraken:BTC-USD", 1_700_000_000
AT = SECOND * NS_PER_S


def column(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def busy_second() -> MarketSecond:
    quotes = Quotes(
        column(AT + 1, AT + 5, AT + 5),
        column(100 * E9, 101 * E9, 102 * E9),
        column(101 * E9, 102 * E9, 102 * E9),
        column(5, -1, 7),
        column(6, 8, -1),
        column(AT - 3, 0, AT + 2),
        column(11, -1, 13),
        np.array([TickFlag.GAP_BEFORE, 0, TickFlag.LATE | TickFlag.LOCKED], dtype=np.uint16),
    )
    return MarketSecond(
        *(INSTRUMENT, 2, SECOND, 40, quotes, 0, 0, 102 * E9, 102 * E9, 100_500_000_000, 102 * E9, 100_500_000_000),
        *(3, False, SourceKind.LIVE, False, AT + 5),
    )


def quiet_second() -> MarketSecond:
    return MarketSecond(
        *(INSTRUMENT, 2, SECOND + 1, 43, NO_QUOTES, *(102 * E9,) * 7, 3, True, SourceKind.REPLAY, True, AT + 5)
    )


HALF = Confusion(0.5, 1, 2, 3, 4)
METRICS = PartMetrics(
    10, 4, 0.25, 0.5, 0.7, 0.6, 0.4, 2.5, HALF, Confusion(0.3, 4, 3, 2, 1), Confusion(0.75, 0, 0, 5, 5)
)
BINS = (CalibrationBin(6, 1, 0.75), CalibrationBin(3, 3, 2.5))
HYPERPARAMETERS = Hyperparameters(True, 1e-5, 0.01, 2.0, 1e-6, 200)
STOPPED = replace(HYPERPARAMETERS, epochs=4)
SCORECARD = Scorecard(9, 4, 3, 2, 2 / 3, 0.5, 4 / 9, 0.69, 2.0, -5 * E9, 7 * E9)
JUDGED = replace(SCORECARD, calibration=BINS, baseline=Baseline(5, 2, 3, 1))
BETTOR = Bettor(
    (30.5, 2.0, 1.0, 0.25, 0.0), (0.5,) * 5, 17, AT, (Bet(AT + 1, AT + 5, 1.25, 1.0), Bet(AT + 6, AT + 9, -0.5, -0.75))
)
BETTED = replace(JUDGED, account=Account(BETTOR, (ModelPeriod(1, AT - 9, 8 * E9), ModelPeriod(2, AT, 9 * E9)), 10 * E9))
STATE = LabelerState(
    INSTRUMENT,
    Frontier(SECOND, 7, 9),
    session=2,
    session_open=True,
    session_first_second=SECOND - 1,
    next_seq=43,
    close_bid_e9=102 * E9,
    close_offer_e9=102 * E9,
    history=np.arange(8, dtype=np.int64).reshape(4, 2),
    orders=np.arange(18, dtype=np.int64).reshape(6, 3),
)
MODEL = Model(
    INSTRUMENT,
    3,
    SCHEMA_HASH,
    *(np.array([0.5, -0.25]), np.array([1.0, 2.0]), np.array([1.0, 4.0])),
    *(0.125, 0.3, HYPERPARAMETERS, METRICS, METRICS, METRICS, 0.4, 20.5, AT, AT + NS_PER_S),
    Lineage("examples", 1, 1, 100, '{"seed":1}', ""),
    b"\x00\x00\x80\x3f\x00\x00\x00\x40",
    0.625,
)
NOW = ServedPrediction(
    *(INSTRUMENT, AT, "PredictNow", (np.arange(FEATURE_COUNT) / 8).astype("<f4").tobytes(), 0.5, 1, 0.3, 3, 1),
    *("ab" * 32, ("drift",), SECOND, 100 * E9, 101 * E9, True, 4, 0.75, 1),
)

VALUES = {
    ("ticks", "busy.second"): busy_second(),
    ("ticks", "quiet.second"): quiet_second(),
    ("orders", "two.orders"): SecondOrders(
        *(INSTRUMENT, 2, SECOND, column(SECOND * 1000 + 1, SECOND * 1000 + 4), column(AT + 2 * 10**8, AT + 8 * 10**8)),
        *(column(100 * E9, 101 * E9), column(101 * E9, 102 * E9), column(111 * E9, 112 * E9), column(91 * E9, 92 * E9)),
        {NotPlacedReason.SPREAD: 2, NotPlacedReason.STALE: 1, NotPlacedReason.THRESHOLD: 1},
    ),
    ("orders", "none.orders"): SecondOrders(INSTRUMENT, 2, SECOND + 1),
    **{
        ("transactions", f"{outcome.name.lower()}.transaction"): Transaction(
            *(INSTRUMENT, SECOND * 1000 + 1, 2, AT, 101 * E9, 111 * E9, 91 * E9, AT + NS_PER_S, 50, 90 * E9, outcome)
        )
        for outcome in Outcome
    },
    ("examples", "one.example"): Example(
        *(INSTRUMENT, 7, SECOND * 1000 + 1, AT, AT + NS_PER_S, 0),
        (np.arange(FEATURE_COUNT) / 8).astype("<f4").tobytes(),
        -11 * E9,
    ),
    ("labeler-state", "one.frontier"): LabelerFrontier(INSTRUMENT, Frontier(SECOND, 7, 9), "c0ffee"),
    ("labeler-state", "one.snapshot"): LabelerSnapshot(INSTRUMENT, SECOND, 0, 1, 5, 6, "c0ffee", encode_state(STATE)),
    ("labeler-state", "one.state"): STATE,
    ("predictions", "now.prediction"): NOW,
    ("predictions", "row.prediction"): ServedPrediction(
        *(INSTRUMENT, AT, "Predict", NOW.features, 0.25, 0, 0.3, 3, 2, "ab" * 32, ("novel_input", "no_evidence"))
    ),
    ("training-runs", "trial.run_event"): RunEvent(
        *(INSTRUMENT, 3, Step.TRIAL, AT, "", "trial 2 of 10"),
        trial=Trial(2, 10, 0.31, True, 0.33, 0.26, 0.4, HYPERPARAMETERS),
    ),
    ("training-runs", "split.run_event"): RunEvent(INSTRUMENT, 3, Step.SPLIT, AT, split=SplitSizes(70, 15, 14, 1)),
    ("training-runs", "folds.run_event"): RunEvent(
        INSTRUMENT, 3, Step.SPLIT, AT, split=SplitSizes(84, 84, 15, 1, folds=3), trials_planned=10
    ),
    ("training-runs", "selected.run_event"): RunEvent(
        *(INSTRUMENT, 3, Step.SELECTED, AT, "", "trial 2: shown better"),
        trial=Trial(2, 10, 0.31, True, 0.33, 0.26, 1.75, STOPPED),
    ),
    ("training-runs", "published.run_event"): RunEvent(
        *(INSTRUMENT, 3, Step.PUBLISHED, AT),
        result=RunResult("ab" * 32, "published", "none", 0.3, 0.4, METRICS, METRICS, 10, 0.9, 1.5),
        window_closed_at_ns=AT,
    ),
    ("training-runs", "with_lineage.run_event"): RunEvent(
        *(INSTRUMENT, 3, Step.PUBLISHED, AT),
        result=RunResult("ab" * 32, "published", "none", 0.3, 0.4, METRICS, METRICS, 10, 0.9, 1.5, MODEL.lineage),
    ),
    ("training-runs", "refused.run_event"): RunEvent(
        *(INSTRUMENT, 4, Step.REFUSED, AT, "one_class", "every row of the window is a LOSS"),
        result=RunResult("", "refused", "", 0.0, 0.0, None, None, 0, 0.0, 0.1),
        first_example_seq=101,
        last_example_seq=200,
    ),
    ("training-runs", "scored.run_event"): RunEvent(INSTRUMENT, 2, Step.SCORED, AT, scorecard=SCORECARD),
    ("feed-status", "gap.feed_status"): FeedStatus(
        INSTRUMENT, FeedEvent.GAP, AT, 3, "12 messages missed", SourceKind.LIVE
    ),
    ("dead-letters", "crossed.dead_letter"): DeadLetter(
        *(
            "ingest",
            "replay:quotes.csv",
            -1,
            17,
            DeadLetterReason.CROSSED,
            "the bid is above the offer",
            b"",
            b"1,101,100",
        ),
        INSTRUMENT,
    ),
    ("registry", "one.model"): MODEL,
    ("registry", "one.model_record"): ModelRecord(
        INSTRUMENT, 3, "ab" * 32, Verdict.PUBLISHED, "", Evidence.WEAK, AT, SCORECARD, b"\x01" * 32, 100, 199
    ),
    ("registry", "drawn.model"): replace(
        MODEL, test=replace(METRICS, curve=(CurvePoint(0.9, 1.0, 0.25), CurvePoint(0.2, 0.4, 1.0)), calibration=BINS)
    ),
    ("registry", "ranged.model"): replace(
        MODEL, lowest=b"\x00\x00\x80\xbf\x00\x00\x00\x00", highest=b"\x00\x00\x80\x3f\x00\x00\x00\x40"
    ),
    ("registry", "drifted.model_record"): ModelRecord(
        INSTRUMENT, 3, "ab" * 32, Verdict.PUBLISHED, "", Evidence.NONE, AT, drift_seq=4
    ),
    ("registry", "stopped.model"): replace(MODEL, hyperparameters=STOPPED),
    ("registry", "remembering.model"): replace(
        MODEL,
        lineage=replace(MODEL.lineage, memory=(RememberedWindow(1, 1, 100, 0.0), RememberedWindow(2, 101, 200, 0.75))),
    ),
    ("registry", "betted.model_record"): ModelRecord(
        *(INSTRUMENT, 3, "ab" * 32, Verdict.PUBLISHED, "", Evidence.WEAK, AT, BETTED, b"\x01" * 32, 100, 199)
    ),
    ("registry", "judged.model_record"): ModelRecord(
        *(INSTRUMENT, 3, "ab" * 32, Verdict.REFUSED, "not_proven", Evidence.WEAK, AT, JUDGED, b"\x01" * 32, 100, 199),
        champion=Champion(2, 4, 1),
    ),
    ("registry", "remembering.model_record"): ModelRecord(
        *(INSTRUMENT, 3, "ab" * 32, Verdict.PUBLISHED, "", Evidence.NONE, AT, None, b"", 200, 299), replay_offset=7
    ),
}


def main() -> int:
    for (folder, name), value in VALUES.items():
        stem = FOLDER / folder / name
        if stem.with_name(name + ".bin").exists():
            continue
        stem.parent.mkdir(parents=True, exist_ok=True)
        encode, _ = CODECS[name.rpartition(".")[2]]
        stem.with_name(name + ".bin").write_bytes(encode(value))
        stem.with_name(name + ".json").write_text(json.dumps(plain(value), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
