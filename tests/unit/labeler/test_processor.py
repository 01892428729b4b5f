"""What the labeler's processor produces, over several lives of its process."""

from collections.abc import Collection, Mapping

from confluent_kafka import Message

from services.labeler.app import LabelerProcessor
from services.labeler.checkpoint import Record
from services.labeler.config import LabelerConfig
from tests.predictors import metric_value
from tests.unit.labeler.tape import Tape
from tidewheel.contracts.codecs.market import decode_dead_letter, encode_second
from tidewheel.contracts.codecs.orders import encode_orders
from tidewheel.contracts.topics import DEAD_LETTERS, LABELER_STATE, ORDERS, TICKS
from tidewheel.runtime.kafka import PartitionId
from tidewheel.runtime.transactional_loop import OffsetAndMetadata

TAPE = Tape().second([(0, 100, 101)]).quiet(99)
SECONDS = [encode_second(second) for second in TAPE.seconds]
LOG = {
    TICKS.name: [*SECONDS[:60], b"\xff no market second", *SECONDS[60:]],
    ORDERS.name: [encode_orders(orders) for orders in TAPE.orders],
}


class Topics:
    """What was sent, and what of it is committed."""

    def __init__(self) -> None:
        self.state: list[Record] = []
        self.dead_letters: list[bytes] = []
        self.positions: dict[PartitionId, OffsetAndMetadata] = {}
        self._sent: list[tuple[str, bytes | None, bytes | str]] = []

    def produce(
        self, topic: str, value: bytes | None, key: bytes | str, partition: int = -1, headers: object = None
    ) -> None:
        self._sent.append((topic, value, key))

    def commit(self, processor: LabelerProcessor) -> None:
        self.positions |= processor.checkpoint()
        for topic, value, key in self._sent:
            if topic == LABELER_STATE.name and isinstance(key, bytes):
                self.state.append((key, value))
            if topic == DEAD_LETTERS.name:
                self.dead_letters.append(value or b"")
        self._sent.clear()


class ProcessRun(LabelerProcessor):
    """One process, from its start on."""

    def __init__(self, topics: Topics, log: Mapping[str, list[bytes]] = LOG) -> None:
        super().__init__("", LabelerConfig(), topics)  # type: ignore[arg-type]
        self._topics, self._log = topics, log
        starts = self.on_assigned([0], topics.positions)
        self._at = {topic: max(0, start) for (topic, _), start in starts.items()}

    def _read_state(self, partitions: Collection[int]) -> dict[int, list[Record]]:
        return {number: list(self._topics.state) for number in partitions}

    def read(self, count: int, *, commits: bool = True) -> None:
        for topic, at in self._at.items():
            values = self._log[topic]
            offsets = range(at, min(at + count, len(values)))
            self.process(
                [Message(topic=topic, partition=0, offset=o, key=b"k", value=values[o]) for o in offsets]  # type: ignore[call-arg]
            )
            self._at[topic] = offsets.stop
        if commits:
            self._topics.commit(self)
            self.on_committed()


def test_a_bad_record_is_one_dead_letter_though_the_process_dies_again_while_it_reads_again() -> None:
    topics = Topics()
    first = ProcessRun(topics)
    first.read(10)
    first.read(70)
    assert len(topics.dead_letters) == 1
    ProcessRun(topics).read(5)
    ProcessRun(topics).read(100)
    assert [decode_dead_letter(letter).offset for letter in topics.dead_letters] == [60]
    assert topics.positions[TICKS.name, 0] == OffsetAndMetadata(101, "101")


def breaks() -> dict[str, float]:
    """Records counted as repeated and as missing, by topic."""
    return {
        f"{topic} {what}": metric_value(f"tidewheel_records_{what}_total", service="labeler", topic=topic)
        for topic in (TICKS.name, ORDERS.name)
        for what in ("repeated", "missing")
    }


def test_records_that_repeat_or_are_missing_are_counted_once_however_often_they_are_read() -> None:
    orders = LOG[ORDERS.name]
    broken = {
        TICKS.name: [*SECONDS[:30], *SECONDS[28:50], *SECONDS[53:]],
        ORDERS.name: [*orders[:40], *orders[35:]],
    }
    before, topics = breaks(), Topics()
    first = ProcessRun(topics, broken)
    first.read(20)
    first.read(40, commits=False)
    ProcessRun(topics, broken).read(25)  # what is read again here was begun before and not committed
    for _ in range(3):
        ProcessRun(topics, broken).read(60)
    counted = {name: now - before[name] for name, now in breaks().items()}
    assert counted == {"ticks repeated": 2, "ticks missing": 3, "orders repeated": 5, "orders missing": 0}


def test_a_sound_log_counts_nothing_over_restarts_and_where_the_client_reads_again() -> None:
    before, topics = breaks(), Topics()
    for size in (10, 30, 5, 60, 100):
        life = ProcessRun(topics)
        life.read(size)
        life._at = {topic: max(0, at - 4) for topic, at in life._at.items()}
        life.read(4)
    # The record that cannot be decoded took the place of none.
    assert breaks() == before
