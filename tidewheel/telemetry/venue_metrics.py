"""The metrics of live venues, which ingest exports; all are to be had from `metrics`."""

from tidewheel.telemetry.declaration import CATALOGUE, INGEST, Declarer

__all__ = [
    "LIVE_QUOTES_WAITING",
    "QUOTES_CONFLATED",
    "VENUE_CONNECTIONS",
    "VENUE_CONNECTIONS_LOST",
    "VENUE_FRAMES",
    "VENUE_LAG_SECONDS",
    "VENUE_SERVING",
    "VENUE_SKEW_SECONDS",
]

_ingest = Declarer(CATALOGUE, (INGEST,))

VENUE_FRAMES = _ingest.counter(
    "tidewheel_venue_frames_total",
    "A live venue said something: a quote that became a tick, was rejected, was known from another connection or of "
    "no use, or another word. Heartbeats without ticks are a quiet market; nothing at all is a dead one.",
    *("venue", "outcome"),
)
VENUE_CONNECTIONS = _ingest.counter(
    "tidewheel_venue_connections_total", "A connection to a live venue was made. Rises with each reconnect.", "venue"
)
VENUE_CONNECTIONS_LOST = _ingest.counter(
    "tidewheel_venue_connections_lost_total",
    "A connection to a live venue ended or was not made, by reason. Quotes may be missing after each.",
    *("venue", "reason"),
)
VENUE_SERVING = _ingest.gauge(
    "tidewheel_venue_serving",
    "1 while a live venue is connected and what was asked for is subscribed, else 0.",
    "venue",
)
VENUE_SKEW_SECONDS = _ingest.gauge(
    "tidewheel_venue_skew_seconds",
    "This machine's clock less the venue's, and the shortest way, over the last minutes. Below zero or drifting, a "
    "clock is wrong. No number where the venue tells no time.",
    "venue",
)
VENUE_LAG_SECONDS = _ingest.gauge(
    "tidewheel_venue_lag_seconds",
    "How long the latest quote was on its way by the venue's time and ours. Far above the skew, the line is slow.",
    "venue",
)
QUOTES_CONFLATED = _ingest.counter(
    "tidewheel_quotes_conflated_total",
    "A live quote gave its place to a later one of its instrument, since ingest could not keep up or Kafka was away.",
    "venue",
)
LIVE_QUOTES_WAITING = _ingest.gauge(
    "tidewheel_live_quotes_waiting", "Live quotes that were heard and are not yet part of a market second.", "venue"
)
