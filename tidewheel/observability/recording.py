"""What rules and panels look at more than once, worked out by Prometheus as it goes."""

from tidewheel.observability.queries import newest, quantile
from tidewheel.observability.rules import RecordingRule
from tidewheel.observability.venue_rules import VENUE_RECORDING_RULES

ROWS = 'tidewheel_recorded_rows_total{outcome=~"tick|rejected"}'
RESOLVED = "tidewheel_transactions_total"
PROFITABLE = 'tidewheel_transactions_total{outcome="PROFIT"}'
REJECTED = 'tidewheel_recorded_rows_total{outcome="rejected"}'


def rate(selector: str, by: str, within: str) -> str:
    return f"sum by ({by}) (rate({selector}[{within}]))"


RECORDING_RULES = (
    RecordingRule(
        "instrument:tidewheel_market_speed:ratio",
        rate("tidewheel_market_seconds_total", "instrument", "30s"),
        "Seconds of market written in a second: 1 live, about the speed in a simulation, 0 where the feed is silent.",
    ),
    RecordingRule(
        "instrument:tidewheel_market_second_age:seconds",
        f"time() - {newest('tidewheel_market_second_written_time_seconds')}",
        "Wall clock since a market second was written.",
    ),
    RecordingRule(
        "instrument:tidewheel_held_back:ratio",
        rate("tidewheel_held_back_seconds_total", "instrument", "1m"),
        "Share of the time that ingest waits for the labeler.",
    ),
    RecordingRule(
        "instrument:tidewheel_stale:ratio",
        f"{rate('tidewheel_stale_market_seconds_total', 'instrument', '2m')} / "
        f"({rate('tidewheel_market_seconds_total', 'instrument', '2m')} > 0)",
        "Share of market seconds whose quote is too old to buy at.",
    ),
    RecordingRule(
        "instrument:tidewheel_rejected:ratio",
        f"{rate(REJECTED, 'instrument', '5m')} / ({rate(ROWS, 'instrument', '5m')} > 0)",
        "Share of the feed's rows that became no tick.",
    ),
    RecordingRule(
        "instrument:tidewheel_label_lag:market_seconds",
        f"clamp_min({newest('tidewheel_market_time_seconds')} - {newest('tidewheel_labeled_market_time_seconds')}, 0)",
        "Market time from the newest market second to the newest whose labels are written; 0 where ingest was asked so "
        "long before the labeler that labels seem to be ahead.",
    ),
    RecordingRule(
        "instrument:tidewheel_base_rate:ratio",
        f"{rate(PROFITABLE, 'instrument', '5m')} / ({rate(RESOLVED, 'instrument', '5m')} > 0)",
        "Share of PROFIT among orders resolved lately.",
    ),
    RecordingRule(
        "instrument:tidewheel_order_life:market_seconds",
        f"{rate('tidewheel_order_life_seconds_total', 'instrument', '5m')} / "
        f"({rate(RESOLVED, 'instrument', '5m')} > 0)",
        "Mean life of orders resolved lately, market time.",
    ),
    RecordingRule(
        "instrument:tidewheel_next_window_edge:ratio",
        f"{newest('tidewheel_next_window_precision')} - {newest('tidewheel_next_window_base_rate')}",
        "Precision on the next window above its base rate: what choosing was worth.",
    ),
    RecordingRule(
        "group:tidewheel_consumer_lag:records",
        f"sum by (group) ({newest('tidewheel_consumer_lag_records', 'group, topic, partition')})",
        "Records that a group has not committed. Each of its members says so of the whole group.",
    ),
    RecordingRule(
        "method:tidewheel_rpc_duration:p99",
        quantile(0.99, "tidewheel_rpc_duration_seconds", "method"),
        "Time in the handler that one call in a hundred exceeds.",
    ),
    RecordingRule(
        "tidewheel_client_duration:p99",
        quantile(0.99, "tidewheel_client_duration_seconds"),
        "The same as a client sees it.",
    ),
    RecordingRule(
        "service:tidewheel_clock_skew:seconds",
        "max by (service) (tidewheel_clock_time_seconds - timestamp(tidewheel_clock_time_seconds))",
        "How far a service's clock is ahead of that of Prometheus; behind where negative.",
    ),
    *VENUE_RECORDING_RULES,
)
