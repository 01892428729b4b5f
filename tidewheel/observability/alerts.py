"""Every alert: few, each of something that a person should see to, and each with a runbook (docs/runbooks.md)."""

from tidewheel.observability.queries import grew, newest
from tidewheel.observability.rules import AlertRule, Severity
from tidewheel.observability.venue_rules import VENUE_ALERTS

SERVICE_JOBS = 'job=~"ingest|orderbot|labeler|trainer|predictor"'
# What happens in an instant is told for so long.
INSTANT = "10m"
PUBLISHED = 'tidewheel_newest_model_seq{outcome="published"}'

ALERTS = (
    AlertRule(
        "ServiceDown",
        Severity.CRITICAL,
        f"up{{{SERVICE_JOBS}}} == 0",
        "1m",
        "{{ $labels.job }} does not answer",
        "For a minute nobody has answered at {{ $labels.instance }}: the process has ended, hangs, or is cut off.",
    ),
    AlertRule(
        "ServiceRestarting",
        Severity.WARNING,
        f"sum by (job) (changes(process_start_time_seconds{{{SERVICE_JOBS}}}[10m])) >= 3",
        "0s",
        "{{ $labels.job }} started anew three times in ten minutes",
        "A start is a recovery and loses nothing, but a process that ends again and again gets little done.",
    ),
    AlertRule(
        "FeedDead",
        Severity.CRITICAL,
        "(instrument:tidewheel_market_second_age:seconds > 60 "
        "unless on (instrument) (instrument:tidewheel_held_back:ratio > 0.5)) "
        "or (instrument:tidewheel_stale:ratio > 0.99 and on (instrument) instrument:tidewheel_market_speed:ratio > 0)",
        "1m",
        "The feed of {{ $labels.instrument }} brings nothing, though ingest lives",
        "No market second was written for a minute, or all of two minutes are stale, and this has lasted a minute.",
    ),
    AlertRule(
        "LabelsBehind",
        Severity.WARNING,
        f"{newest('tidewheel_market_time_seconds offset 1m')} > {newest('tidewheel_labeled_market_time_seconds')}",
        "1m",
        "Labels of {{ $labels.instrument }} are more than a minute behind its market",
        "What ingest wrote a minute ago is not labelled yet, at whatever speed the market runs.",
    ),
    AlertRule(
        "ModelOverdue",
        Severity.CRITICAL,
        f"({newest('tidewheel_windows_without_model')} >= 3) "
        f"or ({newest(PUBLISHED)} > {newest('max_over_time(tidewheel_model_seq[1h])')}) "
        f"or (({newest(PUBLISHED)} unless on (instrument) {newest('tidewheel_model_seq')}) "
        'and on () (max(up{job="predictor"}) == 1))',
        "1m",
        "Windows of {{ $labels.instrument }} close, and no new model serves",
        "Three windows in a row gave no model though one was due, or the predictor does not take the newest one.",
    ),
    AlertRule(
        "TrainingStalled",
        Severity.CRITICAL,
        "(sum(tidewheel_windows_waiting) > 0) "
        "and on () ((sum(increase(tidewheel_training_runs_total[5m])) or vector(0)) == 0) "
        'unless on () (min(tidewheel_registry_up{service="trainer"}) == 0)',
        "5m",
        "A closed window waits, and no training run ends",
        "For five minutes no run has ended although windows wait; Redis answers, so it is the training itself.",
    ),
    AlertRule(
        "EdgeGone",
        Severity.WARNING,
        grew("tidewheel_drifts_total", "instrument"),
        "0s",
        "What the models of {{ $labels.instrument }} had learnt has turned bad on later rows",
        "The e-detector's bettors against the models before have fifty times what they began with: another market.",
        kept=INSTANT,
    ),
    AlertRule(
        "ParityBroken",
        Severity.CRITICAL,
        grew('tidewheel_parity_total{result="different"}', "instrument"),
        "0s",
        "The predictor cuts other features of {{ $labels.instrument }} than the labeler wrote",
        "The same instant and quote gave two rows that differ: models are asked of what they never learnt.",
        kept=INSTANT,
    ),
    AlertRule(
        "RowsRejected",
        Severity.WARNING,
        "instrument:tidewheel_rejected:ratio > 0.01",
        "1m",
        "{{ $value | humanizePercentage }} of the rows of {{ $labels.instrument }} became no tick",
        "More than one row in a hundred is no usable price: the source is not what it is taken for, or is damaged.",
    ),
    AlertRule(
        "DeadLetters",
        Severity.CRITICAL,
        grew('tidewheel_dead_letters_total{source!="feed"}', "service, source, reason"),
        "0s",
        "{{ $labels.service }} rejects records of {{ $labels.source }}: {{ $labels.reason }}",
        "A record on a topic of ours that no service of ours would write: a bug, or somebody else writes there.",
        kept=INSTANT,
    ),
    AlertRule(
        "RecordsMissing",
        Severity.CRITICAL,
        grew("tidewheel_records_missing_total", "service, topic"),
        "0s",
        "{{ $labels.service }} misses records of {{ $labels.topic }}",
        "Records carry numbers, and one is missing before another that came: a topic lost it, or it was deleted.",
        kept=INSTANT,
    ),
    AlertRule(
        "ClockSkew",
        Severity.WARNING,
        "abs(service:tidewheel_clock_skew:seconds) > 2",
        "1m",
        "The clock of {{ $labels.service }} is off by {{ $value | humanizeDuration }}",
        "Ages that are told by the wall clock cannot be believed, nor who was first between two machines.",
    ),
    AlertRule(
        "SwapsRefused",
        Severity.CRITICAL,
        grew("tidewheel_model_swap_failures_total", "instrument, reason"),
        "0s",
        "The predictor refuses a model of {{ $labels.instrument }}: {{ $labels.reason }}",
        "What lies in Redis does not verify. The last good model serves on.",
        kept=INSTANT,
    ),
    AlertRule(
        "PredictorErrors",
        Severity.CRITICAL,
        grew('tidewheel_rpcs_total{code=~"INTERNAL|UNKNOWN|DATA_LOSS"}', "method"),
        "0s",
        "{{ $labels.method }} of the predictor fails",
        "A call ended with an error that is the predictor's own and not its caller's.",
        kept=INSTANT,
    ),
    AlertRule(
        "KafkaAway",
        Severity.CRITICAL,
        "(max(tidewheel_kafka_up) == 0) or (max(tidewheel_kafka_partitions_offline) > 0)",
        "1m",
        "Kafka does not answer, or some of its partitions do not",
        "Nothing is read or written there. Market time stands still, and goes on when the broker is back.",
    ),
    AlertRule(
        "RedisAway",
        Severity.CRITICAL,
        "min by (service) (tidewheel_registry_up) == 0",
        "1m",
        "Redis does not answer {{ $labels.service }}",
        "New models are not published or not seen; the predictor serves on with the one it has.",
    ),
    *VENUE_ALERTS,
)
