"""What ingest records: the market seconds that it has written, and what the newest of them says."""

from collections.abc import Sequence

from tidewheel.domain.market import MarketSecond
from tidewheel.domain.time import NS_PER_S
from tidewheel.telemetry import metrics


def record_seconds(instrument: str, records: Sequence[MarketSecond]) -> None:
    """Seconds in their order, at least one."""
    newest = records[-1]
    metrics.TICKS.labels(instrument).inc(sum(len(record.quotes) for record in records))
    metrics.MARKET_SECONDS.labels(instrument).inc(len(records))
    metrics.STALE_MARKET_SECONDS.labels(instrument).inc(sum(record.stale for record in records))
    metrics.SESSION.labels(instrument).set(newest.session)
    metrics.BID_PRICE.labels(instrument).set(newest.close_bid_e9 / NS_PER_S)
    metrics.OFFER_PRICE.labels(instrument).set(newest.close_offer_e9 / NS_PER_S)
    metrics.MARKET_TIME_SECONDS.labels(instrument).set(newest.second)
