"""What Prometheus is shown, and which alerts fire when: for each alert the minute, just before it, and its look-alike.

Series are in promtool's notation, a value each 5 s from 0 on: `0x24 1x9` is 0 up to 120 s, and 1 from 125 s on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STEP_S = 5
INSTRUMENT = 'instrument="sim:A"'


@dataclass(frozen=True, slots=True)
class AlertCase:
    """`firing`: second -> the alerts that fire then, and no other does."""

    name: str
    series: Mapping[str, str]
    firing: Mapping[int, tuple[str, ...]]

    def as_dict(self) -> dict[str, Any]:
        """As promtool reads it."""
        return {
            "name": self.name,
            "interval": f"{STEP_S}s",
            "input_series": [{"series": name, "values": values} for name, values in self.series.items()],
            "promql_expr_test": [
                {
                    "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                    "eval_time": f"{at_s}s",
                    "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(alerts)],
                }
                for at_s, alerts in self.firing.items()
            ],
        }


def fires(alert: str, at_s: int, name: str, **series: str) -> AlertCase:
    """It fires at the second, and not a step before."""
    return AlertCase(f"{alert}: {name}", _named(series), {at_s - STEP_S: (), at_s: (alert,)})


def silent(alert: str, name: str, **series: str) -> AlertCase:
    """The look-alike of an alert: nothing fires."""
    return AlertCase(f"no {alert}: {name}", _named(series), dict.fromkeys((60, 130, 190, 255, 310, 400), ()))


def _named(series: Mapping[str, str]) -> dict[str, str]:
    return {SERIES[name]: values for name, values in series.items()}


SERIES = {
    "up": 'up{job="labeler", instance="a"}',
    "predictor_up": 'up{job="predictor", instance="b"}',
    "trainer_up": 'up{job="trainer", instance="c"}',
    "start": 'process_start_time_seconds{job="labeler", instance="a"}',
    "written": f'tidewheel_market_second_written_time_seconds{{job="ingest", {INSTRUMENT}}}',
    "seconds": f'tidewheel_market_seconds_total{{job="ingest", {INSTRUMENT}}}',
    "stale": f'tidewheel_stale_market_seconds_total{{job="ingest", {INSTRUMENT}}}',
    "held_back": f'tidewheel_held_back_seconds_total{{job="ingest", {INSTRUMENT}}}',
    "market": f'tidewheel_market_time_seconds{{job="ingest", {INSTRUMENT}}}',
    "labelled": f'tidewheel_labeled_market_time_seconds{{job="labeler", {INSTRUMENT}}}',
    "without_model": f'tidewheel_windows_without_model{{job="trainer", {INSTRUMENT}}}',
    "published": f'tidewheel_newest_model_seq{{job="trainer", {INSTRUMENT}, outcome="published"}}',
    "candidate": f'tidewheel_newest_model_seq{{job="trainer", {INSTRUMENT}, outcome="candidate"}}',
    "served": f'tidewheel_model_seq{{job="predictor", {INSTRUMENT}}}',
    "waiting": 'tidewheel_windows_waiting{job="trainer"}',
    "runs": f'tidewheel_training_runs_total{{job="trainer", {INSTRUMENT}, verdict="published", reason=""}}',
    "trainer_registry": 'tidewheel_registry_up{job="trainer", service="trainer"}',
    "predictor_registry": 'tidewheel_registry_up{job="predictor", service="predictor"}',
    "drifts": f'tidewheel_drifts_total{{job="trainer", instance="c", {INSTRUMENT}}}',
    "drift_wealth": f'tidewheel_drift_e_value{{job="trainer", instance="c", {INSTRUMENT}}}',
    "different": f'tidewheel_parity_total{{job="predictor", instance="b", {INSTRUMENT}, result="different"}}',
    "other_quote": f'tidewheel_parity_total{{job="predictor", instance="b", {INSTRUMENT}, result="other_quote"}}',
    "ticks": f'tidewheel_recorded_rows_total{{job="ingest", {INSTRUMENT}, outcome="tick"}}',
    "rejected": f'tidewheel_recorded_rows_total{{job="ingest", {INSTRUMENT}, outcome="rejected"}}',
    "others": f'tidewheel_recorded_rows_total{{job="ingest", {INSTRUMENT}, outcome="other_instrument"}}',
    "letters": 'tidewheel_dead_letters_total{job="labeler", instance="a", service="labeler", source="ticks", '
    'reason="undecodable"}',
    "feed_letters": 'tidewheel_dead_letters_total{job="ingest", service="ingest", source="feed", reason="crossed"}',
    "missing": 'tidewheel_records_missing_total{job="labeler", instance="a", service="labeler", topic="ticks"}',
    "repeated": 'tidewheel_records_repeated_total{job="labeler", instance="a", service="labeler", topic="orders"}',
    "clock": 'tidewheel_clock_time_seconds{job="labeler", service="labeler"}',
    "refused": f'tidewheel_model_swap_failures_total{{job="predictor", instance="b", {INSTRUMENT}, reason="checksum"}}',
    "swaps": f'tidewheel_model_swaps_total{{job="predictor", instance="b", {INSTRUMENT}}}',
    "internal": 'tidewheel_rpcs_total{job="predictor", instance="b", method="Predict", code="INTERNAL"}',
    "invalid": 'tidewheel_rpcs_total{job="predictor", instance="b", method="Predict", code="INVALID_ARGUMENT"}',
    "labeler_kafka": 'tidewheel_kafka_up{job="labeler", service="labeler"}',
    "trainer_kafka": 'tidewheel_kafka_up{job="trainer", service="trainer"}',
    "serving": 'tidewheel_venue_serving{job="ingest", instance="d", venue="okx"}',
    "other_serving": 'tidewheel_venue_serving{job="ingest", instance="d", venue="kraken"}',
    "heard": 'tidewheel_venue_frames_total{job="ingest", instance="d", venue="okx", outcome="tick"}',
    "beats": 'tidewheel_venue_frames_total{job="ingest", instance="d", venue="okx", outcome="other"}',
    "connections": 'tidewheel_venue_connections_total{job="ingest", instance="d", venue="okx"}',
    "lost": 'tidewheel_venue_connections_lost_total{job="ingest", instance="d", venue="okx", reason="refused"}',
    "conflated": 'tidewheel_quotes_conflated_total{job="ingest", instance="d", venue="okx"}',
    "skew": 'tidewheel_venue_skew_seconds{job="ingest", instance="d", venue="okx"}',
    "lag": 'tidewheel_venue_lag_seconds{job="ingest", instance="d", venue="okx"}',
    "offline": 'tidewheel_kafka_partitions_offline{job="labeler", service="labeler"}',
}
UP = "1x400"

CASES = (
    fires("ServiceDown", 120, "a minute without an answer", up="1x11 0x300"),
    silent("ServiceDown", "a restart that takes 55 s", up="1x11 0x10 1x300"),
    fires("ServiceRestarting", 165, "the third start", start="1x10 2x10 3x10 4x300"),
    silent("ServiceRestarting", "two starts", start="1x10 2x10 3x300"),
    fires("FeedDead", 245, "no market second any more", written="0+5x24 120x300"),
    fires("FeedDead", 300, "seconds without a quote", seconds="0+5x300", stale="0x24 5+5x300", written="0+5x400"),
    silent("FeedDead", "ingest waits for the labeler", written="0+5x24 120x300", held_back="0+5x300"),
    silent("FeedDead", "a quiet market", seconds="0+50x300", stale="0+45x300", written="0+5x400"),
    silent("FeedDead", "50 s between two seconds", written=" ".join(f"{at_s}x9" for at_s in range(0, 1_000, 50))),
    fires("LabelsBehind", 245, "labels stand still", market="0+300x300", labelled="0+300x24 7200x300"),
    silent("LabelsBehind", "50 s behind, for as long as it runs", market="0+300x300", labelled="0x9 0+300x300"),
    silent("LabelsBehind", "market and labels stand still", market="0+300x24 7200x300", labelled="0+300x24 7200x300"),
    fires("ModelOverdue", 255, "the third window without a model", without_model="0x12 1x12 2x12 3x300"),
    fires("ModelOverdue", 125, "not taken", published="5x12 6x300", served="5x400", predictor_up=UP),
    fires("ModelOverdue", 120, "the first is not taken", published="_x12 1x300", predictor_up=UP),
    silent("ModelOverdue", "two windows without a model", without_model="0x12 1x12 2x300"),
    silent("ModelOverdue", "rolled back by hand", published="9x400", served="9x20 4x300", predictor_up=UP),
    silent("ModelOverdue", "a candidate that is not proven", candidate="1x20 2x20 3x20 4x300", served="1x400"),
    fires("TrainingStalled", 300, "a window waits and nothing ends", waiting="1x400", runs="7x400"),
    silent("TrainingStalled", "runs end", waiting="1x400", runs="7x30 8x40 9x40 10x40 11x40"),
    AlertCase(
        "no TrainingStalled: it waits for Redis",
        _named({"waiting": "1x400", "runs": "7x400", "trainer_registry": "0x400"}),
        {55: (), 60: ("RedisAway",), 300: ("RedisAway",), 400: ("RedisAway",)},
    ),
    fires("EdgeGone", 125, "the detector's alarm", drifts="0x24 1x300"),
    silent("EdgeGone", "49 of 50", drifts="0x400", drift_wealth="49x400"),
    silent("EdgeGone", "an alarm from before", drifts="3x400", trainer_up=UP),
    fires("ParityBroken", 125, "one row that differs", different="0x24 1x300"),
    fires("ParityBroken", 180, "the first series of its kind", different="_x36 1x300", predictor_up=UP),
    silent("ParityBroken", "another quote", other_quote="0+3x400", predictor_up=UP),
    silent("ParityBroken", "Prometheus is new, the count is old", different="_x2 4x400", predictor_up="_x2 1x400"),
    fires("RowsRejected", 305, "two rows in a hundred", ticks="0+100x300", rejected="0x24 2+2x300"),
    silent("RowsRejected", "one row in two hundred", ticks="0+200x300", rejected="0+1x300"),
    silent("RowsRejected", "rows of other instruments", ticks="0+100x300", rejected="0+1x10", others="0+900x300"),
    fires("DeadLetters", 125, "a record is rejected", letters="0x24 1x300"),
    silent("DeadLetters", "a row of the feed", feed_letters="0x24 1x300"),
    fires("RecordsMissing", 125, "a gap", missing="0x24 1x300"),
    silent("RecordsMissing", "a repetition", missing="0x400", repeated="0x24 9x300"),
    fires("ClockSkew", 60, "3 s ahead", clock="3+5x400"),
    fires("ClockSkew", 60, "3 s behind", clock="-3+5x400"),
    silent("ClockSkew", "1.5 s ahead", clock="1.5+5x400"),
    fires("SwapsRefused", 125, "a model that does not verify", refused="0x24 1x300"),
    silent("SwapsRefused", "a swap", refused="0x400", swaps="0x24 1x300"),
    silent("SwapsRefused", "an old one, seen again", refused="_ 9x19 _x6 9x300", predictor_up="_ 1x19 0x6 1x300"),
    fires("PredictorErrors", 125, "a call that fails", internal="0x24 1x300"),
    silent("PredictorErrors", "callers at fault", internal="0x400", invalid="0+9x400"),
    fires("KafkaAway", 125, "nobody is answered", labeler_kafka="1x12 0x300", trainer_kafka="1x12 0x300"),
    fires("KafkaAway", 125, "a partition without a leader", labeler_kafka="1x400", offline="0x12 1x300"),
    silent("KafkaAway", "one service is not answered", labeler_kafka="1x400", trainer_kafka="1x12 0x300"),
    fires("RedisAway", 125, "for a minute", predictor_registry="1x12 0x300"),
    silent("RedisAway", "for 50 s", predictor_registry="1x12 0x9 1x300"),
    fires("VenueSilent", 185, "away for a minute", serving="1x24 0x300", other_serving="1x400"),
    fires("VenueSilent", 480, "heartbeats alone for five minutes", serving="1x400", heard="0+20x24 480x300"),
    fires("VenueSilent", 65, "no price after a start", serving="1x400", heard="0x400", beats="0+5x400"),
    silent("VenueSilent", "connected anew within 50 s", serving="1x24 0x10 1x300", heard="0+20x24 480x10 485+20x300"),
    silent("VenueSilent", "a price each four minutes", serving="1x400", heard="0x12 1x48 2x48 3x48 4x300"),
    fires("VenueReconnects", 150, "the sixth connection", connections="0x4 1x4 2x4 3x4 4x4 5x4 6x400"),
    silent("VenueReconnects", "five connections", connections="0x4 1x4 2x4 3x4 4x4 5x400"),
    silent("VenueReconnects", "refused again and again", connections="0x4 1x400", lost="0+1x400"),
    fires("QuotesConflated", 245, "two in a hundred", heard="0+100x300", conflated="0x24 3+3x300"),
    silent("QuotesConflated", "one in two hundred", heard="0+200x300", conflated="0+1x300"),
    fires("VenueClockSkew", 185, "3 s ahead", skew="0.1x24 3x300", lag="0.1x24 3x300"),
    fires("VenueClockSkew", 60, "3 s behind", skew="-3x300"),
    silent("VenueClockSkew", "a slow line", skew="0.1x300", lag="9x300"),
)
