"""Found by a seed, once records that nobody can read stood on the topics: a labeler that read again after a restart,
and committed before it was past what had been rejected, forgot that, and the next restart rejected it again."""

from random import Random

from confluent_kafka import Message

from services.labeler.app import LabelerProcessor
from services.labeler.config import LabelerConfig
from tests.simulation import inputs
from tests.simulation.broker import Broker
from tests.simulation.clients import clients
from tests.simulation.injector import NoFaults
from tidewheel.contracts.topics import DEAD_LETTERS, ORDERS, TICKS, TOPICS
from tidewheel.runtime.kafka import flush
from tidewheel.runtime.outbox import Outbox
from tidewheel.runtime.transactional_loop import OffsetAndMetadata

LABELED, READ = 3, 41


def test_what_was_rejected_is_remembered_while_records_are_read_again() -> None:
    chance = Random(1)
    broker = Broker({name: topic.partitions(2) for name, topic in TOPICS.items()}, chance)
    made = clients(broker, NoFaults(), chance)
    producer = made.producer({})
    processor = LabelerProcessor("memory", LabelerConfig(), Outbox(producer), made)
    processor.on_assigned(
        [0],
        {(TICKS.name, 0): OffsetAndMetadata(LABELED, str(READ)), (ORDERS.name, 0): OffsetAndMetadata(LABELED, "3")},
    )
    orders = inputs.expected("replay:AA", 0).orders[0]
    processor.process([_ticks(LABELED), Message(topic=ORDERS.name, partition=0, offset=LABELED, value=orders)])
    positions = processor.checkpoint()
    assert positions[TICKS.name, 0].metadata == str(READ)
    processor.on_revoked()
    processor.on_assigned([0], positions)
    processor.process([_ticks(READ - 1), _ticks(READ)])
    flush(producer)
    assert broker.partitions[DEAD_LETTERS.name, 0].end == 1
    assert processor.checkpoint()[TICKS.name, 0].metadata == str(READ + 1)


def _ticks(offset: int) -> Message:
    return Message(topic=TICKS.name, partition=0, offset=offset, value=b"no message")
