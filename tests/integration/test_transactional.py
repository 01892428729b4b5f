"""What the transactional loop does to keep a client alive, on a real broker."""

import logging
from collections.abc import Collection, Mapping, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from tidewheel.contracts.topics import ORDERS, TICKS, TRANSACTIONS
from tidewheel.runtime.kafka import Place, consumer_config, read_to_end
from tidewheel.runtime.transaction_policy import Policy
from tidewheel.runtime.transactional import Position, TransactionalLoop, transactional_producer

STATE_FAILURE = KafkaException(KafkaError(KafkaError._STATE))


class Nothing:
    """A work that has no state and sends nothing of its own."""

    def restore(self, partitions: Collection[int], committed: Mapping[Place, Position]) -> Mapping[Place, int]:
        return {}

    def drop(self) -> None: ...

    def process(self, messages: Sequence[Message]) -> None: ...

    def complete(self) -> Mapping[Place, Position]:
        return {}

    def committed(self) -> None: ...

    def held_back(self) -> Collection[Place]:
        return ()


def send(loop: TransactionalLoop, producer: Producer, value: bytes, wait_s: float) -> None:
    """One record in a transaction that stays open, and some time for the client to begin registering its partition."""
    loop._begin()
    producer.produce(TRANSACTIONS.name, value, partition=0)
    producer.poll(wait_s)


def test_an_abort_on_the_heels_of_a_commit_is_no_end(broker: str) -> None:
    """The coordinator is still ending the old transaction, so that the new one's partition is not yet registered."""
    consumer = Consumer(consumer_config(broker, "labeler", "test"))
    producer = transactional_producer(broker, "labeler", "test")
    policy = Policy(interval_s=0.0, records_max=1)
    loop = TransactionalLoop(
        consumer,
        producer,
        [TICKS.name, ORDERS.name],
        Nothing(),
        policy,
        service="labeler",
        log=logging.getLogger("labeler"),
    )
    loop.start()
    for wait_ms in range(10):
        send(loop, producer, b"kept", wait_s=0.0)
        assert loop._commit()
        send(loop, producer, b"taken back", wait_s=wait_ms / 1000)
        loop._abort_after(STATE_FAILURE)
    loop.close()
    assert [message.value() for message in read_to_end(broker, TRANSACTIONS.name, {0: 0})] == [b"kept"] * 10
