"""The oracle itself against cases computed by hand from the rules, so that the judge is judged too."""

import struct
from collections import Counter
from pathlib import Path

import pytest

from tests import oracle
from tests.oracle import E9, Result, Row, Settings

UNIT = 10**9


def market(*quotes: tuple[float, float, float], **settings: object) -> Result:
    """The oracle's word on quotes given as (seconds, bid, offer)."""
    rows = [
        Row(line, round(at * 1000) * 10**6, round(bid * UNIT), round(offer * UNIT))
        for line, (at, bid, offer) in enumerate(quotes, start=2)
    ]
    return oracle.evaluate_rows(rows, Settings(**settings))  # type: ignore[arg-type]


def ended(result: Result) -> list[tuple[int, str, float, int, float]]:
    """(order id, outcome, resolved in seconds, resolving seq, exit) of each transaction in its order."""
    return [
        (t.order.order_id, t.outcome, t.resolved_ns / E9, t.resolved_seq, t.exit / UNIT) for t in result.transactions
    ]


@pytest.mark.parametrize(
    ("bid", "offer", "verdict"),
    [
        ("100", "101", None),
        (" 100 ", "1.01e2", None),
        ("100", "100", None),
        ("", "101", "malformed"),
        ("1_0", "101", "malformed"),
        ("ten", "nan", "malformed"),
        ("nan", "101", "not_finite"),
        ("100", "-Infinity", "not_finite"),
        ("0", "101", "not_positive"),
        ("-5", "101", "not_positive"),
        ("0.0000000005", "0.000000001", "not_positive"),  # rounds half to even: to nothing
        ("1e-999999999", "1", "not_positive"),
        ("9200000000", "9200000000", None),
        ("9200000000", "9200000000.000000001", "too_large"),
        ("1", "1e999999999", "too_large"),
        ("101", "100", "crossed"),
        ("3", "5", None),  # spread 2 = half the mid of 4
        ("3", "5.000000001", "spread"),
    ],
)
def test_usable_prices(bid: str, offer: str, verdict: str | None) -> None:
    assert oracle.usable(oracle.price(bid), oracle.price(offer)) == verdict


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("1.0000000005", UNIT),  # half: to the even 1000000000
        ("1.0000000015", UNIT + 2),  # half: to the even …02
        ("1.00000000150000000000000001", UNIT + 2),
        ("1.00000000050000000000000001", UNIT + 1),
        ("+.5", UNIT // 2),
        ("5.", 5 * UNIT),
    ],
)
def test_prices_round_half_to_even(text: str, units: int) -> None:
    assert oracle.price(text) == units


def test_rows_carry_their_line_and_rejects_their_reason(tmp_path: Path) -> None:
    file = tmp_path / "quotes.csv"
    file.write_text("time_ms,bid,offer\n1000,1,2\n1001,2,1\nabc,1,2\n1002,1\n1003,1.2,1.3\n")
    rows, rejects = oracle.rows_of(oracle.read_lines(file))
    assert [(row.line, row.time_ns) for row in rows] == [(6, 1003 * 10**6)]  # 1 and 2: spread over half of 1.5
    assert [(reject.line, reject.reason) for reject in rejects] == [
        (2, "spread"),
        (3, "crossed"),
        (4, "malformed"),
        (5, "malformed"),
    ]


def test_a_row_from_the_past_is_a_late_tick_at_the_latest_time() -> None:
    result = market((10.5, 10, 11), (10.4, 11, 12), (10.5, 11, 12))
    assert [(t.seq, t.time_ns, t.late) for t in result.ticks] == [
        (1, 10_500_000_000, False),
        (2, 10_500_000_000, True),
        (3, 10_500_000_000, False),
    ]


def test_seconds_are_contiguous_and_close_with_the_last_quote() -> None:
    result = market((10.5, 10, 11), (10.9, 12, 13), (13.0, 14, 14))
    assert [(b.second, b.first_seq, b.tick_count, b.bid // UNIT, b.ends_session) for b in result.bars] == [
        (10, 1, 2, 12, False),
        (11, 3, 0, 12, False),
        (12, 3, 0, 12, False),
        (13, 3, 1, 14, True),
    ]
    assert [b.open for b in result.bars] == [None, *[(12 * UNIT, 13 * UNIT)] * 3]


@pytest.mark.parametrize(("gap_s", "sessions"), [(600, 1), (601, 2)])
def test_a_session_ends_after_its_600th_quiet_second(gap_s: int, sessions: int) -> None:
    result = market((10.999, 10, 11), (10 + gap_s, 10, 11))
    assert [len(s.ticks) for s in result.sessions] == [[2], [1, 1]][sessions - 1]
    first = result.sessions[0].bars
    assert (first[0].second, first[-1].second, first[-1].ends_session) == (10, 610, True)
    assert [tick.seq for tick in result.ticks] == [1, 2]


def test_stale_is_more_than_sixty_seconds_at_the_seconds_end() -> None:
    exact = market((10.0, 10, 11), (100, 10, 11)).bars
    assert [b.second for b in exact if b.stale] == list(range(70, 100))  # second 69 ends 60 s after the quote
    later = market((10.001, 10, 11), (100, 10, 11)).bars
    assert later[60].second == 70
    assert later[60].stale  # 60.999 s
    assert not later[59].stale


def test_the_day_starts_anew_at_midnight_and_with_a_session() -> None:
    midnight = 86_400
    result = market(
        (midnight - 3, 10, 12),
        (midnight - 2, 14, 16),
        (midnight - 2, 8, 10),
        (midnight + 1, 12, 14),
        (midnight + 2, 10, 12),
    )
    day = [(b.day_open // UNIT, b.day_high // UNIT, b.day_low // UNIT) for b in result.bars]
    assert day == [(11, 11, 11), (11, 15, 9), (11, 15, 9), (9, 9, 9), (13, 13, 13), (13, 13, 11)]
    assert [b.second - midnight for b in result.bars] == [-3, -2, -1, 0, 1, 2]
    broken = market((10, 10, 12), (700, 20, 22))
    assert broken.sessions[1].bars[0].day_low == 21 * UNIT


def test_a_mid_is_floored() -> None:
    rows = [Row(2, 10 * E9, 10, 13)]
    result = oracle.evaluate_rows(rows, Settings())
    assert result.bars[0].mid == 11


@pytest.mark.parametrize(
    ("threshold", "entry", "away"),
    [
        ("10", 5, 10 * UNIT),
        ("0.5", 5, UNIT // 2),
        ("15bps", 10_000 * UNIT, 15 * UNIT),
        ("1bps", 25_000, 2),  # 2.5: half to even
        ("1bps", 35_000, 4),  # 3.5
        ("1bps", 25_001, 3),
    ],
)
def test_thresholds(threshold: str, entry: int, away: int) -> None:
    assert oracle.threshold_distance(threshold, entry) == away


def test_orders_take_the_quote_in_force_from_the_first_tick_on() -> None:
    result = market((10.4, 100, 101), (10.6, 102, 103), (10.6, 104, 105), (11.0, 106, 107))
    assert [(o.order_id, o.placed_ns, o.offer // UNIT) for o in result.orders if o.second == 10] == [
        (10_002, 10_400_000_000, 101),
        (10_003, 10_600_000_000, 105),
        (10_004, 10_800_000_000, 105),
    ]
    assert [o.order_id for o in result.orders if o.second == 11] == [11_000 + i for i in range(5)]
    assert result.orders[0].upper == 111 * UNIT
    assert result.orders[0].lower == 91 * UNIT


def test_instants_of_an_odd_number_are_floored() -> None:
    result = market((10, 100, 101), orders_per_second=3)
    assert [o.placed_ns - 10 * E9 for o in result.orders] == [0, 333_333_333, 666_666_666]


def test_orders_not_placed_are_counted_by_reason() -> None:
    result = market((10, 100, 110), (11, 100, 109.999), (71, 100, 101), orders_per_second=1)
    assert result.not_placed[10, "spread"] == 1  # bid 100 = lower threshold
    assert 11_000 in [o.order_id for o in result.orders]
    assert result.not_placed_by_reason == {"spread": 1}
    stale = market((10, 100, 101), (80, 100, 101), orders_per_second=2)
    assert stale.not_placed_by_reason == {"stale": 2 * 10}


def test_touch_at_equality_counts_and_the_tick_at_the_instant_does_not() -> None:
    result = market((10, 100, 101), (11, 110.999, 112), (12, 111, 112), (13, 91, 92), orders_per_second=1)
    assert ended(result)[:3] == [
        (10_000, "PROFIT", 12, 3, 111),
        (11_000, "LOSS", 13, 4, 91),
        (12_000, "LOSS", 13, 4, 91),
    ]
    at_once = market((10, 100, 101), (10, 115, 116), (10, 100, 101), (11, 105, 106), orders_per_second=1)
    assert [t.outcome for t in at_once.transactions] == ["VOID", "VOID"]


@pytest.mark.parametrize(
    ("exit_on", "outcome", "price"), [("bid", "VOID", 110), ("mid", "PROFIT", 111), ("offer", "PROFIT", 112)]
)
def test_the_price_that_exits(exit_on: str, outcome: str, price: float) -> None:
    result = market((10, 100, 101), (10.5, 110, 112), orders_per_second=1, exit_on=exit_on)
    assert ended(result) == [(10_000, outcome, 10.5 if outcome == "PROFIT" else 11, 2, price)]
    assert result.transactions[0].pnl == round((price - 101) * UNIT)


def test_a_longest_holding_time_ends_orders_on_the_instant() -> None:
    quotes = ((10, 100, 101), (13, 111, 112), (14, 105, 106), (20, 105, 106))
    touched = market(*quotes, orders_per_second=1, max_holding_ns=3 * E9)
    assert ended(touched)[0] == (10_000, "PROFIT", 13, 2, 111)  # the tick at placed + H is still in time
    expired = market(*quotes, orders_per_second=1, max_holding_ns=3 * E9 - 1)
    assert ended(expired)[0] == (10_000, "EXPIRED", 13 - 1e-9, 1, 100)
    at_the_end = market((10, 100, 101), (11, 100, 101), orders_per_second=1, max_holding_ns=E9)
    assert ended(at_the_end) == [(10_000, "EXPIRED", 11, 2, 100), (11_000, "EXPIRED", 12, 2, 100)]
    beyond = market((10, 100, 101), (11, 100, 101), orders_per_second=1, max_holding_ns=E9 + 1)
    # 10 + 1.000000001 s lies before the end at 12 s, 11 + 1.000000001 s behind it.
    assert [row[:2] for row in ended(beyond)] == [(10_000, "EXPIRED"), (11_000, "VOID")]


def test_void_at_a_break_and_at_the_end_of_the_file() -> None:
    result = market((10, 100, 101), (1000, 200, 201), orders_per_second=1)
    voids = [row for row in ended(result) if row[1] == "VOID"]
    assert voids[0] == (10_000, "VOID", 611, 1, 100)
    assert voids[-1] == (1_000_000, "VOID", 1001, 2, 200)
    assert len(voids) == 60 + 1  # seconds 10 … 69, then stale
    assert result.not_placed_by_reason == {"stale": 541}


def test_canonical_order_is_by_seq_before_order_id() -> None:
    # 10_000 at 101 has thresholds 111 and 91, 10_001 at 109 has 119 and 99: the later order falls to the earlier tick.
    result = market((10, 100, 101), (10.5, 108, 109), (11, 99, 100), (11, 91, 92), orders_per_second=2)
    assert ended(result)[:2] == [(10_001, "LOSS", 11, 3, 99), (10_000, "LOSS", 11, 4, 91)]


def test_canonical_order_puts_touches_before_expiries_before_voids() -> None:
    quotes = ((10, 100, 101), (10.5, 108, 109), (11, 99, 100))
    result = market(*quotes, orders_per_second=2, max_holding_ns=E9)
    assert ended(result) == [
        (10_001, "LOSS", 11, 3, 99),
        (10_000, "EXPIRED", 11, 3, 99),
        (11_000, "EXPIRED", 12, 3, 99),  # its time is up as the session ends
        (11_001, "VOID", 12, 3, 99),
    ]


def long_market() -> Result:
    """One quote a minute for 612 seconds from second 1000 on, and a jump at the end that resolves all."""
    quotes = [(1000 + at, 100 + at / 60, 102 + at / 60) for at in range(0, 601, 60)]
    return market(*quotes, (1611.5, 300, 301), orders_per_second=1)


def test_examples_need_600_seconds_of_history() -> None:
    examples = list(long_market().examples())
    assert [e.order_id // 1000 for e in examples] == list(range(1600, 1612))
    assert [e.example_seq for e in examples] == list(range(1, 13))
    assert {e.label for e in examples} == {1}


def test_features_by_hand() -> None:
    example = next(long_market().examples())
    features = struct.unpack("<605f", example.features)
    # Second 1600: in force is the quote of minute 10 (bid 110, offer 112, mid 111); before it minute 9 (mid 110).
    assert features[:5] == (-1.0, 1.0, 101 - 111, 110 - 111, 101 - 111)
    assert features[5] == 110 - 111  # second 1599
    assert features[5 + 59] == 110 - 111  # second 1540: minute 9 begins
    assert features[5 + 60] == 109 - 111  # second 1539
    assert features[604] == 101 - 111  # second 1000


def test_features_are_float32_of_the_float64() -> None:
    rows = [Row(2, 1000 * E9, 100_000_000_001, 100_000_000_001), Row(3, 1600 * E9, 100 * E9, 100 * E9)]
    result = oracle.evaluate_rows([*rows, Row(4, 1600 * E9 + 1, 200 * E9, 200 * E9)], Settings(orders_per_second=1))
    example = next(result.examples())
    assert example.features[-4:] == struct.pack("<f", 1e-9)


def test_windows() -> None:
    labels = [1, 1, 0, 0, 1, 1]
    tumbling = oracle.windows_of(labels, 2, 2)
    assert [(w.number, w.first_example_seq, w.last_example_seq, w.one_class) for w in tumbling] == [
        (1, 1, 2, True),
        (2, 3, 4, True),
        (3, 5, 6, True),
    ]
    stepped = oracle.windows_of(labels, 3, 1)
    assert [(w.first_example_seq, w.last_example_seq, w.profits) for w in stepped] == [
        (1, 3, 2),
        (2, 4, 1),
        (3, 5, 1),
        (4, 6, 2),
    ]
    assert oracle.windows_of(labels, 7, 7) == []


def test_not_placed_and_orders_add_up_to_the_samples() -> None:
    result = market((10.3, 100, 101), (90, 100, 125), (95, 100, 101))
    samples = Counter(o.second for o in result.orders)
    for (second, _), count in result.not_placed.items():
        samples[second] += count
    assert samples.pop(10) == 3
    assert set(samples.values()) == {5}
    assert sorted(samples) == list(range(11, 96))
