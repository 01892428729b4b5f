"""What is worked out and alerted of live venues, each by its name: where none is heard there are no such series."""

from tidewheel.observability.rules import AlertRule, RecordingRule, Severity

TICKS = 'tidewheel_venue_frames_total{outcome="tick"}'
# So many connections in ten minutes are no accident. The first one counts too.
CONNECTIONS_MANY = 6

VENUE_RECORDING_RULES = (
    RecordingRule(
        "venue:tidewheel_conflated:ratio",
        f"sum by (venue) (rate(tidewheel_quotes_conflated_total[5m])) / (sum by (venue) (rate({TICKS}[5m])) > 0)",
        "Share of a live venue's quotes that gave their place to a later one.",
    ),
)
VENUE_ALERTS = (
    AlertRule(
        "VenueSilent",
        Severity.CRITICAL,
        f"(min by (venue) (tidewheel_venue_serving) == 0) or (min by (venue) (increase({TICKS}[5m])) == 0)",
        "1m",
        "{{ $labels.venue }} tells no prices, though ingest lives",
        "For a minute it has not been connected and subscribed, or for five it is and has told no price that is one.",
    ),
    AlertRule(
        "VenueReconnects",
        Severity.WARNING,
        f"max by (venue) (increase(tidewheel_venue_connections_total[10m])) >= {CONNECTIONS_MANY}",
        "0s",
        "{{ $labels.venue }} is connected to again and again",
        f"{CONNECTIONS_MANY} connections or more were made in ten minutes: quotes may be missing before each.",
    ),
    AlertRule(
        "QuotesConflated",
        Severity.WARNING,
        "venue:tidewheel_conflated:ratio > 0.01",
        "1m",
        "{{ $value | humanizePercentage }} of the quotes of {{ $labels.venue }} gave way to later ones",
        "Ingest, or Kafka behind it, cannot keep up with the venue: barriers touched in between are not seen.",
    ),
    AlertRule(
        "VenueClockSkew",
        Severity.WARNING,
        "max by (venue) (abs(tidewheel_venue_skew_seconds)) > 2",
        "1m",
        "This machine's clock and that of {{ $labels.venue }} differ by {{ $value | humanizeDuration }}",
        "By the quickest quote of the last minutes. Ticks bear the time of receipt, so one of both is told wrong.",
    ),
)
