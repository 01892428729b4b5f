"""What the transactional loop does to keep a client alive, on a real broker."""

import logging
import threading
from collections.abc import Collection, Mapping, Sequence

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from tidewheel.contracts.topics import ORDERS, TICKS, TRANSACTIONS
from tidewheel.runtime.kafka import Place, consumer_config, read_to_end
from tidewheel.runtime.process import Unusable
from tidewheel.runtime.transaction_policy import Policy
from tidewheel.runtime.transactional import Outbox, Position, TransactionalLoop, transactional_producer

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


def made(broker: str) -> tuple[TransactionalLoop, Producer]:
    consumer = Consumer(consumer_config(broker, "labeler", "test"))
    producer = transactional_producer(broker, "labeler", "test")
    policy, log = Policy(interval_s=0.0, records_max=1), logging.getLogger("labeler")
    topics = [TICKS.name, ORDERS.name]
    return TransactionalLoop(consumer, producer, topics, Nothing(), policy, service="labeler", log=log), producer


def test_an_abort_on_the_heels_of_a_commit_is_no_end(broker: str) -> None:
    """The coordinator is still ending the old transaction, so that the new one's partition is not yet registered."""
    loop, producer = made(broker)
    loop.start()
    for wait_ms in range(10):
        send(loop, producer, b"kept", wait_s=0.0)
        assert loop._commit()
        send(loop, producer, b"taken back", wait_s=wait_ms / 1000)
        loop._abort_after(STATE_FAILURE)
    loop.close()
    assert [message.value() for message in read_to_end(broker, TRANSACTIONS.name, {0: 0})] == [b"kept"] * 10


def test_one_that_hears_of_its_successor_when_it_writes_says_so(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stood still between two transactions, and what it is told of its next record is "fatal error", no more."""
    loop, producer = made(broker)
    loop.start()
    transactional_producer(broker, "labeler", "test").init_transactions(30)
    monkeypatch.setattr(loop, "start", lambda: None)
    pause = threading.Event()

    def turn() -> None:
        loop._begin()
        Outbox(producer).produce(TRANSACTIONS.name, b"too late", b"key", 0)
        pause.wait(0.01)

    monkeypatch.setattr(loop, "turn", turn)
    with pytest.raises(Unusable, match="another labeler with the same name has taken over") as ended:
        loop.run(threading.Event())
    loop._consumer.close()
    assert "Unable to produce" in str(ended.value.__cause__), "else it is not what this is about"
    assert list(read_to_end(broker, TRANSACTIONS.name, {0: 0})) == []
