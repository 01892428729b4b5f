"""What the order bot shows of the newest order's barriers."""

import numpy as np

from services.orderbot.metrics import record_orders
from tidewheel.domain.market import Int64
from tidewheel.domain.orders import SecondOrders
from tidewheel.domain.prices import E9
from tidewheel.telemetry import metrics

INSTRUMENT = "sim:BARRIERS"


def usd(*prices: int) -> Int64:
    return np.array(prices, dtype=np.int64) * E9


def barriers() -> list[float | None]:
    labels = {"instrument": INSTRUMENT}
    names = (f"tidewheel_{which}_barrier_price" for which in ("upper", "lower"))
    return [metrics.REGISTRY.get_sample_value(name, labels) for name in names]


def test_the_barriers_are_those_of_the_newest_order_and_stay_where_none_is_placed() -> None:
    two = SecondOrders(
        *(INSTRUMENT, 1, 1),
        order_id=usd(1, 2),
        placed_ns=usd(1, 1),
        bid_e9=usd(99, 100),
        offer_e9=usd(100, 101),
        upper_e9=usd(110, 111),
        lower_e9=usd(90, 91),
    )
    record_orders(two)
    assert barriers() == [111.0, 91.0]
    record_orders(SecondOrders(INSTRUMENT, 1, 2))
    assert barriers() == [111.0, 91.0]
