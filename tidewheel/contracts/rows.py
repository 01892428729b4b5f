"""Exported rows: what the records of a topic look like as a table. One place for file exports and `topics tail`.

A view turns a batch of decoded records into columns of equal length; prices stay in 1e-9 units and their names end in
`_e9`. Rows of one instrument stand in the order of its records, which is the canonical one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewheel.contracts.codecs.market import (
    DeadLetter,
    FeedStatus,
    decode_dead_letter,
    decode_feed_status,
    decode_second,
)
from tidewheel.contracts.codecs.orders import decode_example, decode_orders, decode_transaction
from tidewheel.contracts.codecs.training import decode_run_event
from tidewheel.contracts.topics import (
    DEAD_LETTERS,
    EXAMPLES,
    FEED_STATUS,
    ORDERS,
    TICKS,
    TRAINING_RUNS,
    TRANSACTIONS,
    Topic,
)
from tidewheel.domain.features import FEATURE_COUNT, Example
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import SecondOrders, Transaction
from tidewheel.domain.prices import mid_e9
from tidewheel.domain.training import RunEvent

Column = NDArray[Any] | Sequence[Any]
Columns = dict[str, Column]


@dataclass(frozen=True, slots=True)
class View:
    """One way to see a topic as a table.

    `position`: what grows from record to record of an instrument; a record that does not get further is a repeat, which
    at-least-once delivery allows. None where every record counts.
    """

    name: str
    topic: Topic
    decode: Callable[[bytes | None], Any]
    instrument: Callable[[Any], str]
    position: Callable[[Any], int] | None
    columns: Callable[[Sequence[Any]], Columns]


def _repeated(values: Sequence[Any], counts: Sequence[int]) -> NDArray[Any]:
    return np.repeat(np.asarray(values), counts)


def _joined(columns: Sequence[NDArray[Any]], counts: Sequence[int], missing: int) -> NDArray[Any]:
    """One column over many records; where a record has none, `missing` for each of its rows."""
    whole = [c if len(c) == n else np.full(n, missing) for c, n in zip(columns, counts, strict=True)]
    return np.concatenate(whole) if whole else np.empty(0, dtype=np.int64)


def tick_columns(seconds: Sequence[MarketSecond]) -> Columns:
    """One row a quote."""
    counts = [len(second.quotes) for second in seconds]
    quotes = [second.quotes for second in seconds]
    seqs = [np.arange(s.first_seq, s.first_seq + n) for s, n in zip(seconds, counts, strict=True)]
    return {
        "instrument": _repeated([s.instrument for s in seconds], counts),
        "session": _repeated([s.session for s in seconds], counts),
        "seq": _joined(seqs, counts, 0),
        "time_ns": _joined([q.time_ns for q in quotes], counts, 0),
        "bid_e9": _joined([q.bid_e9 for q in quotes], counts, 0),
        "offer_e9": _joined([q.offer_e9 for q in quotes], counts, 0),
        "bid_size_e9": _joined([q.bid_size_e9 for q in quotes], counts, -1),
        "offer_size_e9": _joined([q.offer_size_e9 for q in quotes], counts, -1),
        "venue_time_ns": _joined([q.venue_time_ns for q in quotes], counts, 0),
        "venue_seq": _joined([q.venue_seq for q in quotes], counts, -1),
        "flags": _joined([q.flags for q in quotes], counts, 0).astype(np.int64),
        "connection_epoch": _repeated([s.connection_epoch for s in seconds], counts),
        "source_kind": _repeated([s.source_kind.name for s in seconds], counts),
    }


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


def order_columns(records: Sequence[SecondOrders]) -> Columns:
    """One row an order."""
    counts = [len(record) for record in records]
    names = ("order_id", "placed_ns", "bid_e9", "offer_e9", "upper_e9", "lower_e9")
    return {
        "instrument": _repeated([r.instrument for r in records], counts),
        "second": _repeated([r.second for r in records], counts),
        **{name: _joined([getattr(r, name) for r in records], counts, 0) for name in names},
    }


def transaction_columns(records: Sequence[Transaction]) -> Columns:
    """One row a resolved order."""
    names = (
        *("instrument", "order_id", "placed_ns", "entry_e9", "upper_e9", "lower_e9"),
        *("resolved_ns", "resolved_seq", "exit_e9"),
    )
    return {
        **{name: [getattr(r, name) for r in records] for name in names},
        "outcome": [r.outcome.name for r in records],
        "pnl_e9": [r.pnl_e9 for r in records],
    }


def example_columns(records: Sequence[Example]) -> Columns:
    """One row an example; `features` has shape (rows, 605), float32."""
    names = ("instrument", "example_seq", "order_id", "placed_ns", "resolved_ns", "label")
    features = np.frombuffer(b"".join(r.features for r in records), dtype="<f4").reshape(-1, FEATURE_COUNT)
    return {
        **{name: [getattr(r, name) for r in records] for name in names},
        "schema_hash": [r.schema_hash.hex() for r in records],
        "features": features,
    }


def run_columns(records: Sequence[RunEvent]) -> Columns:
    """One row a state change; figures that a step does not speak of are missing."""
    results = [r.result for r in records]
    trials = [r.trial for r in records]
    return {
        "instrument": [r.instrument for r in records],
        "seq": [r.seq for r in records],
        "step": [r.step.name for r in records],
        "at_ns": [r.at_ns for r in records],
        "reason": [r.reason for r in records],
        "detail": [r.detail for r in records],
        "first_example_seq": [r.first_example_seq for r in records],
        "last_example_seq": [r.last_example_seq for r in records],
        "trial": [t.number if t else None for t in trials],
        "trial_objective": [t.objective if t else None for t in trials],
        "trial_precision": [t.precision if t else None for t in trials],
        "trial_recall": [t.recall if t else None for t in trials],
        "trial_threshold": [t.threshold if t else None for t in trials],
        "sha256": [x.sha256 if x else None for x in results],
        "evidence": [x.evidence if x else None for x in results],
        "threshold": [x.threshold if x else None for x in results],
        "base_rate": [x.base_rate if x else None for x in results],
        "test_precision": [x.test.precision if x and x.test else None for x in results],
        "test_recall": [x.test.recall if x and x.test else None for x in results],
        "next_precision": [r.scorecard.precision if r.scorecard else None for r in records],
        "next_recall": [r.scorecard.recall if r.scorecard else None for r in records],
        "next_base_rate": [r.scorecard.base_rate if r.scorecard else None for r in records],
    }


def status_columns(records: Sequence[FeedStatus]) -> Columns:
    """One row a change of a feed."""
    return {
        "instrument": [r.instrument for r in records],
        "event": [r.event.name for r in records],
        "time_ns": [r.time_ns for r in records],
        "connection_epoch": [r.connection_epoch for r in records],
        "detail": [r.detail for r in records],
        "source_kind": [r.source_kind.name for r in records],
    }


def letter_columns(records: Sequence[DeadLetter]) -> Columns:
    """One row a record set aside; `raw` as text, with escapes for bytes that are none."""
    return {
        "instrument": [r.instrument for r in records],
        "service": [r.service for r in records],
        "source": [r.source for r in records],
        "partition": [r.partition for r in records],
        "offset": [r.offset for r in records],
        "reason": [r.reason.value for r in records],
        "detail": [r.detail for r in records],
        "raw": [r.raw.decode("utf-8", "backslashreplace") for r in records],
    }


def _instrument(record: Any) -> str:
    return str(record.instrument)


def _view(
    topic: Topic,
    decode: Callable[[bytes | None], Any],
    columns: Callable[[Sequence[Any]], Columns],
    position: Callable[[Any], int] | None = None,
    name: str = "",
) -> View:
    return View(name or topic.name, topic, decode, _instrument, position, columns)


def _second(record: Any) -> int:
    return int(record.second)


VIEWS: Mapping[str, View] = MappingProxyType(
    {
        view.name: view
        for view in (
            _view(TICKS, decode_second, tick_columns, _second),
            _view(TICKS, decode_second, bar_columns, _second, name="bars"),
            _view(ORDERS, decode_orders, order_columns, _second),
            _view(TRANSACTIONS, decode_transaction, transaction_columns),
            _view(EXAMPLES, decode_example, example_columns, lambda record: int(record.example_seq)),
            _view(TRAINING_RUNS, decode_run_event, run_columns),
            _view(FEED_STATUS, decode_feed_status, status_columns),
            _view(DEAD_LETTERS, decode_dead_letter, letter_columns),
        )
    }
)
