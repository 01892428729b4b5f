"""What ingest records: the market seconds that it has written, and what the newest of them says."""

from collections import Counter
from collections.abc import Sequence

from tidewheel.domain.market import MarketSecond
from tidewheel.domain.prices import E9
from tidewheel.recordings.account import Account, Anomaly
from tidewheel.telemetry import metrics


class AccountRecorder:
    """Moves the counters of a recording's rows by what is new in its account."""

    def __init__(self, instrument: str) -> None:
        self._instrument = instrument
        self._recorded: Counter[tuple[str, str]] = Counter()
        # Made now, so that a reader of metrics sees 0 and not nothing.
        for outcome in ("tick", "rejected", "other_instrument"):
            metrics.RECORDED_ROWS.labels(instrument, outcome)
        for anomaly in Anomaly:
            metrics.ROW_ANOMALIES.labels(instrument, anomaly)
        metrics.HELD_BACK_SECONDS.labels(instrument)

    def record(self, account: Account) -> None:
        outcomes = {"tick": account.ticks, "rejected": account.rows_rejected, "other_instrument": account.others}
        now = Counter({("row", name): count for name, count in outcomes.items()})
        now.update({("anomaly", str(anomaly)): entry.count for anomaly, entry in account.anomalies.items()})
        for (what, name), count in (now - self._recorded).items():
            (metrics.RECORDED_ROWS if what == "row" else metrics.ROW_ANOMALIES).labels(self._instrument, name).inc(
                count
            )
        self._recorded = now


def record_seconds(instrument: str, records: Sequence[MarketSecond]) -> None:
    """Seconds in their order, at least one."""
    newest = records[-1]
    metrics.TICKS.labels(instrument).inc(sum(len(record.quotes) for record in records))
    metrics.MARKET_SECONDS.labels(instrument).inc(len(records))
    metrics.STALE_MARKET_SECONDS.labels(instrument).inc(sum(record.stale for record in records))
    metrics.SESSION.labels(instrument).set(newest.session)
    metrics.BID_PRICE.labels(instrument).set(newest.close_bid_e9 / E9)
    metrics.OFFER_PRICE.labels(instrument).set(newest.close_offer_e9 / E9)
    metrics.MARKET_TIME_SECONDS.labels(instrument).set(newest.second)
    metrics.MARKET_SECOND_WRITTEN_TIME_SECONDS.labels(instrument).set_to_current_time()


def record_held_back(instrument: str, waited_s: float) -> None:
    """Ingest waited for the labeler."""
    metrics.HELD_BACK_SECONDS.labels(instrument).inc(waited_s)
