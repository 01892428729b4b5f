"""Small nasty markets by chance, and the oracle's results as the values that services exchange."""

from collections.abc import Callable
from random import Random

import numpy as np

from tests import oracle
from tests.oracle import E9, Result, Row
from tidewheel.domain.market import NO_QUOTES, MarketSecond, Quotes, SourceKind, TickFlag
from tidewheel.domain.orders import NotPlacedReason, SecondOrders

INSTRUMENT = "replay:TEST"
START_S = 1_600_041_500  # half an hour before a midnight, UTC
GRID_NS = E9 // 5

# How the time goes on from one quote to the next, each with its weight.
STEPS: list[tuple[int, Callable[[Random], int]]] = [
    (3, lambda chance: 0),
    (1, lambda chance: 1),
    (1, lambda chance: -chance.randint(1, 3 * E9)),
    (4, lambda chance: chance.randint(1, 5) * GRID_NS),
    (4, lambda chance: chance.randint(1, 3 * E9)),
    (4, lambda chance: chance.randint(3, 59) * E9),
    (1, lambda chance: chance.choice((60 * E9, 61 * E9, 62 * E9 + 1))),
    (1, lambda chance: chance.choice((599 * E9, 600 * E9, 601 * E9, 602 * E9))),
]


def rows(chance: Random, quotes: int = 40) -> list[Row]:
    """Rows of a market in whole units of price, so that thresholds are met exactly and often.

    It may begin with a quiet stretch long enough for features; times move on the grid of sampled instants, repeat to
    the nanosecond, go back, fall silent and break.
    """
    time_ns = START_S * E9 + chance.choice((0, 1, GRID_NS, chance.randrange(E9)))
    # Near midnight in some markets.
    time_ns += chance.choice((0, 1700 * E9))
    steps = [55 * E9 if chance.random() < 0.9 else 56 * E9 + 1 for _ in range(chance.choice((0, 11, 12)))]
    kinds = chance.choices([step for _, step in STEPS], [weight for weight, _ in STEPS], k=chance.randint(1, quotes))
    steps += [kind(chance) for kind in kinds]
    made, bid, latest_ns = [], 100, time_ns
    for line, step in enumerate([0, *steps], start=2):
        # No further back than a recorded file may go.
        time_ns = max(time_ns + step, latest_ns - E9, E9)
        latest_ns = max(latest_ns, time_ns)
        bid = max(20, bid + chance.choice((-3, -2, -1, -1, 0, 0, 1, 1, 2, 3)))
        spread = chance.choice((0, 1, 1, 1, 2, 4))
        made.append(Row(line, time_ns, bid * E9, (bid + spread) * E9))
    return made


def settings(chance: Random) -> oracle.Settings:
    """Settings over all exits, with and without a longest holding time, absolute and relative thresholds."""
    return oracle.Settings(
        orders_per_second=chance.choice((1, 2, 3, 5, 5, 7)),
        threshold=chance.choice(("1", "2", "3", "2.5", "150bps", "333.3bps")),
        exit_on=chance.choice(("bid", "bid", "mid", "offer")),
        max_holding_ns=chance.choice((None, None, 1, GRID_NS, 2 * E9, 7 * E9 + 1, 600 * E9)),
    )


def seconds(result: Result) -> list[MarketSecond]:
    """The oracle's market seconds as the labeler gets them."""
    made = []
    for session in result.sessions:
        by_second: dict[int, list[oracle.Tick]] = {}
        for tick in session.ticks:
            by_second.setdefault(tick.second, []).append(tick)
        for bar in session.bars:
            opening = bar.open or (0, 0)
            made.append(
                MarketSecond(
                    instrument=INSTRUMENT,
                    session=bar.session,
                    second=bar.second,
                    first_seq=bar.first_seq,
                    quotes=_quotes(by_second.get(bar.second, [])),
                    open_bid_e9=opening[0],
                    open_offer_e9=opening[1],
                    close_bid_e9=bar.bid,
                    close_offer_e9=bar.offer,
                    day_open_e9=bar.day_open,
                    day_high_e9=bar.day_high,
                    day_low_e9=bar.day_low,
                    connection_epoch=1,
                    stale=bar.stale,
                    source_kind=SourceKind.REPLAY,
                    ends_session=bar.ends_session,
                    last_tick_ns=bar.last_tick_ns,
                )
            )
    return made


def _quotes(ticks: list[oracle.Tick]) -> Quotes:
    if not ticks:
        return NO_QUOTES
    return Quotes(
        np.array([tick.time_ns for tick in ticks], dtype=np.int64),
        np.array([tick.bid for tick in ticks], dtype=np.int64),
        np.array([tick.offer for tick in ticks], dtype=np.int64),
        flags=np.array([TickFlag.LATE * t.late | TickFlag.LOCKED * t.locked for t in ticks], dtype=np.uint16),
    )


def second_orders(result: Result) -> list[SecondOrders]:
    """The oracle's orders as the labeler gets them: a record for each second, empty ones too."""
    placed: dict[int, list[oracle.Order]] = {}
    for order in result.orders:
        placed.setdefault(order.second, []).append(order)
    made = []
    for bar in result.bars:
        here = placed.get(bar.second, [])
        columns = np.array(
            [(o.order_id, o.placed_ns, o.bid, o.offer, o.upper, o.lower) for o in here], dtype=np.int64
        ).reshape(-1, 6)
        not_placed = {
            reason: result.not_placed[bar.second, reason.name.lower()]
            for reason in NotPlacedReason
            if result.not_placed[bar.second, reason.name.lower()]
        }
        made.append(SecondOrders(INSTRUMENT, bar.session, bar.second, *columns.T, not_placed))
    return made
