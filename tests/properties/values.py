"""Strategies for the values that travel, one a codec, and how two such values are compared."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from tidewheel.contracts.codecs.labeler_state import LabelerFrontier, LabelerSnapshot
from tidewheel.contracts.codecs.market import DeadLetter, FeedEvent, FeedStatus
from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.account import Account, ModelPeriod
from tidewheel.domain.betting import Bet, Bettor
from tidewheel.domain.features import FEATURES_BYTES, Example
from tidewheel.domain.labeler_state import HISTORY_COLUMNS, ORDER_COLUMNS, Frontier, LabelerState
from tidewheel.domain.market import NO_QUOTES, MarketSecond, Quotes, SourceKind
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
from tidewheel.domain.prices import PRICE_MAX_E9
from tidewheel.domain.time import NS_PER_S
from tidewheel.domain.training import RunEvent, RunResult, SplitSizes, Step, Trial

INT64 = st.integers(-(2**63), 2**63 - 1)
UINT32 = st.integers(0, 2**32 - 1)
FLOAT = st.floats(allow_nan=False)
FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
TEXT = st.text(max_size=12)
INSTRUMENT = st.from_regex(r"[a-z][a-z0-9]{0,5}:[A-Za-z0-9][A-Za-z0-9._/-]{0,8}", fullmatch=True)
PRICE = st.integers(1, PRICE_MAX_E9)
SECOND = st.integers(1, 9_000_000_000)


def same(left: Any, right: Any) -> bool:
    """Equal in every field, arrays included."""
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return left.dtype.kind == right.dtype.kind and bool(np.array_equal(left, right))
    if dataclasses.is_dataclass(left):
        names = [field.name for field in dataclasses.fields(left)]
        return type(left) is type(right) and all(same(getattr(left, n), getattr(right, n)) for n in names)
    return type(left) is type(right) and bool(left == right)


def _column(draw: st.DrawFn, values: st.SearchStrategy[int], count: int, kind: type = np.int64) -> NDArray[Any]:
    return np.array(draw(st.lists(values, min_size=count, max_size=count)), dtype=kind)


@st.composite
def market_seconds(draw: st.DrawFn) -> MarketSecond:
    """Market seconds that do not contradict themselves."""
    second, count = draw(SECOND), draw(st.integers(0, 5))
    bids = _column(draw, PRICE, count)
    offers = np.minimum(bids + _column(draw, st.integers(0, 10**9), count), PRICE_MAX_E9)
    start = second * NS_PER_S
    optional = [draw(st.booleans()) for _ in range(4)]
    empty = np.empty(0, dtype=np.int64)
    quotes = Quotes(
        np.sort(_column(draw, st.integers(start, start + NS_PER_S - 1), count)),
        bids,
        offers,
        *(_column(draw, INT64, count) if given else empty for given in optional),
        flags=_column(draw, st.integers(0, 63), count if draw(st.booleans()) else 0, np.uint16),
    )
    first = bool(count) and draw(st.booleans())
    opening = (0, 0) if first else draw(st.tuples(PRICE, st.integers(0, 10**9)).map(lambda q: (q[0], q[0] + q[1])))
    closing = (int(bids[-1]), int(offers[-1])) if count else opening
    return MarketSecond(
        instrument=draw(INSTRUMENT),
        session=draw(st.integers(1, 2**32 - 1)),
        second=second,
        first_seq=draw(st.integers(1, 2**62)),
        quotes=quotes if count else NO_QUOTES,
        open_bid_e9=opening[0],
        open_offer_e9=opening[1],
        close_bid_e9=closing[0],
        close_offer_e9=closing[1],
        day_open_e9=draw(PRICE),
        day_high_e9=draw(PRICE),
        day_low_e9=draw(PRICE),
        connection_epoch=draw(UINT32),
        stale=draw(st.booleans()),
        source_kind=draw(st.sampled_from(SourceKind)),
        ends_session=draw(st.booleans()),
        last_tick_ns=draw(st.just(0) | (st.just(int(quotes.time_ns[-1])) if count else st.integers(0, start - 1))),
    )


@st.composite
def second_orders(draw: st.DrawFn) -> SecondOrders:
    """Orders of a second by growing id, each quote between its thresholds; possibly none."""
    second = draw(SECOND)
    indices = sorted(draw(st.sets(st.integers(0, 999), max_size=4)))
    count = len(indices)
    lowers = _column(draw, st.integers(1, PRICE_MAX_E9 - 3 * 10**9), count)
    bids = lowers + _column(draw, st.integers(1, 10**9), count)
    offers = bids + _column(draw, st.integers(0, 10**9), count)
    return SecondOrders(
        draw(INSTRUMENT),
        draw(st.integers(1, 2**32 - 1)),
        second,
        np.array([second * 1000 + index for index in indices], dtype=np.int64),
        np.array([second * NS_PER_S + index * 10**6 for index in indices], dtype=np.int64),
        bids,
        offers,
        offers + _column(draw, st.integers(1, 10**9), count),
        lowers,
        draw(st.dictionaries(st.sampled_from(NotPlacedReason), st.integers(1, 2**32 - 1))),
    )


FEATURES = st.binary(min_size=4, max_size=4).map(lambda four: four * (FEATURES_BYTES // 4))
TRANSACTIONS = st.builds(
    Transaction,
    INSTRUMENT,
    *(INT64, UINT32, INT64),
    *[st.integers(-(2**61), 2**61)] * 3,
    *(INT64, INT64, st.integers(-(2**61), 2**61)),
    st.sampled_from(Outcome),
)
EXAMPLES = st.builds(
    Example,
    INSTRUMENT,
    st.integers(1, 2**63 - 1),
    *(INT64, INT64, INT64),
    st.sampled_from((0, 1)),
    FEATURES,
    INT64,
)
SCORE = st.floats(0, 1)
PREDICTIONS = st.builds(
    ServedPrediction,
    *(INSTRUMENT, INT64, TEXT, FEATURES, SCORE, UINT32, SCORE, INT64, UINT32, TEXT),
    flags=st.lists(TEXT, max_size=3).map(tuple),
    second=INT64,
    bid_e9=INT64,
    offer_e9=INT64,
    quote_given=st.booleans(),
    candidate_seq=INT64,
    candidate_score=SCORE,
    candidate_label=UINT32,
)
FEED_STATUSES = st.builds(
    FeedStatus, INSTRUMENT, st.sampled_from(FeedEvent), INT64, UINT32, TEXT, st.sampled_from(SourceKind)
)
DEAD_LETTERS = st.builds(
    DeadLetter,
    *(TEXT, TEXT, st.integers(-1, 2**31 - 1), INT64),
    st.sampled_from(DeadLetterReason),
    *(TEXT, st.binary(max_size=9), st.binary(max_size=9), TEXT),
)
CONFUSIONS = st.builds(Confusion, FLOAT, INT64, INT64, INT64, INT64)
CURVES = st.lists(st.builds(CurvePoint, FLOAT, FLOAT, FLOAT), max_size=3).map(tuple)
BINS = st.lists(st.builds(CalibrationBin, INT64, INT64, FLOAT), max_size=3).map(tuple)
PART_METRICS = st.builds(
    PartMetrics, INT64, INT64, *[FLOAT] * 6, CONFUSIONS, CONFUSIONS, CONFUSIONS, curve=CURVES, calibration=BINS
)
HYPERPARAMETERS = st.builds(Hyperparameters, st.booleans(), FLOAT, FLOAT, FLOAT, FLOAT, UINT32, UINT32)
BASELINES = st.none() | st.builds(Baseline, INT64, INT64, INT64, INT64)
CAPITALS = st.lists(FLOAT, max_size=6).map(tuple)
BETS = st.lists(st.builds(Bet, INT64, INT64, FLOAT, FLOAT), max_size=3).map(tuple)
ERAS = st.lists(st.builds(ModelPeriod, INT64, INT64, INT64), max_size=3).map(tuple)
ACCOUNTS = st.none() | st.builds(Account, st.builds(Bettor, CAPITALS, CAPITALS, INT64, INT64, BETS), ERAS, INT64)
SCORECARDS = st.builds(
    Scorecard, *[INT64] * 4, *[FLOAT] * 5, INT64, INT64, calibration=BINS, baseline=BASELINES, account=ACCOUNTS
)
MEMORIES = st.lists(st.builds(RememberedWindow, INT64, INT64, INT64, FLOAT), max_size=3).map(tuple)
LINEAGES = st.builds(Lineage, TEXT, st.integers(0, 2**31 - 1), *[INT64] * 2, TEXT, TEXT, MEMORIES)
RUN_EVENTS = st.builds(
    RunEvent,
    *(INSTRUMENT, INT64, st.sampled_from(Step), INT64, TEXT, TEXT),
    st.none() | st.builds(Trial, UINT32, UINT32, FLOAT, st.booleans(), FLOAT, FLOAT, FLOAT, HYPERPARAMETERS),
    st.none() | st.builds(SplitSizes, INT64, INT64, INT64, INT64, UINT32),
    st.none()
    | st.builds(
        RunResult,
        *(TEXT, TEXT, TEXT, FLOAT, FLOAT),
        *[st.none() | PART_METRICS] * 2,
        *(UINT32, FLOAT, FLOAT),
    ),
    st.none() | SCORECARDS,
    *(INT64, INT64, UINT32, INT64),
)
MODEL_RECORDS = st.builds(
    ModelRecord,
    *(INSTRUMENT, INT64, TEXT, st.sampled_from(Verdict), TEXT, st.sampled_from(Evidence), INT64),
    st.none() | SCORECARDS,
    *(st.binary(max_size=32), INT64, INT64),
    st.none() | st.builds(Champion, INT64, INT64, INT64),
    *(INT64, st.binary(max_size=32), INT64),
)


@st.composite
def feature_ranges(draw: st.DrawFn, count: int) -> dict[str, bytes]:
    """What training saw of each feature, or nothing, as in models of older programs."""
    if not draw(st.booleans()):
        return {}
    pairs = np.array(draw(st.lists(st.tuples(FLOAT32, FLOAT32), min_size=count, max_size=count)), dtype="<f4")
    ends = np.sort(pairs.reshape(count, 2), axis=1)
    return {"lowest": ends[:, 0].tobytes(), "highest": ends[:, 1].tobytes()}


@st.composite
def models(draw: st.DrawFn) -> Model:
    """Models of any number of features: the codec leaves that number to the registry's checks."""
    count = draw(st.integers(0, 4))
    columns = [np.array(draw(st.lists(FLOAT, min_size=count, max_size=count)), dtype=np.float64) for _ in range(3)]
    return Model(
        draw(INSTRUMENT),
        draw(INT64),
        draw(st.binary(max_size=32)),
        *columns,
        *(draw(FLOAT), draw(FLOAT)),
        draw(HYPERPARAMETERS),
        *(draw(PART_METRICS), draw(PART_METRICS), draw(PART_METRICS)),
        *(draw(FLOAT), draw(FLOAT), draw(INT64), draw(INT64)),
        draw(LINEAGES),
        draw(st.binary(max_size=16)),
        draw(FLOAT),
        **draw(feature_ranges(count)),
    )


FRONTIERS = st.builds(Frontier, INT64, INT64, INT64)
LABELER_FRONTIERS = st.builds(LabelerFrontier, INSTRUMENT, FRONTIERS, TEXT)
LABELER_SNAPSHOTS = st.integers(1, 2**32 - 1).flatmap(
    lambda parts: st.builds(
        LabelerSnapshot,
        *(INSTRUMENT, INT64, st.integers(0, parts - 1), st.just(parts), INT64, INT64, TEXT),
        st.binary(max_size=20),
    )
)


@st.composite
def labeler_states(draw: st.DrawFn) -> LabelerState:
    tables = []
    for rows in (HISTORY_COLUMNS, ORDER_COLUMNS):
        count = draw(st.integers(0, 3))
        tables.append(_column(draw, INT64, rows * count).reshape(rows, count))
    return LabelerState(
        draw(INSTRUMENT),
        draw(FRONTIERS),
        draw(UINT32),
        draw(st.booleans()),
        *(draw(INT64), draw(INT64), draw(INT64), draw(INT64)),
        *tables,
    )


# Name of a codec -> values it must carry unharmed.
CARRIED: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
    "second": market_seconds,
    "feed_status": lambda: FEED_STATUSES,
    "dead_letter": lambda: DEAD_LETTERS,
    "orders": second_orders,
    "transaction": lambda: TRANSACTIONS,
    "example": lambda: EXAMPLES,
    "run_event": lambda: RUN_EVENTS,
    "prediction": lambda: PREDICTIONS,
    "model": models,
    "model_record": lambda: MODEL_RECORDS,
    "frontier": lambda: LABELER_FRONTIERS,
    "snapshot": lambda: LABELER_SNAPSHOTS,
    "state": labeler_states,
}
