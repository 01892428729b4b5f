"""Kafka, Redis and the processes: what everything else stands on."""

from tidewheel.observability.dashboards.panels import (
    GREEN,
    RATE,
    RED,
    Dashboard,
    Kind,
    Panel,
    Query,
    Row,
    Unit,
    nonzero,
    or_none,
    rate,
)
from tidewheel.observability.queries import newest, quantile

UP = {0: ("away", RED), 1: ("answers", GREEN)}
# What no Prometheus can ask by itself: `tidewheel run` tells of it.
SERVERS = 'process=~"kafka|redis"'
# Those of which there are any, each called by what befell it.
REJECTED = " or ".join(
    f'label_replace(sum by ({label}) ({counter}) > 0, "record", "$1 {what}", "{label}", "(.+)")'
    for counter, label, what in (
        ("tidewheel_records_missing_total", "topic", "missing"),
        ("tidewheel_records_repeated_total", "topic", "repeated"),
        ('tidewheel_dead_letters_total{source!="feed"}', "source", "rejected"),
    )
)

KAFKA = Row(
    "Kafka",
    (
        Panel(
            "Does Kafka answer?",
            Unit.COUNT,
            "Everybody who reads gets an answer.",
            "KafkaAway",
            (Query("min by (service) (tidewheel_kafka_up)", "{{service}}"),),
            Kind.STATES,
            width=6,
            words=UP,
        ),
        Panel(
            "How long does Kafka take to answer?",
            Unit.SECONDS,
            "Milliseconds. More: the broker is busy, or its disk is slow.",
            "KafkaAway",
            (Query("max by (service) (tidewheel_kafka_answer_duration_seconds)", "{{service}}"),),
            width=6,
            least=0,
        ),
        Panel(
            "How many brokers are there?",
            Unit.COUNT,
            "As many as were set up: one on one machine.",
            "KafkaAway",
            (Query("min(tidewheel_kafka_brokers)", "brokers"),),
            Kind.NUMBER,
            width=6,
            first_colour=RED,
            steps={1: GREEN},
            decimals=0,
        ),
        Panel(
            "Are partitions offline or short of copies?",
            Unit.COUNT,
            "0 of either. One more failure loses what is short of copies.",
            "KafkaAway",
            (
                Query("max(tidewheel_kafka_partitions_offline)", "offline"),
                Query("max(tidewheel_kafka_partitions_under_replicated)", "short of copies"),
            ),
            Kind.NUMBER,
            width=6,
            steps={1: RED},
        ),
        Panel(
            "How many records wait, by topic?",
            Unit.COUNT,
            "Steady: some seconds' worth. It grows where a group is too slow or stands still.",
            "LabelsBehind",
            (
                Query(
                    f"sum by (group, topic) ({newest('tidewheel_consumer_lag_records', 'group, topic, partition')})",
                    "{{group}} {{topic}}",
                ),
            ),
            width=6,
            least=0,
        ),
        Panel(
            "How long does a commit take?",
            Unit.SECONDS,
            "Of the labeler's transactions: tens of milliseconds.",
            "KafkaAway",
            tuple(
                Query(quantile(share, "tidewheel_commit_duration_seconds", within=RATE), f"p{share * 100:g}")
                for share in (0.5, 0.99)
            ),
            width=6,
            least=0,
        ),
        Panel(
            "Are transactions given up?",
            Unit.PER_MINUTE,
            "0. Their work is redone and nothing is lost, but it takes time.",
            "KafkaAway",
            (
                Query(f"60 * {rate('tidewheel_kafka_transactions_aborted_total', 'service')}", "{{service}} aborted"),
                Query(
                    or_none(nonzero(f"60 * {rate('tidewheel_kafka_producer_renewals_total', 'reason')}"), "reason"),
                    "producer renewed: {{reason}}",
                ),
            ),
            width=6,
            least=0,
            reach=(0, 1),
        ),
        Panel(
            "Are records lost, repeated or rejected?",
            Unit.COUNT,
            "Missing and rejected are 0. Orders repeat where the order bot starts again.",
            "RecordsMissing",
            (Query(or_none(REJECTED, "record"), "{{record}}"),),
            width=6,
            least=0,
            reach=(0, 4),
            unwanted=True,
        ),
    ),
)
REDIS = Row(
    "Redis",
    (
        Panel(
            "Does Redis answer?",
            Unit.COUNT,
            "Trainer and predictor get an answer. The predictor serves on without.",
            "RedisAway",
            (Query("min by (service) (tidewheel_registry_up)", "{{service}}"),),
            Kind.STATES,
            width=12,
            words=UP,
        ),
        Panel(
            "Is every clock right?",
            Unit.SECONDS,
            "Within two seconds of that of Prometheus. Else no age can be believed.",
            "ClockSkew",
            (Query("service:tidewheel_clock_skew:seconds", "{{service}}"),),
            width=12,
        ),
    ),
)
PROCESSES = Row(
    "Processes",
    (
        Panel(
            "Who starts again?",
            Unit.SECONDS,
            "Minutes and hours since the start, growing. A fall is a start; three in ten minutes are too many.",
            "ServiceRestarting",
            (Query("time() - max by (job) (process_start_time_seconds)", "{{job}}"),),
            width=6,
            least=0,
        ),
        Panel(
            "How much processor does each take?",
            Unit.RATIO,
            "Of one core. The trainer takes one while it searches; nobody else does for long.",
            "ServiceRestarting",
            (
                Query(rate("process_cpu_seconds_total", "job"), "{{job}}"),
                Query(rate(f"tidewheel_process_cpu_seconds_total{{{SERVERS}}}", "process"), "{{process}}"),
            ),
            width=6,
            least=0,
        ),
        Panel(
            "How much memory does each hold?",
            Unit.BYTES,
            "Level after the first minutes. A line that only rises ends in a restart.",
            "ServiceRestarting",
            (
                Query("sum by (job) (process_resident_memory_bytes)", "{{job}}"),
                Query(f"sum by (process) (tidewheel_process_resident_bytes{{{SERVERS}}})", "{{process}}"),
            ),
            width=6,
            least=0,
        ),
        Panel(
            "Do files and connections run out?",
            Unit.RATIO,
            "A small share of what each process may hold open.",
            "ServiceRestarting",
            (Query("max by (job) (process_open_fds / process_max_fds)", "{{job}}"),),
            width=6,
            least=0,
        ),
    ),
)
MACHINE = Dashboard(
    "tidewheel-machine",
    "Tidewheel: Kafka, Redis and processes",
    "Do Kafka and Redis answer? Does anything wait, get lost, start again or run out?",
    (KAFKA, REDIS, PROCESSES),
)
