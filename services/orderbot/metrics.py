"""What the order bot records of its orders."""

from functools import lru_cache

from tidewheel.domain.orders import NotPlacedReason, SecondOrders
from tidewheel.domain.prices import E9
from tidewheel.telemetry import metrics
from tidewheel.telemetry.declaration import INSTRUMENTS_MAX


def record_orders(orders: SecondOrders) -> None:
    """The orders of one second, and why others were not placed."""
    _show(orders.instrument)
    metrics.ORDERS_PLACED.labels(orders.instrument).inc(len(orders))
    if len(orders):
        metrics.UPPER_BARRIER_PRICE.labels(orders.instrument).set(orders.upper_e9[-1] / E9)
        metrics.LOWER_BARRIER_PRICE.labels(orders.instrument).set(orders.lower_e9[-1] / E9)
    for reason, count in orders.not_placed.items():
        metrics.ORDERS_NOT_PLACED.labels(orders.instrument, reason.name.lower()).inc(count)


@lru_cache(maxsize=INSTRUMENTS_MAX)
def _show(instrument: str) -> None:
    """All reasons, once, so that a reader of metrics sees 0 and not nothing."""
    for reason in NotPlacedReason:
        metrics.ORDERS_NOT_PLACED.labels(instrument, reason.name.lower())
