"""What the order bot records of its orders."""

from tidewheel.domain.orders import SecondOrders
from tidewheel.telemetry import metrics


def record_orders(orders: SecondOrders) -> None:
    """The orders of one second, and why others were not placed."""
    metrics.ORDERS_PLACED.labels(orders.instrument).inc(len(orders))
    for reason, count in orders.not_placed.items():
        metrics.ORDERS_NOT_PLACED.labels(orders.instrument, reason.name.lower()).inc(count)
