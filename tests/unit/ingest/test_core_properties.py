"""The core against a naive oracle, whatever the rows and however they are cut into batches or runs."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.seconds import SessionRules
from tests.unit.ingest.oracle import Row, expected
from tests.unit.ingest.rows import batches_of, new_core, plain, records
from tidewheel.domain.market import MarketSecond
from tidewheel.recordings.quotes import RejectedRow

S = 1_000_000_000
MIDNIGHT_S = 20_000 * 86_400
QUIET_S, STALE_S = 7, 3


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    """Few prices and steps around a midnight, so that duplicates, breaks, late and bad rows are common."""
    step_ms = st.sampled_from([0, 0, 0, 1, 300, 700, 1000, 1999, 3000, 6999, 7000, 8000, 8001, 20_000, -1, -5000])
    price = st.sampled_from([100, 100, 101, 102, 60, 40, 1, 0, -1, 9_200_000_000, 9_200_000_001])
    size = st.sampled_from([-1, -1, 0, 5])
    at_ms, out = (MIDNIGHT_S - 10) * 1000, []
    for _ in range(draw(st.integers(0, 40))):
        at_ms += draw(step_ms)
        bid, offer = draw(price), draw(price)
        if draw(st.integers(0, 4)):
            bid, offer = min(bid, offer), max(bid, offer)
        odd = draw(st.sampled_from([0, 0, 1]))
        out.append(Row(at_ms * 1_000_000, bid * S, offer * S + odd, draw(size), draw(size), draw(size)))
    return out


@given(rows(), st.lists(st.integers(0, 40), max_size=6))
@settings(max_examples=300)
def test_equals_the_oracle_however_it_is_batched(given_rows: list[Row], cuts: list[int]) -> None:
    cuts = [min(c, len(given_rows)) for c in cuts]
    out = records(new_core(SessionRules(QUIET_S, STALE_S)), batches_of(given_rows, cuts))
    assert [plain(item) for item in out] == expected(given_rows, QUIET_S, STALE_S)


@given(rows(), st.lists(st.integers(0, 40), max_size=6))
@settings(max_examples=100)
def test_every_row_is_a_tick_or_rejected(given_rows: list[Row], cuts: list[int]) -> None:
    cuts = [min(c, len(given_rows)) for c in cuts]
    out = records(new_core(SessionRules(QUIET_S, STALE_S)), batches_of(given_rows, cuts))
    ticks = sum(len(item.quotes) for item in out if isinstance(item, MarketSecond))
    rejected = [item for item in out if isinstance(item, RejectedRow)]
    assert ticks + len(rejected) == len(given_rows)
    places = [-1, *(item.place for item in rejected)]
    assert [item.good_before for item in rejected] == [b - a - 1 for a, b in pairwise(places)]


@given(rows(), st.data())
@settings(max_examples=200)
def test_a_restart_anywhere_gives_the_same_seconds(given_rows: list[Row], data: st.DataObject) -> None:
    log = [
        s
        for s in records(new_core(SessionRules(QUIET_S, STALE_S)), batches_of(given_rows))
        if isinstance(s, MarketSecond)
    ]
    if not log:
        return
    stop = data.draw(st.integers(0, len(log) - 1))
    cuts = data.draw(st.lists(st.integers(0, len(given_rows)), max_size=3))
    rest = records(new_core(SessionRules(QUIET_S, STALE_S), log[stop]), batches_of(given_rows, cuts))
    # Rejected rows come again, in the same places between the seconds that are left.
    written = [plain(second) for second in log[: stop + 1]]
    assert [plain(item) for item in rest] == [
        item for item in expected(given_rows, QUIET_S, STALE_S) if item not in written
    ]
