"""The independent oracle: docs/semantics.md, "Quotes" to "Windows", once more, obvious rather than fast.

It judges the services, so it shares no code with them: nothing of `tidewheel` or `services` is imported (a tidy test
holds it to that). It reads a recorded file, `time_ms,bid,offer[,…]`, and says which rows are no ticks, which ticks,
market seconds and orders follow, how each order ends, and which examples and windows come of it. Prices are whole
numbers of 1e-9 units. Each step is a function of the step before.
"""

import gzip
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from pathlib import Path

import numpy as np

from tests.oracle_values import (
    E9,
    Bar,
    Example,
    Order,
    Reject,
    Row,
    Session,
    Settings,
    Tick,
    Transaction,
    Window,
)

DAY_S = 24 * 60 * 60
HISTORY_S = 600
PRICE_MAX = 9_200_000_000 * E9
TIME_MS_MAX = (2**63 - 1) // 10**6
FINITE = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
NOT_FINITE = re.compile(r"[+-]?(inf|infinity|s?nan[0-9]*)", re.IGNORECASE)
SCAN_TICKS = 64


@dataclass
class Result:
    """Everything that follows from a recorded file; `examples()` is cut anew on each call, since a day's fill a GB."""

    settings: Settings
    rejects: list[Reject]
    sessions: list[Session]
    orders: list[Order] = field(default_factory=list)
    not_placed: Counter[tuple[int, str]] = field(default_factory=Counter)
    transactions: list[Transaction] = field(default_factory=list)

    @property
    def ticks(self) -> list[Tick]:
        return [tick for session in self.sessions for tick in session.ticks]

    @property
    def bars(self) -> list[Bar]:
        return [bar for session in self.sessions for bar in session.bars]

    @property
    def not_placed_by_reason(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for (_, reason), count in self.not_placed.items():
            total[reason] += count
        return dict(total)

    def examples(self) -> Iterator[Example]:
        return examples_of(self.sessions, self.transactions)


# ---- rows ----------------------------------------------------------------------------------------------------------


def read_lines(path: Path) -> list[str]:
    """Lines of a CSV or CSV.gz file without their ends; the first is the header."""
    stored = path.read_bytes()
    content = gzip.decompress(stored) if path.suffix == ".gz" else stored
    lines = content.decode("utf-8", errors="replace").split("\n")
    return [line.removesuffix("\r") for line in (lines if lines[-1] else lines[:-1])]


def price(text: str) -> int | str:
    """A price in 1e-9 units, or the reason why it is none."""
    text = text.strip()
    if NOT_FINITE.fullmatch(text):
        return "not_finite"
    if not FINITE.fullmatch(text):
        return "malformed"
    mantissa, _, exponent = text.lower().partition("e")
    with localcontext() as context:
        context.prec = len(text) + 40
        value = Decimal(mantissa)
        # A line is too short for its digits to make up for such an exponent.
        if value <= 0 or int(exponent or 0) < -(10**6):
            return "not_positive"
        if int(exponent or 0) > 10**6:
            return "too_large"
        value = Decimal(text)
        if value.adjusted() > 30:
            return "too_large"
        units = int((value * E9).to_integral_value(ROUND_HALF_EVEN))
    if units <= 0:
        return "not_positive"
    return "too_large" if units > PRICE_MAX else units


def usable(bid: int | str, offer: int | str) -> str | None:
    """The reason why two parsed sides are no usable price, or None."""
    for reason in ("malformed", "not_finite", "not_positive", "too_large"):
        if reason in (bid, offer):
            return reason
    assert isinstance(bid, int)
    assert isinstance(offer, int)
    if bid > offer:
        return "crossed"
    if Fraction(offer - bid) > Fraction((bid + offer) // 2, 2):
        return "spread"
    return None


def rows_of(lines: Iterable[str]) -> tuple[list[Row], list[Reject]]:
    """Rows that are usable prices, and those that are not; `lines` starts with the header, which is line 1."""
    rows, rejects = [], []
    for number, line in enumerate(lines, start=1):
        if number == 1:
            columns = line.strip().split(",")
            assert columns[:3] == ["time_ms", "bid", "offer"], columns
            continue
        fields = line.split(",")
        time_text = fields[0].strip()
        if len(fields) != len(columns) or not re.fullmatch("[0-9]+", time_text) or int(time_text) > TIME_MS_MAX:
            rejects.append(Reject(number, "malformed"))
            continue
        bid, offer = price(fields[1]), price(fields[2])
        reason = usable(bid, offer)
        if reason:
            rejects.append(Reject(number, reason))
        else:
            rows.append(Row(number, int(time_text) * 10**6, int(bid), int(offer)))
    return rows, rejects


# ---- ticks and seconds ---------------------------------------------------------------------------------------------


def ticks_of(rows: Iterable[Row], settings: Settings) -> list[list[Tick]]:
    """The ticks of each session."""
    sessions: list[list[Tick]] = []
    latest_ns = None
    for seq, row in enumerate(rows, start=1):
        late = latest_ns is not None and row.time_ns < latest_ns
        time_ns = latest_ns if late else row.time_ns
        if latest_ns is None or time_ns // E9 > latest_ns // E9 + settings.quiet_s:
            sessions.append([])
        sessions[-1].append(Tick(len(sessions), seq, time_ns, row.bid, row.offer, late, row.line))
        latest_ns = time_ns
    return sessions


def bars_of(ticks: list[Tick], settings: Settings, *, last: bool) -> list[Bar]:
    """The seconds of one session; the last one of a file ends with its last tick's second."""
    end = ticks[-1].second + (0 if last else settings.quiet_s)
    by_second: dict[int, list[Tick]] = {}
    for tick in ticks:
        by_second.setdefault(tick.second, []).append(tick)
    bars: list[Bar] = []
    closing, day_of_mids, mids = None, None, []
    for second in range(ticks[0].second, end + 1):
        here = by_second.get(second, [])
        opening = None if closing is None else (closing.bid, closing.offer)
        next_seq = ticks[0].seq if closing is None else closing.seq + 1
        if here:
            closing = here[-1]
        assert closing is not None
        if second // DAY_S != day_of_mids:
            day_of_mids, mids = second // DAY_S, []
        if here:
            # Only the extremes and the first are ever asked for.
            seen = [*mids, *(tick.mid for tick in here)]
            mids = [seen[0], max(seen), min(seen)]
        day = mids or [closing.mid] * 3
        bars.append(
            Bar(
                session=closing.session,
                second=second,
                first_seq=next_seq,
                tick_count=len(here),
                open=opening,
                bid=closing.bid,
                offer=closing.offer,
                day_open=day[0],
                day_high=day[1],
                day_low=day[2],
                last_tick_ns=closing.time_ns,
                stale=(second + 1) * E9 - closing.time_ns > settings.stale_s * E9,
                ends_session=second == end,
            )
        )
    return bars


def sessions_of(rows: Iterable[Row], settings: Settings) -> list[Session]:
    parts = ticks_of(rows, settings)
    return [Session(ticks, bars_of(ticks, settings, last=ticks is parts[-1])) for ticks in parts]


# ---- orders --------------------------------------------------------------------------------------------------------


def threshold_distance(threshold: str, entry: int) -> int:
    """U and L: absolute, or basis points of the entry price rounded half to even."""
    if threshold.endswith("bps"):
        exact = Fraction(entry) * Fraction(threshold.removesuffix("bps")) / 10_000
        return round(exact)  # Fraction rounds half to even
    exact = Fraction(threshold) * E9
    assert exact.denominator == 1, "an absolute threshold has at most nine decimals"
    return int(exact)


def orders_of(session: Session, settings: Settings) -> tuple[list[Order], Counter[tuple[int, str]]]:
    """Orders of a session, and the sampled instants without one by (second, reason)."""
    times = [tick.time_ns for tick in session.ticks]
    placed: list[Order] = []
    refused: Counter[tuple[int, str]] = Counter()
    for bar in session.bars:
        for index in range(settings.orders_per_second):
            instant = bar.second * E9 + index * E9 // settings.orders_per_second
            in_force = bisect_right(times, instant) - 1
            if in_force < 0:
                continue
            quote = session.ticks[in_force]
            away = threshold_distance(settings.threshold, quote.offer)
            upper, lower = quote.offer + away, quote.offer - away
            # The first reason that holds is the one counted: docs/semantics.md, "Orders".
            if bar.stale:
                refused[bar.second, "stale"] += 1
            elif away <= 0 or lower <= 0 or upper > PRICE_MAX:
                refused[bar.second, "threshold"] += 1
            elif quote.bid <= lower:
                refused[bar.second, "spread"] += 1
            else:
                order_id = bar.second * 1000 + index
                placed.append(Order(order_id, bar.session, instant, quote.bid, quote.offer, upper, lower))
    return placed, refused


# ---- transactions --------------------------------------------------------------------------------------------------


def exit_price(tick: Tick, exit_on: str) -> int:
    return {"bid": tick.bid, "mid": tick.mid, "offer": tick.offer}[exit_on]


def first_touch(exits: np.ndarray, start: int, end: int, order: Order) -> int | None:
    """Index of the first tick in start … end-1 whose exit price is at or beyond a threshold."""
    step = SCAN_TICKS
    while start < end:
        part = exits[start : min(end, start + step)]
        touched = np.flatnonzero((part >= order.upper) | (part <= order.lower))
        if len(touched):
            return start + int(touched[0])
        start, step = start + len(part), 2 * step
    return None


def transactions_of(session: Session, orders: list[Order], settings: Settings) -> list[Transaction]:
    """How each order of a session ends, in canonical order."""
    times = [tick.time_ns for tick in session.ticks]
    exits = np.array([exit_price(tick, settings.exit_on) for tick in session.ticks], dtype=np.int64)
    found = []
    for order in orders:
        after = bisect_right(times, order.placed_ns)
        expires_ns = None
        if settings.max_holding_ns is not None and order.placed_ns + settings.max_holding_ns <= session.end_ns:
            expires_ns = order.placed_ns + settings.max_holding_ns
        before = len(times) if expires_ns is None else bisect_right(times, expires_ns)
        touch = first_touch(exits, after, before, order)
        if touch is not None:
            tick = session.ticks[touch]
            outcome = "PROFIT" if exits[touch] >= order.upper else "LOSS"
            found.append(Transaction(order, tick.time_ns, tick.seq, int(exits[touch]), outcome))
        else:
            end_ns, outcome = (session.end_ns, "VOID") if expires_ns is None else (expires_ns, "EXPIRED")
            quote = session.ticks[bisect_right(times, end_ns) - 1]
            found.append(Transaction(order, end_ns, quote.seq, exit_price(quote, settings.exit_on), outcome))
    return sorted(found, key=canonical)


def canonical(transaction: Transaction) -> tuple[int, int, int, int]:
    """`resolved_ns`; then touches by `resolved_seq`; then expiries, then voids; ties by `order_id`."""
    kind = {"PROFIT": 0, "LOSS": 0, "EXPIRED": 1, "VOID": 2}[transaction.outcome]
    return (
        transaction.resolved_ns,
        kind,
        transaction.resolved_seq if kind == 0 else 0,
        transaction.order.order_id,
    )


# ---- examples and windows ------------------------------------------------------------------------------------------


def features_of(session: Session, mids: np.ndarray, order: Order) -> bytes | None:
    """605 float32 as little-endian bytes; None with less than 600 seconds of the session before the order's second."""
    at = order.second - session.bars[0].second
    if at < HISTORY_S:
        return None
    before = session.bars[at - 1]
    values = np.empty(5 + HISTORY_S, dtype=np.int64)
    values[:5] = order.bid, order.offer, before.day_open, before.day_high, before.day_low
    values[5:] = mids[at - HISTORY_S : at][::-1]
    away = values - (order.bid + order.offer) // 2
    return (away.astype(np.float64) / 1e9).astype("<f4").tobytes()


def examples_of(sessions: list[Session], transactions: list[Transaction]) -> Iterator[Example]:
    """Examples in canonical order of the PROFIT and LOSS transactions that have features."""
    mids = [np.array([bar.mid for bar in session.bars], dtype=np.int64) for session in sessions]
    example_seq = 0
    for transaction in transactions:
        if transaction.outcome not in ("PROFIT", "LOSS"):
            continue
        order = transaction.order
        features = features_of(sessions[order.session - 1], mids[order.session - 1], order)
        if features is None:
            continue
        example_seq += 1
        yield Example(
            example_seq,
            order.order_id,
            order.placed_ns,
            transaction.resolved_ns,
            int(transaction.outcome == "PROFIT"),
            transaction.pnl,
            features,
        )


def windows_of(labels: list[int], size: int, step: int) -> list[Window]:
    """The closed windows over examples with these labels, `example_seq` from 1."""
    windows = []
    number = 1
    while (last := size + (number - 1) * step) <= len(labels):
        rows = labels[last - size : last]
        windows.append(Window(number, last - size + 1, last, rows.count(1), rows.count(0)))
        number += 1
    return windows


# ---- everything ----------------------------------------------------------------------------------------------------


def evaluate_rows(rows: Iterable[Row], settings: Settings, rejects: list[Reject] | None = None) -> Result:
    """Everything that follows from usable rows."""
    result = Result(settings, rejects or [], sessions_of(rows, settings))
    for session in result.sessions:
        orders, refused = orders_of(session, settings)
        result.orders += orders
        result.not_placed += refused
        result.transactions += transactions_of(session, orders, settings)
    return result


def evaluate_file(path: Path, settings: Settings) -> Result:
    """Everything that follows from a recorded file."""
    rows, rejects = rows_of(read_lines(path))
    return evaluate_rows(rows, settings, rejects)
