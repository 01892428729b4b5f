"""Which orders a market second brings. Pure and stateless: the second itself says which quote it began with.

See docs/semantics.md, "Orders".
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from tidewheel.domain.market import Int64, MarketSecond
from tidewheel.domain.orders import NotPlacedReason, SecondOrders
from tidewheel.domain.prices import PRICE_MAX_E9, Threshold
from tidewheel.domain.time import ORDER_IDS_PER_S, sampled_instants


@dataclass(frozen=True, slots=True)
class OrderRule:
    """How often an order is sampled, and how far its thresholds lie from its entry."""

    per_second: int
    threshold: Threshold

    def __post_init__(self) -> None:
        if not 1 <= self.per_second <= ORDER_IDS_PER_S:
            raise ValueError(f"{self.per_second} orders a second: there can be 1 to {ORDER_IDS_PER_S}")


def orders_of(market: MarketSecond, rule: OrderRule) -> SecondOrders:
    """The orders of one market second, and why the other sampled instants have none.

    The same second and rule give the same orders, so a repeated record is harmless. An instant before the session's
    first quote is no sample: it is neither placed nor counted.
    """
    instants = sampled_instants(market.second, rule.per_second)
    bids, offers = _quotes_in_force(market, instants)
    rows: list[tuple[int, int, int, int, int, int]] = []
    not_placed: Counter[NotPlacedReason] = Counter()
    for index, (instant, bid, offer) in enumerate(zip(instants, bids, offers, strict=True)):
        if offer == 0:
            continue
        distance = rule.threshold.distance_e9(offer)
        upper, lower = offer + distance, offer - distance
        reason = _not_placed_reason(market.stale, bid, upper, lower)
        if reason is None:
            rows.append((market.second * ORDER_IDS_PER_S + index, instant, bid, offer, upper, lower))
        else:
            not_placed[reason] += 1
    columns = np.array(rows, dtype=np.int64).reshape(-1, 6).T
    return SecondOrders(
        instrument=market.instrument,
        session=market.session,
        second=market.second,
        order_id=columns[0],
        placed_ns=columns[1],
        bid_e9=columns[2],
        offer_e9=columns[3],
        upper_e9=columns[4],
        lower_e9=columns[5],
        not_placed=dict(not_placed),
    )


def _quotes_in_force(market: MarketSecond, instants: list[int]) -> tuple[list[int], list[int]]:
    """Bid and offer at each instant; 0 where no quote of the session has come yet."""
    quotes = market.quotes
    if not len(quotes):
        return [market.open_bid_e9] * len(instants), [market.open_offer_e9] * len(instants)
    # Place 0 is the opening quote, place k the second's k-th: the last one at or before the instant.
    places = np.searchsorted(quotes.time_ns, instants, side="right")
    return _at(places, market.open_bid_e9, quotes.bid_e9), _at(places, market.open_offer_e9, quotes.offer_e9)


def _at(places: Int64, opening: int, column: Int64) -> list[int]:
    # Kept whole numbers of Python: entry plus threshold must not wrap around.
    values: list[int] = np.where(places == 0, opening, column[places - 1]).tolist()
    return values


def _not_placed_reason(stale: bool, bid: int, upper: int, lower: int) -> NotPlacedReason | None:
    if stale:
        return NotPlacedReason.STALE
    if lower >= upper or lower <= 0 or upper > PRICE_MAX_E9:
        return NotPlacedReason.THRESHOLD
    if bid <= lower:
        return NotPlacedReason.SPREAD
    return None
