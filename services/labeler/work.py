"""The labeler's work inside the transactional loop: decode, step, encode, produce; and state from its own topic."""

from collections.abc import Collection, Mapping, Sequence

from confluent_kafka import OFFSET_BEGINNING, Message

from services.labeler.config import LabelerConfig
from services.labeler.core import Labeler, Output, StateMismatch
from services.labeler.facts import Facts
from services.labeler.partition import TOPICS, Partition
from services.labeler.saved import BrokenState, Record, read_saved
from tidewheel.contracts.bad_record import BadRecord
from tidewheel.contracts.codecs.market import decode_second
from tidewheel.contracts.codecs.orders import decode_orders, encode_example, encode_transaction
from tidewheel.contracts.topics import EXAMPLES, LABELER_STATE, TICKS, TRANSACTIONS
from tidewheel.runtime.dead_letters import DeadLetterBin
from tidewheel.runtime.kafka import KAFKA, Clients, Place, read_to_end
from tidewheel.runtime.process import Unusable
from tidewheel.runtime.transactional import Position
from tidewheel.runtime.transactional_producer import Outbox

SERVICE = "labeler"
# Above the limit of a transaction, since one that a dead process left open is waited for.
STATE_READ_LIMIT_S = 60.0


class NotTakenUp(Exception):
    """A record of a partition that was not restored: labels made of it would begin in the middle."""


class LabelerWork:
    """Implements `tidewheel.runtime.transactional.Work`."""

    def __init__(self, bootstrap: str, config: LabelerConfig, outbox: Outbox, clients: Clients = KAFKA) -> None:
        self._bootstrap = bootstrap
        self._clients = clients
        self._config = config
        self._outbox = outbox
        self._bin = DeadLetterBin(SERVICE, outbox)
        self._facts = Facts()
        self._partitions: dict[int, Partition] = {}
        self._set_aside: dict[Place, int] = {}  # bad records below this offset are dead letters already; breaks, told
        self._moved: dict[str, Labeler] = {}
        self._replaying = False

    @property
    def restored(self) -> bool:
        """What is written already has been made again, so that new labels follow."""
        if self._replaying:
            self._replaying = any(partition.replaying for partition in self._partitions.values())
        return not self._replaying

    def restore(self, partitions: Collection[int], committed: Mapping[Place, Position]) -> Mapping[Place, int]:
        saved = self._read_state(partitions)
        self._set_aside = {place: int(position.note or 0) for place, position in committed.items()}
        starts: dict[Place, int] = {}
        for number in partitions:
            offsets = {topic: committed[topic, number].offset for topic in TOPICS if (topic, number) in committed}
            try:
                partition = Partition(self._config, read_saved(saved[number], str(self._config)), offsets)
            except (BrokenState, StateMismatch) as failure:
                raise Unusable(str(failure)) from failure
            self._partitions[number] = partition
            for topic, start in partition.starts.items():
                starts[topic, number] = OFFSET_BEGINNING if start is None else start
        self._replaying = True
        return starts

    def drop(self) -> None:
        self._facts.forget(name for partition in self._partitions.values() for name in partition.instruments)
        self._partitions, self._moved = {}, {}

    def process(self, messages: Sequence[Message]) -> None:
        good = 0
        for message in messages:
            topic, number, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
            partition = self._partitions.get(number)
            if partition is None:
                raise NotTakenUp(f"a record of {topic}, partition {number}, of which no state was taken up")
            partition.read(topic, offset)
            try:
                outputs = self._step(partition, topic, offset, message.value() or b"")
            except BadRecord as failure:
                self._bin.good(good)
                good = 0
                if offset >= self._set_aside.get((topic, number), 0):
                    self._bin.record(message, failure)
                continue
            good += 1
            if partition.breaks:
                self._note_breaks(partition, number)
            if outputs:
                self._write(outputs, number)
        self._bin.good(good)

    def complete(self) -> Mapping[Place, Position]:
        positions: dict[Place, Position] = {}
        for number, partition in self._partitions.items():
            for key, value in partition.complete():
                self._outbox.produce(LABELER_STATE.name, value, key, number)
            self._moved |= partition.moved
            for topic, (labelled, read) in partition.positions().items():
                # Nor does the note go back, while records are read again.
                set_aside = max(read, self._set_aside.get((topic, number), 0))
                positions[topic, number] = Position(labelled, str(set_aside))
        return positions

    def committed(self) -> None:
        self._facts.tell(self._moved.items())
        self._moved = {}

    def held_back(self) -> Collection[Place]:
        return {(topic, number) for number, partition in self._partitions.items() for topic in partition.held_back()}

    def _step(self, partition: Partition, topic: str, offset: int, payload: bytes) -> list[Output]:
        try:
            if topic == TICKS.name:
                return partition.on_second(offset, len(payload), decode_second(payload))
            return partition.on_orders(offset, len(payload), decode_orders(payload))
        except StateMismatch as failure:
            raise Unusable(str(failure)) from failure

    def _note_breaks(self, partition: Partition, number: int) -> None:
        """Those of records that no transaction has covered yet; what is read again after a start was told then."""
        breaks, partition.breaks = partition.breaks, []
        self._facts.add_breaks(
            (one, number) for one in breaks if one.offset >= self._set_aside.get((one.topic, number), 0)
        )

    def _write(self, outputs: list[Output], number: int) -> None:
        produce, key = self._outbox.produce, outputs[0].transaction.instrument
        for transaction, example in outputs:
            produce(TRANSACTIONS.name, encode_transaction(transaction), key, number)
            if example is not None:
                produce(EXAMPLES.name, encode_example(example), key, number)
        self._facts.add(outputs)

    def _read_state(self, partitions: Collection[int]) -> dict[int, list[Record]]:
        records: dict[int, list[Record]] = {number: [] for number in partitions}
        starts = dict.fromkeys(partitions, OFFSET_BEGINNING)
        limit_s, clients = STATE_READ_LIMIT_S, self._clients
        for message in read_to_end(self._bootstrap, LABELER_STATE.name, starts, limit_s=limit_s, clients=clients):
            records[message.partition() or 0].append((message.key() or b"", message.value()))
        return records
