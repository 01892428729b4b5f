"""What callers get: how quick, from which model, and whether it can be trusted."""

from tidewheel.observability.dashboards.panels import (
    BLUE,
    CODES,
    GREEN,
    GREY,
    INSTRUMENT,
    OF_INSTRUMENT,
    OF_VERSION,
    ORANGE,
    PURPLE,
    RATE,
    RED,
    VERSION,
    YELLOW,
    Dashboard,
    Kind,
    Panel,
    Query,
    Row,
    Unit,
    nonzero,
    or_none,
    rate,
    seldom,
)
from tidewheel.observability.queries import newest, quantile


def quantiles(histogram: str, name: str) -> tuple[Query, ...]:
    return tuple(Query(quantile(share, histogram, within=RATE), f"{name} p{share * 100:g}") for share in (0.5, 0.99))


CALLS = Row(
    "Calls",
    (
        Panel(
            "How many calls are answered?",
            Unit.REQUESTS_PER_SECOND,
            "What callers ask. 0 where nobody does.",
            "PredictorErrors",
            (Query(nonzero(rate("tidewheel_rpcs_total", "method")), "{{method}}"),),
            width=6,
            least=0,
        ),
        Panel(
            "With which codes do calls end?",
            Unit.REQUESTS_PER_SECOND,
            "OK. INTERNAL and UNKNOWN are the predictor's own faults, the rest are its callers'.",
            "PredictorErrors",
            (Query(nonzero(rate("tidewheel_rpcs_total", "code")), "{{code}}"),),
            Kind.BARS,
            width=6,
            least=0,
            colours=CODES,
        ),
        Panel(
            "How long do callers wait?",
            Unit.SECONDS,
            "Milliseconds, in the handler and as the run's client sees it. Where they part, calls wait for a thread.",
            "PredictorErrors",
            (
                Query(nonzero(quantile(0.99, "tidewheel_rpc_duration_seconds", "method", RATE)), "{{method}} p99"),
                *quantiles("tidewheel_client_duration_seconds", "client"),
            ),
            width=6,
            least=0,
        ),
        Panel(
            "Do calls wait for a thread?",
            Unit.SECONDS,
            "Far less than a millisecond. It grows where more is asked than can be answered.",
            "PredictorErrors",
            quantiles("tidewheel_rpc_wait_seconds", "wait"),
            width=6,
            least=0,
        ),
        Panel(
            "How many calls are in progress?",
            Unit.COUNT,
            "Few. At the limit further calls are refused.",
            "PredictorErrors",
            (Query("sum(tidewheel_rpcs_in_progress)", "in progress"),),
            least=0,
            reach=(0, 4),
            decimals=0,
        ),
        Panel(
            "Why do calls get no score?",
            Unit.REQUESTS_PER_SECOND,
            "0, but for no_model before the first one, and invalid_input of a caller that errs.",
            "PredictorErrors",
            (Query(seldom("tidewheel_refusals_total", "reason"), "{{reason}}"),),
            Kind.BARS,
            least=0,
            reach=(0, 1),
            unwanted=True,
            colours={"no_model": BLUE, "invalid|unknown": YELLOW, "market|history": PURPLE},
        ),
        Panel(
            "Are answers kept in topic predictions?",
            Unit.RECORDS_PER_SECOND,
            "As many as are given. Nothing waits for Kafka: what it cannot take is let go and counted.",
            "KafkaAway",
            (
                Query(f"sum(rate(tidewheel_predictions_logged_total[{RATE}]))", "kept"),
                Query(seldom("tidewheel_predictions_lost_total", "reason"), "lost: {{reason}}"),
            ),
            least=0,
            colours={"^kept": GREEN, "lost: none": GREY},
        ),
    ),
)
MODELS = Row(
    "Models",
    (
        Panel(
            "Which model serves?",
            Unit.COUNT,
            "The newest that was published, soon after it was: both steps rise together.",
            "ModelOverdue",
            (
                Query(
                    newest(f'tidewheel_newest_model_seq{{outcome="published",{INSTRUMENT}}}'),
                    "{{instrument}} published",
                ),
                Query(newest(f"tidewheel_model_seq{{{INSTRUMENT}}}"), "{{instrument}} serves"),
            ),
            width=6,
            least=0,
            colours={"serves": GREEN, "published": GREY},
        ),
        Panel(
            "How old is what the model knows?",
            Unit.MARKET_SECONDS,
            "Market time since the last row that it learnt from: a saw, below two windows.",
            "ModelOverdue",
            (Query(newest(f"tidewheel_model_age_seconds{{{INSTRUMENT}}}"), "{{instrument}}"),),
            width=6,
            least=0,
        ),
        Panel(
            "What do the chosen versions answer?",
            Unit.REQUESTS_PER_SECOND,
            "Some rows are flagged, label 1, and others not. All or none: the model chooses nothing.",
            "EdgeGone",
            (
                Query(
                    rate(f"tidewheel_predictions_total{{{INSTRUMENT},{VERSION}}}", "instrument, label"),
                    "{{instrument}} label {{label}}",
                ),
            ),
            Kind.BARS,
            width=6,
            least=0,
            colours={"label 1": GREEN, "label 0": BLUE},
        ),
        Panel(
            "How long does a swap take?",
            Unit.SECONDS,
            "Since the start, from bytes asked for to the model serving. No call waits for it.",
            "SwapsRefused",
            (
                Query(
                    "histogram_quantile(0.99, sum by (le) (tidewheel_model_swap_duration_seconds_bucket))", "swap p99"
                ),
            ),
            width=6,
            least=0,
        ),
        Panel(
            "Are models refused, or copies lost?",
            Unit.COUNT,
            "0 of each. The last good model serves on, but somebody or something damages models.",
            "SwapsRefused",
            (
                Query(
                    f"sum by (instrument, reason) (tidewheel_model_swap_failures_total{{{INSTRUMENT}}})",
                    "{{instrument}} {{reason}}",
                ),
                Query("sum(tidewheel_model_copy_failures_total)", "copies on disk"),
            ),
            steps={1: RED},
            kind=Kind.NUMBER,
        ),
        Panel(
            "How much memory do models take?",
            Unit.BYTES,
            "Steady. It grows with instruments only.",
            "ServiceRestarting",
            (Query("sum(tidewheel_models_resident_bytes)", "weights"),),
            least=0,
        ),
        Panel(
            "How old are the features of PredictNow?",
            Unit.SECONDS,
            "A second or two while the market is open. It grows where the market has stopped.",
            "FeedDead",
            (Query(newest(f"tidewheel_features_age_seconds{{{INSTRUMENT}}}"), "{{instrument}}"),),
            least=0,
        ),
    ),
)
TRUST = Row(
    "Trust",
    (
        Panel(
            "Which answers carry a flag?",
            Unit.REQUESTS_PER_SECOND,
            "Few or none. Many of a kind: the market has left what the model has seen.",
            "EdgeGone",
            (Query(seldom(f"tidewheel_trust_flags_total{{{INSTRUMENT}}}", "flag"), "{{flag}}"),),
            Kind.BARS,
            least=0,
            reach=(0, 1),
            unwanted=True,
            colours={"overdue": ORANGE, "novel": BLUE, "stale": PURPLE, "drift": RED, "evidence": YELLOW},
        ),
        Panel(
            "Are rows cut here those that the labeler wrote?",
            Unit.RECORDS_PER_SECOND,
            "Equal, or of another quote, which says nothing. Different is a fault.",
            "ParityBroken",
            (Query(rate(f"tidewheel_parity_total{{{INSTRUMENT}}}", "result"), "{{result}}"),),
            Kind.BARS,
            least=0,
            colours={"equal": GREEN, "different": RED, "other_quote": GREY},
        ),
        Panel(
            "Does the candidate agree with the serving model?",
            Unit.REQUESTS_PER_SECOND,
            "Mostly, where a candidate shadows; none where there is no candidate.",
            "EdgeGone",
            (
                Query(
                    or_none(rate(f"tidewheel_shadow_answers_total{{{INSTRUMENT}}}", "agrees"), "agrees"),
                    "agrees: {{agrees}}",
                ),
            ),
            Kind.BARS,
            least=0,
            reach=(0, 1),
            colours={"true": GREEN, "false": YELLOW, "none": GREY},
        ),
    ),
)
SERVING = Dashboard(
    "tidewheel-serving",
    "Tidewheel: serving",
    "What do callers get, and how quickly? Which model answers, how old is it, and can it be trusted?",
    (CALLS, MODELS, TRUST),
    (OF_INSTRUMENT, OF_VERSION),
)
