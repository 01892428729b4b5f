"""Every topic as one declaration: the only place a topic's name, key, message, partitions or retention is spelled."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from google.protobuf.message import Message

from tidewheel.wire.v1 import market_pb2, orders_pb2, predictions_pb2, training_pb2

MS_PER_DAY = 86_400_000
# Features hold 605 floats and a market second of a busy venue some hundred quotes; nothing sane comes near this.
RECORD_BYTES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic's contract. `key` says what the key's bytes are; `partitions` None means the set number.

    `read_back_by`: producers that also read what they wrote, to go on from it.
    """

    name: str
    message: type[Message]
    key: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    retention_ms: int | None
    transactional: bool = False
    compacted: bool = False
    fixed_partitions: int | None = None
    read_back_by: tuple[str, ...] = ()

    def partitions(self, per_instrument_topics: int) -> int:
        """Number of partitions where topics keyed by instrument have `per_instrument_topics`."""
        return self.fixed_partitions or per_instrument_topics

    @property
    def config(self) -> Mapping[str, str]:
        """Topic configuration for the broker."""
        if self.compacted:
            # Small segments and a low dirty ratio keep what a restart must read small.
            return MappingProxyType(
                {
                    "cleanup.policy": "compact",
                    "segment.bytes": str(16 * 2**20),
                    "segment.ms": "600000",
                    "min.cleanable.dirty.ratio": "0.1",
                }
            )
        return MappingProxyType({"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)})


def _topic(
    name: str, message: type[Message], producers: str, consumers: str, days: int, **more: bool | int | tuple[str, ...]
) -> Topic:
    return Topic(
        name,
        message,
        key="instrument",
        producers=tuple(producers.split()),
        consumers=tuple(consumers.split()),
        retention_ms=days * MS_PER_DAY,
        **more,  # type: ignore[arg-type]
    )


TICKS = _topic(
    "ticks", market_pb2.MarketSecond, "ingest", "orderbot labeler predictor people", 7, read_back_by=("ingest",)
)
ORDERS = _topic("orders", orders_pb2.SecondOrders, "orderbot", "labeler people", 7)
TRANSACTIONS = _topic("transactions", orders_pb2.Transaction, "labeler", "people", 30, transactional=True)
EXAMPLES = _topic("examples", orders_pb2.Example, "labeler", "trainer predictor people", 30, transactional=True)
LABELER_STATE = Topic(
    "labeler-state",
    # A key that ends in `|frontier` holds a LabelerFrontier, one with `|snapshot|` a LabelerSnapshot.
    orders_pb2.LabelerFrontier,
    key="instrument|kind",
    producers=("labeler",),
    consumers=("labeler", "people"),  # people's commands ask how far the labeler is
    retention_ms=None,
    transactional=True,
    compacted=True,
)
TRAINING_RUNS = _topic("training-runs", training_pb2.TrainingRunEvent, "trainer", "people", 90)
PREDICTIONS = _topic("predictions", predictions_pb2.ServedPrediction, "predictor", "people", 30)
FEED_STATUS = _topic("feed-status", market_pb2.FeedStatus, "ingest", "people", 7, fixed_partitions=1)
DEAD_LETTERS = _topic(
    "dead-letters",
    market_pb2.DeadLetter,
    # Not the predictor: it only looks at `ticks`, and the labeler rejects the same records.
    "ingest orderbot labeler trainer",
    "people",
    30,
    fixed_partitions=1,
    read_back_by=("ingest",),
)

TOPICS: Mapping[str, Topic] = MappingProxyType(
    {
        topic.name: topic
        for topic in (
            *(TICKS, ORDERS, TRANSACTIONS, EXAMPLES),
            *(LABELER_STATE, TRAINING_RUNS, PREDICTIONS, FEED_STATUS, DEAD_LETTERS),
        )
    }
)

# Consumer groups, since ingest watches how far the labeler is behind.
ORDERBOT_GROUP = "orderbot"
LABELER_GROUP = "labeler"
TRAINER_GROUP = "trainer"
# Names of readers that join no group and commit nothing. Kafka wants one of them all the same.
READER_GROUP = "tidewheel-reader"
PREDICTOR_READER = "tidewheel-predictor"
PARITY_READER = "tidewheel-predictor-parity"
COLLECTOR_READER = "tidewheel-collector"
TAIL_READER = "tidewheel-tail"
# What a labeler's transactional id and its name in the group begin with.
LABELER_NAMES = "tidewheel-labeler-"
# What each of them reads.
GROUP_TOPICS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        ORDERBOT_GROUP: (TICKS.name,),
        LABELER_GROUP: (TICKS.name, ORDERS.name),
        TRAINER_GROUP: (EXAMPLES.name,),
    }
)
