"""The labeler inside the transactional loop: decode, step, encode, produce; and checkpoints from its own topic."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Message

from services.labeler.checkpoint import CheckpointError, Record, read_checkpoints
from services.labeler.config import LabelerConfig
from services.labeler.core import Labeler, Output, StateMismatchError
from services.labeler.metrics import TransactionMetrics
from services.labeler.partition import TOPICS, Partition
from services.labeler.settings import Settings
from services.labeler.traces import TransactionTraces
from tidewheel.contracts.codecs.market import decode_second
from tidewheel.contracts.codecs.orders import decode_orders, encode_example, encode_transaction
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.contracts.topics import (
    EXAMPLES,
    LABELER_GROUP,
    LABELER_NAMES,
    LABELER_STATE,
    ORDERS,
    TICKS,
    TRANSACTIONS,
)
from tidewheel.domain.errors import TidewheelError
from tidewheel.runtime.dead_letters import DeadLetterQueue
from tidewheel.runtime.kafka import KAFKA, Clients, PartitionId, read_to_end
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.outbox import Outbox
from tidewheel.runtime.process import Context, FatalError
from tidewheel.runtime.static_member import StaticMember
from tidewheel.runtime.transaction_policy import TransactionPolicy
from tidewheel.runtime.transactional_loop import OffsetAndMetadata, TransactionalLoop
from tidewheel.runtime.transactional_producer import TransactionalProducer, transactional_client
from tidewheel.telemetry.tracing.tracer import NO_TRACES, Exemplar, Tracer

SERVICE = "labeler"
# Above the limit of a transaction, since one that a dead process left open is waited for.
STATE_READ_TIMEOUT_S = 60.0


class PartitionNotAssignedError(TidewheelError):
    """A record of a partition that was not restored: labels made of it would begin in the middle."""


class LabelerProcessor:
    """The processor that `tidewheel.runtime.transactional_loop` runs."""

    def __init__(
        self,
        bootstrap: Broker,
        config: LabelerConfig,
        outbox: Outbox,
        clients: Clients = KAFKA,
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self._bootstrap = bootstrap
        self._clients = clients
        self._config = config
        self._outbox = outbox
        self._dead_letters = DeadLetterQueue(SERVICE, outbox)
        self._metrics = TransactionMetrics()
        self._traces = TransactionTraces(tracer) if tracer.on else None
        self._partitions: dict[int, Partition] = {}
        self._reported_offsets: dict[PartitionId, int] = {}  # bad records and breaks below them are reported
        self._advanced: dict[str, Labeler] = {}
        self._replaying = False

    @property
    def restored(self) -> bool:
        """What is written already has been made again, so that new labels follow."""
        if self._replaying:
            self._replaying = any(partition.replaying for partition in self._partitions.values())
        return not self._replaying

    @property
    def partitions(self) -> Mapping[int, Partition]:
        """Those assigned and restored, by number."""
        return self._partitions

    def on_assigned(
        self, partitions: Collection[int], committed: Mapping[PartitionId, OffsetAndMetadata]
    ) -> Mapping[PartitionId, int]:
        state_records = self._read_state(partitions)
        self._reported_offsets = {place: int(position.metadata or 0) for place, position in committed.items()}
        start_offsets: dict[PartitionId, int] = {}
        for number in partitions:
            offsets = {topic: committed[topic, number].offset for topic in TOPICS if (topic, number) in committed}
            try:
                partition = Partition(self._config, read_checkpoints(state_records[number], str(self._config)), offsets)
            except (CheckpointError, StateMismatchError) as failure:
                raise FatalError(str(failure)) from failure
            self._partitions[number] = partition
            for topic, start in partition.start_offsets.items():
                start_offsets[topic, number] = OFFSET_BEGINNING if start is None else start
        self._replaying = True
        return start_offsets

    def on_revoked(self) -> None:
        self._metrics.discard(name for partition in self._partitions.values() for name in partition.instruments)
        self._partitions, self._advanced = {}, {}
        if self._traces is not None:
            self._traces.discard()

    def process(self, messages: Sequence[Message]) -> None:
        if self._traces is not None and messages:
            self._traces.on_batch(messages[0])
        good_count = 0
        for message in messages:
            topic, number, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
            partition = self._partitions.get(number)
            if partition is None:
                raise PartitionNotAssignedError(f"a record of {topic}, partition {number}, which is not assigned")
            partition.mark_read(topic, offset)
            try:
                outputs = self._step(partition, topic, offset, message)
            except InvalidRecordError as failure:
                self._dead_letters.accepted(good_count)
                good_count = 0
                if offset >= self._reported_offsets.get((topic, number), 0):
                    self._dead_letters.record(message, failure)
                continue
            good_count += 1
            if partition.breaks:
                self._record_breaks(partition, number)
            if outputs:
                self._produce_outputs(outputs, number)
        self._dead_letters.accepted(good_count)

    def checkpoint(self) -> Mapping[PartitionId, OffsetAndMetadata]:
        positions: dict[PartitionId, OffsetAndMetadata] = {}
        for number, partition in self._partitions.items():
            for key, value in partition.checkpoint_records():
                self._outbox.produce(LABELER_STATE.name, value, key, number)
            self._advanced |= partition.advanced
            for topic, (labeled, read) in partition.positions().items():
                # Nor does the note go back, while records are read again.
                reported_offset = max(read, self._reported_offsets.get((topic, number), 0))
                positions[topic, number] = OffsetAndMetadata(labeled, str(reported_offset))
        return positions

    def on_committed(self) -> Exemplar | None:
        self._metrics.flush(self._advanced.items())
        sample = self._traces.on_committed(self._advanced.items()) if self._traces is not None else None
        self._advanced = {}
        return sample

    def paused(self) -> Collection[PartitionId]:
        return {(topic, number) for number, partition in self._partitions.items() for topic in partition.paused()}

    def _step(self, partition: Partition, topic: str, offset: int, message: Message) -> list[Output]:
        payload = message.value() or b""
        try:
            if topic == TICKS.name:
                second = decode_second(payload)
                if self._traces is not None and second.second > partition.written_second(second.instrument):
                    self._traces.on_second(message, second)
                return partition.on_second(offset, len(payload), second)
            return partition.on_orders(offset, len(payload), decode_orders(payload))
        except StateMismatchError as failure:
            raise FatalError(str(failure)) from failure

    def _record_breaks(self, partition: Partition, number: int) -> None:
        """Those of records that no transaction has covered yet; what is read again after a start was counted then."""
        breaks, partition.breaks = partition.breaks, []
        self._metrics.record_breaks(
            (one, number) for one in breaks if one.offset >= self._reported_offsets.get((one.topic, number), 0)
        )

    def _produce_outputs(self, outputs: list[Output], number: int) -> None:
        produce, key = self._outbox.produce, outputs[0].transaction.instrument
        headers = None
        for transaction, example in outputs:
            if self._traces is not None:
                headers = self._traces.headers(transaction)
            produce(TRANSACTIONS.name, encode_transaction(transaction), key, number, headers)
            if example is not None:
                produce(EXAMPLES.name, encode_example(example), key, number, headers)
        self._metrics.record_outputs(outputs)

    def _read_state(self, partitions: Collection[int]) -> dict[int, list[Record]]:
        records: dict[int, list[Record]] = {number: [] for number in partitions}
        start_offsets = dict.fromkeys(partitions, OFFSET_BEGINNING)
        limit_s, clients = STATE_READ_TIMEOUT_S, self._clients
        for message in read_to_end(
            self._bootstrap, LABELER_STATE.name, start_offsets, limit_s=limit_s, clients=clients
        ):
            records[message.partition() or 0].append((message.key() or b"", message.value()))
        return records


def run(settings: Settings, context: Context) -> None:
    """Label until `context.stop` is set."""
    loop, _ = build_loop(settings, context)
    loop.run(context.stop)


def build_loop(
    settings: Settings, context: Context, clients: Clients = KAFKA, **more: Any
) -> tuple[TransactionalLoop, LabelerProcessor]:
    """The loop and its processor; nothing is read before the loop's start. `more`: further arguments of the loop."""
    # The same over restarts: Kafka aborts what the process before left open, and gives its partitions back at once.
    name = LABELER_NAMES + settings.instance
    producer = TransactionalProducer(partial(transactional_client, settings.kafka_access, SERVICE, name, clients))
    processor = LabelerProcessor(settings.kafka_access, settings.labeler_config, producer, clients, context.tracer)

    def heartbeat() -> None:
        context.health.heartbeat()
        if loop.assigned and processor.restored:
            context.health.ready()
        else:
            context.health.not_ready("restoring state" if loop.assigned else "waiting for partitions")

    loop = TransactionalLoop(
        StaticMember(settings.kafka_access, SERVICE, LABELER_GROUP, name, clients),
        producer,
        (TICKS.name, ORDERS.name),
        processor,
        TransactionPolicy(interval_s=settings.commit_interval_ms / 1000, records_max=settings.commit_records_max),
        service=SERVICE,
        log=context.log,
        heartbeat=heartbeat,
        **more,
    )
    return loop, processor
