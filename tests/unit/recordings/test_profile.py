"""What a recording is like, held against figures that are counted by hand or in a naive way."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.settings import Settings
from tidewheel.domain.market import Quotes
from tidewheel.domain.prices import E9
from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.closings import ClosingSeries
from tidewheel.recordings.profile import GAP_S, Gap, Profile

Row = tuple[int, int, int]
T0_S = 1_700_000_000


def quotes(rows: Sequence[Row]) -> Quotes:
    time_ns, bid, offer = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return Quotes(time_ns=time_ns.copy(), bid_e9=bid.copy(), offer_e9=offer.copy())


def profiled(*batches: Sequence[Row]) -> Profile:
    made = Profile()
    for rows in batches:
        made.on_quotes(quotes(rows))
    return made


def at(second: float, bid: float = 100.0, spread: float = 0.5) -> Row:
    return round((T0_S + second) * NS_PER_S), round(bid * E9), round((bid + spread) * E9)


def test_a_gap_is_what_ends_a_session() -> None:
    assert Settings().quiet_s == GAP_S


def test_span_sessions_and_gaps() -> None:
    found = profiled([at(0), at(1), at(1 + GAP_S)], [at(2 + 2 * GAP_S), at(3 + 2 * GAP_S)], [at(10_000)])
    assert (found.first_ns, found.last_ns) == (at(0)[0], at(10_000)[0])
    assert found.sessions == 3
    assert found.gaps == [
        Gap((9_997 - 2 * GAP_S) * NS_PER_S, at(3 + 2 * GAP_S)[0]),
        Gap((GAP_S + 1) * NS_PER_S, at(1 + GAP_S)[0]),
    ]
    assert found.traded_s == GAP_S + 2
    assert found.ticks_per_s == pytest.approx(6 / (GAP_S + 2))


def test_the_busiest_second_may_lie_in_two_batches() -> None:
    found = profiled([at(0), at(1.1), at(1.2)], [at(1.3), at(1.9), at(2)], [at(2.5)])
    assert found.busiest_second == 4


@pytest.mark.parametrize(
    ("prices", "step"), [((100.5, 101.0, 99.0), 0.5), ((100.0, 100.01), 0.01), ((1.23456,), 0.00032)]
)
def test_the_price_step_divides_all_prices(prices: tuple[float, ...], step: float) -> None:
    found = profiled(*([at(n, price, 0.0)] for n, price in enumerate(prices)))
    assert found.price_step_e9 % round(step * E9) == 0
    assert all(round(price * E9) % found.price_step_e9 == 0 for price in prices)


def test_prices_and_spread() -> None:
    found = profiled([at(n, 100 + n, 0.5) for n in range(90)], [at(n, 190, 2.0) for n in range(90, 100)])
    assert (found.bid_min_e9, found.offer_max_e9) == (100 * E9, 192 * E9)
    spread = found.spread()
    assert spread is not None
    assert (spread.median_e9, spread.high_e9) == (E9 // 2, 2 * E9)


def test_nothing_read_is_no_figure() -> None:
    found = profiled([])
    assert (found.ticks, found.sessions, found.spread(), found.advice()) == (0, 0, None, None)


# ---- the threshold -------------------------------------------------------------------------------------------------


def walk(hours: float, step: float, seed: int = 1) -> list[Row]:
    """A quote a second that moves by `step` up or down."""
    moves = np.random.default_rng(seed).choice((-step, step), round(hours * 3600))
    return [at(n, 1_000 + move, 0.01) for n, move in enumerate(np.cumsum(moves).tolist())]


@pytest.mark.parametrize("step", [0.01, 0.3])
def test_labels_at_the_advised_threshold_live_minutes(step: float) -> None:
    advice = profiled(walk(6, step)).advice()
    assert advice is not None
    # A walk leaves ±a after a²/step² steps in the mean, and rather sooner in the median.
    assert 12 * step < advice.threshold_e9 / E9 < 25 * step
    assert 150 < advice.life_s_median < 600
    assert 0.3 < advice.profit_share < 0.7


def test_a_short_or_quiet_recording_gives_no_advice() -> None:
    assert profiled(walk(0.2, 0.1)).advice() is None
    assert profiled([at(n) for n in range(10_000)]).advice() is None


def test_labels_end_with_their_session() -> None:
    """Two sessions that never move, at two prices: what moves between them ends no label."""
    still = [at(n) for n in range(3_000)] + [at(n, 120) for n in range(10_000, 13_000)]
    assert profiled(still).advice() is None


# ---- closings ------------------------------------------------------------------------------------------------------

batches = st.lists(
    st.lists(st.tuples(st.integers(0, 3 * NS_PER_S), st.integers(1, 9), st.integers(1, 9)), max_size=12), max_size=8
)


@given(batches, st.sampled_from([4, 7, 1_000]))
def test_closings_are_the_last_quotes_of_even_steps(steps: list[list[Row]], most: int) -> None:
    series, now, rows = ClosingSeries(most), 0, []
    for batch in steps:
        fed = []
        for after, bid, offer in batch:
            now += after
            fed.append((now, bid, offer))
        rows += fed
        series.on_quotes(quotes(fed))
    time_s, bid, offer = series.series()
    naive = {time_ns // (series.step_s * NS_PER_S) * series.step_s: (b, o) for time_ns, b, o in rows}
    assert dict(zip(time_s.tolist(), zip(bid.tolist(), offer.tolist(), strict=True), strict=True)) == naive
    assert len(time_s) <= most
    assert series.step_s == 1 or len({time_ns // NS_PER_S for time_ns, _, _ in rows}) > most
