"""A market written down by hand: small whole prices, one market second after the other."""

from collections.abc import Sequence

import numpy as np

from services.labeler.core import Labeler, LabelerConfig, Output
from tidewheel.domain.market import MarketSecond, Quotes, SourceKind
from tidewheel.domain.orders import SecondOrders
from tidewheel.domain.time import NS_PER_S, ORDER_IDS_PER_S

INSTRUMENT = "sim:TEST"
START = 1_000
FIRST_NS = START * NS_PER_S

Record = MarketSecond | SecondOrders
# A quote: nanoseconds into the second, bid, offer. An order: nanoseconds into the second, upper, lower.
Quote = tuple[int, int, int]
Order = tuple[int, int, int]


class Tape:
    """Seconds and their orders, contiguous unless told otherwise. Day figures count from 10, 20 and 30 upwards."""

    def __init__(self, instrument: str = INSTRUMENT) -> None:
        self._instrument = instrument
        self.seconds: list[MarketSecond] = []
        self.orders: list[SecondOrders] = []
        self._second, self._session, self._seq = START, 1, 1
        self._closing = (0, 0)

    def second(
        self,
        quotes: Sequence[Quote] = (),
        orders: Sequence[Order] = (),
        *,
        ends: bool = False,
        skip: int = 0,
        session: int | None = None,
        first_seq: int | None = None,
        opening: tuple[int, int] | None = None,
    ) -> "Tape":
        """One more second; `skip` seconds are missing before it. `opening`: of another market than the one before."""
        self._second += skip
        self._session = session or self._session
        self._seq = first_seq or self._seq
        start_ns, opening = self._second * NS_PER_S, opening or self._closing
        times, bids, offers = (np.array([quote[at] for quote in quotes], dtype=np.int64) for at in range(3))
        if quotes:
            self._closing = quotes[-1][1:]
        count = len(self.seconds)
        self.seconds.append(
            MarketSecond(
                instrument=self._instrument,
                session=self._session,
                second=self._second,
                first_seq=self._seq,
                quotes=Quotes(start_ns + times, bids, offers),
                open_bid_e9=opening[0],
                open_offer_e9=opening[1],
                close_bid_e9=self._closing[0],
                close_offer_e9=self._closing[1],
                day_open_e9=10 + count,
                day_high_e9=20 + count,
                day_low_e9=30 + count,
                connection_epoch=1,
                stale=False,
                source_kind=SourceKind.SIMULATED,
                ends_session=ends,
                last_tick_ns=0,
            )
        )
        self.orders.append(self._orders(orders))
        self._second += 1
        self._seq += len(quotes)
        return self

    def quiet(self, seconds: int) -> "Tape":
        for _ in range(seconds):
            self.second()
        return self

    def _orders(self, orders: Sequence[Order]) -> SecondOrders:
        """Each is placed at the closing quote, which these tests do not mind."""
        into, uppers, lowers = (np.array([order[at] for order in orders], dtype=np.int64) for at in range(3))
        many = np.ones(len(orders), dtype=np.int64)
        return SecondOrders(
            self._instrument,
            self._session,
            self._second,
            self._second * ORDER_IDS_PER_S + np.arange(len(orders)),
            self._second * NS_PER_S + into,
            many * self._closing[0],
            many * self._closing[1],
            uppers,
            lowers,
        )

    @property
    def records(self) -> list[Record]:
        """Both topics, second by second."""
        return [record for pair in zip(self.seconds, self.orders, strict=True) for record in pair]

    def labeled(self, config: LabelerConfig | None = None) -> list[Output]:
        return feed(Labeler(INSTRUMENT, config or LabelerConfig()), self.records)


def feed(labeler: Labeler, records: Sequence[Record]) -> list[Output]:
    outputs: list[Output] = []
    for record in records:
        outputs += labeler.on_second(record) if isinstance(record, MarketSecond) else labeler.on_orders(record)
    return outputs


def resolved(outputs: Sequence[Output]) -> list[tuple[str, int, int, int, int]]:
    """Outcome, order (its second after the start and its index), time after the start, seq and exit."""
    return [
        (t.outcome.name, t.order_id - START * ORDER_IDS_PER_S, t.resolved_ns - FIRST_NS, t.resolved_seq, t.exit_e9)
        for t, _ in outputs
    ]
