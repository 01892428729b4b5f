"""Prices of orders, each the newest one's: what a price alone does not show of them. All are to be had from
`metrics`."""

from tidewheel.telemetry.declaration import CATALOGUE, LABELER, ORDERBOT, Declarer

__all__ = ["EXIT_PRICE", "LOWER_BARRIER_PRICE", "UPPER_BARRIER_PRICE"]

_orderbot = Declarer(CATALOGUE, (ORDERBOT,))
_labeler = Declarer(CATALOGUE, (LABELER,))

UPPER_BARRIER_PRICE = _orderbot.gauge(
    "tidewheel_upper_barrier_price",
    "Upper barrier of the newest order: where it would end with PROFIT. Moves with the market as orders are placed.",
    "instrument",
)
LOWER_BARRIER_PRICE = _orderbot.gauge(
    "tidewheel_lower_barrier_price", "Lower barrier of the newest order: where it would end with LOSS.", "instrument"
)
EXIT_PRICE = _labeler.gauge(
    "tidewheel_exit_price",
    "Price at which the newest order of an outcome ended. One of thousands: how many did, transactions count.",
    *("instrument", "outcome"),
)
