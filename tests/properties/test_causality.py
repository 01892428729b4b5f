"""No feature knows the future: through the cores of ingest, order bot and labeler, from quotes to features.

Whatever quotes come after an order's instant, its features stay the same to the bit; each of the 600 seconds before it
moves its own feature, and one second earlier moves none of them. Labels and exits do follow the future, so that an
equality is no sign of quotes that nobody reads.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.core import IngestCore
from services.ingest.seconds import SessionRules
from services.labeler.core import Labeler, Output
from services.labeler.history import History
from services.orderbot.core import OrderRule, orders_of
from tidewheel.domain.features import FEATURE_COUNT, HISTORY_S
from tidewheel.domain.market import MarketSecond, SourceKind
from tidewheel.domain.prices import E9, Threshold
from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.quotes import RawBatch

INSTRUMENT = "replay:CAUSAL"
START_S = 1_600_000_000
SECONDS, PER_SECOND = HISTORY_S + 100, 3
RULE = OrderRule(5, Threshold.parse("4"))
PROPERTY = settings(max_examples=12, derandomize=True)
Features = np.ndarray
Read = Callable[[Output], Output]


@dataclass(frozen=True, eq=False)
class Market:
    """Three quotes a second, the first of them as it begins."""

    time_ns: np.ndarray
    bid_e9: np.ndarray

    def after(self, instant_ns: int, seed: int) -> "Market":
        """Another future: whatever quote comes after the instant is at another price, and some times change too."""
        chance = np.random.default_rng(seed)
        later = self.time_ns > instant_ns
        bid = np.where(later, self.bid_e9 + np.cumsum(chance.integers(-3, 4, len(later)) * later) * E9, self.bid_e9)
        moved = later & (self.time_ns % NS_PER_S > NS_PER_S // 2)
        return Market(self.time_ns + moved * chance.integers(0, NS_PER_S // 10), np.maximum(bid, 20 * E9))

    def with_closing_bid(self, second: int, by_e9: int) -> "Market":
        """The last quote of one second at another price."""
        bid = self.bid_e9.copy()
        bid[np.flatnonzero(self.time_ns // NS_PER_S == second)[-1]] += by_e9
        return replace(self, bid_e9=bid)


@cache
def market() -> Market:
    chance = np.random.default_rng(1)
    within = np.sort(chance.integers(1, 9 * NS_PER_S // 10, (SECONDS, PER_SECOND)), axis=1)
    within[:, 0] = 0
    time_ns = (START_S + np.arange(SECONDS))[:, np.newaxis] * NS_PER_S + within
    return Market(time_ns.ravel(), (1000 + np.cumsum(chance.integers(-1, 2, SECONDS * PER_SECOND))) * E9)


def labeled(given: Market) -> dict[int, Output]:
    """What the labeler says of each order that makes an example, by instant."""
    core = IngestCore(INSTRUMENT, SourceKind.REPLAY, SessionRules())
    place = np.arange(len(given.time_ns))
    records = [*core.on_item(RawBatch(place, given.time_ns, given.bid_e9, given.bid_e9 + E9 // 2)), *core.on_end()]
    labeler, outputs = Labeler(INSTRUMENT), []
    for second in records:
        assert isinstance(second, MarketSecond)
        outputs += labeler.on_second(second)
        outputs += labeler.on_orders(orders_of(second, RULE))
    return {output.transaction.placed_ns: output for output in outputs if output.example}


@cache
def as_it_was() -> dict[int, Output]:
    return labeled(market())


def features(output: Output) -> Features:
    assert output.example
    return np.frombuffer(output.example.features, dtype="<f4")


def differing(one: Output, other: Output) -> list[int]:
    """Which features differ in their bits."""
    return np.flatnonzero(features(one).view(np.uint32) != features(other).view(np.uint32)).tolist()


def leaks(original: dict[int, Output], instant_ns: int, seed: int, read: Read = lambda records: records) -> int:
    """How many orders up to the instant have other features in another future; those that both futures resolve."""
    other = labeled(market().after(instant_ns, seed))
    both = [placed for placed in original.keys() & other.keys() if placed <= instant_ns]
    open_then = [placed for placed in both if original[placed].transaction.resolved_ns > instant_ns]
    assert len(open_then) > 3
    assert any(original[placed].transaction != other[placed].transaction for placed in open_then)
    return sum(differing(read(original[placed]), read(other[placed])) != [] for placed in both)


# Of a second with orders: its beginning, an instant of an order, one just before the next.
INSTANTS = st.tuples(st.integers(HISTORY_S + 20, SECONDS - 30), st.sampled_from([0, 1, NS_PER_S // 5 * 3, 799_999_999]))


@PROPERTY
@given(INSTANTS, st.integers(0, 2**32))
def test_features_are_the_same_in_every_future(instant: tuple[int, int], seed: int) -> None:
    second, into_ns = instant
    assert leaks(as_it_was(), (START_S + second) * NS_PER_S + into_ns, seed) == 0


AN_INSTANT_NS = (START_S + HISTORY_S + 40) * NS_PER_S


@pytest.mark.parametrize("lag", [1, 2, 17, 599, 600, 601])
def test_each_second_of_the_past_moves_its_own_feature(lag: int) -> None:
    other = labeled(market().with_closing_bid(AN_INSTANT_NS // NS_PER_S - lag, E9 // 4))
    expected = {5 + lag - 1} if lag <= HISTORY_S else set()
    assert set(differing(as_it_was()[AN_INSTANT_NS], other[AN_INSTANT_NS])) - {2, 3, 4} == expected


def test_the_quote_in_force_moves_bid_and_offer_and_all_that_is_relative_to_them() -> None:
    now = market()
    bid = now.bid_e9 + E9 // 4 * (now.time_ns == AN_INSTANT_NS)
    other = labeled(replace(now, bid_e9=bid))
    # Bid and offer are told from their own mid, which moves with them.
    assert differing(as_it_was()[AN_INSTANT_NS], other[AN_INSTANT_NS]) == list(range(2, FEATURE_COUNT))


def with_its_exit(output: Output) -> Output:
    """A planted leak: one column is the later exit."""
    assert output.example
    leaking = features(output).copy()
    leaking[300] = output.transaction.exit_e9 / E9
    return output._replace(example=replace(output.example, features=leaking.tobytes()))


def test_a_column_planted_from_the_future_is_noticed() -> None:
    assert leaks(as_it_was(), AN_INSTANT_NS, 1) == 0
    assert leaks(as_it_was(), AN_INSTANT_NS, 1, with_its_exit) > 3


def test_a_history_planted_one_second_too_long_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features are cut when an order ends, so the seconds after it are there to be read by mistake."""
    extract = History.extract_features
    monkeypatch.setattr(
        History, "extract_features", lambda self, placed_ns, *prices: extract(self, placed_ns + NS_PER_S, *prices)
    )
    # Both futures are cut with the fault; of the order at the instant alone it reads what lies beyond it.
    assert leaks(labeled(market()), AN_INSTANT_NS, 1) == 1
