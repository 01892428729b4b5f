"""Exported tables: what the records of a topic look like as a table. One place for file exports and `topics tail`.

A view turns a batch of decoded records into columns of equal length; prices stay in 1e-9 units and their names end in
`_e9`. Rows of one instrument stand in the order of its records, which is the canonical one.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewheel.contracts.codecs.labeler_state import FRONTIER, decode_frontier, decode_snapshot, key_kind
from tidewheel.contracts.codecs.market import (
    DeadLetter,
    decode_dead_letter,
    decode_feed_status,
    decode_second,
)
from tidewheel.contracts.codecs.orders import decode_example, decode_orders, decode_transaction
from tidewheel.contracts.codecs.predictions import decode_prediction
from tidewheel.contracts.codecs.training import decode_run_event
from tidewheel.contracts.topics import (
    DEAD_LETTERS,
    EXAMPLES,
    FEED_STATUS,
    LABELER_STATE,
    ORDERS,
    PREDICTIONS,
    TICKS,
    TRAINING_RUNS,
    TRANSACTIONS,
    Topic,
)
from tidewheel.domain.features import FEATURE_COUNT, Example
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import SecondOrders
from tidewheel.domain.predictions import ServedPrediction
from tidewheel.domain.prices import mid_e9
from tidewheel.domain.training import RunEvent

Values = NDArray[Any] | Sequence[Any]
Columns = dict[str, Values]


class ColumnType(Enum):
    """What the values of a column are; any may be missing, as None or masked, but those of FLOATS."""

    INT = auto()
    PRICE = auto()  # int64 in 1e-9 units; the column's name ends in `_e9`
    FLOAT = auto()
    BOOL = auto()
    TEXT = auto()
    BYTES = auto()
    FLOATS = auto()  # float32 of shape (rows, 605)


@dataclass(frozen=True, slots=True)
class TableView:
    """One way to see a topic as a table.

    `decode`: takes key and value of a record, raises InvalidRecordError. `columns` gives what `schema` names. Repeats,
    which at-least-once delivery allows, are dropped: of the records of an instrument those that do not get further in
    `position`, and those whose `identity` was seen before. None where every record counts: of what is written exactly
    once a repeat is a fault, and is shown.
    """

    name: str
    topic: Topic
    decode: Callable[[bytes | None, bytes | None], Any]
    schema: Mapping[str, ColumnType]
    columns: Callable[[Sequence[Any]], Columns]
    position: Callable[[Any], int] | None = None
    identity: Callable[[Any], Hashable] | None = None


NO_PATHS: Mapping[str, str] = MappingProxyType({})


def schema_of(words: str) -> dict[str, ColumnType]:
    """Columns and their types from `name:TYPE name:TYPE …`."""
    pairs = (word.split(":") for word in words.split())
    return {name: ColumnType[kind] for name, kind in pairs}


def _repeat_rows(values: Sequence[Any], counts: Sequence[int]) -> NDArray[Any]:
    return np.repeat(np.asarray(values), counts)


def _concatenated(columns: Sequence[NDArray[Any]], counts: Sequence[int], missing: int = 0) -> NDArray[Any]:
    """One column over many records; where a record has none, `missing` for each of its rows."""
    whole = [c if len(c) == n else np.full(n, missing) for c, n in zip(columns, counts, strict=True)]
    return np.concatenate(whole) if whole else np.empty(0, dtype=np.int64)


def _masked(column: NDArray[Any], missing: int) -> NDArray[Any]:
    """The column with the values that say "not given" masked."""
    masked: NDArray[Any] = np.ma.masked_equal(column, missing)
    return masked


TICK_SCHEMA = schema_of(
    "instrument:TEXT session:INT seq:INT time_ns:INT bid_e9:PRICE offer_e9:PRICE bid_size_e9:PRICE offer_size_e9:PRICE "
    "venue_time_ns:INT venue_seq:INT flags:INT connection_epoch:INT source_kind:TEXT"
)


def tick_columns(seconds: Sequence[MarketSecond]) -> Columns:
    """One row a quote."""
    counts = [len(second.quotes) for second in seconds]
    quotes = [second.quotes for second in seconds]
    seqs = [np.arange(s.first_seq, s.first_seq + n) for s, n in zip(seconds, counts, strict=True)]
    return {
        "instrument": _repeat_rows([s.instrument for s in seconds], counts),
        "session": _repeat_rows([s.session for s in seconds], counts),
        "seq": _concatenated(seqs, counts),
        "time_ns": _concatenated([q.time_ns for q in quotes], counts),
        "bid_e9": _concatenated([q.bid_e9 for q in quotes], counts),
        "offer_e9": _concatenated([q.offer_e9 for q in quotes], counts),
        "bid_size_e9": _masked(_concatenated([q.bid_size_e9 for q in quotes], counts, -1), -1),
        "offer_size_e9": _masked(_concatenated([q.offer_size_e9 for q in quotes], counts, -1), -1),
        "venue_time_ns": _masked(_concatenated([q.venue_time_ns for q in quotes], counts), 0),
        "venue_seq": _masked(_concatenated([q.venue_seq for q in quotes], counts, -1), -1),
        "flags": _concatenated([q.flags for q in quotes], counts).astype(np.int64),
        "connection_epoch": _repeat_rows([s.connection_epoch for s in seconds], counts),
        "source_kind": _repeat_rows([s.source_kind.name for s in seconds], counts),
    }


BAR_SCHEMA = schema_of(
    "instrument:TEXT session:INT second:INT bid_e9:PRICE offer_e9:PRICE mid_open_e9:PRICE mid_high_e9:PRICE "
    "mid_low_e9:PRICE tick_count:INT last_seq:INT stale:BOOL day_open_e9:PRICE day_high_e9:PRICE day_low_e9:PRICE "
    "ends_session:BOOL source_kind:TEXT"
)


def bar_columns(seconds: Sequence[MarketSecond]) -> Columns:
    """One row a second. The mids are those of the second's quotes; in a quiet second all are the closing mid."""
    mids = [_mid_bar(second) for second in seconds]
    return {
        "instrument": [s.instrument for s in seconds],
        "session": [s.session for s in seconds],
        "second": [s.second for s in seconds],
        "bid_e9": [s.close_bid_e9 for s in seconds],
        "offer_e9": [s.close_offer_e9 for s in seconds],
        "mid_open_e9": [mid[0] for mid in mids],
        "mid_high_e9": [mid[1] for mid in mids],
        "mid_low_e9": [mid[2] for mid in mids],
        "tick_count": [len(s.quotes) for s in seconds],
        "last_seq": [s.last_seq for s in seconds],
        "stale": [s.stale for s in seconds],
        "day_open_e9": [s.day_open_e9 for s in seconds],
        "day_high_e9": [s.day_high_e9 for s in seconds],
        "day_low_e9": [s.day_low_e9 for s in seconds],
        "ends_session": [s.ends_session for s in seconds],
        "source_kind": [s.source_kind.name for s in seconds],
    }


def _mid_bar(second: MarketSecond) -> tuple[int, int, int]:
    quotes = second.quotes
    if not len(quotes):
        return (second.close_mid_e9,) * 3
    mids = np.asarray(mid_e9(quotes.bid_e9, quotes.offer_e9))  # type: ignore[arg-type]
    return int(mids[0]), int(mids.max()), int(mids.min())


ORDER_SCHEMA = schema_of(
    "instrument:TEXT second:INT order_id:INT placed_ns:INT bid_e9:PRICE offer_e9:PRICE upper_e9:PRICE lower_e9:PRICE"
)


def order_columns(records: Sequence[SecondOrders]) -> Columns:
    """One row an order."""
    counts = [len(record) for record in records]
    names = ("order_id", "placed_ns", "bid_e9", "offer_e9", "upper_e9", "lower_e9")
    return {
        "instrument": _repeat_rows([r.instrument for r in records], counts),
        "second": _repeat_rows([r.second for r in records], counts),
        **{name: _concatenated([getattr(r, name) for r in records], counts, 0) for name in names},
    }


TRANSACTION_SCHEMA = schema_of(
    "instrument:TEXT order_id:INT placed_ns:INT entry_e9:PRICE upper_e9:PRICE lower_e9:PRICE "
    "resolved_ns:INT resolved_seq:INT exit_e9:PRICE outcome:TEXT pnl_e9:PRICE"
)
EXAMPLE_SCHEMA = schema_of(
    "instrument:TEXT example_seq:INT order_id:INT placed_ns:INT resolved_ns:INT label:INT schema_hash:BYTES "
    "features:FLOATS"
)
PREDICTION_SCHEMA = schema_of(
    "instrument:TEXT at_ns:INT method:TEXT score:FLOAT label:INT threshold:FLOAT model_seq:INT model_epoch:INT "
    "model_sha256:TEXT flags:TEXT second:INT bid_e9:PRICE offer_e9:PRICE quote_given:BOOL candidate_seq:INT "
    "candidate_score:FLOAT candidate_label:INT features:FLOATS"
)
FEED_STATUS_SCHEMA = schema_of(
    "instrument:TEXT event:TEXT time_ns:INT connection_epoch:INT detail:TEXT source_kind:TEXT"
)
DEAD_LETTER_SCHEMA = schema_of(
    "instrument:TEXT service:TEXT source:TEXT partition:INT offset:INT reason:TEXT detail:TEXT key:BYTES raw:BYTES"
)
LABELER_STATE_SCHEMA = schema_of(
    "instrument:TEXT kind:TEXT second:INT example_seq:INT transactions:INT part:INT parts:INT ticks_offset:INT "
    "orders_offset:INT config:TEXT payload:BYTES"
)
PART_METRICS_SCHEMA = schema_of(
    "rows:INT positives:INT precision:FLOAT recall:FLOAT log_loss:FLOAT auc:FLOAT base_rate:FLOAT effective_rows:FLOAT"
)
SCORECARD_SCHEMA = schema_of(
    "rows:INT positives:INT flagged:INT hits:INT precision:FLOAT recall:FLOAT base_rate:FLOAT log_loss:FLOAT "
    "effective_rows:FLOAT flagged_pnl_e9:PRICE pnl_e9:PRICE"
)
HYPERPARAMETERS_SCHEMA = schema_of(
    "use_bias:BOOL l1:FLOAT learning_rate:FLOAT positive_example_weight_mult:FLOAT wd:FLOAT mini_batch_size:INT"
)
# Figures that a step does not speak of are missing.
RUN_RESULT_SCHEMA = schema_of(
    "sha256:TEXT verdict:TEXT evidence:TEXT threshold:FLOAT base_rate:FLOAT trials:INT tuning_s:FLOAT "
    "window_closed_to_published_s:FLOAT"
)
# Columns of a run's state change and the attributes they come from, by the part of the record they stand in.
RUN_PARTS = (
    ("", "", schema_of("instrument:TEXT seq:INT step:TEXT at_ns:INT reason:TEXT detail:TEXT")),
    ("", "", schema_of("first_example_seq:INT last_example_seq:INT trials_planned:INT window_closed_at_ns:INT")),
    ("split_", "split.", schema_of("training:INT validation:INT test:INT purged:INT")),
    ("trial_", "trial.", schema_of("number:INT feasible:BOOL objective:FLOAT precision:FLOAT recall:FLOAT")),
    ("trial_", "trial.", schema_of("threshold_z:FLOAT")),
    ("trial_", "trial.hyperparameters.", HYPERPARAMETERS_SCHEMA),
    ("", "result.", RUN_RESULT_SCHEMA),
    ("validation_", "result.validation.", PART_METRICS_SCHEMA),
    ("test_", "result.test.", PART_METRICS_SCHEMA),
    ("next_", "scorecard.", SCORECARD_SCHEMA),
    ("", "scorecard.account.bettor.", schema_of("e_gross:FLOAT e_net:FLOAT bets:INT")),
)
RUN_EVENT_SCHEMA = {before + name: kind for before, _, schema in RUN_PARTS for name, kind in schema.items()}
RUN_PATHS = {before + name: path + name for before, path, schema in RUN_PARTS for name in schema}


def _columns(
    schema: Mapping[str, ColumnType], paths: Mapping[str, str] = NO_PATHS
) -> Callable[[Sequence[Any]], Columns]:
    """Columns of one value a record: the attribute of the same name, or the one that `paths` names."""
    getters = {name: _getter(paths.get(name, name)) for name in schema}

    def columns(records: Sequence[Any]) -> Columns:
        return {name: list(map(get, records)) for name, get in getters.items()}

    return columns


def _getter(path: str) -> Callable[[Any], Any]:
    """Follows attributes, None where one on the way is None; of an enumeration the word."""
    names = path.split(".")

    def get(record: Any) -> Any:
        for name in names:
            record = None if record is None else getattr(record, name)
        return _enum_name(record) if isinstance(record, Enum) else record

    return get


def _enum_name(value: Enum) -> str:
    return str(value) if isinstance(value, StrEnum) else value.name


EXAMPLE_SCALARS, PREDICTION_SCALARS = (
    _columns({name: kind for name, kind in schema.items() if kind is not ColumnType.FLOATS})
    for schema in (EXAMPLE_SCHEMA, PREDICTION_SCHEMA)
)


def example_columns(records: Sequence[Example]) -> Columns:
    """One row an example."""
    return {**EXAMPLE_SCALARS(records), "features": _feature_rows(records)}


def prediction_columns(records: Sequence[ServedPrediction]) -> Columns:
    """One row a prediction."""
    scalars = PREDICTION_SCALARS(records)
    return {**scalars, "flags": [",".join(r.flags) for r in records], "features": _feature_rows(records)}


def _feature_rows(records: Sequence[Example] | Sequence[ServedPrediction]) -> NDArray[np.float32]:
    packed = b"".join(record.features for record in records)
    return np.frombuffer(packed, dtype="<f4").reshape(-1, FEATURE_COUNT)


@dataclass(frozen=True, slots=True)
class LabelerStateRow:
    """A record of the labeler's state, of either kind; for people who look into a topic."""

    instrument: str
    kind: str
    second: int
    config: str
    example_seq: int | None = None
    transactions: int | None = None
    part: int | None = None
    parts: int | None = None
    ticks_offset: int | None = None
    orders_offset: int | None = None
    payload: bytes | None = None


def decode_labeler_state_row(key: bytes | None, value: bytes | None) -> LabelerStateRow:
    """Raises InvalidRecordError."""
    kind = key_kind(key)
    if kind == FRONTIER:
        at = decode_frontier(value)
        front = at.frontier
        return LabelerStateRow(at.instrument, kind, front.second, at.config, front.example_seq, front.transactions)
    cut = decode_snapshot(value)
    return LabelerStateRow(
        *(cut.instrument, kind, cut.second, cut.config, None, None),
        *(cut.part, cut.parts, cut.ticks_offset, cut.orders_offset, cut.payload),
    )


def _second(record: Any) -> int:
    return int(record.second)


def _run_event_key(event: RunEvent) -> Hashable:
    return event.instrument, event.seq, event.step, event.trial.number if event.trial else 0


def _dead_letter_key(dead_letter: DeadLetter) -> Hashable:
    return dead_letter.dedup_key


def _by_value(decode: Callable[[bytes | None], Any]) -> Callable[[bytes | None, bytes | None], Any]:
    return lambda _key, value: decode(value)


def _of_attributes(
    topic: Topic,
    decode: Callable[[bytes | None], Any],
    schema: Mapping[str, ColumnType],
    paths: Mapping[str, str] = NO_PATHS,
    identity: Callable[[Any], Hashable] | None = None,
) -> TableView:
    return TableView(topic.name, topic, _by_value(decode), schema, _columns(schema, paths), identity=identity)


_SECONDS, _ORDERS, _EXAMPLES = _by_value(decode_second), _by_value(decode_orders), _by_value(decode_example)
TABLE_VIEWS: Mapping[str, TableView] = MappingProxyType(
    {
        view.name: view
        for view in (
            TableView(TICKS.name, TICKS, _SECONDS, TICK_SCHEMA, tick_columns, _second),
            TableView("bars", TICKS, _SECONDS, BAR_SCHEMA, bar_columns, _second),
            TableView(ORDERS.name, ORDERS, _ORDERS, ORDER_SCHEMA, order_columns, _second),
            _of_attributes(TRANSACTIONS, decode_transaction, TRANSACTION_SCHEMA),
            TableView(EXAMPLES.name, EXAMPLES, _EXAMPLES, EXAMPLE_SCHEMA, example_columns),
            _of_attributes(TRAINING_RUNS, decode_run_event, RUN_EVENT_SCHEMA, RUN_PATHS, _run_event_key),
            TableView(
                PREDICTIONS.name, PREDICTIONS, _by_value(decode_prediction), PREDICTION_SCHEMA, prediction_columns
            ),
            _of_attributes(FEED_STATUS, decode_feed_status, FEED_STATUS_SCHEMA),
            _of_attributes(DEAD_LETTERS, decode_dead_letter, DEAD_LETTER_SCHEMA, identity=_dead_letter_key),
            TableView(
                LABELER_STATE.name,
                LABELER_STATE,
                decode_labeler_state_row,
                LABELER_STATE_SCHEMA,
                _columns(LABELER_STATE_SCHEMA),
            ),
        )
    }
)
