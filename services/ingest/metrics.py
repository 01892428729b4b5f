"""What ingest records: the market seconds that it has written, and what the newest of them says."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.ingest.live_queue import LiveQueue
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.prices import E9
from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.account import Account, Anomaly
from tidewheel.telemetry import metrics
from tidewheel.venues.connection_life import Loss
from tidewheel.venues.intake import Kind

if TYPE_CHECKING:  # websockets is loaded only where a venue is heard
    from tidewheel.venues.client import VenueClient


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


class FeedRecorder:
    """Moves the metrics of live venues to what their clients and the queue know by now."""

    def __init__(self, queue: LiveQueue, clients: Sequence["VenueClient"]) -> None:
        self._queue = queue
        self._clients = clients
        self._recorded: Counter[tuple[str, str, str]] = Counter()
        for client in clients:  # made now, so that a reader of metrics sees 0 and not nothing
            metrics.VENUE_CONNECTIONS.labels(client.name)
            for kind in Kind:
                metrics.VENUE_FRAMES.labels(client.name, kind)
            for loss in Loss:
                metrics.VENUE_CONNECTIONS_LOST.labels(client.name, loss)
            metrics.QUOTES_CONFLATED.labels(client.name)

    def record(self) -> None:
        """Called each second at least."""
        # One queue for all that this process hears.
        metrics.LIVE_QUOTES_WAITING.labels(",".join(client.name for client in self._clients)).set(len(self._queue))
        for client in self._clients:
            self._record_client(client)
        for instrument, count in self._queue.conflated.copy().items():
            venue = instrument.partition(":")[0]
            metrics.QUOTES_CONFLATED.labels(venue).inc(self._new(("conflated", instrument, ""), count))

    def _record_client(self, client: "VenueClient") -> None:
        name = client.name
        metrics.VENUE_SERVING.labels(name).set(client.serving)
        metrics.VENUE_CONNECTIONS.labels(name).inc(self._new(("connections", name, ""), client.opened))
        for kind, count in client.intake.kinds.copy().items():
            metrics.VENUE_FRAMES.labels(name, kind).inc(self._new(("frames", name, kind), count))
        for loss, count in client.losses.copy().items():
            metrics.VENUE_CONNECTIONS_LOST.labels(name, loss).inc(self._new(("lost", name, loss), count))
        known = [(base, one.skew.latest_ns) for one in client.intake.states if (base := one.skew.base_ns) is not None]
        if known:
            metrics.VENUE_SKEW_SECONDS.labels(name).set(min(base for base, _ in known) / NS_PER_S)
            metrics.VENUE_LAG_SECONDS.labels(name).set(max(latest for _, latest in known) / NS_PER_S)

    def _new(self, what: tuple[str, str, str], count: int) -> int:
        new, self._recorded[what] = count - self._recorded[what], count
        return new


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
