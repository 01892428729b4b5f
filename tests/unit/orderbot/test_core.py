"""The order bot's rule, computed by hand."""

import dataclasses

import numpy as np
import pytest

from services.orderbot.core import OrderRule, orders_of
from tidewheel.contracts.codecs.orders import decode_orders, encode_orders
from tidewheel.domain.market import MarketSecond, Quotes, SourceKind
from tidewheel.domain.orders import NotPlacedReason, SecondOrders
from tidewheel.domain.prices import E9, PRICE_MAX_E9, Threshold

SECOND = 1_700_000_000
START_NS = SECOND * E9
TEN = OrderRule(5, Threshold.parse("10"))


def second(*quotes: tuple[int, int, int], opening: tuple[int, int] = (0, 0), stale: bool = False) -> MarketSecond:
    """A market second; quotes are (ms into the second, bid, offer), prices in whole units."""
    columns = np.array(quotes, dtype=np.int64).reshape(-1, 3).T
    open_e9 = opening[0] * E9, opening[1] * E9
    close = (quotes[-1][1] * E9, quotes[-1][2] * E9) if quotes else open_e9
    mid = sum(close) // 2
    return MarketSecond(
        instrument="sim:BTC-USD",
        session=3,
        second=SECOND,
        first_seq=1,
        quotes=Quotes(START_NS + columns[0] * 1_000_000, columns[1] * E9, columns[2] * E9),
        open_bid_e9=open_e9[0],
        open_offer_e9=open_e9[1],
        close_bid_e9=close[0],
        close_offer_e9=close[1],
        day_open_e9=mid,
        day_high_e9=mid,
        day_low_e9=mid,
        connection_epoch=1,
        stale=stale,
        source_kind=SourceKind.SIMULATED,
        ends_session=False,
    )


def quoted(orders: SecondOrders) -> list[tuple[int, int]]:
    return [(bid // E9, offer // E9) for bid, offer in zip(orders.bid_e9, orders.offer_e9, strict=True)]


def test_an_order_is_bought_at_the_offer_then_in_force() -> None:
    orders = orders_of(second((200, 101, 102), (399, 103, 104), (401, 105, 106), opening=(99, 100)), TEN)
    assert quoted(orders) == [(99, 100), (101, 102), (103, 104), (105, 106), (105, 106)]
    assert orders.order_id.tolist() == [SECOND * 1000 + index for index in range(5)]
    assert orders.placed_ns.tolist() == [START_NS + ms * 1_000_000 for ms in (0, 200, 400, 600, 800)]
    assert orders.upper_e9.tolist() == [(offer + 10) * E9 for _, offer in quoted(orders)]
    assert orders.lower_e9.tolist() == [(offer - 10) * E9 for _, offer in quoted(orders)]
    assert (orders.instrument, orders.session, orders.second) == ("sim:BTC-USD", 3, SECOND)
    assert orders.not_placed == {}


def test_of_quotes_at_one_instant_the_last_is_in_force() -> None:
    orders = orders_of(second((0, 1001, 1002), (0, 1003, 1004), opening=(999, 1000)), TEN)
    assert quoted(orders)[0] == (1003, 1004)


def test_a_quiet_second_samples_its_opening_quote() -> None:
    assert quoted(orders_of(second(opening=(99, 100)), TEN)) == [(99, 100)] * 5


def test_there_is_no_sample_before_the_sessions_first_tick() -> None:
    orders = orders_of(second((400, 101, 102), (900, 103, 104)), TEN)
    assert [order_id % 1000 for order_id in orders.order_id] == [2, 3, 4]
    assert quoted(orders) == [(101, 102)] * 3
    assert orders.not_placed == {}


def test_a_stale_second_places_nothing_and_counts_its_samples() -> None:
    orders = orders_of(second(opening=(99, 100), stale=True), TEN)
    assert len(orders) == 0
    assert orders.not_placed == {NotPlacedReason.STALE: 5}


def test_stale_comes_before_any_other_reason() -> None:
    orders = orders_of(second(opening=(80, 100), stale=True), TEN)
    assert orders.not_placed == {NotPlacedReason.STALE: 5}


@pytest.mark.parametrize(("bid", "placed"), [(89, 0), (90, 0), (91, 5)])
def test_a_spread_that_spans_the_lower_threshold_is_not_placed(bid: int, placed: int) -> None:
    orders = orders_of(second(opening=(bid, 100)), TEN)
    assert len(orders) == placed
    assert orders.not_placed == ({} if placed else {NotPlacedReason.SPREAD: 5})


def test_placed_and_refused_samples_mix_and_keep_their_ids() -> None:
    orders = orders_of(second((150, 80, 100), (350, 95, 100), opening=(99, 100)), TEN)
    assert [order_id % 1000 for order_id in orders.order_id] == [0, 2, 3, 4]
    assert orders.not_placed == {NotPlacedReason.SPREAD: 1}


def test_basis_points_are_of_the_entry_price_and_round_half_to_even() -> None:
    rule = OrderRule(1, Threshold.parse("15bps"))
    orders = orders_of(second(opening=(10_000, 10_001)), rule)
    assert orders.upper_e9.tolist() == [10_001 * E9 + 15_001_500_000]
    tiny = dataclasses.replace(second(opening=(1, 1)), open_bid_e9=1000, open_offer_e9=1000)
    assert orders_of(tiny, OrderRule(1, Threshold.parse("15bps"))).upper_e9.tolist() == [1002]  # 1.5 to even


def test_a_threshold_that_rounds_to_nothing_is_no_order() -> None:
    tiny = dataclasses.replace(second(opening=(1, 1)), open_bid_e9=3, open_offer_e9=3)
    orders = orders_of(tiny, OrderRule(2, Threshold.parse("1bps")))
    assert len(orders) == 0
    assert orders.not_placed == {NotPlacedReason.THRESHOLD: 2}


@pytest.mark.parametrize(
    ("offer_e9", "threshold"),
    [
        (PRICE_MAX_E9, "1"),
        (PRICE_MAX_E9 - E9 + 1, "1"),
        (10 * E9, "10"),
        (5 * E9, "10"),
        (PRICE_MAX_E9, "9000000000"),  # beyond what int64 holds
        (100 * E9, "20000bps"),
    ],
)
def test_thresholds_must_stay_within_the_range_of_prices(offer_e9: int, threshold: str) -> None:
    market = dataclasses.replace(second(opening=(1, 1)), open_bid_e9=offer_e9, open_offer_e9=offer_e9)
    orders = orders_of(market, OrderRule(1, Threshold.parse(threshold)))
    assert orders.not_placed == {NotPlacedReason.THRESHOLD: 1}
    assert len(orders) == 0


def test_the_largest_and_smallest_thresholds_are_placed() -> None:
    rule = OrderRule(1, Threshold.parse("1"))
    for offer_e9 in (PRICE_MAX_E9 - E9, E9 + 1):
        market = dataclasses.replace(second(opening=(1, 1)), open_bid_e9=offer_e9, open_offer_e9=offer_e9)
        assert len(orders_of(market, rule)) == 1


@pytest.mark.parametrize("per_second", [1, 3, 7, 1000])
def test_instants_are_rounded_down_and_ids_count_on(per_second: int) -> None:
    orders = orders_of(second((500, 1000, 1001), opening=(999, 1000)), OrderRule(per_second, Threshold.parse("10")))
    assert orders.placed_ns.tolist() == [START_NS + i * E9 // per_second for i in range(per_second)]
    assert orders.order_id.tolist() == [SECOND * 1000 + i for i in range(per_second)]
    assert [offer for _, offer in quoted(orders)] == [
        1000 if i * E9 // per_second < E9 // 2 else 1001 for i in range(per_second)
    ]


@pytest.mark.parametrize("per_second", [0, -1, 1001])
def test_a_rule_of_more_orders_than_ids_is_refused(per_second: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        OrderRule(per_second, Threshold.parse("10"))


@pytest.mark.parametrize(
    "market",
    [second(opening=(99, 100)), second((1, 99, 100)), second((999, 99, 100)), second(opening=(80, 100))],
    ids=["quiet", "first", "too late for a sample", "spread"],
)
def test_the_result_travels_unchanged(market: MarketSecond) -> None:
    orders = orders_of(market, TEN)
    encoded = encode_orders(orders)
    assert encode_orders(decode_orders(encoded)) == encoded
    assert decode_orders(encoded).offer_e9.tolist() == orders.offer_e9.tolist()
    assert encode_orders(orders_of(market, TEN)) == encoded
