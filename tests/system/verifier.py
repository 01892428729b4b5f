"""Holds what a run exported against the oracle, record for record. Shares no code with the services."""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, zip_longest
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.oracle import Result

FAULTS_MAX = 5
NAMES = ("bid", "offer", "day_open", "day_high", "day_low", *(f"mid_{lag}s" for lag in range(1, 601)))
SCHEMA_HASH = hashlib.sha256(",".join(NAMES).encode()).digest()

TICKS = ("instrument", "session", "seq", "time_ns", "bid_e9", "offer_e9")
BARS = (
    *("instrument", "session", "second", "bid_e9", "offer_e9", "mid_open_e9", "mid_high_e9", "mid_low_e9"),
    *("tick_count", "last_seq", "stale", "day_open_e9", "day_high_e9", "day_low_e9"),
)
ORDERS = ("instrument", "second", "order_id", "placed_ns", "bid_e9", "offer_e9", "upper_e9", "lower_e9")
TRANSACTIONS = (
    *("instrument", "order_id", "placed_ns", "entry_e9", "upper_e9", "lower_e9", "resolved_ns", "resolved_seq"),
    *("exit_e9", "outcome", "pnl_e9"),
)
EXAMPLES = ("instrument", "example_seq", "order_id", "placed_ns", "resolved_ns", "label", "schema_hash", "features")


def rows(file: Path, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    """Rows of an exported topic, batch by batch: a day's examples fill a gigabyte."""
    for batch in pq.ParquetFile(file).iter_batches(batch_size=5000, columns=list(columns)):
        table = [_values(batch.column(name)) for name in columns]
        yield from zip(*table, strict=True)


def _values(column: Any) -> list[Any]:
    if str(column.type).startswith(("list<", "fixed_size_list<", "large_list<")):
        flat = column.flatten().to_numpy(zero_copy_only=False).astype("<f4")
        return [row.tobytes() for row in flat.reshape(len(column), -1)] if len(column) else []
    return list(column.to_pylist())


def wanted_ticks(instrument: str, result: Result) -> Iterator[tuple[Any, ...]]:
    for t in result.ticks:
        yield instrument, t.session, t.seq, t.time_ns, t.bid, t.offer


def wanted_bars(instrument: str, result: Result) -> Iterator[tuple[Any, ...]]:
    # An exported bar has the mids of its own second beside those of the day: docs/semantics.md, "Market seconds".
    mids: dict[int, list[int]] = {}
    for t in result.ticks:
        mids.setdefault(t.second, []).append(t.mid)
    for b in result.bars:
        here = mids.get(b.second, [b.mid])
        yield (
            *(instrument, b.session, b.second, b.bid, b.offer, here[0], max(here), min(here)),
            *(b.tick_count, b.last_seq, b.stale, b.day_open, b.day_high, b.day_low),
        )


def wanted_orders(instrument: str, result: Result) -> Iterator[tuple[Any, ...]]:
    for o in result.orders:
        yield instrument, o.second, o.order_id, o.placed_ns, o.bid, o.offer, o.upper, o.lower


def wanted_transactions(instrument: str, result: Result) -> Iterator[tuple[Any, ...]]:
    for t in result.transactions:
        o = t.order
        yield (
            *(instrument, o.order_id, o.placed_ns, o.offer, o.upper, o.lower, t.resolved_ns, t.resolved_seq),
            *(t.exit, t.outcome, t.pnl),
        )


def wanted_examples(instrument: str, result: Result) -> Iterator[tuple[Any, ...]]:
    for e in result.examples():
        yield (
            *(instrument, e.example_seq, e.order_id, e.placed_ns, e.resolved_ns, e.label),
            *(SCHEMA_HASH, e.features),
        )


TOPICS = {
    "ticks": (TICKS, wanted_ticks),
    "bars": (BARS, wanted_bars),
    "orders": (ORDERS, wanted_orders),
    "transactions": (TRANSACTIONS, wanted_transactions),
    "examples": (EXAMPLES, wanted_examples),
}


def compared(name: str, wanted: Iterable[tuple[Any, ...]], got: Iterable[tuple[Any, ...]]) -> tuple[int, list[str]]:
    """Number of records compared, and the first differences in words."""
    faults: list[str] = []
    count = 0
    for count, (one, other) in enumerate(zip_longest(wanted, got), start=1):
        if one != other and len(faults) < FAULTS_MAX:
            faults.append(f"{name}, record {count}: wanted {_short(one)}, exported {_short(other)}")
    return count, faults


def _short(row: tuple[Any, ...] | None) -> str:
    if row is None:
        return "none"
    return str(tuple(f"{v[:8].hex()}…" if isinstance(v, bytes) and len(v) > 8 else v for v in row))


def differences(export: Path, results: Mapping[str, Result]) -> tuple[dict[str, int], list[str]]:
    """Records compared by topic, and everything in which an export differs from the oracle's word on each instrument.

    An export has the instruments one after another, in order of name.
    """
    counts: dict[str, int] = {}
    faults: list[str] = []
    for name, (columns, wanted) in TOPICS.items():
        file = export / f"{name}.parquet"
        every = chain.from_iterable(wanted(one, results[one]) for one in sorted(results))
        counts[name], found = compared(name, every, rows(file, columns))
        faults += found
    return counts, faults + _dead_letter_faults(export, results) + _csv_faults(export, results)


def _dead_letter_faults(export: Path, results: Mapping[str, Result]) -> list[str]:
    wanted = [
        (name, "ingest", reject.line, reject.reason) for name in sorted(results) for reject in results[name].rejects
    ]
    got = rows(export / "dead-letters.parquet", ("instrument", "service", "offset", "reason"))
    return compared("dead-letters", wanted, sorted(got, key=lambda row: (row[0], row[2])))[1]


def _csv_faults(export: Path, results: Mapping[str, Result]) -> list[str]:
    """The two files for people have a line a record."""
    faults = []
    for name, records in (("transactions", attrgetter("transactions")), ("bars", attrgetter("bars"))):
        count = sum(len(records(result)) for result in results.values())
        with (export / f"{name}.csv").open() as file:
            lines = sum(1 for _ in csv.DictReader(file))
        if lines != count:
            faults.append(f"{name}.csv has {lines} lines for {count} records")
    return faults


def fingerprint(export: Path) -> dict[tuple[str, str], str]:
    """(topic, instrument) -> a hash of the records, none of which may depend on speed, on kills or on what else is
    traded: to compare runs with each other."""
    found: dict[tuple[str, str], Any] = {}
    for name, (columns, _) in TOPICS.items():
        for row in rows(export / f"{name}.parquet", columns):
            found.setdefault((name, row[0]), hashlib.sha256()).update(repr(row).encode())
    return {place: digest.hexdigest() for place, digest in found.items()}


def expected_summary(result: Result) -> dict[str, Any]:
    """The counts that a run's summary must state."""
    outcomes = [t.outcome for t in result.transactions]
    return {
        "ticks": len(result.ticks),
        "bars": len(result.bars),
        "placed": len(result.orders),
        "not_placed": sum(result.not_placed_by_reason.values()),
        "transactions": {name: outcomes.count(name) for name in ("PROFIT", "LOSS", "EXPIRED", "VOID")},
        "examples": sum(1 for _ in result.examples()),
        "dead_letters": len(result.rejects),
    }
